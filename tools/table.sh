#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# table.sh: what ran on which machine, from the results of the last check, as
# build/machines.md and on the terminal.
. "$(dirname "$0")/lib.sh"
[ -f "$BUILD/results.tsv" ] || die "no results yet: run 'make check' or 'make check-all' first"
for m in $(machines); do
	machine "$m"
	version=$(cat "$BUILD/run/$m"-*/version 2> /dev/null | sed -n 1p)
	printf '%s\t%s\t%s\t%s\t%s\n' "$m" "$title" "${version:-not run}" "$flavours" \
		"$(echo "$lacks" | paste -sd '|')"
done > "$BUILD/machines.tsv"
{
	echo '<!-- SPDX-License-Identifier: GPL-2.0-only -->'
	echo '# What ran on which machine'
	echo
	echo "Written by tools/table.sh from the results of \`make check\` or \`make check-all\`,"
	echo "base Linux $(cat "$STORE/lab-release")."
	echo
	"$BUILD/tools/lab" table "$BUILD/machines.tsv" "$BUILD/results.tsv" "$BUILD/run"
} > "$BUILD/machines.md"
sed '1,2d' "$BUILD/machines.md"
