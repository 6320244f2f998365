#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# emulator.sh SUITE PACKAGE...: unpack an emulator of a suite of Debian that the host need
# not have, where emulator_dir() says.  It runs from there, next to the host's own: nothing
# is installed.  Libraries, and firmware that is not in these packages, are the host's.
. "$(dirname "$0")/lib.sh"
. "$TOP/tools/suite.sh"
lock
place=$(emulator_dir "$@")
suite=$1
shift
[ "$(cat "$place/packages" 2> /dev/null)" != "$*" ] || exit 0
command -v apt-get > /dev/null || die "$* of Debian's $suite is needed, and there is no apt-get to fetch it"
need_space 1500
new=$place.new
rm -rf "$new"
trap 'rm -rf "$new"; rmdir "$BUILD/$suite" 2> /dev/null || :' EXIT

fetch()
{
	mkdir -p "$new/root" && cd "$new" || return 1
	open_suite || return 1
	apt get download "$@" || return 1
	for deb in *.deb; do
		dpkg-deb -x "$deb" root || return 1
	done
	# What it lacks of the host's is said here, not by a machine that is silent.
	for f in root/usr/bin/qemu-system-*; do
		"$f" --version || return 1
	done
}

HINT="no network, or Debian's $suite has no $* for this host any more?" \
	step "fetch $*" "$LOGS/$suite.log" fetch "$@"
# QEMU looks for firmware beside itself.
[ ! -d /usr/share/seabios ] || ln -sfn /usr/share/seabios "$new/root/usr/share/seabios"
echo "$*" > "$new/root/packages"
rm -rf "$place"
mv "$new/root" "$place"
