#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# host-check.sh: look at KVM on this host, as it is, with a program that runs on any other one, too.
# host-check.sh build: just the program, as build/host-check/host-check.
# host-check.sh key: the hash of all that goes into it.
. "$(dirname "$0")/lib.sh"
lock
machine x86_64-svm
out=$BUILD/host-check
# Steps of x86, with another main().
programs=$("$TOP/tools/init.sh" x86_64-svm sources | grep -v '/init/init\.c$')
# shellcheck disable=SC2086
key=$(cat "$0" "$TOP"/init/*.[ch] "$TOP"/init/host/*.c $programs | sha256sum)
[ "${1:-}" != key ] || { echo "$key"; exit 0; }
if [ "$key" != "$(cat "$out/key" 2> /dev/null)" ]; then
	"$TOP/tools/need.sh" kernel
	rm -rf "$out"
	mkdir -p "$out"
	# shellcheck disable=SC2086
	step 'build host-check' "$LOGS/host-check.log" gcc -O2 -Wall -Wextra -Wno-unused-parameter -Werror \
		-static -pthread -o "$out/host-check" "$TOP/init/host/main.c" $programs
	echo "$key" > "$out/key"
fi
[ "${1:-}" != build ] || exit 0
say "the program: ${out#"$PWD"/}/host-check"
exec "$out/host-check"
