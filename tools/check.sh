#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# check.sh fast|all: the tests.  Every verdict is a row of the summary at the end.
. "$(dirname "$0")/lib.sh"
lock
how=$1
start=$(date +%s)
export LAB_RESULTS="$BUILD/results.tsv"
rm -f "$LAB_RESULTS"
lab=$BUILD/tools/lab

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

"$TOP/tools/prepare.sh" x86_64-svm plain series kselftests

part 'the series and the lab: lint'
row lint "$TOP/tools/lint.sh"
part 'the lab: bad input'
row bad-input "$TOP/tools/bad.sh"

part 'kernels'
case $how in
fast) flavours='plain debug' ;;
all) flavours='plain debug kasan' ;;
*) die 'usage: check.sh fast|all' ;;
esac
machines=x86_64-svm
for m in $machines; do
	for flavour in $flavours; do
		"$TOP/tools/kernel.sh" "$m" "$flavour" series
		"$TOP/tools/kernel.sh" "$m" "$flavour" base
	done
done

# boot MACHINE FLAVOUR WHAT SCENARIO; what goes wrong is in the summary.
boot()
{
	"$TOP/tools/boot.sh" "$@" || :
}

part 'scenarios'
for m in $machines; do
	for file in "$TOP"/scenarios/*; do
		s=$(basename "$file")
		[ "$how" = all ] || [ -z "$(header "$file" slow)" ] || continue
		for flavour in $(header "$file" flavours); do
			for what in $(header "$file" kernels); do
				boot "$m" "$flavour" "$what" "$s"
			done
		done
		! grep -q '^kselftests' "$file" || "$lab" compare "$m" "$file" "$TOP/machines/$m.errata" \
			"$BUILD/run/$m-plain-base-$s" "$BUILD/run/$m-plain-series-$s" || :
		# KASAN looks at whatever the debug flavour looks at.
		[ "$how" = all ] && [ "$(header "$file" flavours)" = debug ] || continue
		case $s in
		busted-lockdep) continue ;;	# no lockdep there
		esac
		for what in $(header "$file" kernels); do
			boot "$m" kasan "$what" "$s"
		done
	done
done

part 'guards: each one taken out, its test has to fail'
for patch in "$TOP"/mutants/*.patch; do
	s=$(header "$patch" Scenario)
	"$TOP/tools/kernel.sh" x86_64-svm debug "$patch"
	LAB_EXPECT=$(header "$patch" Expect) boot x86_64-svm debug "$patch" "$s"
	# A guard more or less is not worth a kernel on disk.
	rm -rf "$BUILD/kernel/x86_64-debug-$(basename "$patch" .patch)"
done

if [ "$how" = all ]; then
	part 'every patch by itself'
	row each-patch env -u LAB_RESULTS "$TOP/tools/each.sh" x86_64-svm
fi

part 'summary'
"$lab" summary "$LAB_RESULTS" "$BUILD/junit.xml"
