#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# mail.sh TOPIC: the topic as mail, from and signed off by whoever git says you are, to those
# whom get_maintainer.pl names for each patch.  Written, and read back by git am; not sent.
# V=2 makes it the second version, SINCE=TAG appends what has changed since that tag of this
# repository, and UNTESTED=yes does without results of this tree.
# Not b4's prep: it wants a cover letter of its own kind in the branch, and one list of
# recipients for all patches.
. "$(dirname "$0")/lib.sh"
topic=$1
topic "$topic"
case ${V:=1} in
*[!0-9]* | 0*) die "V='$V' is not the number of a version" ;;
esac
[ -z "${SINCE:-}" ] || git -C "$TOP" rev-parse -q --verify "$SINCE:linux-$BASE/patches/$topic" > /dev/null ||
	die "SINCE='$SINCE' is no tag of this repository that has the topic $topic"
# This is where the user's own configuration counts.
unset GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM
[ -z "$users_git_config" ] || export GIT_CONFIG_GLOBAL="$users_git_config"
name=$(git config user.name) && email=$(git config user.email) ||
	die "git does not know who you are: set user.name and user.email"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_COMMITTER_NAME="$name" GIT_COMMITTER_EMAIL="$email"
export GIT_AUTHOR_NAME="$name" GIT_AUTHOR_EMAIL="$email"
lock
[ -z "$(git -C "$TOP" status --porcelain -- "$PATCHES")" ] ||
	die "${PATCHES#"$TOP"/} has uncommitted changes: commit them first"
[ ! -d "$WORK/linux/.git" ] || [ -z "$(git -C "$WORK/linux" status --porcelain -uno)" ] ||
	die "$WORK/linux has uncommitted changes: commit them, then 'make refresh'"
tags=$(grep -rlE '^(Signed-off-by|Reviewed-by|Acked-by|Tested-by|Reported-by|Co-developed-by):' "$PATCHES/$topic" | paste -sd ' ')
[ -z "$tags" ] || die "a tag that nobody gave, in $tags"
"$TOP/tools/need.sh" base
"$TOP/tools/base.sh"
"$TOP/tools/series.sh" apply

# How many rows of this very tree are good, and how many are not?
tree=$(git --git-dir="$STORE" rev-parse --short=12 "refs/lab/series^{tree}")
rows()
{
	[ ! -f "$TOP/results/$BASE" ] ||
		awk -F '\t' -v tree="$tree" -v good="$1" '$10 == tree && $7 == good { n++ } END { print n + 0 }' "$TOP/results/$BASE"
}
good=$(rows ok) bad=$(rows BAD)
[ "${good:-0}" -gt 0 ] && [ "${bad:-0}" -eq 0 ] || [ "${UNTESTED:-}" = yes ] ||
	die "of the tests of this tree, ${good:-0} are good and ${bad:-0} bad: 'make check-all BASE=$BASE', or UNTESTED=yes"

# range NAME DIR: COVER..LAST, the topic of DIR in refs/lab/NAME.
range()
{
	cover=$(git -C "$SRC" log --format=%H --grep="^Topic: $topic\$" -1 "refs/lab/base..refs/lab/$1")
	n=$(find "$2/$topic" -name '0*.patch' ! -name '0000-*' | wc -l)
	echo "$cover..$(git -C "$SRC" rev-list --reverse --ancestry-path "$cover..refs/lab/$1" | sed -n "${n}p")"
}
now=$(range series "$PATCHES")
cover=${now%..*}
git -C "$SRC" log --format=%s "$now" | while IFS= read -r subject; do
	echo "$subject" | grep -qE '^([A-Za-z0-9/_-]+: )+[A-Z].*[^.]$' && [ ${#subject} -le 75 ] ||
		die "not a subject that kernel maintainers take: '$subject'"
done

since=
if [ -n "${SINCE:-}" ]; then
	rm -rf "$WORK/since"
	mkdir -p "$WORK/since"
	git -C "$TOP" archive "$SINCE" "linux-$BASE/patches" | tar -C "$WORK/since" -x
	LAB_PATCHES="$WORK/since/linux-$BASE/patches" "$TOP/tools/series.sh" apply since
	since=$(range since "$WORK/since/linux-$BASE/patches")
fi

out=$WORK/mail/$topic
rm -rf "$out"
mkdir -p "$out"
leave()
{
	git -C "$SRC" cherry-pick --abort 2> /dev/null || :
	git -C "$SRC" am --abort 2> /dev/null || :
	git -C "$SRC" checkout -q -f --detach refs/lab/series
}
trap leave EXIT

# The commits as the poster's own: author, sign-off at the end of the tags.
git -C "$SRC" checkout -q -f --detach "$cover"
for c in $(git -C "$SRC" rev-list --reverse "$now"); do
	git -C "$SRC" cherry-pick "$c" > "$LOGS/mail.log" 2>&1
	git -C "$SRC" commit -q --amend --no-edit --reset-author -s
done
posted=$(git -C "$SRC" rev-parse HEAD)
version=
[ "$V" -eq 1 ] || version=-v$V
# shellcheck disable=SC2086
git -C "$SRC" format-patch -q --cover-letter --thread=shallow --no-renames $version \
	--subject-prefix="PATCH${prefix:+ $prefix}" -o "$out" "$cover..$posted"

# The cover letter: its text, and what it applies to.  The base is the archive's, so that
# its commit is nobody else's.
first=$(find "$out" -name '*0000-cover-letter.patch')
git -C "$SRC" log -1 --format=%B "$cover" | sed '/^Topic: /d' > "$out/text"
subject=$(head -n 1 "$out/text")
before=$(topics | sed "/^$topic\$/,\$d" | paste -sd ' ')
{
	sed '1,2d' "$out/text"
	echo "Applies to v$(cat "$STORE/lab-release")${before:+, on top of: $before}"
} | cat -s > "$out/blurb"
: > "$out/diff"
[ -z "$since" ] || {
	printf 'Range-diff against %s:\n' "$SINCE"
	git -C "$SRC" range-diff --no-color "$since" "$now"
} > "$out/diff"
awk -v subject="$subject" -v text="$out/blurb" -v diff="$out/diff" '
	/^Subject:/ { sub(/\*\*\* SUBJECT HERE \*\*\*/, subject) }
	/^\*\*\* BLURB HERE \*\*\*$/ { while ((getline line < text) > 0) print line; next }
	/^-- $/ { while ((getline line < diff) > 0) print line }
	{ print }' "$first" > "$out/cover"
rm "$out/text" "$out/blurb" "$out/diff"

# who OPTION... FILE...: those whom get_maintainer.pl names, after a header's name.
who()
{
	header=$1
	shift
	(cd "$SRC" && ./scripts/get_maintainer.pl --no-rolestats --no-git --no-git-fallback "$@") 2>> "$LOGS/mail.log" |
		sed "s/^/$header: /"
}

# addressed MAIL PATCH...: MAIL, with those who look after PATCH... in its head.
addressed()
{
	mail=$1
	shift
	# Some are both a maintainer and a reviewer.
	{ who To --no-l --no-r "$@"; who Cc --no-m "$@"; } | awk '!seen[$NF]++' > "$out/recipients"
	cat "$out/recipients" >> "$out/all"
	sed "/^Date: /r $out/recipients" "$mail" > "$out/new"
	mv "$out/new" "$mail"
}
: > "$LOGS/mail.log"
: > "$out/all"
for f in "$out"/*.patch; do
	[ "$f" = "$first" ] || addressed "$f" "$f"
done
mv "$out/cover" "$first"
# shellcheck disable=SC2046
addressed "$first" $(find "$out" -name '*.patch' ! -name '*0000-cover-letter.patch')
everybody=$(sed 's/^[TC][oc]: //' "$out/all" | sort -u | wc -l)
rm "$out/all" "$out/recipients"

# What was written has to come back.
git -C "$SRC" checkout -q -f --detach "$cover"
find "$out" -name '*.patch' ! -name '*0000-cover-letter.patch' | sort |
	xargs git -C "$SRC" am -q > "$LOGS/mail.log" 2>&1 || die "git am does not take $out: see $LOGS/mail.log"
[ -z "$(git -C "$SRC" diff "$posted" HEAD)" ] || die "git am makes another tree of $out"

say "${out#"$PWD"/}: $(find "$out" -name '*.patch' | wc -l) mails from $name <$email> to $everybody people and lists"
grep -h '^Subject: ' "$first" | sed 's/^/  /'
say "git am makes the series of them again.  Read them, then: git send-email ${out#"$PWD"/}/*.patch"
