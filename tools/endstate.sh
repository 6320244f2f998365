#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# endstate.sh: what the series promises of the tree that it leaves: names that are gone,
# and no architecture with more code to enable virtualization than before, but for those
# that the base's list names, with the reason.
. "$(dirname "$0")/lib.sh"
bad=0

# This base's list: gone, names, may_grow.
[ -f "$ROOM/endstate" ] || exit 0
. "$ROOM/endstate"

git --git-dir="$STORE" grep -nE "\\<($gone)\\>" refs/lab/series -- arch include kernel virt Documentation |
	sed 's|^refs/lab/series:|  still there: |' | grep . && bad=1

# lines WHAT DIR: of the functions that enable and disable virtualization, or decide to; comments and
# blank lines are not counted.
lines()
{
	git --git-dir="$STORE" archive "refs/lab/$1" "$2" | tar -xO --wildcards '*.c' |
		awk -v names="$names" '
		/^[a-z].*\(/ && !/;$/ && !/^(if|for|while)/ {
			name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
			take = name ~ names && name !~ /_test|test_/
		}
		take && !/^[ \t]*$/ && !/^[ \t]*(\/\*|\*)/ { n++ }
		/^}/ { take = 0 }
		END { print n + 0 }'
}

printf '  %-18s %6s %6s\n' 'code that enables' base series
for dir in virt/kvm arch/x86/kvm arch/arm64/kvm arch/mips/kvm arch/riscv/kvm arch/loongarch/kvm \
	arch/powerpc/kvm arch/s390/kvm; do
	git --git-dir="$STORE" cat-file -e "refs/lab/base:$dir" 2> /dev/null || continue
	base=$(lines base $dir) series=$(lines series $dir)
	printf '  %-18s %6d %6d\n' "$dir" "$base" "$series"
	case " $may_grow " in
	*" $dir "*) continue ;;
	esac
	[ "$series" -le "$base" ] || { say "  $dir has more code than before"; bad=1; }
done
exit $bad
