#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# init.sh MACHINE: build init, busybox and the scenarios as build/BASE/init/ARCH.cpio.
# busybox is the host's: other architectures do without.
. "$(dirname "$0")/lib.sh"
lock
machine "$1"
out=$WORK/init/$arch
new=$out.new
key=$(cat "$0" "$TOP"/init/*.[ch] "$TOP"/init/steps/*.c "$TOP/guests/$vm.c" "$TOP"/modules/*.h "$TOP"/scenarios/* | sha256sum)
[ "$key" != "$(cat "$out.key" 2> /dev/null)" ] || exit 0

# Steps that only one architecture has are in files that end in its name.
sources()
{
	for f in "$TOP"/init/*-"$vm.c" "$TOP"/init/steps/*.c; do
		case $(basename "$f") in
		*-"$vm.c") ;;
		*-*) continue ;;
		esac
		[ ! -e "$f" ] || echo "$f"
	done
}

"$TOP/tools/need.sh" base kernel guest
rm -rf "$new"
mkdir -p "$new/bin" "$new/scenarios" "$new/dev" "$new/etc"
# shellcheck disable=SC2046
step "build init for $arch" "$LOGS/init-$arch.log" "${cross}gcc" -O2 -Wall -Wextra -Wno-unused-parameter \
	-Werror -static -pthread -o "$new/init" \
	"$TOP"/init/init.c "$TOP"/init/vm.c "$TOP/guests/$vm.c" $(sources)
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
cp "$TOP"/scenarios/* "$new/scenarios/"
(cd "$new" && find . | cpio --quiet -o -H newc -R 0:0) > "$out.cpio.new"
mv "$out.cpio.new" "$out.cpio"
rm -rf "$new"
echo "$key" > "$out.key"
