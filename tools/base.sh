#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Get the base into the store as refs/lab/base: Debian's linux-source package, or
# the tree or tarball that LINUX= names, which is only read.
. "$(dirname "$0")/lib.sh"
. "$TOP/tools/suite.sh"
lock

# Where it is to come from; an unchanged answer means nothing to do.
linux=${LINUX:-}
if [ -z "$linux" ]; then
	want=debian
elif [ -d "$linux" ]; then
	linux=$(realpath "$linux")
	if [ "$(git -C "$linux" rev-parse --show-toplevel 2> /dev/null)" = "$linux" ]; then
		want="git $linux $(git -C "$linux" rev-parse HEAD)"
	else
		want="tree $linux"
	fi
elif [ -f "$linux" ]; then
	linux=$(realpath "$linux")
	want="tarball $linux $(stat -c '%s %Y' "$linux")"
else
	die "LINUX=$linux is neither a directory nor a tarball"
fi
# A tree without git may have changed since.
if [ "$(cat "$STORE/lab-base" 2> /dev/null)" = "$want" ] &&
	{ [ "$want" != "tree $linux" ] || [ -z "$(find "$linux" -newer "$STORE/lab-base" -print -quit)" ]; }; then
	exit 0
fi

# look_at TREE: is it of this base?
look_at()
{
	[ -f "$1/Makefile" ] && [ -f "$1/virt/kvm/kvm_main.c" ] ||
		die "${LINUX:-$package} holds no Linux source tree"
	release=$(awk '$2 == "=" && /^(VERSION|PATCHLEVEL|SUBLEVEL) / { printf "%s%s", sep, $3; sep = "." }' "$1/Makefile")
	case $release in
	"$version".*) ;;
	*) die "${LINUX:-$package} is Linux $release; BASE=$BASE is for $version.y (set LINUX= to such a tree, or BASE=)" ;;
	esac
}

"$TOP/tools/need.sh" base
# Another release is refused whether or not there is room for it.
[ ! -d "$linux" ] || look_at "$linux"
need_space 12000
new=$WORK/base.new
rm -rf "$new"
mkdir -p "$new"
trap 'rm -rf "$new" "$STORE.new"' EXIT

# The release that was proven last, or the newest: the archive keeps few.
pick()
{
	apt cache madison "$package" | awk -v proven="$proven-" '
		{ newest = newest ? newest : $3 }
		index($3, proven) == 1 { found = $3; exit }
		END { print found ? found : newest }' | grep .
}

fetch()
{
	cd "$new"
	open_suite || return 1
	release=$(pick) || { [ -z "$suite" ] && [ "$(id -u)" -eq 0 ] && apt-get update && release=$(pick); } ||
		{ echo "E: the archive has no $package"; return 1; }
	apt get download "$package=$release"
	apt cache madison "$package" | awk '{ sub(/-.*/, "", $3); print $3; exit }' > "$new/newest"
	dpkg-deb --fsys-tarfile "$package"_*.deb | tar -x --strip-components=3 --wildcards './usr/src/*.tar.xz'
}

unpack()
{
	mkdir -p "$new/tree"
	tar -C "$new/tree" --strip-components=1 -xf "$1"
}

tree=$new/tree
case $want in
debian)
	HINT="no network, or Debian${suite:+"'s $suite"} has no $package any more? LINUX= takes a tree or tarball of v$version.y, such as linux-$proven.tar.xz" \
		step "fetch $package" "$LOGS/fetch.log" fetch
	step "unpack $package" "$LOGS/unpack.log" unpack "$new/$package.tar.xz"
	;;
tarball*)
	step "unpack $linux" "$LOGS/unpack.log" unpack "$linux"
	;;
git*)
	[ -z "$(git -C "$linux" status --porcelain -uno)" ] ||
		say "note: $linux has uncommitted changes; its HEAD is what is used"
	mkdir "$tree"
	step "copy $linux" "$LOGS/unpack.log" sh -c 'git -C "$1" archive HEAD | tar -C "$2" -x' - "$linux" "$tree"
	;;
tree*)
	tree=$linux
	;;
esac

# Debian's .gitignore hides the whole tree from git, new files included.
[ "$tree" = "$linux" ] || sed -i '/^\/\*$/d; /^!\/debian\/$/d' "$tree/.gitignore" 2> /dev/null || :

look_at "$tree"

# With fixed dates, so that the commit has the same id everywhere.
import()
{
	cd "$STORE.new"
	export GIT_INDEX_FILE="$STORE.new/index-base" GIT_AUTHOR_NAME=base GIT_AUTHOR_EMAIL=base
	export GIT_AUTHOR_DATE='@0 +0000' GIT_COMMITTER_DATE='@0 +0000'
	git --work-tree="$tree" add -A -f .
	git update-ref refs/lab/base "$(git commit-tree -m "Linux $release" "$(git write-tree)")"
	rm -f "$GIT_INDEX_FILE"
}

git init -q --bare "$STORE.new"
git --git-dir="$STORE.new" config core.looseCompression 0
git --git-dir="$STORE.new" config core.fsync none
git --git-dir="$STORE.new" config gc.auto 0
step "import Linux $release" "$LOGS/import.log" import
echo "$release" > "$STORE.new/lab-release"
echo "$want" > "$STORE.new/lab-base"
[ ! -f "$new/newest" ] || cp "$new/newest" "$STORE.new/lab-newest"
rm -rf "$STORE" "$SRC" "$WORK/kernel"
mv "$STORE.new" "$STORE"
