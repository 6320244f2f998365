#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# lint.sh: the series applies and comes back byte for byte; checkpatch on every patch and
# on the lab's C, shellcheck on its shell, and what the lab's own files have to keep to.
# Leftovers of checkpatch are listed with a reason in tools/leftovers and linux-*/leftovers;
# one that is gone has to leave the list.
. "$(dirname "$0")/lib.sh"
lock
"$TOP/tools/need.sh" base lint
"$TOP/tools/prepare.sh" tools
"$TOP/tools/base.sh"
[ ! -f "$PATCHES/series" ] || "$TOP/tools/series.sh" apply

# A file, as most complaints come out of a pipe, whose end is a process of its own.
bad=$WORK/lint.bad
rm -f "$bad"
complain()
{
	say "  $*"
	: > "$bad"
}

# complain_if WHAT: about each line of the input.
complain_if()
{
	while IFS= read -r line; do
		complain "$1: $line"
	done
}

# finish: was there anything to complain about?
finish()
{
	[ ! -e "$bad" ] || exit 1
	exit 0
}

same_again()
{
	"$TOP/tools/series.sh" write "$SRC" refs/lab/base..refs/lab/series "$WORK/lint.patches"
	sed '/^#/d' "$PATCHES/series" > "$WORK/lint.series"
	cmp -s "$WORK/lint.series" "$WORK/lint.patches/series" || complain "patches/series is not what 'make refresh' writes"
	diff -r -q -x series "$PATCHES" "$WORK/lint.patches" > "$LOGS/lint.log" ||
		complain "patches/ is not what 'make refresh' writes: $(head -n 1 "$LOGS/lint.log")"
	rm -rf "$WORK/lint.patches"
}

# checkpatch looks for its own tree; what it says about ids it cannot know is not it.
dictionary=$(dpkg -L codespell 2> /dev/null | grep '/dictionary.txt$' || :)
checkpatch()
{
	(cd "$SRC" && xargs -P "$JOBS" -n 4 ./scripts/checkpatch.pl --strict --terse --show-types --no-signoff \
		--no-summary --ignore UNKNOWN_COMMIT_ID ${dictionary:+--codespell --codespellfile "$dictionary"} \
		"$@" 2> /dev/null | sed "s|^$TOP/||; s|^${ROOM#"$TOP"/}/||") || :
}

# against LIST: what checkpatch found and is not in it, and the other way round.
against()
{
	while IFS= read -r line; do
		key=$(echo "$line" | sed -E 's/^([^:]*):[0-9]+: [A-Z]+:([A-Z_]+):.*/\1 \2/')
		grep -qF "$key " "$1" || echo "$line"
	done < "$WORK/checkpatch" | complain_if checkpatch
	sed '/^#/d' "$1" | while read -r file type _; do
		grep -qE "^$file:[0-9]+: [A-Z]+:$type:" "$WORK/checkpatch" || echo "$file $type"
	done | complain_if "not found any more, drop it from ${1#"$TOP"/}"
}

if [ -f "$PATCHES/series" ]; then
	same_again
	grep -rnE '^(Signed-off-by|Reviewed-by|Acked-by|Tested-by|Reported-by|Co-developed-by):' "$PATCHES" |
		complain_if 'a tag that nobody gave'
	grep -rn --exclude='0000-*' '^Fixes: ' "$PATCHES" | grep -vE ':Fixes: [0-9a-f]{12} \("' |
		complain_if 'Fixes: wants 12 digits and the subject'
	printf '%s\n' "$PATCHES"/*/*.patch | grep -v '/0000-' | checkpatch > "$WORK/checkpatch"
	against "$ROOM/leftovers"
fi
# roles_missing: what test modules look for by name, and neither base nor series defines; of
# several names one is enough.  A name that is wrong still compiles, and the probe fails.
roles_missing()
{
	sed -n 's/^#define [A-Z0-9_]*[[:space:]]*"\(..*\)"$/\1/p' "$ROOM/compat.h" | sed 's/", "/|/g' > "$WORK/roles"
	# shellcheck disable=SC2046
	git --git-dir="$STORE" grep -hwF $(tr '|' '\n' < "$WORK/roles" | sed 's/^/-e /') refs/lab/base \
		$([ ! -f "$PATCHES/series" ] || echo refs/lab/series) -- 'arch/*.c' virt kernel drivers/base |
		grep '^[a-z_]' > "$WORK/defined" || :
	while read -r names; do
		grep -qwE "$names" "$WORK/defined" || echo "$names"
	done < "$WORK/roles"
}
roles_missing | complain_if "linux-$BASE/compat.h names what this kernel does not define"
# What a machine cannot do is said, with the reason, where it is described, or in the base.
for m in $(machines); do
	machine "$m"
	for word in guest hotplug suspend reboot reload kselftests; do
		has_all "$word" || echo "$lacks" | grep -q "^$word: ." || echo "$m: $word"
		case " $has $later :$(words "$lacks_machine") " in
		*" $word "*:*" $word "*) echo "$m: $word, in both" ;;
		esac
	done
done | complain_if 'a machine neither has nor lacks, or both has and lacks'
"$TOP/tools/verdict.sh" lint || : > "$bad"
# The rest is the lab's, and looked at once, by the checkpatch of the default base.
grep -q '^default=yes' "$ROOM/base" || finish
# What only holds for code inside the kernel is not asked of programs.
programs=AVOID_EXTERNS,SPLIT_STRING,PREFER_KERNEL_TYPES,VOLATILE,PREFER_DEFINED_ATTRIBUTE_MACRO,EMBEDDED_FUNCTION_NAME,STRCPY
[ -e "$SRC/.git" ] || git --git-dir="$STORE" worktree add -q -f --detach "$SRC" refs/lab/base
git -C "$TOP" ls-files -co --exclude-standard -- 'init/*.[ch]' 'guests/*.[ch]' 'modules/*.[ch]' 'tools/*.[ch]' | sed "s|^|$TOP/|" |
	checkpatch --no-tree --ignore $programs -f > "$WORK/checkpatch"
against "$TOP/tools/leftovers"

[ ! -x "$TOP/tools/verdict/test/run.sh" ] || "$TOP/tools/verdict/test/run.sh" "$BUILD/verdict/verdict" || : > "$bad"

# A kernel's version is named in its room and in prose, nowhere else.
versions=$(bases | sed 's/\./\\./g; s/ /|/g')
git -C "$TOP" grep --untracked -nE "(^|[^0-9.])($versions)([^0-9]|\$)" -- tools ":!tools/verdict/test" machines scenarios init guests modules kconfig Makefile .ci |
	complain_if 'names a kernel version'
"$TOP/tools/models.sh" || : > "$bad"
shellcheck -x -s sh "$TOP"/tools/*.sh "$TOP"/tools/verdict/test/*.sh "$TOP/.ci/run" || : > "$bad"
for f in $(git -C "$TOP" ls-files -co --exclude-standard | grep -vE '^(linux-[^/]*/(patches/|.*\.md)|README|CONTRIBUTING|docs/|results/|tools/verdict/test/|\.gitignore|COPYING)'); do
	grep -q 'SPDX-License-Identifier: GPL-2.0' "$TOP/$f" || echo "$f"
done | complain_if 'no SPDX line'
finish
