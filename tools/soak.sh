#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# soak.sh MACHINE FLAVOUR WHAT HOURS: scenario chaos-long, with another seed each time, until
# the hours are over or one of them goes wrong.  APPEND=lab.seed=N is for one seed.
. "$(dirname "$0")/lib.sh"
hours=$4
case $hours in
'' | *[!0-9]* | 0*) die "T='$hours' is not a number of hours" ;;
esac
start=$(date +%s)
while [ $(($(date +%s) - start)) -lt $((hours * 3600)) ]; do
	"$TOP/tools/one.sh" "$1" "$2" "$3" chaos-long
done
