#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# help.sh: the verbs of the Makefile, and what they can be told.
. "$(dirname "$0")/lib.sh"
sed -n 's/^\([a-z-]*\): ;.*# \(.*\)/  make \1\t\2/p' "$TOP/Makefile" | expand -t 18
cat <<EOF

  BASE=      $(bases) (default: $(default_base); check, check-all: all of them)
  MACHINE=   $(machines)
  MACHINES=  check, check-all, each: only the scenarios of these
  SCENARIOS= check, check-all: only these
  MINUTES=   check, check-all: what has not begun by then is skipped, and named
  KERNEL=    series (default), base, or the path of a patch on top of the series
  FLAVOUR=   plain, debug, kasan or another that the machine has (default: the first one)
  SCENARIO=  shell (default) $(scenarios)
  KEEP=      check-all: run again what passed before on the same tree
  TOPIC=     mail, each: one of $(topics | paste -sd ' ')
  APPEND=    boot, soak: more words for the kernel's command line
  ROUNDS= CPUS= BASES=  bench: how often, with how many CPUs, of which kernels
  CONFIG=    deb: a kernel configuration in place of the lab's, e.g. a file of /boot
  YES=1      host-check: asks nobody
  V= SINCE=  mail: number of the version, and the tag to which it is compared
  UNTESTED=yes  mail: also a topic whose tests have not run on this tree
  LINUX=     a tree or tarball of the base instead of Debian's package; it is only read
  BUILD=     where everything is built (default: build)
  JOBS=      how many compilers at once (default: $(nproc))
  INSTALL=no names missing packages instead of installing them
EOF
