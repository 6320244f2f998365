#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# check.sh fast|all: the tests.  Every verdict is a row of the summary at the end.
# What boots in "fast" is up to the machine's level; kernels are built for all.
# MACHINES limits it to the scenarios of these; other machines' results are kept.
# MINUTES is for hosts of unknown speed: what has not begun by then is skipped, by name.
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
start=$(date +%s)
export LAB_RESULTS="$WORK/results.tsv"
lab=$WORK/tools/lab
MACHINES=${MACHINES:-}
for m in $MACHINES; do
	(machine "$m")
	[ ! -f "$LAB_RESULTS" ] || sed -i "/^$m\t/d" "$LAB_RESULTS"
done
[ -n "$MACHINES" ] || rm -f "$LAB_RESULTS"
# x86 first, so that others are skipped if MINUTES are over.
order=${MACHINES:-$(machines | tr ' ' '\n' | sort -r)}

part()
{
	printf '\n== %s (%s so far)\n' "$*" "$(since "$start")"
}

# row NAME COMMAND...: a test that is not a boot.
row()
{
	name=$1 begun=$(date +%s) verdict=pass good=1
	shift
	"$@" || { verdict=fail good=0; }
	"$lab" note - - - "$name" $verdict $good "$(($(date +%s) - begun))" '' || :
}

# Are the MINUTES over?
over()
{
	[ -n "$MINUTES" ] && [ $(($(date +%s) - start)) -ge $((MINUTES * 60)) ]
}

# late MACHINE FLAVOUR WHAT SCENARIO: is there no time left for this one?
late()
{
	over || return 1
	"$lab" note "$1" "$2" "$(basename "$3" .patch)" "$4" skip 1 0 "MINUTES=$MINUTES are over"
}

# boot MACHINE FLAVOUR WHAT SCENARIO[:CASE]; without CASE, all that the scenario has.
# What goes wrong is in the summary.
boot()
{
	split "$4"
	: "${case:=$(header "$file" each)}"
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
	if [ -n "$(header "$file" alone)" ]; then
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

# Those that a scenario asks for, or all that there is.  KASAN looks at whatever the
# debug flavour looks at, but for lockdep, which it does without.
flavours_of()
{
	wanted=$(header "$1" flavours)
	for flavour in $(flavours_now); do
		case " $wanted ${2:-} " in
		*" $flavour "*) echo "$flavour" ;;
		esac
	done | grep . || echo "${flavours%% *}"
}

# What is missing is said before an hour of building, not after.
# shellcheck disable=SC2046
"$TOP/tools/need.sh" lint $(for m in $order; do (machine "$m" && echo "$packages"); done)
if [ -z "$MACHINES" ]; then
	"$TOP/tools/prepare.sh" x86_64-svm plain series kselftests
	part 'the series and the lab: lint'
	row lint "$TOP/tools/lint.sh"
	part 'the series: what it leaves'
	row end-state "$TOP/tools/endstate.sh"
	part 'the lab: bad input'
	row bad-input "$TOP/tools/bad.sh"
fi

part 'kernels'
for m in $order; do
	! late "$m" - series built || continue
	(machine "$m" && "$TOP/tools/prepare.sh" "$m" "${flavours%% *}" series)
	machine "$m"
	for flavour in $(flavours_now); do
		"$TOP/tools/kernel.sh" "$m" "$flavour" series
		boots_now || "$lab" note "$m" "$flavour" series built pass 1 0 "$title; 'make check-all' boots it"
		! boots_now || "$TOP/tools/kernel.sh" "$m" "$flavour" base
	done
done

part 'scenarios'
for m in $order; do
	machine "$m"
	boots_now || continue
	[ "$how" = all ] || later=
	for file in "$TOP"/scenarios/*; do
		s=$(basename "$file")
		# shellcheck disable=SC2046
		has_all $(header "$file" needs) || continue
		[ "$how" = all ] || [ -z "$(header "$file" slow)" ] || continue
		! grep -q '^kselftests' "$file" || over || "$TOP/tools/selftests.sh" "$m"
		case $(header "$file" flavours):$(header "$file" lockdep) in
		debug:) more=kasan ;;
		*) more= ;;
		esac
		for what in $(header "$file" kernels); do
			for flavour in $(flavours_of "$file" "$more"); do
				boot_beside "$m" "$flavour" "$what" "$s"
			done
		done
		! grep -q '^kselftests' "$file" || ! header "$file" kernels | grep -q base || {
			wait
			late "$m" - both "$s" || "$lab" compare "$m" "$file" "$ROOM/$errata.errata" \
				"$WORK/run/$m-$flavour-base-$s" "$WORK/run/$m-$flavour-series-$s" || :
		}
	done
done
wait

if [ -z "$MACHINES" ]; then
	part 'guards: each one taken out, its test has to fail'
	# Those on the base come last: the tree is switched once.
	# shellcheck disable=SC2046
	for patch in $(grep -L '^On: ' "$ROOM"/mutants/*.patch) $(grep -l '^On: ' "$ROOM"/mutants/*.patch); do
		[ "$how" = all ] || [ -z "$(header "$patch" Slow)" ] || continue
		s=$(header "$patch" Scenario)
		for m in $(header "$patch" Machine | grep . || echo x86_64-svm); do
			machine "$m"
			flavour=$(flavours_of "$TOP/scenarios/${s%%:*}" | sed 1q)
			! late "$m" "$flavour" "$patch" "$s" || continue
			"$TOP/tools/kernel.sh" "$m" "$flavour" "$patch"
			# It boots while the next one is built.
			wait
			LAB_EXPECT=$(header "$patch" Expect) boot_beside "$m" "$flavour" "$patch" "$s"
		done
	done
	wait
	# Guards more or less are not worth kernels on disk.
	for patch in "$ROOM"/mutants/*.patch; do
		rm -rf "$WORK/kernel/"*"-$(basename "$patch" .patch)"
	done
fi

if [ "$how" = all ] && [ -z "$MACHINES" ]; then
	part 'every patch by itself, on every architecture that it touches'
	late - - - each-patch || row each-patch env -u LAB_RESULTS "$TOP/tools/each.sh"
fi

part 'summary'
good=0
"$lab" summary "$LAB_RESULTS" "$WORK/junit.xml" || good=1
echo
"$TOP/tools/table.sh"
exit $good
