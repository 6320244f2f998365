#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# table.sh: what ran on which machine, from the results of the last check, as
# build/machines.md and on the terminal.
. "$(dirname "$0")/lib.sh"
[ -f "$WORK/results.tsv" ] || die "no results yet: run 'make check' or 'make check-all' first"
for m in $(machines); do
	machine "$m"
	version=$(cat "$WORK/run/$m"-*/version 2> /dev/null | sed -n 1p)
	printf '%s\t%s\t%s\t%s\t%s\n' "$m" "$title" "${version:-not run}" "$flavours" \
		"$(echo "$lacks" | paste -sd '|')"
done > "$WORK/machines.tsv"
{
	echo '<!-- SPDX-License-Identifier: GPL-2.0-only -->'
	echo '# What ran on which machine'
	echo
	echo "Written by tools/table.sh from the results of \`make check\` or \`make check-all\`,"
	echo "base Linux $(cat "$STORE/lab-release")."
	echo
	"$WORK/tools/lab" table "$WORK/machines.tsv" "$WORK/results.tsv" "$WORK/run"
} > "$WORK/machines.md"
sed '1,2d' "$WORK/machines.md"
