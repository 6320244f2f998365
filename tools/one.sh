#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# one.sh MACHINE FLAVOUR WHAT SCENARIO: build what is missing, then boot.sh.  An
# empty FLAVOUR is the machine's first one.
. "$(dirname "$0")/lib.sh"
machine "$1"
[ "$4" = shell ] || [ -f "$TOP/scenarios/$4" ] || die "no scenario '$4'; there are: shell $(scenarios)"
# shellcheck disable=SC2046
[ "$4" = shell ] || has_all $(header "$TOP/scenarios/$4" needs) ||
	die "machine $1 cannot run $4: it takes '$(header "$TOP/scenarios/$4" needs)', see machines/$1"
case $3 in
base | series) ;;
*) [ -f "$3" ] || die "KERNEL='$3' is neither base nor series, nor a patch" ;;
esac
lock
set -- "$1" "${2:-${flavours%% *}}" "$3" "$4"
"$TOP/tools/prepare.sh" "$@"
exec "$TOP/tools/boot.sh" "$@"
