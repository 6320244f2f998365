#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# each.sh MACHINE: every prefix of the series builds, boots and runs the demo.
. "$(dirname "$0")/lib.sh"
lock
machine "$1"
flavour=${flavours%% *}
"$TOP/tools/prepare.sh" "$1" "$flavour" series "$demo"
bad=0
for COMMIT in $(git --git-dir="$STORE" rev-list --reverse refs/lab/base..refs/lab/series); do
	# A cover letter changes nothing.
	! git --git-dir="$STORE" diff --quiet "$COMMIT^" "$COMMIT" || continue
	say "$(git --git-dir="$STORE" log -1 --format=%s "$COMMIT")"
	export COMMIT
	"$TOP/tools/kernel.sh" "$1" "$flavour" prefix
	"$TOP/tools/boot.sh" "$1" "$flavour" prefix "$demo" || bad=1
done
exit $bad
