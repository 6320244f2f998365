// SPDX-License-Identifier: GPL-2.0-only
/* What all users of lab.ko need. */
#include <fcntl.h>

#include "lab.h"
#include "../modules/lab.h"

int open_lab(void)
{
	int fd = open("/dev/lab", O_RDWR | O_CLOEXEC);

	check(fd >= 0, "no /dev/lab: %m");
	check(nr_cpus() > 1, "this machine has one CPU");
	pin(0);
	return fd;
}

void wait_held(int lab, bool want)
{
	double end = now() + LAB_PATIENCE;

	while (ioctl(lab, LAB_HELD) != want) {
		check(now() < end, "nobody was %s", want ? "held" : "let go");
		usleep(1000);
	}
}
