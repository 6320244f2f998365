#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# series.sh apply [NAME]: patches/ on the base, as refs/lab/series, or as refs/lab/NAME
# series.sh tree:    build/BASE/linux, the same as a tree to work in
# series.sh refresh: build/BASE/linux back to patches/
# series.sh write REPOSITORY RANGE DIR: RANGE as a directory like patches/
#
# A topic begins with a commit that changes nothing: its message is the topic's
# cover letter, and a line "Topic: DIRECTORY" in it names the directory.
. "$(dirname "$0")/lib.sh"
lock

# All patches in order, cover letters included.
files()
{
	for t in $(topics); do
		find "$PATCHES/$t" -name '[0-9]*.patch' | sort
	done
}

# The series and what directories hold must agree, in both directions.
agree()
{
	need_series
	for t in $(topics); do
		[ -f "$PATCHES/$t/0000-cover-letter.patch" ] ||
			die "patches/series names $t, which has no 0000-cover-letter.patch"
		grep -qx "Topic: $t" "$PATCHES/$t/0000-cover-letter.patch" ||
			die "$t/0000-cover-letter.patch has no line 'Topic: $t'"
		n=$(find "$PATCHES/$t" -name '[0-9]*.patch' ! -name '0000-*' | wc -l)
		[ "$n" -ge 1 ] && [ "$n" -le 15 ] || die "patches/$t has $n patches; a topic has 1 to 15"
	done
	for f in $(find "$PATCHES" -mindepth 1 -printf '%P\n' | sort); do
		case $f in
		series) ;;
		*/[0-9][0-9][0-9][0-9]-*.patch) ;;
		*/*) die "patches/$f is not a patch of the series" ;;
		*) topics | grep -qx "$f" || die "patches/$f is not named in patches/series" ;;
		esac
	done
}

src()
{
	[ -e "$SRC/.git" ] || {
		rm -rf "$SRC"
		git --git-dir="$STORE" worktree prune
		step "check out the source" "$LOGS/checkout.log" \
			git --git-dir="$STORE" worktree add -f --detach "$SRC" refs/lab/base
	}
}

# am DIR FILE...: apply strictly, or name the patch and the place. Fixed dates and
# committer make the commits, and so the builds, the same everywhere.
am()
{
	dir=$1
	shift
	for f; do
		date=$(sed -n 's/^Date: //p;/^$/q' "$f")
		if ! GIT_COMMITTER_DATE="$date" git -C "$dir" am -q --keep-non-patch --empty=keep "$f" > "$LOGS/am.log" 2>&1; then
			where=$(sed -n 's/^error: patch failed: //p; s/^error: \(.*: does not .*\)/\1/p; s/^error: \(.*corrupt.*\)/\1/p' \
				"$LOGS/am.log" | head -n 1)
			git -C "$dir" am --abort 2> /dev/null || :
			die "${f#"$TOP"/} does not apply to Linux $(cat "$STORE/lab-release") at ${where:-(see $LOGS/am.log)}"
		fi
	done
}

apply()
{
	agree
	# shellcheck disable=SC2046
	key=$({ git --git-dir="$STORE" rev-parse refs/lab/base && cat $(files); } | sha256sum)
	[ "$key" != "$(cat "$STORE/lab-$1" 2> /dev/null)" ] || return 0
	src
	git -C "$SRC" am --abort 2> /dev/null || :
	git -C "$SRC" checkout -q -f --detach refs/lab/base
	say "apply $(files | grep -vc '/0000-') patches to Linux $(cat "$STORE/lab-release")"
	# shellcheck disable=SC2046
	am "$SRC" $(files)
	git -C "$SRC" update-ref "refs/lab/$1" HEAD
	echo "$key" > "$STORE/lab-$1"
}

# Format RANGE of repository $1 into directory $3, whatever the user's git is set to.
write()
{
	rm -rf "$3"
	mkdir -p "$3"
	topic='' n=0
	for c in $(git -C "$1" rev-list --reverse --topo-order "$2"); do
		if [ "$(git -C "$1" rev-parse "$c^{tree}")" = "$(git -C "$1" rev-parse "$c^^{tree}")" ]; then
			topic=$(git -C "$1" log -1 --format=%B "$c" | sed -n 's/^Topic: //p')
			[ -n "$topic" ] || die "commit $c changes nothing and names no Topic:"
			echo "$topic" >> "$3/series"
			n=0
		fi
		[ -n "$topic" ] || die "the first commit on the base must be a topic's cover letter (see docs/lab.md)"
		f=$(git -C "$1" format-patch -1 --always --start-number=$n -o "$3/$topic" \
			--zero-commit --no-signature --no-numbered --no-thread --no-attach \
			--no-cover-letter --no-base --no-notes --no-renames --no-ext-diff \
			--no-textconv --no-encode-email-headers --diff-algorithm=myers --abbrev=12 \
			--src-prefix=a/ --dst-prefix=b/ -O/dev/null "$c")
		[ $n -ne 0 ] || mv "$f" "$3/$topic/0000-cover-letter.patch"
		n=$((n + 1))
	done
	[ -n "$topic" ] || die "$1 has no commit on the base"
}

case ${1:-} in
apply)
	apply "${2:-series}"
	;;
tree)
	# A new base has no series: what is to become one begins at the base.
	from=base
	if [ -f "$PATCHES/series" ]; then
		apply series
		from=series
	fi
	if [ -e "$WORK/linux" ]; then
		say "$WORK/linux exists and is left as it is; remove it for a new one"
	else
		step "check out build/$BASE/linux" "$LOGS/tree.log" \
			git clone -q --shared --no-tags --no-checkout "$STORE" "$WORK/linux"
		cd "$WORK/linux"
		git fetch -q origin refs/lab/base:refs/tags/base refs/lab/$from:refs/heads/series
		git checkout -q series
		say "$WORK/linux: branch 'series' on tag 'base'; work there, then 'make refresh'"
	fi
	;;
refresh)
	[ -d "$WORK/linux/.git" ] || die "there is no $WORK/linux; 'make tree' makes it"
	[ -z "$(git -C "$WORK/linux" status --porcelain -uno)" ] ||
		die "$WORK/linux has uncommitted changes: commit them first"
	write "$WORK/linux" base..HEAD "$WORK/patches.new"
	# Old and new swap at the very end: a failure above leaves patches/ alone.
	header=$(sed '/^[^#]/,$d' "$PATCHES/series" 2> /dev/null || :)
	if [ -n "$header" ]; then
		{ echo "$header"; cat "$WORK/patches.new/series"; } > "$WORK/series.new"
		mv "$WORK/series.new" "$WORK/patches.new/series"
	fi
	if diff -r "$PATCHES" "$WORK/patches.new" > "$LOGS/refresh.log" 2>&1; then
		say "patches/ is up to date"
	else
		rm -rf "$PATCHES"
		cp -r "$WORK/patches.new" "$PATCHES"
		say "patches/ refreshed: git diff shows what changed"
	fi
	rm -rf "$WORK/patches.new"
	;;
write)
	write "$2" "$3" "$4"
	;;
*)
	die "usage: series.sh apply|tree|refresh|write"
	;;
esac
