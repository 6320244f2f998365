#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# prepare.sh MACHINE FLAVOUR WHAT [SCENARIO]: have all that a boot needs.
# prepare.sh tools: just the programs that judge.
. "$(dirname "$0")/lib.sh"
lock
if [ "$1" = tools ]; then
	"$TOP/tools/need.sh" kernel
	exec "$TOP/tools/verdict.sh"
fi
machine "$1"
[ "$level" != objects ] || die "nothing emulates $1: make objects MACHINES=$1 compiles its KVM"
# What is missing is said before an hour of building, not after.
# shellcheck disable=SC2086
"$TOP/tools/need.sh" base kernel guest $packages
# shellcheck disable=SC2086
[ -z "$emulator_from" ] || "$TOP/tools/emulator.sh" $emulator_from
[ "$3" = base ] || need_series
"$TOP/tools/verdict.sh"
"$TOP/tools/base.sh"
[ "$3" = base ] || "$TOP/tools/series.sh" apply
"$TOP/tools/kernel.sh" "$1" "$2" "$3"
[ -z "$debian" ] || "$TOP/tools/debian.sh" "$1" "$2" "$3"
"$TOP/tools/init.sh" "$1"
! runs_host_check "$TOP/scenarios/${4:-}" || "$TOP/tools/host-check.sh" build
! grep -qs '^kselftests' "$TOP/scenarios/${4:-}" || "$TOP/tools/selftests.sh" "$1"
