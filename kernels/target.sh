# SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause
#
# What a kernel is built for, where it goes, and with which tools: read by build and coverage with $arch, the
# architecture as Debian names it, and $name, what the kernel is called behind vm:.
# shellcheck shell=sh disable=SC2034,SC2154

case $arch in
amd64) kernel_arch=x86_64 tools=x86_64-linux-gnu- target=bzImage image=arch/x86/boot/bzImage ;;
ppc64el) kernel_arch=powerpc tools=powerpc64le-linux-gnu- target=vmlinux image=vmlinux ;;
*) say "\"$arch\" is not an architecture that kernels are built for: expected amd64 or ppc64el"; exit 2 ;;
esac
# The compiler of the architecture that this runs on goes by its short name.
[ "$(dpkg --print-architecture)" != "$arch" ] || tools=
command -v "${tools}gcc" >/dev/null || { say "${tools}gcc is missing, which builds kernels for $arch"; exit 4; }

cache=${VFIOSIM_CACHE:-${XDG_CACHE_HOME:+$XDG_CACHE_HOME/vfiosim}}
cache=${cache:-$HOME/.cache/vfiosim}
source=$cache/source/$series # what was unpacked, and the file "version" beside it
objects=$cache/objects/$name-$arch
kernel=$cache/kernels/$name-$arch
