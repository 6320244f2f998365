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
[ "$3" = base ] || "$TOP/tools/series.sh" apply
"$TOP/tools/kernel.sh" "$1" "$2" "$3"
"$TOP/tools/init.sh" "$1"
! grep -qs '^kselftests' "$TOP/scenarios/${4:-}" || "$TOP/tools/selftests.sh" "$1"
cmp -s "$TOP/tools/verdict/lab.c" "$WORK/tools/lab.c" || {
	mkdir -p "$WORK/tools"
	gcc -O2 -Wall -Wextra -Werror -o "$WORK/tools/lab" "$TOP/tools/verdict/lab.c"
	cp "$TOP/tools/verdict/lab.c" "$WORK/tools/lab.c"
}
