#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# tree.sh: the base with the series on it, as build/linux.
. "$(dirname "$0")/lib.sh"
"$TOP/tools/need.sh" base
lock
"$TOP/tools/base.sh"
"$TOP/tools/series.sh" tree
