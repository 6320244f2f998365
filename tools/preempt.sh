#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# preempt.sh: the longest section with preemption disabled on the CPU of who creates
# the first VM and destroys the last one, on base and series of BASE, as the kernel's
# tracer sees it; 2, 8 and 16 CPUs.  CPUS limits it.  Writes bench/preempt-BASE.txt.
. "$(dirname "$0")/lib.sh"
lock
machine x86_64-svm
all_cpus=${CPUS:-2 8 16}
for what in base series; do
	"$TOP/tools/prepare.sh" x86_64-svm trace "$what"
done

tsv=$WORK/preempt.tsv
: > "$tsv"
export CPUS
for CPUS in $all_cpus; do
	for what in base series; do
		say "$CPUS CPUs, $what"
		LAB_RESULTS='' "$TOP/tools/boot.sh" x86_64-svm trace "$what" hw-preempt > "$LOGS/preempt.log" ||
			{ sed -n 1,6p "$LOGS/preempt.log"; die "the boot failed: $LOGS/preempt.log"; }
		sed -n "s/^# preempt/$CPUS	$what/p" \
			"$WORK/run/x86_64-svm-trace-$what-hw-preempt/report" >> "$tsv"
	done
done

{
	echo "# SPDX-License-Identifier: GPL-2.0-only"
	echo "# Written by make preempt, Linux $(cat "$STORE/lab-release"): us, median of 100 and what 90 of them are below."
	echo "# what         CPUs      base          series"
	sort -t '	' -k3,3 -k1,1n -k2,2 "$tsv" | awk -F '\t' '
	$2 == "base" { base = sprintf("%6d %6d", $4, $5) }
	$2 == "series" { printf "%-13s %5d  %s  %6d %6d\n", $3, $1, base, $4, $5 }'
} > "$TOP/bench/preempt-$BASE.txt"
cat "$TOP/bench/preempt-$BASE.txt"
