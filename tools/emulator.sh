#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# emulator.sh SUITE PACKAGE...: unpack an emulator of a suite of Debian that the machine
# need not have in build/SUITE.  It runs from there, next to the machine's own: nothing is
# installed.  What it shares with the machine's, libraries and firmware, is the machine's.
. "$(dirname "$0")/lib.sh"
. "$TOP/tools/suite.sh"
lock
suite=$1
shift
place=$BUILD/$suite
[ "$(cat "$place/packages" 2> /dev/null)" != "$*" ] || exit 0
need_space 1500
scratch=$place.new
rm -rf "$scratch" "$place"
trap 'rm -rf "$scratch"' EXIT

fetch()
{
	mkdir -p "$scratch/root" && cd "$scratch" || return 1
	open_suite || return 1
	apt get download "$@" || return 1
	for deb in *.deb; do
		dpkg-deb -x "$deb" root || return 1
	done
}

HINT="no network, or Debian's $suite has no $* any more?" \
	step "fetch $* of $suite" "$LOGS/$suite.log" fetch "$@"
# QEMU looks for firmware beside itself.
for dir in seabios opensbi slof; do
	[ ! -d "/usr/share/$dir" ] || ln -sfn "/usr/share/$dir" "$scratch/root/usr/share/$dir"
done
echo "$*" > "$scratch/root/packages"
mv "$scratch/root" "$place"
