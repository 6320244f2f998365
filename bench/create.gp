# SPDX-License-Identifier: GPL-2.0-only
# gnuplot -e "dir='DIR'; out='FILE.svg'; n=VARIANTS" create.gp: median time by kernel, a
# panel each; the names of the kernels are the first row of the data.
set terminal svg size 1300,600 font "sans,12"
set output out
set multiplot layout 2,5 title "Creating and destroying VMs: median relative to the first kernel, by number of CPUs"
set style data histograms
set style histogram clustered
set style fill solid 0.8 border -1
set datafile separator "\t"
array metric[8] = ["create 0->1", "create 1->2", "destroy 2->1", "destroy 1->0", \
	"create 0->1 + vCPU", "create 1->2 + vCPU", "destroy 2->1 + vCPU", "destroy 1->0 + vCPU"]
do for [i=1:8] {
	set yrange [0:*]
	set ylabel "first = 1"
	unset key
	set title metric[i]
	plot for [c=2:n+1] sprintf("%s/%d.dat", dir, i) every ::1 using c:xtic(1) lc c-1 notitle
	if (i != 4) { continue }
	# The last panel of the first row is the key.
	unset title
	unset border
	unset tics
	unset ylabel
	set xrange [0:1]
	set yrange [0:1]
	set key center center
	set key autotitle columnhead
	plot NaN notitle with lines, for [k=2:n+1] sprintf("%s/1.dat", dir) using (NaN):(NaN) with boxes fs solid 0.8 border -1 lc k-1 title columnhead(k)
	unset key
	set border
	set tics
	set xrange [*:*]
}
unset multiplot
