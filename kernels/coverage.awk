# SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause
#
# Holds annotated sources (gcov -t -b) against the list of lines that are not reachable, and prints a table:
#
#	awk -v series=7.2 -v report=DIRECTORY -v listed='NAME...' -v wanted=PERCENT -f coverage.awk unreachable-ARCH.def NAME.gcov...
#
# Writes uncovered.txt and unreachable.txt to the report. Exit 1: the list names what is not there or what was executed,
# or a listed source has less than the wanted share of its reachable lines executed.

function complain(text) {
	print "coverage: " text >"/dev/stderr"
	failed = 1
}

# An entry of the list: SERIES FILE FUNCTION LINES REASON TEXT.
function read_entry(    i) {
	if ($1 != series)
		return
	i = ++entries
	entry_place[i] = FILENAME ":" FNR
	entry_file[i] = $2
	entry_function[i] = $3
	if ($4 == "all") {
		entry_first[i] = 0
		entry_last[i] = 1e9
	} else if ($4 ~ /^\+[0-9]+(-[0-9]+)?$/) {
		split(substr($4, 2), range, "-")
		entry_first[i] = range[1]
		entry_last[i] = range[2] == "" ? range[1] : range[2]
	} else {
		complain(entry_place[i] ": \"" $4 "\" is not a range of lines such as +3 or +3-7, or \"all\"")
	}
	entry_reason[i] = $5
	$1 = $2 = $3 = $4 = $5 = ""
	sub(/^ +/, "")
	entry_text[i] = $0
	of_function[entry_file[i], entry_function[i]] = of_function[entry_file[i], entry_function[i]] " " i
}

# The entry that a line of the function is in, or 0.
function find_entry(line,    i, n, ids) {
	n = split(of_function[file, in_function], ids, " ")
	for (i = 1; i <= n; i++)
		if (line - function_line >= entry_first[ids[i]] && line - function_line <= entry_last[ids[i]])
			return ids[i]
	return 0
}

function count_line(line, executed, text,    entry) {
	entry = is_listed[file] ? find_entry(line) : 0
	lines[file]++
	if (executed)
		reached[file]++
	if (entry) {
		entry_lines[entry]++
		if (executed) {
			complain(entry_place[entry] ": " file ":" line " was executed, so it is reachable:" text)
			return
		}
		unreachable[file]++
		by_reason[entry_reason[entry]]++
		print file ":" line ": " entry_reason[entry] ": " entry_text[entry] >(report "/unreachable.txt")
	} else if (!executed && is_listed[file]) {
		print file ":" line ":" in_function "+" line - function_line ":" text >(report "/uncovered.txt")
	}
}

function share(part, whole) {
	return whole ? sprintf("%.1f %%", 100 * part / whole) : "-"
}

BEGIN {
	split(listed, names, " ")
	for (i in names)
		is_listed[names[i] ".c"] = 1
	printf "" >(report "/unreachable.txt")
	printf "" >(report "/uncovered.txt")
}

FILENAME ~ /\.def$/ {
	if (NF && $1 !~ /^#/)
		read_entry()
	next
}

FNR == 1 {
	file = FILENAME
	sub(/^.*\//, "", file)
	sub(/\.gcov$/, ".c", file)
	files[++file_count] = file
	in_function = ""
}

/^function / {
	in_function = $2
	starts = 1
	next
}

# "     COUNT:  LINE:text"; COUNT is "-" of what is no code, and of hashes or equal signs if it was not executed.
match($0, /^ *[^: ]+: *[0-9]+:/) {
	split(substr($0, 1, RLENGTH), field, ":")
	gsub(/ /, "", field[1])
	if (starts) {
		function_line = field[2] + 0
		starts = 0
	}
	if (field[1] != "-")
		count_line(field[2] + 0, field[1] !~ /^[#=]+$/, substr($0, RLENGTH + 1))
}

END {
	for (i = 1; i <= entries; i++)
		if (!entry_lines[i])
			complain(entry_place[i] ": " entry_file[i] " has no code there")
	printf "%-20s %6s %9s %12s %10s\n", "source", "lines", "executed", "unreachable", "of the rest"
	for (i = 1; i <= file_count; i++) {
		file = files[i]
		if (!lines[file])
			continue
		if (!is_listed[file]) {
			printf "%-20s %6d %9d %12s %10s\n", file, lines[file], reached[file], "",
				"(" share(reached[file], lines[file]) ")"
			continue
		}
		printf "%-20s %6d %9d %12d %10s\n", file, lines[file], reached[file], unreachable[file],
			share(reached[file], lines[file] - unreachable[file])
		if (100 * reached[file] < wanted * (lines[file] - unreachable[file]))
			complain(file ": the suite executes less than " wanted " % of the lines that can be reached")
	}
	for (reason in by_reason)
		printf "unreachable, %s: %d\n", reason, by_reason[reason]
	exit failed
}
