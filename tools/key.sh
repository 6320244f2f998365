#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# key.sh MACHINE FLAVOUR WHAT SCENARIO[:CASE]...: for each scenario a line with its name,
# its key and the id of the kernel's tree.  The key is a hash of all that the verdict
# depends on: kernel with configuration and test modules, scenario with the sources of its
# steps and what they share, guest, what is expected, machine, emulator.
. "$(dirname "$0")/lib.sh"
lock
machine "$1"
name=$1 flavour=$2 what=$(basename "$3" .patch)
on=$what
[ ! -f "$3" ] || on=$(header "$3" On | grep . || echo series)
tree=$(git --git-dir="$STORE" rev-parse --short=12 "refs/lab/$on^{tree}" 2> /dev/null || echo -)
# shellcheck disable=SC2086
[ -z "$emulator_from" ] || "$TOP/tools/emulator.sh" $emulator_from >&2 || :
kernel_key=$("$TOP/tools/kernel.sh" "$name" "$flavour" "$3" key)
# shellcheck disable=SC2034
version=$(
	console='' report='' image='' initrd='' once=''
	eval "set -- $(echo "$emulator" | tr '\n' ' ')"
	"$1" --version 2> /dev/null | sed 1q
)
shift 3

# sources SCENARIO-FILE: where its steps are.
sources()
{
	names=$("$BUILD/verdict/verdict" steps "$1" | sed 's/ .*//' | sort -u | paste -sd '|')
	grep -lE "^(STEP\\(|	\\{ )\"($names)\"," "$TOP"/init/steps/*.c
}

for full in "$@"; do
	split "$full"
	key=$({
		echo "$kernel_key" "$version" "$cpus" "$append" "$emulator" "$modules" "$lacks" "$quirks" "$banner" "$full"
		# shellcheck disable=SC2046
		cat "$file" "$TOP"/init/*.[ch] "$TOP/guests/$vm.c" $(sources "$file")
		"$BUILD/verdict/verdict" expect room="$ROOM" scenario="$full" kernel="$what" machine="$name" flavour="$flavour"
		! runs_host_check "$file" || "$TOP/tools/host-check.sh" key
		[ -z "$debian" ] || cat "$TOP/tools/debian.sh"
		! grep -q '^kselftests' "$file" || cat "$ROOM/errata" "$ROOM/selftests"
	} | sha256sum)
	echo "$full $(echo "$key" | cut -c1-16) $tree"
done
