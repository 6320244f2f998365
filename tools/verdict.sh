#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# verdict.sh: build tools/verdict, if its sources have changed.
# verdict.sh machines: write down for it what the shell knows of machines with this base.
# verdict.sh lint: look for faults in scenarios/ and in the base's expect, errata, mutants/.
. "$(dirname "$0")/lib.sh"
lock
out=$BUILD/verdict
mkdir -p "$out"
key=$(cat "$0" "$TOP"/tools/verdict/*.[ch] | sha256sum)
if [ "$key" != "$(cat "$out/key" 2> /dev/null)" ]; then
	gcc -O2 -D_GNU_SOURCE -Wall -Wextra -Werror -o "$out/verdict.new" "$TOP"/tools/verdict/*.c
	mv "$out/verdict.new" "$out/verdict"
	echo "$key" > "$out/key"
fi
case ${1:-} in
machines | lint) ;;
*) exit 0 ;;
esac

mkdir -p "$WORK"
for m in $(machines); do
	machine "$m"
	has_machine "$m" || level=never
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$m" "$level" "$flavours" "$has" "$later" "$title" \
		"$(printf '%s\n' "$lacks" | sed '/^ *$/d' | paste -sd '|')"
done > "$WORK/machines.tsv"
[ "$1" = lint ] || exit 0

# The steps that init registers.
cat "$TOP"/init/*.c "$TOP"/init/steps/*.c |
	sed -nE 's/^STEP\("?([a-z0-9-]+)"?,.*/\1/p; s/^\t\{ "([a-z0-9-]+)", step_.*/\1/p' > "$out/steps"
"$out/verdict" check ledger="$TOP/results/$BASE"
exec "$out/verdict" lint room="$ROOM" scenarios="$TOP/scenarios" machines="$WORK/machines.tsv" steps="$out/steps"
