#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# one.sh MACHINE FLAVOUR WHAT SCENARIO: build what is missing, then boot.sh.  An
# empty FLAVOUR is the machine's first one.
. "$(dirname "$0")/lib.sh"
machine "$1"
has_machine "$1" || die "$(echo "$no_machines" | grep "^$1:")"
if [ "$4" != shell ]; then
	split "$4"
	[ -f "$file" ] || die "no scenario '$4'; there are: shell $(scenarios)"
	"$TOP/tools/prepare.sh" tools
	needs=$(key_of "$file" needs) each=$(key_of "$file" each)
	# shellcheck disable=SC2086
	has_all $needs || die "machine $1 cannot run $4: it takes '$needs', see machines/$1"
	case " $each " in
	*" $case "*) ;;
	*) die "no case '$case' in $scenario; SCENARIO=$scenario:CASE, there are: ${each:-none}" ;;
	esac
fi
case $3 in
base | series) ;;
*) [ -f "$3" ] || die "KERNEL='$3' is neither base nor series, nor a patch" ;;
esac
lock
set -- "$1" "${2:-${flavours%% *}}" "$3" "$4"
"$TOP/tools/prepare.sh" "$@"
exec "$TOP/tools/boot.sh" "$@"
