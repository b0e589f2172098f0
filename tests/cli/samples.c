/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
#include "samples.h"

#include "run.h"

void samples_begin(void)
{
	folder_begin();
	file_write("good", HEADER "run \"one\"\n" OPEN VERSION NO_IOMMU);
	file_write("flipped", HEADER "run \"two\"\n" OPEN FLIPPED VERSION);
	file_write("foreign", HEADER OPEN FOREIGN);
	file_write("truncated", HEADER OPEN FLIPPED TRUNCATED);
}
