#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# bochs.sh CPUS CONSOLE REPORT IMAGE INITRD APPEND: a machine with Intel VMX, in the
# manner of a QEMU command line. Bochs boots from media only: it gets an ISO.
# $BOCHS_CPU is the CPU model. The serial ports are files, there is no display.
set -eu
bochs="bochs-bin"

die()
{
	printf 'error: bochs.sh: %s\n' "$*" >&2
	exit 1
}

for tool in $bochs xorriso; do
	command -v "$tool" > /dev/null || die "no $tool"
done
if [ "${1:-}" = --version ]; then
	# It says so only on its way out of a command.
	$bochs --help cpu < /dev/null 2> /dev/null | grep -o 'Bochs x86 Emulator [0-9.]*' | head -n 1
	exit
fi
[ $# -eq 6 ] || die 'usage: bochs.sh CPUS CONSOLE REPORT IMAGE INITRD APPEND'
cpus=$1 console=$2 report=$3 image=$4 initrd=$5 append=$6
bios=/usr/share/bochs/BIOS-bochs-latest
vgabios=/usr/share/bochs/VGABIOS-lgpl-latest
isolinux=/usr/lib/ISOLINUX/isolinux.bin
ldlinux=/usr/lib/syslinux/modules/bios/ldlinux.c32
for file in $bios $vgabios $isolinux $ldlinux "$image" "$initrd"; do
	[ -f "$file" ] || die "no $file"
done

dir=$(dirname "$console")
iso=$dir/bochs.iso
pid=
# Bochs has nothing to save, and its debugger would like to talk about a signal.
# shellcheck disable=SC2317 # called by the trap
clean()
{
	[ -z "$pid" ] || kill -KILL "$pid" 2> /dev/null || :
	rm -f "$iso"
	rm -rf "$dir/iso"
}
trap clean EXIT
trap 'exit 143' INT TERM HUP

rm -rf "$dir/iso"
mkdir -p "$dir/iso"
cp $isolinux $ldlinux "$dir/iso/"
cp "$image" "$dir/iso/linux"
cp "$initrd" "$dir/iso/initrd"
cat > "$dir/iso/isolinux.cfg" << EOF
default linux
prompt 0
label linux
	kernel /linux
	append initrd=/initrd $append
EOF
xorriso -as mkisofs -quiet -o "$iso" -b isolinux.bin -c boot.cat -no-emul-boot \
	-boot-load-size 4 -boot-info-table "$dir/iso" > "$dir/xorriso" 2>&1 ||
	die "cannot make $iso: see $dir/xorriso"
rm -rf "$dir/iso"

# Time is instructions: a busy host makes it slow, not wrong. A power-off is a panic
# to Bochs, and so is a triple fault: both end it.
cat > "$dir/bochsrc" << EOF
cpu: model=${BOCHS_CPU:-corei7_haswell_4770}, count=$cpus, ips=20000000, quantum=16, reset_on_triple_fault=0
memory: guest=1024, host=1024
romimage: file=$bios
vgaromimage: file=$vgabios
ata0-master: type=cdrom, path=$iso, status=inserted
boot: cdrom
clock: sync=none, time0=local
com1: enabled=1, mode=file, dev=$console
com2: enabled=1, mode=file, dev=$report
display_library: term
sound: driver=dummy
log: $dir/bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
EOF
# Debian's build is the one with the debugger, which waits for "continue".
echo c > "$dir/rc.dbg"

# The debugger's build opens a pty for the display; it needs no terminal.
TERM=vt100 $bochs -q -f "$dir/bochsrc" -rc "$dir/rc.dbg" < /dev/null &
pid=$!
wait $pid && status=0 || status=$?
pid=
# It always ends with 1.
! grep -q 'power off' "$dir/bochs.log" || status=0
exit "$status"
