#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# check.sh fast|all: the tests, of both bases or of those that BASES names.  Every verdict
# is a row of the summary at the end.
# A kernel's scenarios run as soon as it is built; the most telling kernels come first.
# "fast" boots the machines that are marked so; "all" goes on where it stopped: a row in
# results/ that passed and whose kernel, scenario, machine and emulator are the same is kept.
# MACHINES limits it to the scenarios of these machines, SCENARIOS to these.  MINUTES is for
# hosts of unknown speed: what has not begun by then is skipped, by name.  KEEP= (empty) runs
# all again.
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
export LAB_RESULTS="$BUILD/results.tsv" LAB_KEEP='' LAB_RECORD=''
[ "$how" = fast ] || LAB_KEEP=${KEEP-yes} LAB_RECORD=yes
MACHINES=${MACHINES:-} SCENARIOS=${SCENARIOS:-}
for m in $MACHINES; do
	(machine "$m")
done
for s in $SCENARIOS; do
	[ -f "$TOP/scenarios/$s" ] || die "no scenario '$s' in scenarios/"
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

# boot MACHINE FLAVOUR KERNEL SCENARIO[:CASE]: what goes wrong is in the summary.
boot()
{
	"$TOP/tools/boot.sh" "$@" || :
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

# rows: what has to run with this base, as the program sees it.
list_rows()
{
	[ ! -f "$PATCHES/series" ] || "$TOP/tools/series.sh" apply
	"$TOP/tools/verdict.sh" machines
	# A machine that is asked for by name boots, whatever its level.
	for m in $MACHINES; do
		sed -i "s/^\($m\t\)all\t/\1fast\t/" "$WORK/machines.tsv"
	done
	"$verdict" rows room="$ROOM" scenarios="$TOP/scenarios" machines="$WORK/machines.tsv" \
		kernels="$(kernels | paste -sd ' ')" how="$how" mutants=x86_64-svm > "$WORK/rows" ||
		die "there are faults in scenarios/ or $ROOM: see above"
	[ -n "$SCENARIOS" ] || return 0
	awk -F '\t' -v only=" $SCENARIOS " '
		{ s = $4; sub(/:.*/, "", s) }
		index(only, " " s " ")' "$WORK/rows" > "$WORK/rows.some"
	mv "$WORK/rows.some" "$WORK/rows"
}

# rows MACHINE FLAVOUR KERNEL: the scenarios, each with its case.
rows()
{
	awk -F '\t' -v m="$1" -v f="$2" -v k="$3" '$1 == m && $2 == f && $3 == k { print $4 }' "$WORK/rows"
}

# not_kept MACHINE FLAVOUR WHAT SCENARIO...: without those of results/ that are still true.
not_kept()
{
	if [ "$LAB_KEEP" != yes ]; then
		shift 3
		echo "$*"
		return
	fi
	# Not in a pipe: without keys, nothing would run, and nobody would know.
	keys=$("$TOP/tools/key.sh" "$@")
	echo "$keys" | while read -r s key tree; do
		"$verdict" keep ledger="$TOP/results/$BASE" base="$BASE" machine="$1" flavour="$2" \
			kernel="$(basename "$3" .patch)" scenario="$s" key="$key" tree="$tree" >&2 || echo "$s"
	done | paste -sd ' '
}

# unit MACHINE FLAVOUR WHAT SCENARIO...: build the kernel, and put it through all of them.
# Two kernels' selftests are compared when both have run.
unit()
{
	m=$1 flavour=$2 what=$3
	shift 3
	[ $# -gt 0 ] || return 0
	if over; then
		for s in "$@"; do
			late "$m" "$flavour" "$what" "$s"
		done
		return
	fi
	machine "$m"
	part "Linux $BASE, $m, $flavour, $(basename "$what" .patch)"
	todo=$(not_kept "$m" "$flavour" "$what" "$@")
	[ -n "$todo" ] || return 0
	if ! "$TOP/tools/prepare.sh" "$m" "$flavour" "$what"; then
		note "$m" "$flavour" "$what" build fail 0 "see $LOGS"
		return
	fi
	# One that was built while another mutant booted: the tree is free, the emulators are not.
	wait
	for s in $todo; do
		! grep -q '^kselftests' "$TOP/scenarios/${s%%:*}" || over || "$TOP/tools/selftests.sh" "$m"
		! runs_host_check "$TOP/scenarios/${s%%:*}" || "$TOP/tools/host-check.sh" build
		boot_beside "$m" "$flavour" "$what" "$s"
	done
	for s in $todo; do
		run=$WORK/run/$m-$flavour
		[ "$what" = series ] && grep -q '^kselftests' "$TOP/scenarios/${s%%:*}" && [ -d "$run-base-$s" ] || continue
		wait
		late "$m" - both "$s" || "$verdict" compare base="$BASE" machine="$m" flavour="$flavour" scenario="$s" \
			room="$ROOM" base-dir="$run-base-$s" series-dir="$run-series-$s" || :
	done
}

# Mutants: the test of each has to fail.  Those on the base come last: the tree is switched
# once.  Each boots while the next one is built.
mutants()
{
	for patch in $(grep -Ls '^On: ' "$ROOM"/mutants/*.patch) $(grep -ls '^On: ' "$ROOM"/mutants/*.patch); do
		name=$(basename "$patch" .patch)
		# shellcheck disable=SC2013 # they are words
		for mf in $(awk -F '\t' -v k="$name" '$3 == k { print $1 ":" $2 }' "$WORK/rows" | sort -u); do
			(machine "${mf%:*}" && boots_now) || continue
			# shellcheck disable=SC2046
			unit "${mf%:*}" "${mf#*:}" "$patch" $(rows "${mf%:*}" "${mf#*:}" "$name")
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
	"$verdict" check ledger="$TOP/results/$BASE"
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

# flavour MACHINE FLAVOUR: base and series.
flavour()
{
	for kernel in $(kernels); do
		# shellcheck disable=SC2046
		unit "$1" "$2" "$kernel" $(rows "$1" "$2" "$kernel")
	done
	wait
}

each_patch()
{
	[ ! -f "$PATCHES/series" ] || row each-patch env -u LAB_RESULTS "$TOP/tools/each.sh"
}

for_each_base list_rows
# Both bases of one machine, and then the next machine.
for m in $order; do
	machine "$m"
	boots_now || continue
	# Debug sees most.
	# shellcheck disable=SC2086
	for f in $(printf '%s\n' debug $flavours | awk '!seen[$0]++'); do
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
	for_each_base each_patch
fi

# However little time there was: this much has to have run.
if [ -z "$MACHINES$SCENARIOS" ]; then
	for b in $had; do
		use_base "$b"
		for kernel in $(kernels); do
			awk -F '\t' -v b="$b" -v k="$kernel" '$1 == b && $2 == "x86_64-svm" && $4 == k && $6 != "skip" { found = 1 } END { exit !found }' "$LAB_RESULTS" ||
				note x86_64-svm - "$kernel" any fail 0 'did not run: the least that make check has to do'
		done
	done
fi

part summary
"$verdict" summary rows="$LAB_RESULTS" junit="$BUILD/junit.xml"
