#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# each.sh MACHINE: every prefix of the series builds, boots and runs the demo.
. "$(dirname "$0")/lib.sh"
lock
machine "$1"
"$TOP/tools/prepare.sh" "$1" plain series demo
series=$(git --git-dir="$STORE" rev-parse refs/lab/series)
trap 'git --git-dir="$STORE" update-ref refs/lab/series "$series"' EXIT
bad=0
for c in $(git --git-dir="$STORE" rev-list --reverse refs/lab/base..refs/lab/series); do
	[ "$(git --git-dir="$STORE" rev-parse "$c^{tree}")" != "$(git --git-dir="$STORE" rev-parse "$c^^{tree}")" ] || continue
	say "$(git --git-dir="$STORE" log -1 --format=%s "$c")"
	git --git-dir="$STORE" update-ref refs/lab/series "$c"
	PREFIX=yes "$TOP/tools/kernel.sh" "$1" plain series
	"$TOP/tools/boot.sh" "$1" plain series demo || bad=1
done
exit $bad
