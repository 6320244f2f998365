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
set key top right font ",9"
array metric[5] = ["create 0->1", "create 1->2", "first vCPU", "destroy 2->1", "destroy 1->0"]
do for [i=1:5] {
	set title metric[i]
	plot for [c=2:5] sprintf("%s/%d.dat", dir, i) using c:xtic(1) title columnheader(c)
}
unset multiplot
