#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# deb.sh KERNEL: base or series as a package for Debian hosts, in build/BASE/deb.  CONFIG= is a
# configuration to take in place of the lab's own for hosts.
. "$(dirname "$0")/lib.sh"
what=$1 flavour=host
case $what in
base | series) ;;
*) die "KERNEL='$what' is neither base nor series" ;;
esac
if [ -n "${CONFIG:-}" ]; then
	[ -f "$CONFIG" ] || die "CONFIG='$CONFIG' is not a file"
	grep -q '^CONFIG_X86_64=y' "$CONFIG" || die "CONFIG='$CONFIG' is not a kernel's configuration for x86_64"
	grep -q '^CONFIG_KVM=[my]' "$CONFIG" || die "CONFIG='$CONFIG' has no CONFIG_KVM"
	CONFIG=$(realpath "$CONFIG") flavour=own
	export CONFIG
fi
[ "$what" = base ] || need_series
lock
"$TOP/tools/need.sh" base kernel deb
"$TOP/tools/base.sh"
[ "$what" = base ] || "$TOP/tools/series.sh" apply
"$TOP/tools/kernel.sh" x86_64-debian "$flavour" "$what"

mkdir -p "$WORK/deb"
rm -f "$WORK/deb"/linux-image-*-"$what"*.deb
cp "$WORK/kernel/x86_64-$flavour-$what"/linux-image-*.deb "$WORK/deb/"
deb=$(find "$WORK/deb" -name "linux-image-*-$what*.deb")
package=$(dpkg-deb -f "$deb" Package)
cat << EOT
install   apt install ./${deb#"$PWD"/}
use       reboot; GRUB boots the newest kernel, uname -r says ${package#linux-image-}
go back   reboot into another kernel, from GRUB's "Advanced options", and: apt remove $package
EOT
