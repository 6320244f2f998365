#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# init.sh MACHINE: build init and busybox as build/BASE/init/ARCH.cpio.
# busybox is the host's: other architectures do without.
# With a second argument, "sources", their names are printed instead.
. "$(dirname "$0")/lib.sh"
lock
machine "$1"
out=$WORK/init/$arch
new=$out.new
[ -f "$TOP/guests/$vm.c" ] || die "machines/$1: vm=$vm, and there is no guests/$vm.c"

# A file whose name ends in -ARCH, with ARCH as in guests/ARCH.c, is for that one only.
sources()
{
	for f in "$TOP"/init/*.c "$TOP"/init/steps/*.c; do
		suffix=$(basename "${f##*-}" .c)
		case $f in
		*-"$suffix.c") [ "$suffix" = "$vm" ] || [ ! -f "$TOP/guests/$suffix.c" ] || continue ;;
		esac
		echo "$f"
	done
	echo "$TOP/guests/$vm.c"
}

[ "${2:-}" != sources ] || { sources; exit 0; }

# shellcheck disable=SC2046
key=$(cat "$0" "$TOP"/init/*.h "$TOP"/modules/*.h $(sources) | sha256sum)
[ "$key" != "$(cat "$out.key" 2> /dev/null)" ] || exit 0

"$TOP/tools/need.sh" base kernel guest
rm -rf "$new"
mkdir -p "$new/bin" "$new/dev" "$new/etc"
# shellcheck disable=SC2046
step "build init for $arch" "$LOGS/init-$arch.log" "${cross}gcc" -O2 -Wall -Wextra -Wno-unused-parameter \
	-Werror -static -pthread -o "$new/init" $(sources)
if [ -z "$cross" ]; then
	cp /bin/busybox "$new/bin/"
	for applet in $(/bin/busybox --list | grep -vx busybox); do
		ln -sf busybox "$new/bin/$applet"
	done
	# Everybody is root there; nx_huge_pages_test.sh asks for more.
	printf '#!/bin/sh\nexec "$@"\n' > "$new/bin/sudo"
	chmod +x "$new/bin/sudo"
fi
echo root:x:0:0:root:/root:/bin/sh > "$new/etc/passwd"
(cd "$new" && find . | cpio --quiet -o -H newc -R 0:0) > "$out.cpio.new"
mv "$out.cpio.new" "$out.cpio"
rm -rf "$new"
echo "$key" > "$out.key"
