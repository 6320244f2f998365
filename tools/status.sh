#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# status.sh: has all of it run on this tree?  For each base, or those that BASES names: which
# rows of results/BASE ran as they would today, otherwise, or not at all.  Exits with 0 if
# the answer is yes.  PRUNE=yes drops the rows that nobody asks for any more.
. "$(dirname "$0")/lib.sh"
lock
no=0
for b in ${BASES:-$(bases_in_order)}; do
	use_base "$b"
	if ! git --git-dir="$STORE" rev-parse -q --verify refs/lab/base > /dev/null 2>&1; then
		say "$b: cannot tell without the tree: run 'make tree BASE=$b' first"
		no=1
		continue
	fi
	"$TOP/tools/verdict.sh" machines
	there=base
	if [ -f "$PATCHES/series" ]; then
		there='base series'
		"$TOP/tools/series.sh" apply
	fi
	"$BUILD/verdict/verdict" rows room="$ROOM" scenarios="$TOP/scenarios" machines="$WORK/machines.tsv" \
		kernels="$there" how=all mutants=x86_64-svm > "$WORK/rows"
	cut -f 1-3 "$WORK/rows" | sort -u | while read -r m flavour kernel; do
		patch=$ROOM/mutants/$kernel.patch
		[ -f "$patch" ] || patch=$kernel
		# shellcheck disable=SC2046
		"$TOP/tools/key.sh" "$m" "$flavour" "$patch" \
			$(awk -F '\t' -v m="$m" -v f="$flavour" -v k="$kernel" '$1 == m && $2 == f && $3 == k { print $4 }' "$WORK/rows") |
			while read -r s key _; do
				printf '%s\t%s\t%s\t%s\t%s\n' "$m" "$flavour" "$kernel" "$s" "$key"
			done
	done > "$WORK/rows.keys"
	mkdir -p "$TOP/results"
	"$BUILD/verdict/verdict" status ledger="$TOP/results/$b" prune="${PRUNE:-}" < "$WORK/rows.keys" || no=1
done
exit $no
