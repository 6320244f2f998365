#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# prepare.sh MACHINE FLAVOUR WHAT [SCENARIO]: have all that a boot needs.
. "$(dirname "$0")/lib.sh"
lock
machine "$1"
# What is missing is said before an hour of building, not after.
# shellcheck disable=SC2086
"$TOP/tools/need.sh" base kernel guest $packages
"$TOP/tools/base.sh"
"$TOP/tools/series.sh" apply
"$TOP/tools/kernel.sh" "$1" "$2" "$3"
"$TOP/tools/guest.sh" "$1"
! grep -qs '^kselftests' "$TOP/scenarios/${4:-}" || "$TOP/tools/selftests.sh" "$1"
cmp -s "$TOP/tools/lab.c" "$BUILD/tools/lab.c" || {
	mkdir -p "$BUILD/tools"
	gcc -O2 -Wall -Wextra -Werror -o "$BUILD/tools/lab" "$TOP/tools/lab.c"
	cp "$TOP/tools/lab.c" "$BUILD/tools/lab.c"
}
