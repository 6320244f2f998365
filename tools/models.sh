#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# models.sh: the protocol of models/virt.pml, checked by spin in all its states; the model
# of what upstream has, and that of the series with one thing taken out, have to fail.
# Without -O: most of them take longer to be compiled than to be checked.
. "$(dirname "$0")/lib.sh"
"$TOP/tools/need.sh" models
dir=$BUILD/models bad=0
sed '/^#/d' "$TOP/models/expect" | while read -r name want macros; do
	rm -rf "$dir"
	mkdir -p "$dir"
	cd "$dir"
	# shellcheck disable=SC2086
	defines=$([ "$macros" = - ] || printf -- '-D%s ' $macros)
	# shellcheck disable=SC2086
	spin -a $defines "$TOP/models/virt.pml" > log 2>&1 && gcc -w -DSAFETY -o pan pan.c >> log 2>&1 &&
		./pan -m1000000 >> log 2>&1 || { say "  $name: cannot be checked:"; tail -n 3 log; exit 1; }
	found='something else'
	! grep -q 'errors: 0' log || found=nothing
	! grep -q 'pan:.*assertion violated' log || found=assertion
	! grep -q 'pan:.*invalid end state' log || found=deadlock
	! grep -qE 'max search depth too small|out of memory' log || found='no answer: out of depth or memory'
	printf '  %-18s %-10s %10s states\n' "$name" "$found" "$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' log)"
	[ "$found" = "$want" ] || { say "  $name: spin found $found, not $want"; exit 1; }
done || bad=1
exit $bad
