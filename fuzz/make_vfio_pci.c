/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Making calls that vfio-pci devices have beyond regions and interrupts: features, hot resets, ioeventfds.
 */
#include "generator_internal.h"

enum { REGION_SHIFT = 40 };

bool make_feature(struct generator *g, struct call *call)
{
	static const uint32_t ops[] = {VFIO_DEVICE_FEATURE_PROBE, VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_SET,
				       VFIO_DEVICE_FEATURE_SET, VFIO_DEVICE_FEATURE_GET, 0};
	struct vfio_device_feature feature = {0};
	uint32_t extra = chance(g, 1, 2) ? 0 : 16, number, usual;

	if (!build_ioctl_to(g, call, OWNER_DEVICE, "VFIO_DEVICE_FEATURE"))
		return false;
	number = (uint32_t)below(g, VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2 + 2);
	usual = number | ONE_OF(g, ops);
	feature.flags = strange(g) ? usual | 1u << below(g, 32) : usual;
	feature.argsz = choose_argsz(g, sizeof(feature), (uint32_t)sizeof(feature) + extra);
	build_struct(g, call, &feature, NULL, extra);
	return true;
}

bool make_hot_reset_info(struct generator *g, struct call *call)
{
	struct vfio_pci_hot_reset_info info = {0};
	uint32_t extra = 8 * (uint32_t)below(g, 4);

	if (!build_ioctl_to(g, call, OWNER_DEVICE, "VFIO_DEVICE_GET_PCI_HOT_RESET_INFO"))
		return false;
	info.argsz = choose_argsz(g, sizeof(info), (uint32_t)sizeof(info) + extra);
	build_struct(g, call, &info, NULL, extra);
	return true;
}

bool make_hot_reset(struct generator *g, struct call *call)
{
	struct vfio_pci_hot_reset reset = {.count = 1};
	uint8_t number[4];
	uint64_t group;

	if (!build_ioctl_to(g, call, OWNER_DEVICE, "VFIO_DEVICE_PCI_HOT_RESET"))
		return false;
	if (strange(g) || !choose_fd(g, OWNER_GROUP, &group))
		group = choose_any_fd(g);
	if (strange(g))
		reset.count = (uint32_t)below(g, 3);
	if (strange(g))
		reset.flags = 1;
	bytes_put(number, sizeof(number), group);
	reset.argsz = choose_argsz(g, sizeof(reset), sizeof(reset) + sizeof(number));
	build_struct(g, call, &reset, number, sizeof(number));
	return true;
}

bool make_ioeventfd(struct generator *g, struct call *call)
{
	static const uint32_t widths[] = {1, 4, 4, 4, 8};
	static const uint64_t places[] = {8, 8, 8, 16, 0xfffff};
	struct vfio_device_ioeventfd request = {0};
	uint64_t region;

	if (!build_ioctl_to(g, call, OWNER_DEVICE, "VFIO_DEVICE_IOEVENTFD"))
		return false;
	request.flags = choose_flags(g, ONE_OF(g, widths), 0xf);
	region = strange(g) ? below(g, 10) : 0;
	request.offset = region << REGION_SHIFT | ONE_OF(g, places);
	request.data = strange(g);
	request.fd = -1;
	if (g->book.eventfd_count && chance(g, 2, 3))
		request.fd = g->book.eventfds[below(g, g->book.eventfd_count)];
	if (strange(g))
		request.fd = (int32_t)choose_any_fd(g);
	request.argsz = choose_argsz(g, call->ioctl->minsz, sizeof(request));
	build_struct(g, call, &request, NULL, 0);
	return true;
}
