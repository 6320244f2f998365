#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# table.sh: what ran on which machine, from results/BASE, as linux-BASE/machines.md and on
# the terminal.  That takes no kernel and no run: any clone has what it needs.
. "$(dirname "$0")/lib.sh"
ledger=$TOP/results/$BASE
[ -f "$ledger" ] || die "results/$BASE is not there yet: 'make check-all' writes it"
"$TOP/tools/verdict.sh" machines
{
	echo '<!-- SPDX-License-Identifier: GPL-2.0-only -->'
	echo '# What ran on which machine'
	echo
	echo "Written by tools/table.sh from results/$BASE; the base is Linux $version, $proven when it"
	echo 'was proven last.'
	echo
	"$BUILD/verdict/verdict" table ledger="$ledger" machines="$WORK/machines.tsv"
} > "$ROOM/machines.md.new" || { rm -f "$ROOM/machines.md.new"; exit 1; }
mv "$ROOM/machines.md.new" "$ROOM/machines.md"
sed '1,2d' "$ROOM/machines.md"
