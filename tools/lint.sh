#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# lint.sh: the series applies and comes back byte for byte; checkpatch on every
# patch and on the lab's C, shellcheck on its shell.  Leftovers are listed with a
# reason in tools/checkpatch.leftovers; one that is gone has to leave the list.
. "$(dirname "$0")/lib.sh"
lock
"$TOP/tools/need.sh" base lint
"$TOP/tools/base.sh"
"$TOP/tools/series.sh" apply

bad=0
complain()
{
	say "  $*"
	bad=1
}

"$TOP/tools/series.sh" write "$SRC" refs/lab/base..refs/lab/series "$WORK/lint.patches"
sed '/^#/d' "$PATCHES/series" > "$WORK/lint.series"
cmp -s "$WORK/lint.series" "$WORK/lint.patches/series" || complain "patches/series is not what 'make refresh' writes"
diff -r -q -x series "$PATCHES" "$WORK/lint.patches" > "$LOGS/lint.log" ||
	complain "patches/ is not what 'make refresh' writes: $(head -n 1 "$LOGS/lint.log")"
rm -rf "$WORK/lint.patches"

for tag in Signed-off-by Reviewed-by Acked-by Tested-by Reported-by Co-developed-by; do
	grep -rnE "^$tag:" "$PATCHES" && complain "a $tag that nobody gave"
done
for f in "$PATCHES"/*/0*.patch; do
	case $f in
	*/0000-*) continue ;;
	esac
	! grep -q '^Fixes: ' "$f" || grep -qE '^Fixes: [0-9a-f]{12} \("' "$f" ||
		complain "$f: Fixes: wants 12 digits and the subject"
done

# checkpatch looks for its own tree; what it says about ids it cannot know is not it.
dictionary=$(dpkg -L codespell 2> /dev/null | grep '/dictionary.txt$' || :)
checkpatch()
{
	(cd "$SRC" && xargs -P "$JOBS" -n 4 ./scripts/checkpatch.pl --strict --terse --show-types --no-signoff \
		--no-summary --ignore UNKNOWN_COMMIT_ID ${dictionary:+--codespell --codespellfile "$dictionary"} \
		"$@" 2> /dev/null | sed "s|^$TOP/||") || :
}

found=$WORK/checkpatch.found
printf '%s\n' "$PATCHES"/*/*.patch | grep -v '/0000-' | checkpatch > "$found"
# What only holds for code inside the kernel is not asked of programs.
programs=AVOID_EXTERNS,SPLIT_STRING,PREFER_KERNEL_TYPES,VOLATILE,PREFER_DEFINED_ATTRIBUTE_MACRO,EMBEDDED_FUNCTION_NAME
printf '%s\n' "$TOP"/init/*.[ch] "$TOP"/init/*/*.c "$TOP"/guests/*.c "$TOP"/modules/*.[ch] "$TOP"/tools/*/*.c |
	checkpatch --no-tree --ignore $programs -f >> "$found"
left=$TOP/tools/checkpatch.leftovers
while IFS= read -r line; do
	key=$(echo "$line" | sed -E 's/^([^:]*):[0-9]+: [A-Z]+:([A-Z_]+):.*/\1 \2/')
	grep -qF "$key " "$left" || complain "$line"
done < "$found"
sed '/^#/d' "$left" | while read -r file type _; do
	grep -qE "^$file:[0-9]+: [A-Z]+:$type:" "$found" || echo "$file $type"
done > "$WORK/checkpatch.stale"
[ ! -s "$WORK/checkpatch.stale" ] || complain "not found any more, drop it from tools/checkpatch.leftovers: $(cat "$WORK/checkpatch.stale")"

# What a machine cannot do is said, with the reason, where it is described.
for m in $(machines); do
	machine "$m"
	for word in guest hotplug suspend reboot reload kselftests; do
		has_all "$word" || echo "$lacks" | grep -q "^$word: ." ||
			complain "machines/$m neither has nor lacks '$word'"
	done
done

shellcheck -x -s sh "$TOP"/tools/*.sh "$TOP/.ci/run" || bad=1
for f in $(git -C "$TOP" ls-files | grep -vE '^(linux-[^/]*/(patches/|.*[.]md)|README|docs/|\.gitignore|COPYING)'); do
	grep -q 'SPDX-License-Identifier: GPL-2.0' "$TOP/$f" || complain "$f has no SPDX line"
done
exit $bad
