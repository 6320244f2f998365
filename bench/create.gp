# SPDX-License-Identifier: GPL-2.0-only
# gnuplot -e "out='FILE.svg'" create.gp < table: median time by kernel, a panel each.
set terminal svg size 1000,560 font "sans,12"
set output out
set multiplot layout 2,3 title "Creating and destroying VMs: median relative to the base, by number of CPUs"
set style data histograms
set style histogram clustered
set style fill solid 0.8 border -1
set yrange [0:*]
set ylabel "base = 1"
unset key
array metric[5] = ["create 0->1", "create 1->2", "1->2 + vCPU", "destroy 2->1", "destroy 1->0"]
do for [i=1:5] {
	set title metric[i]
	plot for [c=2:6] sprintf("%s/%d.dat", dir, i) every ::1 using c:xtic(1) lc c-1 notitle
}
# The sixth panel is the key.
unset title
unset border
unset tics
unset ylabel
set xrange [0:1]
set yrange [0:1]
set key center center
array kernel[5] = ["base", "series", "series at load", "6.12 on demand", "6.12 at load"]
plot NaN notitle with lines, for [i=1:5] keyentry with boxes fs solid 0.8 border -1 lc i title kernel[i]
unset multiplot
