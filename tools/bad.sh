#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# bad.sh: what users get wrong is answered in one line that says what to do, and a
# non-zero exit.
. "$(dirname "$0")/lib.sh"
lock
tmp=$WORK/bad
rm -rf "$tmp"
mkdir -p "$tmp"
mounted=
trap '[ -z "$mounted" ] || umount "$mounted"; rm -rf "$tmp"' EXIT
bad=0

# expect NAME TEXT COMMAND...
expect()
{
	name=$1 text=$2
	shift 2
	if "$@" > "$tmp/out" 2> "$tmp/err"; then
		say "  $name: was accepted"
		bad=1
	elif [ "$(wc -l < "$tmp/err")" -ne 1 ] || ! grep -q "$text" "$tmp/err"; then
		say "  $name: no line with '$text', but:"
		sed 's/^/    /' "$tmp/err"
		bad=1
	fi
}

expect 'unknown machine' "no machine 'vax'; there are: .*x86_64-svm" "$TOP/tools/one.sh" vax plain series demo
expect 'machine with a path' 'is not the name of a machine' "$TOP/tools/run.sh" ../base
expect 'unknown scenario' "no scenario 'nope'" "$TOP/tools/one.sh" x86_64-svm plain series nope
expect 'a scenario that the machine cannot run' "machine s390x cannot run uret: it takes 'uret'" \
	"$TOP/tools/one.sh" s390x '' series uret
expect 'unknown kernel' 'neither base nor series' "$TOP/tools/one.sh" x86_64-svm plain nope demo
expect 'unknown flavour' "no kernel of flavour 'nope'" "$TOP/tools/kernel.sh" x86_64-svm nope series
expect 'no number of minutes' "MINUTES='soon' is not a number" env MINUTES=soon "$TOP/tools/check.sh" fast
if [ -f "$PATCHES/series" ]; then
	expect 'unknown topic' "no topic 'nope'" "$TOP/tools/mail.sh" nope
	expect 'mail of version zero' "V='0' is not the number of a version" env V=0 "$TOP/tools/mail.sh" "$(topics | sed 1q)"
	expect 'mail since no tag' "SINCE='nope' is no tag" env SINCE=nope "$TOP/tools/mail.sh" "$(topics | sed 1q)"
	expect 'unknown topic of make each' "no topic 'nope'" env TOPIC=nope "$TOP/tools/each.sh"
fi
for tool in 'mail.sh nope' each.sh objects.sh 'prepare.sh x86_64-svm plain series' 'series.sh apply'; do
	# shellcheck disable=SC2086
	expect "no series yet, $tool" "there is no series for Linux $BASE yet" \
		env LAB_PATCHES="$tmp/none" "$TOP/tools/"$tool
done

expect 'unknown way to build' "no way 'nope'" "$TOP/tools/objects.sh" nope
expect 'unknown base' "BASE='6.6' is not a base" env BASE=6.6 "$TOP/tools/base.sh"
expect 'base without a name' "BASE='' is not a base" env BASE= "$TOP/tools/base.sh"

expect 'a package of no kernel' "KERNEL='nope' is neither base nor series" "$TOP/tools/deb.sh" nope
expect 'no such CONFIG' "CONFIG='$tmp/none' is not a file" env CONFIG="$tmp/none" "$TOP/tools/deb.sh" base
echo 'CONFIG_ARM64=y' > "$tmp/config"
expect 'CONFIG of another architecture' "is not a kernel's configuration for x86_64" \
	env CONFIG="$tmp/config" "$TOP/tools/deb.sh" base
echo 'CONFIG_X86_64=y' > "$tmp/config"
expect 'CONFIG without KVM' 'has no CONFIG_KVM' env CONFIG="$tmp/config" "$TOP/tools/deb.sh" base

# tree VERSION.PATCHLEVEL: what looks like the source of that kernel.
tree()
{
	mkdir -p "$tmp/$1/virt/kvm"
	printf 'VERSION = %s\nPATCHLEVEL = %s\nSUBLEVEL = 9\n' "${1%.*}" "${1#*.}" > "$tmp/$1/Makefile"
	: > "$tmp/$1/virt/kvm/kvm_main.c"
	echo "$tmp/$1"
}
expect 'wrong tree' "is Linux 6.6.9; BASE=$BASE is for $version.y" \
	env LINUX="$(tree 6.6)" BUILD="$tmp/build" "$TOP/tools/base.sh"
for other in $(bases | tr ' ' '\n' | grep -vxF "$BASE"); do
	expect "a tree of $other" "is Linux $other.9; BASE=$BASE is for $version.y" \
		env LINUX="$(tree "$other")" BUILD="$tmp/build" "$TOP/tools/base.sh"
done
expect 'no such tree' 'neither a directory nor a tarball' env LINUX="$tmp/none" "$TOP/tools/base.sh"
mkdir "$tmp/empty"
expect 'empty tree' 'holds no Linux source tree' env LINUX="$tmp/empty" BUILD="$tmp/build" "$TOP/tools/base.sh"

printf 'title: x\nflavour: debug\nload\n' > "$tmp/scenario"
expect 'unknown key of a scenario' "scenario:2: no key 'flavour'; there are: " "$BUILD/verdict/verdict" get "$tmp/scenario" title
echo 'a line of results' > "$tmp/results"
expect 'a broken line in results/' 'results:1: has 1 fields, not 14' "$BUILD/verdict/verdict" check ledger="$tmp/results"

# The proxy is a port of this machine on which nobody listens.
printf 'Acquire::http::Proxy "http://127.0.0.1:9";\nAcquire::https::Proxy "http://127.0.0.1:9";\nAcquire::Retries "0";\n' > "$tmp/apt.conf"
expect 'no network' 'no network, or' \
	env -u LINUX LAB_SPACE=unchecked APT_CONFIG="$tmp/apt.conf" BUILD="$tmp/build" "$TOP/tools/base.sh"
[ ! -e "$tmp/build/$BASE/linux.git" ] || { say '  no network: something half-done is left'; bad=1; }
expect 'no network, for an emulator' "fetch qemu-system-x86 failed: no network, or" \
	env LAB_SPACE=unchecked APT_CONFIG="$tmp/apt.conf" BUILD="$tmp/build" "$TOP/tools/emulator.sh" bookworm-backports qemu-system-x86
[ ! -e "$tmp/build/bookworm-backports" ] || { say '  no network: something half-done is left'; bad=1; }

mkdir "$tmp/bin"
for f in /bin/* /usr/bin/*; do
	case $f in
	*/qemu-system-* | */bochs-bin) ;;
	*) ln -sf "$f" "$tmp/bin/" ;;
	esac
done
expect 'no QEMU' 'missing packages; as root: apt-get install qemu-system-x86' \
	env -u LAB_PATH PATH="$tmp/bin" INSTALL=no "$TOP/tools/prepare.sh" x86_64-svm plain series
expect 'no Bochs' 'missing packages; as root: apt-get install bochs' \
	env -u LAB_PATH PATH="$tmp/bin" INSTALL=no "$TOP/tools/prepare.sh" x86_64-vmx plain series

# A patch whose context is gone: say which one, and where.
if [ -f "$PATCHES/series" ]; then
	topic=$(topics | sed 1q)
	cp -r "$PATCHES" "$tmp/patches"
	for broken in "$tmp/patches/$topic"/0001-*.patch; do
		awk '/^@@/ { seen = 1 } seen && /^ ./ && !done { $0 = $0 "gone"; done = 1 } { print }' "$broken" > "$tmp/broken"
		mv "$tmp/broken" "$broken"
		expect 'a patch does not apply' "$(basename "$broken") does not apply to Linux .* at .*:" \
			env LAB_PATCHES="$tmp/patches" "$TOP/tools/series.sh" apply
	done
	rm -rf "$tmp/patches"
	cp -r "$PATCHES" "$tmp/patches"
	: > "$tmp/patches/$topic/0003-stray.txt"
	expect 'a stray file in patches/' 'is not a patch of the series' env LAB_PATCHES="$tmp/patches" "$TOP/tools/series.sh" apply
	rm "$tmp/patches/$topic/0003-stray.txt"
	mkdir "$tmp/patches/99-unlisted"
	expect 'a topic not in series' 'is not named in patches/series' env LAB_PATCHES="$tmp/patches" "$TOP/tools/series.sh" apply
	rmdir "$tmp/patches/99-unlisted"
	echo 99-unlisted >> "$tmp/patches/series"
	expect 'a topic without directory' 'has no 0000-cover-letter' env LAB_PATCHES="$tmp/patches" "$TOP/tools/series.sh" apply
fi

if [ "$(id -u)" -eq 0 ] && mkdir "$tmp/full" && mount -t tmpfs -o size=64m tmpfs "$tmp/full" 2> /dev/null; then
	mounted=$tmp/full
	expect 'no space' 'MiB free, 12000 MiB are needed' env BUILD="$tmp/full" "$TOP/tools/base.sh"
	expect 'a disk that fills up' 'failed: no space left' \
		env -u LINUX LAB_SPACE=unchecked BUILD="$tmp/full" "$TOP/tools/base.sh"
	[ ! -e "$tmp/full/$BASE/linux.git" ] && [ ! -e "$tmp/full/$BASE/base.new" ] ||
		{ say '  a disk that fills up: something half-done is left'; bad=1; }
else
	say '  skipped: no space (cannot mount a small file system here)'
fi

# A second make while this one runs.
expect 'build in use' 'is in use by another make' env -u LAB_LOCKED "$TOP/tools/base.sh"
exit $bad
