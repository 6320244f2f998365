#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# bench.sh: how long VMs take to be created and destroyed, on base, series, series
# without the wait for readers of vm_list, and Linux 6.12 with virtualization enabled
# on demand and at load; 2, 8 and 16 CPUs; side by side, several times in turn.
# ROUNDS and CPUS limit it.  What counts are ratios: the host is shared.
. "$(dirname "$0")/lib.sh"
lock
machine x86_64-svm
rounds=${ROUNDS:-3} all_cpus=${CPUS:-2 8 16}
no_wait=$TOP/mutants/vmlist-no-wait.patch
"$TOP/tools/need.sh" bench
for what in base series "$no_wait"; do
	"$TOP/tools/prepare.sh" x86_64-svm plain "$what"
done
"$TOP/tools/base.sh" 6.12
"$TOP/tools/kernel.sh" x86_64-svm plain 6.12

tsv=$BUILD/bench.tsv
: > "$tsv"
export CPUS APPEND
for round in $(seq "$rounds"); do
	for CPUS in $all_cpus; do
		for what in base series "$no_wait" 6.12-demand 6.12-load; do
			label=$(basename "$what" .patch) kernel_of=$what APPEND=
			case $what in
			6.12-demand) kernel_of=6.12 APPEND=kvm.enable_virt_at_load=0 ;;
			6.12-load) kernel_of=6.12 APPEND=kvm.enable_virt_at_load=1 ;;
			esac
			say "round $round of $rounds, $CPUS CPUs, $label"
			LAB_RESULTS='' "$TOP/tools/boot.sh" x86_64-svm plain "$kernel_of" bench > "$LOGS/bench.log" ||
				{ sed -n 1,6p "$LOGS/bench.log"; die "the boot failed: $LOGS/bench.log"; }
			sed -n "s/^# bench/$CPUS	$label/p" \
				"$BUILD/run/x86_64-svm-plain-$(basename "$kernel_of" .patch)-bench/report" >> "$tsv"
		done
	done
done

# The median of the rounds' medians, and its ratio to the base's.
table()
{
	sort -t '	' -k1,1n -k3,3 -k4,4 -k2,2 -k5,5n "$tsv" | awk -F '\t' -v OFS='\t' '
	{ key = $1 OFS $3 OFS $4 OFS $2; if (key != last) n = 0; last = key; v[key, ++n] = $5; count[key] = n }
	END { for (key in count) print key, v[key, int((count[key] + 1) / 2)] }' |
		sort -t '	' -k2,2 -k3,3 -k1,1n | awk -F '\t' '
	function flush() { if (row != "") printf "%s  %8d %8d %5.2f %8d %5.2f %8d %5.2f %8d %5.2f\n", row, b,
		s, s / b, w, s / w, d, s / d, l, s / l }
	{ r = sprintf("%-8s %-13s %3d", $2, $3, $1)
	  if (r != row) { flush(); row = r }
	  if ($4 == "base") b = $5; else if ($4 == "series") s = $5; else if ($4 == "vmlist-no-wait") w = $5
	  else if ($4 == "6.12-demand") d = $5; else l = $5 }
	END { flush() }'
}

mkdir -p "$TOP/bench"
{
	echo "# SPDX-License-Identifier: GPL-2.0-only"
	echo "# Written by make bench: median of $rounds boots' medians of 100, in us; s/x is series by x."
	echo "# Base $(cat "$STORE/lab-release"), 6.12 is $(cat "$STORE/lab-release-6.12"), $(cat "$BUILD/run/x86_64-svm-plain-base-bench/version"), tsc=reliable"
	echo "# load     what         CPUs      base   series   s/b  no wait  s/nw   demand   s/d  at load   s/l"
	table
} > "$BUILD/bench.txt"
cp "$BUILD/bench.txt" "$TOP/bench/create.txt"
cat "$BUILD/bench.txt"

# A file for each panel of the plot: a row for each number of CPUs.
dir=$BUILD/bench.dat
rm -rf "$dir"
mkdir -p "$dir"
i=0
for metric in 'create 0->1' 'create 1->2' 'first vCPU' 'destroy 2->1' 'destroy 1->0'; do
	i=$((i + 1))
	{
		printf 'CPUs\tbase\tseries\t"6.12 on demand"\t"6.12 at load"\n'
		grep -F "alone    $metric" "$BUILD/bench.txt" |
			awk '{ n = NF; printf "%d\t1\t%s\t%.2f\t%.2f\n", $(n-9), $(n-6), $(n-3)/$(n-8), $(n-1)/$(n-8) }'
	} > "$dir/$i.dat"
done
gnuplot -e "dir='$dir'; out='$TOP/bench/create.svg'" "$TOP/bench/create.gp"
sed -i '2i <!-- SPDX-License-Identifier: GPL-2.0-only -->' "$TOP/bench/create.svg"
say "bench/create.txt, bench/create.svg"
