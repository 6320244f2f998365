#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# bench.sh MACHINE: how long VMs take to be created and destroyed, on the base and the series of
# each kernel, with virtualization enabled on demand, and at load where the kernel can
# (linux-*/base: at_load); 2, 8 and 16 CPUs; side by side, several times in turn.  What
# counts are ratios: the host is shared.  Also, what the destruction of a VM is spent on.
# On x86_64-svm, the CPUs run side by side, and the host's load is in the figures; on
# x86_64-svm-icount, a microsecond is 250 instructions of all CPUs together.
# ROUNDS, CPUS and BASES limit it.  One base in BASES writes bench/create-BASE.txt and .svg, all
# bases bench/create.txt and .svg, with -icount at the end for that machine.
# WHAT=cgroup: instead, on x86_64-svm, how long a VM and its vCPU take in a cgroup where tasks
# fork and exit, on demand only; bench/cgroup.txt.
. "$(dirname "$0")/lib.sh"
lock
machine=$1
rounds=${ROUNDS:-3} all_cpus=${CPUS:-2 8 16} what=${WHAT:-create}
name=bench/$what${BASES:+-$(echo "$BASES" | tr ' ' -)}${machine#x86_64-svm}
case $what in
create) flavour=plain ;;
cgroup) flavour=cgroups ;;
*) die "WHAT='$what' is neither create nor cgroup" ;;
esac
case $what:$machine in
*:x86_64-svm | create:x86_64-svm-icount) ;;
*) die "make bench cannot measure WHAT=$what on MACHINE='$machine'; see tools/bench.sh" ;;
esac
"$TOP/tools/need.sh" bench
tsv=$BUILD/bench.tsv parts=$BUILD/bench.parts table=$BUILD/bench.txt
: > "$tsv"
: > "$parts"

# What is compared: base, kernel, demand or load.
variants=
for b in ${BASES:-$(bases)}; do
	use_base "$b"
	for kernel in $(kernels); do
		"$TOP/tools/prepare.sh" "$machine" "$flavour" "$kernel"
		variants="$variants $b:$kernel:demand"
		case "$what: $at_load " in
		"create:"*" $kernel "*) variants="$variants $b:$kernel:load" ;;
		esac
	done
done

export CPUS APPEND
for round in $(seq "$rounds"); do
	for CPUS in $all_cpus; do
		for v in $variants; do
			use_base "${v%%:*}"
			how=${v##*:} kernel=${v#*:} scenario=bench
			kernel=${kernel%:*}
			APPEND=
			case " $at_load :$how" in
			*" $kernel "*:demand) APPEND=kvm.enable_virt_at_load=0 ;;
			*:load) APPEND=kvm.enable_virt_at_load=1 ;;
			esac
			[ "$how" = load ] || scenario=bench-parts
			[ "$what" = create ] || scenario=bench-cgroup
			say "round $round of $rounds, $CPUS CPUs, $v"
			LAB_RESULTS='' "$TOP/tools/boot.sh" "$machine" "$flavour" "$kernel" $scenario > "$LOGS/bench.log" ||
				{ sed -n 1,6p "$LOGS/bench.log"; die "the boot failed: $LOGS/bench.log"; }
			report=$WORK/run/$machine-$flavour-$kernel-$scenario/report
			sed -n "s/^# bench/$CPUS	$v/p" "$report" >> "$tsv"
			sed -n "s/^# parts/$CPUS	$v/p" "$report" >> "$parts"
		done
	done
done

# The median of the rounds' medians: load, what, CPUs, then a column for each variant, with
# its ratio to the base of the same kernel, on demand, where it is not that.
table()
{
	sort -t '	' -k1,1n -k3,3 -k4,4 -k2,2 -k5,5n "$tsv" | awk -F '\t' -v OFS='\t' '
	{ key = $3 OFS $4 OFS $1 OFS $2; if (key != last) n = 0; last = key; v[key, ++n] = $5; count[key] = n }
	END { for (key in count) print key, v[key, int((count[key] + 1) / 2)] }' |
		sort -t '	' -k1,1 -k2,2 -k3,3n | awk -F '\t' -v variants="$variants" '
	function flush(i, r) {
		if (row == "")
			return
		printf "%s", row
		for (i = 1; i <= n; i++) {
			r = name[i]
			sub(/:.*/, ":base:demand", r)
			printf " %7d %5s", v[name[i]], name[i] == r || !v[r] ? "" : sprintf("%.2f", v[name[i]] / v[r])
		}
		print ""
		split("", v)
	}
	BEGIN { n = split(variants, name, " ") }
	{ r = sprintf("%-8s %-19s %3d", $1, $2, $3)
	  if (r != row) { flush(); row = r }
	  v[$4] = $5 }
	END { flush() }'
}

headed_table()
{
	printf '# load     what               CPUs'
	for v in $variants; do
		printf ' %13s' "$(echo "$v" | sed 's/:demand//; s/:/ /g')"
	done
	echo
	table
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
	{ r = sprintf("%-8s %-13s %3d %-18s", $3, $4, $1, $2)
	  if (r != row) { flush(); row = r; count = n = 0; split("", sum) }
	  if ($5 == "whole") i = 0
	  sum[++i] += $6
	  count++
	  if (i > n) n = i }
	END { flush() }'
}

if [ "$what" = cgroup ]; then
	{
		echo "# SPDX-License-Identifier: GPL-2.0-only"
		echo "# Written by WHAT=cgroup make bench: median of $rounds boots, each of 500 VMs, in us, and the"
		echo "# ratio to the base of the same kernel; $(cat "$WORK/run/$machine-cgroups-base-bench-cgroup/version"), tsc=reliable"
		headed_table
	} > "$table"
	cp "$table" "$TOP/$name.txt"
	cat "$table"
	exit 0
fi

{
	echo "# SPDX-License-Identifier: GPL-2.0-only"
	echo "# Written by make bench: median of $rounds boots' medians of 100, in us, and the ratio to the base"
	echo "# of the same kernel on demand; $machine, $(cat "$WORK/run/$machine-plain-base-bench-parts/version"), tsc=reliable"
	for b in ${BASES:-$(bases)}; do
		use_base "$b"
		echo "# Linux $b is $(cat "$STORE/lab-release")"
	done
	headed_table
	echo "#"
	echo "# What kvm_put_kvm() is spent on, mean, in us, for VMs with a vCPU: the wait for readers of"
	echo "# vm_list (series only), mmu_notifier_unregister(), rcu_barrier(), cleanup_srcu_struct(),"
	echo "# kthread_stop(); and the ratio of the whole to the whole without the wait for readers."
	echo "# load     what         CPUs kernel                whole  readers notifier  barrier  cleanup  kthread ratio"
	parts_table
} > "$table"
cp "$table" "$TOP/$name.txt"
cat "$table"

# The plot: a file for each panel, a row for each number of CPUs, relative to the first column.
dir=$BUILD/bench.dat
rm -rf "$dir"
mkdir -p "$dir"
i=0
for metric in "create 0->1" "create 1->2" "destroy 2->1" "destroy 1->0" \
	"create 0->1 + vCPU" "create 1->2 + vCPU" "destroy 2->1 + vCPU" "destroy 1->0 + vCPU"; do
	i=$((i + 1))
	sort -t '	' -k1,1n -k2,2 -k5,5n "$tsv" | awk -F '\t' -v metric="$metric" -v variants="$variants" '
	BEGIN { n = split(variants, name, " ") }
	$3 == "alone" && $4 == metric {
		if (!($1 in seen)) { seen[$1]; cpus[++rows] = $1 }
		v[$1, $2, ++count[$1, $2]] = $5
	}
	function median(c, x) { return v[c, x, int((count[c, x] + 1) / 2)] }
	END {
		printf "CPUs"
		for (i = 1; i <= n; i++) { x = name[i]; gsub(/:/, " ", x); printf "\t\"%s\"", x }
		print ""
		for (r = 1; r <= rows; r++) {
			printf "%d", cpus[r]
			for (i = 1; i <= n; i++) printf "\t%.2f", median(cpus[r], name[i]) / median(cpus[r], name[1])
			print ""
		}
	}' > "$dir/$i.dat"
done
# shellcheck disable=SC2086
gnuplot -e "dir='$dir'; out='$TOP/$name.svg'; n=$(echo $variants | wc -w)" "$TOP/bench/create.gp"
sed -i '2i <!-- SPDX-License-Identifier: GPL-2.0-only -->' "$TOP/$name.svg"
say "$name.txt, $name.svg"
