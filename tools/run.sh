#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# run.sh MACHINE: from nothing to a guest under a patched KVM, and an account of it.
. "$(dirname "$0")/lib.sh"
machine "$1"
what=${2:-series}
lock
start=$(date +%s)
flavour=${flavours%% *}
"$TOP/tools/prepare.sh" "$1" "$flavour" "$what" "$demo"
say "boot $1"
export LAB_RESULTS="$WORK/results.run"
rm -f "$LAB_RESULTS"
"$TOP/tools/boot.sh" "$1" "$flavour" "$what" "$demo" > "$LOGS/demo.log" && ok=0 || ok=1

dir=$WORK/run/$1-$flavour-$what-$demo
said()
{
	sed -n "s/^# lab: $1=//p" "$dir/report" | paste -sd ' '
}
# From the row, which has fields with tabs between.
column()
{
	tail -n 1 "$LAB_RESULTS" | cut -f "$1" | sed 's/^-$//'
}
vms=$(said vms)
detail=$(column 14)

say
printf '%-9s%s\n' \
	kernel "$(said kernel) (base: Linux $(cat "$STORE/lab-release") from ${LINUX:-$package of Debian})" \
	series "$([ "$what" = base ] ||
		echo "$(topics | paste -sd ' '), $(find "$PATCHES" -name '*.patch' ! -name '0000*' | wc -l) patches")" \
	machine "$1: $title, $(column 12), $(said cpus) CPUs" \
	loaded "$(said loaded)" \
	refused "$(said refused)" \
	guest "$(said guest)" \
	VMs "${vms:+$vms, created and destroyed}" \
	hotplug "$(said hotplug)" \
	verdict "$(column 6)${detail:+: $detail}, $(grep -c '^ok' "$dir/report" || :) of $(sed -n 's/^1\.\.//p' "$dir/report") steps ok, $(since "$start") in all" \
	console "${dir#"$PWD"/}/console" | grep -vE '^[a-zA-Z]+ *$'
[ "$ok" -eq 0 ] || sed 1d "$LOGS/demo.log"
exit "$ok"
