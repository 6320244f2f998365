#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# mail.sh TOPIC: the topic as mail, from and signed off by whoever git says you
# are, with those whom get_maintainer.pl names.  Written, not sent.
. "$(dirname "$0")/lib.sh"
topic "$1"
# This is where the user's own configuration counts.
unset GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM
name=$(git config user.name) && email=$(git config user.email) ||
	die "git does not know who you are: set user.name and user.email"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_COMMITTER_NAME="$name" GIT_COMMITTER_EMAIL="$email"
export GIT_AUTHOR_NAME="$name" GIT_AUTHOR_EMAIL="$email"
lock
"$TOP/tools/need.sh" base
"$TOP/tools/base.sh"
"$TOP/tools/series.sh" apply

out=$WORK/mail/$1
rm -rf "$out"
mkdir -p "$out"
cover=$(git -C "$SRC" log --format=%H --grep="^Topic: $1\$" -1 refs/lab/base..refs/lab/series)
n=$(find "$PATCHES/$1" -name '0*.patch' ! -name '0000-*' | wc -l)
last=$(git -C "$SRC" rev-list --reverse --ancestry-path "$cover..refs/lab/series" | sed -n "${n}p")

# The commits as the poster's own: author, sign-off at the end of the tags.
git -C "$SRC" checkout -q -f --detach "$cover"
for c in $(git -C "$SRC" rev-list --reverse "$cover..$last"); do
	git -C "$SRC" cherry-pick "$c" > "$LOGS/mail.log" 2>&1
	git -C "$SRC" commit -q --amend --no-edit --reset-author -s
done
git -C "$SRC" format-patch -q --cover-letter --thread=shallow \
	--no-renames -o "$out" "$cover..HEAD"
git -C "$SRC" log -1 --format=%B "$cover" | sed '/^Topic: /d' > "$out/text"
subject=$(head -n 1 "$out/text")
awk -v subject="$subject" -v text="$out/text" '
	/^Subject:/ { sub(/\*\*\* SUBJECT HERE \*\*\*/, subject) }
	/^\*\*\* BLURB HERE \*\*\*$/ { while ((getline line < text) > 0) if (n++ > 1) print line; next }
	{ print }' "$out/0000-cover-letter.patch" > "$out/cover"
mv "$out/cover" "$out/0000-cover-letter.patch"
rm "$out/text"
(cd "$SRC" && ./scripts/get_maintainer.pl --no-rolestats --no-git --no-git-fallback "$out"/0*.patch) > "$out/recipients" 2> "$LOGS/mail.log" || :
git -C "$SRC" checkout -q -f --detach refs/lab/series

say "$out: $((n + 1)) mails from $name <$email>, to:"
sed 's/^/  /' "$out/recipients"
say "read them, then: git send-email --to=kvm@vger.kernel.org $(grep -v kvm@vger "$out/recipients" | sed 's/.*<\(.*\)>.*/\1/; s/ (.*//; s/^/--cc=/' | paste -sd ' ') ${out#"$PWD"/}/*.patch"
