/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the dialogue with the pinner. */
#include "viommu/pinner.h"

#include "vfiosim/pinner.h"

static void set(struct port *port, int64_t fd, uint64_t reg, uint64_t value)
{
	port_write(port, fd, reg, value, PINNER_REGISTER_SIZE);
}

static bool command(struct port *port, int64_t fd, uint64_t iova, uint64_t count, uint64_t what)
{
	set(port, fd, PINNER_IOVA, iova);
	set(port, fd, PINNER_COUNT, count);
	set(port, fd, PINNER_COMMAND, what);
	return (int64_t)port_read(port, fd, PINNER_RESULT) >= 0;
}

bool pinner_pin(struct port *port, int64_t fd, uint64_t iova, uint64_t count, bool writing)
{
	set(port, fd, PINNER_PROT, writing ? 3 : 1);
	return command(port, fd, iova, count, PINNER_DO_PIN);
}

bool pinner_unpin(struct port *port, int64_t fd, uint64_t iova, uint64_t count)
{
	return command(port, fd, iova, count, PINNER_DO_UNPIN);
}

bool pinner_load(struct port *port, int64_t fd, uint64_t iova, uint64_t *word)
{
	if (!command(port, fd, iova, sizeof(*word), PINNER_DO_READ))
		return false;
	*word = port_read(port, fd, PINNER_WINDOW);
	return true;
}

uint64_t pinner_pinned(struct port *port, int64_t fd)
{
	return port_read(port, fd, PINNER_PINNED);
}
