#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# bench.sh: how long VMs take to be created and destroyed, on base, series, and Linux
# 6.12, the latter two with virtualization enabled on demand and at load; 2, 8 and 16
# CPUs; side by side, several times in turn.  What counts are ratios: the host is
# shared.  Also, what the destruction of a VM is spent on.
# ROUNDS and CPUS limit it.
. "$(dirname "$0")/lib.sh"
lock
machine x86_64-svm
rounds=${ROUNDS:-3} all_cpus=${CPUS:-2 8 16}
"$TOP/tools/need.sh" bench
for what in base series; do
	"$TOP/tools/prepare.sh" x86_64-svm plain "$what"
done
"$TOP/tools/base.sh" 6.12
"$TOP/tools/kernel.sh" x86_64-svm plain 6.12

tsv=$WORK/bench.tsv parts=$WORK/bench.parts
: > "$tsv"
: > "$parts"
export CPUS APPEND
for round in $(seq "$rounds"); do
	for CPUS in $all_cpus; do
		for what in base series series-load 6.12-demand 6.12-load; do
			kernel_of=$what APPEND='' scenario=bench
			case $what in
			series-load) kernel_of=series APPEND=kvm.always_enabled=1 ;;
			6.12-demand) kernel_of=6.12 APPEND=kvm.enable_virt_at_load=0 ;;
			6.12-load) kernel_of=6.12 APPEND=kvm.enable_virt_at_load=1 ;;
			esac
			case $what in *-load) ;; *) scenario=bench-parts ;; esac
			say "round $round of $rounds, $CPUS CPUs, $what"
			LAB_RESULTS='' "$TOP/tools/boot.sh" x86_64-svm plain "$kernel_of" $scenario > "$LOGS/bench.log" ||
				{ sed -n 1,6p "$LOGS/bench.log"; die "the boot failed: $LOGS/bench.log"; }
			report=$WORK/run/x86_64-svm-plain-$kernel_of-$scenario/report
			sed -n "s/^# bench/$CPUS	$what/p" "$report" >> "$tsv"
			sed -n "s/^# parts/$CPUS	$what/p" "$report" >> "$parts"
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
	function flush() { if (row != "") printf "%s  %8d %8d %5.2f %8d %5.2f %8d %8d %5.2f\n", row,
		v["base"], v["series"], v["series"] / v["base"], v["6.12-demand"],
		v["series"] / v["6.12-demand"], v["series-load"], v["6.12-load"],
		v["series-load"] / v["6.12-load"] }
	{ r = sprintf("%-8s %-19s %3d", $2, $3, $1)
	  if (r != row) { flush(); row = r }
	  v[$4] = $5 }
	END { flush() }'
}

# Mean of the rounds' means.
parts_table()
{
	sort -t '	' -k3,3 -k4,4 -k1,1n -k2,2 -s "$parts" | awk -F '\t' '
	function flush(i)
	{
		if (row == "")
			return
		printf "%s", row
		for (i = 1; i <= n; i++)
			printf " %8d", sum[i] / (count / n)
		printf " %5.3f\n", sum[1] / (sum[1] - sum[2])
	}
	{ r = sprintf("%-8s %-13s %3d %-11s", $3, $4, $1, $2)
	  if (r != row) { flush(); row = r; count = n = 0; split("", sum) }
	  if ($5 == "whole") i = 0
	  sum[++i] += $6
	  count++
	  if (i > n) n = i }
	END { flush() }'
}

mkdir -p "$TOP/bench"
{
	echo "# SPDX-License-Identifier: GPL-2.0-only"
	echo "# Written by make bench: median of $rounds boots' medians of 100, in us; s/x is series by x;"
	echo "# \"at load\" is with kvm.always_enabled=1, and 6.12's enable_virt_at_load=1; a/l is their ratio."
	echo "# Base $(cat "$STORE/lab-release"), 6.12 is $(cat "$STORE/lab-release-6.12"), $(cat "$WORK/run/x86_64-svm-plain-base-bench-parts/version"), tsc=reliable"
	echo "# load     what               CPUs      base   series   s/b   demand   s/d  at load  at load   a/l"
	table
	echo "#"
	echo "# What kvm_put_kvm() is spent on, mean, in us, for VMs with a vCPU: the wait for readers of"
	echo "# vm_list (series only), mmu_notifier_unregister(), rcu_barrier(), cleanup_srcu_struct(),"
	echo "# kthread_stop(); and the ratio of the whole to the whole without the wait for readers."
	echo "# load     what         CPUs kernel         whole  readers notifier  barrier  cleanup  kthread ratio"
	parts_table
} > "$WORK/bench.txt"
cp "$WORK/bench.txt" "$TOP/bench/create.txt"
cat "$WORK/bench.txt"

# A file for each panel of the plot: a row for each number of CPUs.
dir=$WORK/bench.dat
rm -rf "$dir"
mkdir -p "$dir"
i=0
for metric in "create 0->1" "create 1->2" "destroy 2->1" "destroy 1->0" \
	"create 0->1 + vCPU" "create 1->2 + vCPU" "destroy 2->1 + vCPU" "destroy 1->0 + vCPU"; do
	i=$((i + 1))
	{
		printf 'CPUs\tbase\tseries\t"series at load"\t"6.12 on demand"\t"6.12 at load"\n'
		grep -F "$(printf '%-8s %-19s ' alone "$metric")" "$WORK/bench.txt" |
			awk '{ n = NF; b = $(n-7); printf "%d\t1\t%s\t%.2f\t%.2f\t%.2f\n", $(n-8), $(n-5), $(n-2)/b, $(n-4)/b, $(n-1)/b }'
	} > "$dir/$i.dat"
done
gnuplot -e "dir='$dir'; out='$TOP/bench/create.svg'" "$TOP/bench/create.gp"
sed -i '2i <!-- SPDX-License-Identifier: GPL-2.0-only -->' "$TOP/bench/create.svg"
say "bench/create.txt, bench/create.svg"
