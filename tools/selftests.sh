#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# selftests.sh MACHINE: build the series' KVM selftests as build/BASE/selftests/ARCH.cpio.
# Both kernels run the same binaries, so that a difference is one of the kernels.
. "$(dirname "$0")/lib.sh"
lock
machine "$1"
out=$WORK/selftests/$arch
obj=$WORK/obj/selftests-$arch
tip=refs/lab/$(kernels | tail -n 1)
key=$({ git --git-dir="$STORE" rev-parse "$tip:tools/testing/selftests/kvm" "$tip:include/uapi" &&
	cat "$0" "$ROOM/selftests"; } | sha256sum)
[ "$key" != "$(cat "$out.key" 2> /dev/null)" ] || exit 0

"$TOP/tools/need.sh" base kernel selftests
need_space 1000
git -C "$SRC" checkout -q -f --detach "$tip"
dir=$SRC/tools/testing/selftests/kvm

# What this kernel's selftests lack is said where their arguments are.
stmake()
{
	make -C "$dir" ARCH="$arch" CROSS_COMPILE="$cross" OUTPUT="$obj/bin" \
		KHDR_INCLUDES="-isystem $obj/include" \
		EXTRA_CFLAGS="$(header "$ROOM/selftests" '# cflags') -idirafter $obj/extra" \
		LDFLAGS='-static -pthread -no-pie' "$@"
}

# Those that this compiler cannot build, each with its reason there.
without=$(header "$ROOM/selftests" "# without $arch" | sed 's/ .*//')

build()
{
	make -s -C "$SRC" O="$obj/headers" ARCH="$arch" headers_install INSTALL_HDR_PATH="$obj"
	[ -n "$without" ] || { stmake -j"$JOBS" all; return; }
	stmake -k -j"$JOBS" all || :
	list > "$obj/list"
	# Compiled or a script, and no other is missing.
	while read -r f; do
		[ -x "$obj/bin/$f" ] || [ -f "$dir/$f" ] || { echo "ERROR: no $f"; return 1; }
	done < "$obj/list"
}
# What the Makefile names is the list; what was not built is missing in a report.
list()
{
	cat > "$obj/list.mk" <<-EOF
		include Makefile
		lab-list: ; @printf '%s\n' \$(patsubst \$(OUTPUT)/%,%,\$(TEST_GEN_PROGS)) \$(TEST_PROGS)
	EOF
	stmake --no-print-directory -s -f "$obj/list.mk" lab-list |
		awk -v without="$without" 'BEGIN { split(without, w); for (i in w) not[w[i]] } !($1 in not)'
}
mkdir -p "$obj/bin" "$obj/extra/linux"
for f in $(header "$ROOM/selftests" '# headers'); do
	cp "$SRC/include/$f" "$obj/extra/$f"
done
step "build the KVM selftests for $arch" "$LOGS/selftests-$arch.log" build

new=$out.new
rm -rf "$new"
mkdir -p "$new/selftests"
list > "$new/list"
awk -v only="$arch:" '/^#/ { next }
	NR == FNR && $1 ~ /:$/ { if ($1 != only) next; sub(/^[^ ]* /, "") }
	NR == FNR { name = $1 == "slow" ? $2 : $1; line[name] = $0; next }
	{ print $1 in line ? line[$1] : $1 }' "$ROOM/selftests" "$new/list" > "$new/selftests/list"
rm "$new/list"
(cd "$obj/bin" && find . -type f -perm -100 ! -name '*.o') | while read -r f; do
	mkdir -p "$new/selftests/$(dirname "$f")"
	"${cross}strip" -o "$new/selftests/$f" "$obj/bin/$f"
done
sed -n 's/^\(slow \)*\([^ ]*\.sh\).*/\2/p' "$new/selftests/list" | while read -r f; do
	cp "$dir/$f" "$new/selftests/$f"
done
mkdir -p "$WORK/selftests"
(cd "$new" && find . | cpio --quiet -o -H newc -R 0:0) > "$out.cpio.new"
mv "$out.cpio.new" "$out.cpio"
rm -rf "$new"
echo "$key" > "$out.key"
