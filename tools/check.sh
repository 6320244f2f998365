#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# check.sh fast|all: the tests, of both bases or of those that BASES names.  Every verdict
# is a row of the summary at the end.
# A kernel's scenarios run as soon as it is built; the most telling kernels come first.
# "fast" boots the machines that are marked so; "all" goes on where it stopped: a row in
# results/ that passed and whose kernel, scenario, machine and emulator are the same is kept.
# MACHINES limits it to the scenarios of these machines.  MINUTES is for hosts of unknown
# speed: what has not begun by then is skipped, by name.  KEEP= (empty) runs all again.
. "$(dirname "$0")/lib.sh"
lock
how=$1
case $how in
fast | all) ;;
*) die 'usage: check.sh fast|all' ;;
esac
MINUTES=${MINUTES:-}
case $MINUTES in
*[!0-9]* | 0*) die "MINUTES='$MINUTES' is not a number of minutes" ;;
esac
BASES=${BASES:-$(bases_in_order)}
for b in $BASES; do
	use_base "$b"
done
start=$(date +%s)
verdict=$BUILD/verdict/verdict
export LAB_RESULTS="$BUILD/results.tsv" LAB_KEEP=
[ "$how" = fast ] || LAB_KEEP=${KEEP-yes}
MACHINES=${MACHINES:-}
for m in $MACHINES; do
	(machine "$m")
done
rm -f "$LAB_RESULTS"
order=${MACHINES:-$(machines_in_order)}

part()
{
	printf '\n== %s (%s so far)\n' "$*" "$(since "$start")"
}

# note MACHINE FLAVOUR KERNEL SCENARIO VERDICT SECONDS DETAIL
note()
{
	"$verdict" note base="$BASE" machine="$1" flavour="$2" kernel="$(basename "$3" .patch)" scenario="$4" \
		verdict="$5" seconds="$6" detail="$7" || :
}

# row NAME COMMAND...: a test that is not a boot.
row()
{
	! late - - - "$1" || return 0
	name=$1 begun=$(date +%s) result=pass
	shift
	"$@" || result=fail
	note - - - "$name" $result "$(($(date +%s) - begun))" ''
}

# Are the MINUTES over?
over()
{
	[ -n "$MINUTES" ] && [ $(($(date +%s) - start)) -ge $((MINUTES * 60)) ]
}

# late MACHINE FLAVOUR KERNEL SCENARIO: is there no time left for this one?
late()
{
	over || return 1
	note "$1" "$2" "$3" "$4" skip 0 "MINUTES=$MINUTES are over"
}

# boot MACHINE FLAVOUR KERNEL SCENARIO[:CASE]; without CASE, all that the scenario has.
# What goes wrong is in the summary.
boot()
{
	split "$4"
	: "${case:=$(key_of "$file" each)}"
	for case in ${case:-""}; do
		"$TOP/tools/boot.sh" "$1" "$2" "$3" "$scenario${case:+:$case}" || :
	done
}

# Do two boots run?
busy()
{
	jobs > "$WORK/jobs"
	[ "$(grep -c Running "$WORK/jobs")" -ge 2 ]
}

# boot(), two at a time: an emulator seldom has work for both cores.
boot_beside()
{
	! late "$@" || return 0
	split "$4"
	if [ -n "$(key_of "$file" alone)" ]; then
		wait
		boot "$@"
		return
	fi
	while busy; do
		sleep 0.5
	done
	boot "$@" &
	# What is in the background is not interrupted from the terminal.
	trap 'kill 0' INT
}

boots_now()
{
	[ "$level" = fast ] || [ "$how" = all ] || [ -n "$MACHINES" ]
}

# The flavours that this run uses: KASAN and KCSAN are for check-all.
flavours_now()
{
	for flavour in $flavours; do
		case $flavour:$how in
		k?san:fast) ;;
		*) echo "$flavour" ;;
		esac
	done
}

# Those that a scenario asks for, or the machine's first one.  KASAN looks at whatever the
# debug flavour looks at, but for lockdep, which it does without.
flavours_of()
{
	wanted=$(key_of "$1" flavours)
	case $wanted:$(key_of "$1" lockdep) in
	debug:) wanted="$wanted kasan" ;;
	esac
	for flavour in $(flavours_now); do
		case " $wanted " in
		*" $flavour "*) echo "$flavour" ;;
		esac
	done | grep . || echo "${flavours%% *}"
}

# wants FILE FLAVOUR KERNEL: does the scenario run on this kernel of the machine?
wants()
{
	# shellcheck disable=SC2046
	has_all $(key_of "$1" needs) || return 1
	[ "$how" = all ] || [ -z "$(key_of "$1" slow)" ] || return 1
	case " $(key_of "$1" kernels) " in
	*" $3 "*) ;;
	*) return 1 ;;
	esac
	flavours_of "$1" | grep -qx "$2"
}

# unit MACHINE FLAVOUR KERNEL: build it, and put it through all that it has to take.
unit()
{
	machine "$1"
	[ "$how" = all ] || later=
	todo=
	for file in "$TOP"/scenarios/*; do
		! wants "$file" "$2" "$3" || todo="$todo $(basename "$file")"
	done
	[ -n "$todo" ] || return 0
	if over; then
		for s in $todo; do
			late "$1" "$2" "$3" "$s"
		done
		return
	fi
	part "Linux $BASE, $1, $2, $3"
	"$TOP/tools/prepare.sh" "$1" "$2" "$3" || {
		note "$1" "$2" "$3" build fail 0 "see $LOGS"
		return
	}
	for s in $todo; do
		! grep -q '^kselftests' "$TOP/scenarios/$s" || over || "$TOP/tools/selftests.sh" "$1"
		boot_beside "$1" "$2" "$3" "$s"
	done
	wait
	for s in $todo; do
		[ "$3" = series ] && grep -q '^kselftests' "$TOP/scenarios/$s" && [ -d "$WORK/run/$1-$2-base-$s" ] || continue
		late "$1" - both "$s" || "$verdict" compare base="$BASE" machine="$1" flavour="$2" scenario="$s" room="$ROOM" \
			base-dir="$WORK/run/$1-$2-base-$s" series-dir="$WORK/run/$1-$2-series-$s" || :
	done
}

# Guards that are taken out: the test of each has to fail.
mutants()
{
	# Those on the base come last: the tree is switched once.
	for patch in $(grep -Ls '^On: ' "$ROOM"/mutants/*.patch) $(grep -ls '^On: ' "$ROOM"/mutants/*.patch); do
		[ "$how" = all ] || [ -z "$(header "$patch" Slow)" ] || continue
		s=$(header "$patch" Scenario)
		for m in $(header "$patch" Machine | grep . || echo x86_64-svm); do
			machine "$m"
			boots_now || continue
			flavour=$(flavours_of "$TOP/scenarios/${s%%:*}" | sed 1q)
			! late "$m" "$flavour" "$patch" "$s" || continue
			"$TOP/tools/kernel.sh" "$m" "$flavour" "$patch"
			# It boots while the next one is built.
			wait
			boot_beside "$m" "$flavour" "$patch" "$s"
		done
	done
	wait
	# They are not worth their kernels on disk.
	for patch in "$ROOM"/mutants/*.patch; do
		rm -rf "$WORK/kernel/"*"-$(basename "$patch" .patch)"
	done
}

# What is missing is said before an hour of building, not after.
# shellcheck disable=SC2046
"$TOP/tools/need.sh" lint $(for m in $order; do (machine "$m" && ! boots_now || echo "$packages"); done)
"$TOP/tools/prepare.sh" tools

had=
for b in $BASES; do
	use_base "$b"
	if "$TOP/tools/base.sh"; then
		had="$had $b"
	else
		note - - - "Linux $b" skip 0 'cannot be had here: see the line above'
	fi
done
[ -n "$had" ] || die "none of the bases $BASES can be had: LINUX= takes a tree or tarball"

# for_each_base COMMAND...: in the room of each base that could be had.
for_each_base()
{
	for b in $had; do
		use_base "$b"
		"$@"
	done
}

# flavour MACHINE FLAVOUR: base and series, if the machine has such kernels.
flavour()
{
	machine "$1"
	for f in $(flavours_now); do
		[ "$f" = "$2" ] || continue
		for kernel in $(kernels); do
			unit "$1" "$f" "$kernel"
		done
	done
}

# Both bases of one machine, and then the next machine.
for m in $order; do
	machine "$m"
	boots_now || continue
	# Debug sees most.
	for f in debug plain kasan kcsan; do
		for_each_base flavour "$m" "$f"
	done
	[ -z "$MACHINES" ] && [ "$m" = x86_64-svm ] || continue
	part 'the series and the lab: lint, bad input'
	for_each_base row lint "$TOP/tools/lint.sh"
	for_each_base row end-state "$TOP/tools/endstate.sh"
	row bad-input "$TOP/tools/bad.sh"
	part 'mutants: the series with one check removed, its test has to fail'
	for_each_base mutants
done

if [ "$how" = all ] && [ -z "$MACHINES" ]; then
	part 'every patch by itself, on every architecture that it touches'
	for_each_base row each-patch env -u LAB_RESULTS "$TOP/tools/each.sh"
fi

# However little time there was: this much has to have run.
if [ -z "$MACHINES" ]; then
	for b in $had; do
		use_base "$b"
		for kernel in $(kernels); do
			awk -F '\t' -v b="$b" -v k="$kernel" '$1 == b && $2 == "x86_64-svm" && $4 == k && $6 != "skip" { found = 1 } END { exit !found }' "$LAB_RESULTS" ||
				note x86_64-svm - "$kernel" any fail 0 'did not run: the least that make check has to do'
		done
	done
fi

part summary
"$verdict" summary "$LAB_RESULTS" "$BUILD/junit.xml"
