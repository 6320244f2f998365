#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# boot.sh MACHINE FLAVOUR WHAT SCENARIO: boot what kernel.sh built, put it through
# the scenario, judge. All that the machine said stays in build/BASE/run/.
# CPUS and APPEND override the number of CPUs and add to the command line.
# LAB_RECORD=yes: the row goes into results/BASE.
# SCENARIO "shell" is a shell in the machine, on this terminal.  SCENARIO:CASE is one
# of those that the scenario's "each:" line names; the machine finds it in lab.case=.
. "$(dirname "$0")/lib.sh"
lock
machine "$1"
name=$1 flavour=$2 what=$(basename "$3" .patch) full=$4
split "$full"

verdict=$BUILD/verdict/verdict
row="base=$BASE machine=$name flavour=$flavour kernel=$what scenario=$full"
# Where rows are counted, what ends before there is a verdict is one, too.
judged='' recorded=''
not_judged()
{
	# shellcheck disable=SC2086,SC2317
	[ -n "$judged" ] || [ -z "${LAB_RESULTS:-}" ] ||
		"$verdict" note $row verdict=fail detail='ended before there was a verdict' || :
}
trap not_judged EXIT
if [ "${LAB_RECORD:-}" = yes ] && [ "$scenario" != shell ]; then
	mkdir -p "$TOP/results"
	# "SCENARIO KEY TREE"
	recorded=$("$TOP/tools/key.sh" "$1" "$2" "$3" "$full")
	recorded=${recorded#* }
	recorded="ledger=$TOP/results/$BASE key=${recorded% *} tree=${recorded#* }"
	"$verdict" check ledger="$TOP/results/$BASE"
fi

dir=$WORK/run/$name-$flavour-$what-$full
kernel=$WORK/kernel/$kernel-$flavour-$what
rm -rf "$dir"
mkdir -p "$dir/root"
need_space 300

# Modules by boot, selftests only where they are run.
cp -r "$kernel/modules" "$dir/root/modules"
[ "$scenario" = shell ] || "$verdict" steps "$file" > "$dir/root/steps"
# With a system of its own, the machine takes from this archive what it runs.
if [ -n "$debian" ]; then
	: > "$dir/initrd"
else
	cp "$WORK/init/$arch.cpio" "$dir/initrd"
fi
! runs_host_check "$file" || cp "$BUILD/host-check/host-check" "$dir/root/"
(cd "$dir/root" && find . | cpio --quiet -o -H newc -R 0:0) >> "$dir/initrd"
! grep -qs '^kselftests' "$file" || cat "$WORK/selftests/$arch.cpio" >> "$dir/initrd"
rm -rf "$dir/root"
# A kernel to jump into, and what this one got; it will not find another one there.
if grep -q '^\(restart\|reboot\) [kc]' "$file" 2> /dev/null; then
	mkdir -p "$dir/root/next"
	cp "$kernel/image" "$dir/initrd" "$dir/root/next/"
	(cd "$dir/root" && find . | cpio --quiet -o -H newc -R 0:0) >> "$dir/initrd"
	rm -rf "$dir/root"
fi

# Named in the machine's emulator line.
# shellcheck disable=SC2034
console=$dir/console report=$dir/report image=$kernel/image initrd=$dir/initrd once=-no-reboot
# {ROLE} is what plays it in this kernel.
roles=$(sed -n 's/^#define \([A-Z0-9_]*\)[[:space:]]*"\([^"]*\)"$/s,{\1},\2,/p' "$ROOM/compat.h")
[ "$scenario" = shell ] || append="$append $(key_of "$file" append | sed "$roles")"
append="$append ${APPEND:-} lab.scenario=$scenario ${case:+lab.case=$case} lab.modules=$modules"
append="$append lab.lacks=$(words "$lacks" "$quirks" | tr ' ' ,)"
if [ "$scenario" = shell ]; then
	case $emulator in
	*'-serial file:$console'*) ;;
	*) die "there is no shell in $name: its emulator has no terminal for one" ;;
	esac
	say "a shell in $name; leave it with 'exit', or the emulator with Ctrl-a x"
	eval "exec $(echo "$emulator" | sed 's/-serial file:$console/-serial mon:stdio/' | tr '\n' ' ')"
fi

cpus=${CPUS:-$(key_of "$file" cpus | grep . || echo "$cpus")}
boots=$(key_of "$file" boots)
enough=25
# shellcheck disable=SC2034
[ "$boots" -eq 1 ] || once='' enough=1
seconds=$(($(key_of "$file" timeout) * patience))
# A mutant says itself what it breaks.
case $3 in
*/*) expect=$(header "$3" Expect) ;;
*) expect=$("$verdict" expect room="$ROOM" scenario="$full" kernel="$what" machine="$name" flavour="$flavour") ;;
esac
eval "set -- $(echo "$emulator" | tr '\n' ' ')"
printf '%s ' "$@" > "$dir/command"
version=$("$1" --version 2> /dev/null | sed -n '1{s/ (Debian.*//;p}')
echo "$version" > "$dir/version"
[ "$seconds" -lt 400 ] ||
	say "  .. $name $flavour $what $full, $seconds s at most; progress: ${report#"$PWD"/}"

# Has the machine said all that it is going to say?
enough_said()
{
	[ "$(grep -cs '^# lab: complete' "$report")" -lt "$boots" ] || return 0
	# One that deadlocked, as it has to, would use up all of its time.  What it says
	# on its console is long: look every 5 s.
	[ "${expect#splat}" != "$expect" ] && [ "$((beat % 25))" -eq 0 ] &&
		grep -qs 'possible circular' "$console"
}

# The emulator ends when the machine powers off.  Not every machine can: it is ended
# 5 s after the report is complete, or at once where it would only restart again.
emulate()
{
	start=$(date +%s)
	touch "$console" "$report"
	ended='exit 0' quiet=0 beat=0
	timeout -k 5 "$seconds" "$@" < /dev/null > "$dir/emulator" 2>&1 &
	pid=$!
	trap 'kill $pid 2> /dev/null; exit 130' INT TERM
	while kill -0 $pid 2> /dev/null; do
		sleep 0.2
		beat=$((beat + 1))
		if [ "$quiet" -gt 0 ] || enough_said; then
			quiet=$((quiet + 1))
		fi
		[ "$quiet" -lt "$enough" ] || kill $pid 2> /dev/null || :
	done
	wait $pid || ended="exit $?"
	trap - INT TERM
	[ "$quiet" -lt "$enough" ] || ended='exit 0'
	[ "$ended" != 'exit 124' ] && [ "$ended" != 'exit 137' ] || ended=timeout
}

# TCG was seen to lose timer interrupts, once in some twenty boots, on the base.
# A hang is tried once more; what the first try said is kept, and pointed to.
emulate_patiently()
{
	emulate "$@"
	case $ended:$expect in
	timeout:*hang*) ;;
	timeout:*)
		mkdir -p "$dir/hung"
		mv "$console" "$report" "$dir/hung/"
		say "       note: $full hung at the first try: ${dir#"$PWD"/}/hung"
		emulate "$@"
		;;
	esac
}
emulate_patiently "$@"

judge()
{
	# shellcheck disable=SC2086
	"$verdict" judge $row "$@" file="$file" room="$ROOM" banner="$banner" dir="$dir" ended="$ended" \
		expect="$expect" emulator="$version" seconds=$(($(date +%s) - start))
}

# What has to go wrong, and does not on a host that stalls, gets one more try as well.
# What has to pass does not.
case $expect in
pass | *hang*) ;;
*)
	mkdir -p "$dir/first"
	if ! LAB_RESULTS='' judge > "$dir/first/verdict"; then
		mv "$console" "$report" "$dir/first/"
		say "       note: $full did not go wrong as it has to at the first try: ${dir#"$PWD"/}/first"
		emulate_patiently "$@"
	fi
	;;
esac
rm -f "$dir/initrd"

# shellcheck disable=SC2086
judge $recorded && result=0 || result=$?
# 2: it could not tell.
[ "$result" -gt 1 ] || judged=yes
exit "$result"
