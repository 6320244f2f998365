#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Get the base into the store as refs/lab/base: Debian's linux-source package, or
# the tree or tarball that LINUX= names, which is only read.
# base.sh 6.12: Debian's 6.12 as refs/lab/6.12, to compare with.
. "$(dirname "$0")/lib.sh"
lock
ref=${1:-base}

# Where it is to come from; an unchanged answer means nothing to do.
linux=${LINUX:-}
if [ "$ref" != base ]; then
	version=$ref package=linux-source-$ref linux=
	! git --git-dir="$STORE" rev-parse -q --verify "refs/lab/$ref" > /dev/null || exit 0
fi
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
have=$(cat "$STORE/lab-base" 2> /dev/null || :)
[ "$ref" = base ] || have=
# A tree without git may have changed since.
if [ "$have" = "$want" ] &&
	{ [ "$want" != "tree $linux" ] || [ -z "$(find "$linux" -newer "$STORE/lab-base" -print -quit)" ]; }; then
	exit 0
fi

"$TOP/tools/need.sh" base
need_space 12000
new=$WORK/base.new
rm -rf "$new"
mkdir -p "$new"
trap 'rm -rf "$new" "$STORE.new"' EXIT

fetch()
{
	cd "$new"
	apt-get download "$package" || { [ "$(id -u)" -eq 0 ] && apt-get update && apt-get download "$package"; }
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
	HINT='is there a network? LINUX= takes a tree or a tarball instead' \
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

[ -f "$tree/Makefile" ] && [ -f "$tree/virt/kvm/kvm_main.c" ] ||
	die "${LINUX:-$package} holds no Linux source tree"
release=$(awk '$2 == "=" && /^(VERSION|PATCHLEVEL|SUBLEVEL) / { printf "%s%s", sep, $3; sep = "." }' "$tree/Makefile")
case $release in
"$version".*) ;;
*) die "${LINUX:-$package} is Linux $release; the series is for $version.y (set LINUX= to such a tree)" ;;
esac

# import STORE REF: with fixed dates, so that the commit has the same id everywhere.
import()
{
	cd "$1"
	export GIT_INDEX_FILE="$1/index-$2" GIT_AUTHOR_NAME=base GIT_AUTHOR_EMAIL=base
	export GIT_AUTHOR_DATE='@0 +0000' GIT_COMMITTER_DATE='@0 +0000'
	git --work-tree="$tree" add -A -f .
	git update-ref "refs/lab/$2" "$(git commit-tree -m "Linux $release" "$(git write-tree)")"
	rm -f "$GIT_INDEX_FILE"
}

if [ "$ref" != base ]; then
	step "import Linux $release" "$LOGS/import-$ref.log" import "$STORE" "$ref"
	echo "$release" > "$STORE/lab-release-$ref"
	exit 0
fi
git init -q --bare "$STORE.new"
git --git-dir="$STORE.new" config core.looseCompression 0
git --git-dir="$STORE.new" config core.fsync none
git --git-dir="$STORE.new" config gc.auto 0
step "import Linux $release" "$LOGS/import.log" import "$STORE.new" base
echo "$release" > "$STORE.new/lab-release"
echo "$want" > "$STORE.new/lab-base"
rm -rf "$STORE" "$SRC" "$SRC-6.12" "$WORK/kernel"
mv "$STORE.new" "$STORE"
