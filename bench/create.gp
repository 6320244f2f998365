# SPDX-License-Identifier: GPL-2.0-only
# gnuplot -e "dir='DIR'; out='FILE.svg'" create.gp: median time by kernel, a panel each.
set terminal svg size 1300,600 font "sans,12"
set output out
set multiplot layout 2,5 title "Creating and destroying VMs: median relative to the base, by number of CPUs"
set style data histograms
set style histogram clustered
set style fill solid 0.8 border -1
array metric[8] = ["create 0->1", "create 1->2", "destroy 2->1", "destroy 1->0", \
	"create 0->1 + vCPU", "create 1->2 + vCPU", "destroy 2->1 + vCPU", "destroy 1->0 + vCPU"]
array kernel[5] = ["base", "series", "series at load", "6.12 on demand", "6.12 at load"]
do for [i=1:8] {
	set yrange [0:*]
	set ylabel "base = 1"
	unset key
	set title metric[i]
	plot for [c=2:6] sprintf("%s/%d.dat", dir, i) every ::1 using c:xtic(1) lc c-1 notitle
	if (i != 4) { continue }
	# The last panel of the first row is the key.
	unset title
	unset border
	unset tics
	unset ylabel
	set xrange [0:1]
	set yrange [0:1]
	set key center center
	plot NaN notitle with lines, for [k=1:5] keyentry with boxes fs solid 0.8 border -1 lc k title kernel[k]
	set border
	set tics
	set xrange [*:*]
}
unset multiplot
