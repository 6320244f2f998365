#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# one.sh MACHINE FLAVOUR WHAT SCENARIO: build what is missing, then boot.sh.
. "$(dirname "$0")/lib.sh"
machine "$1"
[ "$4" = shell ] || [ -f "$TOP/scenarios/$4" ] || die "no scenario '$4'; there are: shell $(scenarios)"
case $3 in
base | series) ;;
*) [ -f "$3" ] || die "KERNEL='$3' is neither base nor series, nor a patch" ;;
esac
lock
"$TOP/tools/prepare.sh" "$@"
exec "$TOP/tools/boot.sh" "$@"
