#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# verdict.sh: build tools/verdict, if its sources have changed, and write down for it what
# the shell knows of machines.
# verdict.sh lint: faults in scenarios/, linux-BASE/{expect,errata,mutants}; its own tests.
. "$(dirname "$0")/lib.sh"
lock
new=$WORK/tools/verdict.new
mkdir -p "$WORK/tools"
if [ "$(cat "$TOP"/tools/verdict/*.[ch] | sha256sum)" != "$(cat "$WORK/tools/verdict.key" 2> /dev/null)" ]; then
	gcc -O2 -D_GNU_SOURCE -Wall -Wextra -Werror -o "$new" "$TOP"/tools/verdict/*.c
	mv "$new" "$WORK/tools/verdict"
	cat "$TOP"/tools/verdict/*.[ch] | sha256sum > "$WORK/tools/verdict.key"
fi
for m in $(machines); do
	machine "$m"
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$m" "$level" "$flavours" "$has" "$later" "$title" \
		"$(printf '%s' "$lacks" | paste -sd '|')"
done > "$WORK/machines.tsv"
[ "${1:-}" = lint ] || exit 0

# The steps that init registers, in a macro or in a table.
cat "$TOP"/init/*.c "$TOP"/init/steps/*.c |
	sed -nE 's/^STEP\("?([a-z0-9-]+)"?,.*/\1/p; s/^\t\{ "([a-z0-9-]+)", step_.*/\1/p' > "$WORK/steps"
bad=0
"$WORK/tools/verdict" lint room="$ROOM" scenarios="$TOP/scenarios" machines="$WORK/machines.tsv" \
	steps="$WORK/steps" has="${has_base:-}" || bad=1
"$TOP/tools/verdict/test/run.sh" "$WORK/tools/verdict" || bad=1
exit $bad
