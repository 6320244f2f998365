/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux 6.1: what test modules call by role. */
#ifndef COMPAT_H
#define COMPAT_H

#endif
