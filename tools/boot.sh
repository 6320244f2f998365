#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# boot.sh MACHINE FLAVOUR WHAT SCENARIO: boot what kernel.sh built, put it through
# the scenario, judge. All that the machine said stays in build/run/.
# SCENARIO "shell" is a shell in the machine, on this terminal.
. "$(dirname "$0")/lib.sh"
lock
machine "$1"
name=$1 flavour=$2 what=$(basename "$3" .patch) scenario=$4

file=$TOP/scenarios/$scenario
dir=$BUILD/run/$name-$flavour-$what-$scenario
kernel=$BUILD/kernel/$kernel-$flavour-$what
rm -rf "$dir"
mkdir -p "$dir/root"
need_space 300

# Modules by boot, selftests only where they are run.
cp -r "$kernel/modules" "$dir/root/modules"
cp "$BUILD/guest/$arch.cpio" "$dir/initrd"
(cd "$dir/root" && find . | cpio --quiet -o -H newc -R 0:0) >> "$dir/initrd"
! grep -qs '^kselftests' "$file" || cat "$BUILD/selftests/$arch.cpio" >> "$dir/initrd"
rm -rf "$dir/root"

# Named in the machine's emulator line.
# shellcheck disable=SC2034
console=$dir/console report=$dir/report image=$kernel/image initrd=$dir/initrd
append="$append lab.scenario=$scenario lab.modules=$modules"
if [ "$scenario" = shell ]; then
	say "a shell in $name; leave it with 'exit', or the emulator with Ctrl-a x"
	eval "exec $(echo "$interactive" | tr '\n' ' ') -append '$append'"
fi

cpus=$(header "$file" cpus | grep . || echo "$cpus")
command="$(eval "echo \"$(echo "$emulator" | tr '\n\t' '  ')\"") -append '$append'"
echo "$command" > "$dir/command"
seconds=$(header "$file" timeout)
[ "${seconds:-120}" -lt 400 ] ||
	say "  .. $name $flavour $what $scenario, $seconds s at most; progress: ${report#"$PWD"/}"

emulate()
{
	start=$(date +%s)
	ended='exit 0'
	eval "timeout -k 5 ${seconds:-120} $command" < /dev/null > "$dir/emulator" 2>&1 || ended="exit $?"
	[ "$ended" != 'exit 124' ] && [ "$ended" != 'exit 137' ] || ended=timeout
	touch "$console" "$report"
}
emulate

# TCG was seen to lose timer interrupts, once in some twenty boots, on the base.
# A hang is tried once more; what the first try said is kept, and pointed to.
if [ "$ended" = timeout ] && [ "$(header "$file" expect)" != hang ]; then
	mkdir -p "$dir/hung"
	mv "$console" "$report" "$dir/hung/"
	say "       note: $scenario hung at the first try: ${dir#"$PWD"/}/hung"
	emulate
fi
rm -f "$dir/initrd"

"$BUILD/tools/lab" judge "$name" "$flavour" "$what" "$file" "$TOP/machines/$name.errata" \
	"$banner" "$dir" "$ended" "$(($(date +%s) - start))"
