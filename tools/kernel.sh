#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# kernel.sh MACHINE FLAVOUR WHAT: build the kernel, its modules and the lab's for
# WHAT: base, series, the path of a patch that goes on top of the series (or with
# "On: base" on the base; after the mutant that "With:" names), or prefix, i.e. the
# series up to COMMIT.
# The result is in build/BASE/kernel/NAME; nothing happens if it is up to date.
# With a fourth argument, "key", the hash of all that goes into it is printed instead.
# Flavour "host", and "own" with the configuration that CONFIG= names, are for people's hosts: there
# is a package of Debian's in place of the lab's modules.
. "$(dirname "$0")/lib.sh"
lock
machine "$1"
flavour=$2 what=$3
# " debug" would be built in a directory of its own, from nothing.
case " $flavours trace own " in
*" $flavour "*) ;;
*) die "machine $1 has no kernel of flavour '$flavour': it has $flavours" ;;
esac
name=$kernel-$flavour-$(basename "$what" .patch)
out=$WORK/kernel/$name
obj=$WORK/obj/$kernel-$flavour
patch='' with=''
on=$what
case $what in */*)
	patch=$(realpath "$what")
	on=$(header "$patch" On | grep . || echo series)
	with=$(header "$patch" With | sed "s|^|$ROOM/mutants/|")
	;;
esac

# Shared fragments, those of this base, and what a flavour, or the series, has on one
# architecture only.
names="common $kernel" from=
[ "$flavour" = plain ] || from=$(header "$TOP/kconfig/$flavour.config" '# from')
[ -z "$from" ] || names=$flavour
[ "$flavour" = plain ] || [ -n "$from" ] || for f in $(header "$TOP/kconfig/$flavour.config" '# on top of') $flavour; do
	names="$names $f $kernel-$f"
done
case $on:$from in
base:* | prefix:* | *:?*) ;;
*) names="$names $kernel-series" ;;
esac
fragments=
for n in $names; do
	for f in "$TOP/kconfig/$n.config" "$ROOM/kconfig/$n.config"; do
		[ ! -f "$f" ] || fragments="$fragments $f"
	done
done

fragment_text()
{
	# shellcheck disable=SC2086
	grep -h '^CONFIG_' $fragments
}

# What a fragment has for make's command line.
variables=$(for f in $fragments; do header "$f" '# make'; done)

case $on in
prefix) commit=${COMMIT:?} ;;
*) commit=$(git --git-dir="$STORE" rev-parse "refs/lab/$on") || die "$what is for no kernel that is here" ;;
esac
# shellcheck disable=SC2086
key=$({ git --git-dir="$STORE" rev-parse "$commit^{tree}"; fragment_text; printf %s "$variables$from"; [ "$from" != CONFIG= ] || cat "$CONFIG"; "${cross}gcc" --version; cat ${with:+"$with"} ${patch:+"$patch"} "$TOP"/modules/* "$ROOM/compat.h"; } | sha256sum)
[ "${4:-}" != key ] || { echo "$key"; exit 0; }
[ "$key" != "$(cat "$out/key" 2> /dev/null)" ] || exit 0

# shellcheck disable=SC2086
"$TOP/tools/need.sh" kernel ${from:+deb}
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

# Every line of the fragments has to be in the result; "=n" means: not set, '=""': not to anything.
verify_config()
{
	bad=$(fragment_text | while IFS='=' read -r symbol value; do
		case $value in
		n) ! grep -q "^$symbol=" "$obj/.config" || echo "$symbol" ;;
		'""') ! grep -q "^$symbol=\"." "$obj/.config" || echo "$symbol" ;;
		*) grep -qxF "$symbol=$value" "$obj/.config" || echo "$symbol" ;;
		esac
	done)
	[ -z "$bad" ] || die "kconfig/ asks for what the kernel's .config does not have: $(echo "$bad" | paste -sd " ")"
}

configure()
{
	case $from in
	CONFIG=) cp "$CONFIG" "$obj/.config" ;;
	*) kmake -s "${from:-tinyconfig}" ;;
	esac
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
config_key=$({ echo "$commit"; fragment_text; [ "$from" != CONFIG= ] || cat "$CONFIG"; } | sha256sum)
[ "$config_key" = "$(cat "$obj/lab.configured" 2> /dev/null)" ] || {
	rm -f "$obj/lab.configured"
	configure > "$LOGS/config-$name.log" 2>&1 || die "cannot configure the kernel: see $LOGS/config-$name.log"
	verify_config
	echo "$config_key" > "$obj/lab.configured"
}
step "build $name" "$LOGS/kernel-$name.log" kmake -j"$JOBS" "$(basename "$image")" modules
# The lab's modules differ between base and series, too.
lab_modules()
{
	module_key=$({ echo "$on"; cat "$TOP"/modules/* "$ROOM/compat.h"; } | sha256sum)
	[ "$module_key" = "$(cat "$obj/lab/key" 2> /dev/null)" ] || {
		rm -rf "$obj/lab"
		cp -r "$TOP/modules" "$obj/lab"
		cp "$ROOM/compat.h" "$obj/lab/"
		echo "$module_key" > "$obj/lab/key"
	}
	step "build $name, the lab's modules" "$LOGS/modules-$name.log" kmake -j"$JOBS" M="$obj/lab" modules
}

# make bindeb-pkg leaves its packages beside the object directory; of headers there is no need.
package()
{
	rm -f "$WORK/obj"/linux-*_*
	step "package $name" "$LOGS/deb-$name.log" kmake -j"$JOBS" KDEB_COMPRESS=gzip \
		DEB_BUILD_PROFILES=pkg.linux-upstream.nokernelheaders bindeb-pkg
	rm -rf "$obj/debian"
	package=$(find "$WORK/obj" -maxdepth 1 -name 'linux-image-*_*.deb')
	[ -f "$package" ] || die "make bindeb-pkg made not one package of the kernel but: $package"
}

if [ -n "$from" ]; then
	package
else
	lab_modules
fi

rm -rf "$out" "$out.new"
mkdir -p "$out.new/modules"
cp "$obj/$image" "$out.new/image"
cp "$obj/.config" "$out.new/config"
if [ -n "$from" ]; then
	mv "$package" "$out.new/"
	rm -f "$WORK/obj"/linux-*_*
else
	find "$obj" -name '*.ko' -exec cp -t "$out.new/modules" {} +
fi
echo "$key" > "$out.new/key"
mv "$out.new" "$out"
