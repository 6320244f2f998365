#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# debian.sh MACHINE FLAVOUR WHAT: the disk of a machine that boots Debian, with the package of
# the kernel installed, beside that kernel.  The userland is fetched once, from where this
# host has Debian from, and kept in build/debian/SUITE.tar.
. "$(dirname "$0")/lib.sh"
. "$TOP/tools/suite.sh"
lock
machine "$1"
out=$WORK/kernel/$kernel-$2-$(basename "$3" .patch)
userland=$BUILD/debian/$debian.tar
new=$BUILD/debian/new
key=$(cat "$0" "$out/key" | sha256sum)
[ "$key" != "$(cat "$out/disk.key" 2> /dev/null)" ] || exit 0
[ "$(id -u)" -eq 0 ] || die "the disk of $1 is made by root"
"$TOP/tools/need.sh" debian
need_space 4000
rm -rf "$new"
mkdir -p "$new/root"
trap 'rm -rf "$new"' EXIT

fetch()
{
	suite=''
	host=$(archive) || { apt-get update && host=$(archive); } ||
		{ echo 'E: this machine names no archive of Debian'; return 1; }
	TMPDIR="$new" mmdebstrap --variant=minbase \
		--include=systemd-sysv,udev,kmod,cpio,qemu-system-x86,linux-image-cloud-amd64 \
		"$debian" "$new/userland.tar" \
		"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $host $debian main"
}

# As a user installs it; there is nothing to fetch.
install()
{
	tar -C "$new/root" -xpf "$userland"
	cp "$out"/linux-image-*.deb "$new/root/tmp/kernel.deb"
	chroot "$new/root" apt-get install -y /tmp/kernel.deb
	rm "$new/root/tmp/kernel.deb"
	release=$(dpkg-deb -f "$out"/linux-image-*.deb Package)
	cp "$new/root/boot/initrd.img-${release#linux-image-}" "$out/initrd"
	cat > "$new/root/etc/systemd/system/lab.service" << EOT
[Unit]
Description=a scenario of the lab
SuccessAction=poweroff
FailureAction=poweroff

[Service]
Type=oneshot
StateDirectory=lab
WorkingDirectory=/var/lib/lab
ExecStart=/bin/sh -c 'cpio -id < /dev/vdb && exec ./host-check steps'
StandardOutput=journal+console
StandardError=journal+console
EOT
	ln -s ../lab.service "$new/root/etc/systemd/system/multi-user.target.wants/"
	mke2fs -q -t ext4 -d "$new/root" "$out/disk" 3G
}

mkdir -p "$BUILD/debian"
[ -f "$userland" ] || {
	HINT="no network, or no $debian in the archive that this host has Debian from?" \
		step "fetch Debian's $debian" "$LOGS/debian-$debian.log" fetch
	mv "$new/userland.tar" "$userland"
}
what=$(basename "$3" .patch)
rm -f "$out/disk" "$out/disk.key"
step "install $what in Debian's $debian" "$LOGS/disk-$2-$what.log" install
echo "$key" > "$out/disk.key"
