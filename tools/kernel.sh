#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# kernel.sh MACHINE FLAVOUR WHAT: build the kernel, its modules and the lab's for
# WHAT: base, series, the path of a patch that goes on top of the series (or with
# "On: base" on the base; after the mutant that "With:" names), prefix, i.e. the series
# up to COMMIT, or 6.12, to compare with: that one takes what it knows of kconfig/.
# The result is in build/kernel/NAME; nothing happens if it is up to date.
. "$(dirname "$0")/lib.sh"
lock
machine "$1"
flavour=$2 what=$3
# " debug" would be built in a directory of its own, from nothing.
case " $flavours trace " in
*" $flavour "*) ;;
*) die "machine $1 has no kernel of flavour '$flavour': it has $flavours" ;;
esac
name=$kernel-$flavour-$(basename "$what" .patch)
out=$WORK/kernel/$name
obj=$WORK/obj/$kernel-$flavour
# The tree is switched, not copied: only what differs is built again.  That would be
# everything after 6.12, which therefore has a tree of its own.
ours=true
if [ "$what" = 6.12 ]; then
	ours=false obj=$obj-$what SRC=$SRC-$what
fi

fragments="common $kernel"
[ "$flavour" = plain ] || fragments="$fragments $flavour"
# What a flavour has on one architecture only.
[ ! -f "$TOP/kconfig/$kernel-$flavour.config" ] || fragments="$fragments $kernel-$flavour"
patch='' with=''
on=$what
case $what in */*)
	patch=$(realpath "$what")
	on=$(header "$patch" On | grep . || echo series)
	with=$(header "$patch" With | sed "s|^|$ROOM/mutants/|")
	;;
esac
case $on in
base | prefix | 6.12) ;;
*) [ ! -f "$ROOM/kconfig/$kernel-series.config" ] || fragments="$fragments $kernel-series" ;;
esac
for f in $fragments; do
	[ -f "$TOP/kconfig/$f.config" ] || die "no config fragment kconfig/$f.config"
done

fragment_text()
{
	for f in $fragments; do
		grep -h '^CONFIG_' "$TOP/kconfig/$f.config"
	done
}

# What a fragment has for make's command line.
variables=$(for f in $fragments; do header "$TOP/kconfig/$f.config" '# make'; done)

case $on in
prefix) commit=${COMMIT:?} ;;
*) commit=$(git --git-dir="$STORE" rev-parse "refs/lab/$on") || die "$what is for no kernel that is here" ;;
esac
# shellcheck disable=SC2086
key=$({ git --git-dir="$STORE" rev-parse "$commit^{tree}"; fragment_text; printf %s "$variables"; "${cross}gcc" --version; cat ${with:+"$with"} ${patch:+"$patch"} "$TOP"/modules/*; } | sha256sum)
[ "$key" != "$(cat "$out/key" 2> /dev/null)" ] || exit 0

"$TOP/tools/need.sh" kernel
need_space 3000

kmake()
{
	# shellcheck disable=SC2086
	make -C "$SRC" O="$obj" ARCH="$arch" CROSS_COMPILE="$cross" LOCALVERSION="-$on" \
		KBUILD_BUILD_TIMESTAMP='1970-01-01' KBUILD_BUILD_USER=lab KBUILD_BUILD_HOST=lab \
		${CCACHE:+CC="ccache ${cross}gcc"} $variables "$@"
}
# What was compiled in another clone is found again.  Not CCACHE_DEPEND: it does not see
# .incbin, and finds an old vmlinux for a new bzImage.
! command -v ccache > /dev/null || export CCACHE=1 CCACHE_BASEDIR="$WORK" CCACHE_NOHASHDIR=1

# Every line of the fragments has to be in the result; "=n" means: not set.
verify_config()
{
	bad=$(fragment_text | while IFS='=' read -r symbol value; do
		if [ "$value" = n ]; then
			! grep -q "^$symbol=" "$obj/.config" || echo "$symbol"
		else
			grep -qxF "$symbol=$value" "$obj/.config" || echo "$symbol"
		fi
	done)
	[ -z "$bad" ] || die "kconfig/ asks for what the kernel's .config does not have: $(echo "$bad" | paste -sd " ")"
}

configure()
{
	kmake -s tinyconfig
	fragment_text > "$obj/lab.config"
	"$SRC/scripts/kconfig/merge_config.sh" -m -O "$obj" "$obj/.config" "$obj/lab.config"
	kmake -s olddefconfig
}

[ -e "$SRC/.git" ] || step "check out Linux $what" "$LOGS/checkout-$what.log" \
	git --git-dir="$STORE" worktree add -f --detach "$SRC" "$commit"
git -C "$SRC" checkout -q -f --detach "$commit"
git -C "$SRC" clean -q -f -d
if [ -n "$patch" ]; then
	git -C "$SRC" apply ${with:+"$with"} "$patch" || die "${patch#"$TOP/"} does not apply on top of the $on"
fi

mkdir -p "$obj"
# A patch on top changes no configuration.
config_key=$({ echo "$commit"; fragment_text; } | sha256sum)
[ "$config_key" = "$(cat "$obj/lab.configured" 2> /dev/null)" ] || {
	rm -f "$obj/lab.configured"
	configure > "$LOGS/config-$name.log" 2>&1 || die "cannot configure the kernel: see $LOGS/config-$name.log"
	! $ours || verify_config
	echo "$config_key" > "$obj/lab.configured"
}
step "build $name" "$LOGS/kernel-$name.log" kmake -j"$JOBS" "$(basename "$image")" modules
# The lab's modules differ between base and series, too.
module_key=$({ echo "$on"; cat "$TOP"/modules/*; } | sha256sum)
[ "$module_key" = "$(cat "$obj/lab/key" 2> /dev/null)" ] || {
	rm -rf "$obj/lab"
	cp -r "$TOP/modules" "$obj/lab"
	echo "$module_key" > "$obj/lab/key"
}
step "build $name, the lab's modules" "$LOGS/modules-$name.log" kmake -j"$JOBS" M="$obj/lab" modules

rm -rf "$out" "$out.new"
mkdir -p "$out.new/modules"
cp "$obj/$image" "$out.new/image"
cp "$obj/.config" "$out.new/config"
find "$obj" -name '*.ko' -exec cp -t "$out.new/modules" {} +
echo "$key" > "$out.new/key"
mv "$out.new" "$out"
