#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# run.sh VERDICT: does the program come to the verdicts that cases/ say, and complain of
# what people get wrong?
set -u
verdict=$(realpath "$1")
cd "$(dirname "$0")" || exit 1
cases=$PWD/cases
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
unset LAB_RESULTS
bad=0 nr=0

complain()
{
	printf '  verdict: %s\n' "$*"
	bad=1
}

# The lines of a case that begin with "KEY: ".
key()
{
	sed -n "/^---/q; s/^$1: //p" "$case"
}

printf 'title: a test\nboots: 2\nvms 8\n' > twice
printf 'title: a test\nvms 8\n' > says
printf 'title: a test\nconsole: left on all CPUs\nvms 8\n' > says-more
printf 'title: a test\npanic: as asked\nvms 8\n' > asks
printf 'title: a test\nvms 8\n' > one
printf 'says* * * * console cannot run vCPUs any more\n' > expect
printf '* known-bad the reason\n* now-and-then unstable: it is\nx* known_warn it does so\ny* bad-elsewhere it is\n' > errata

for case in "$cases"/*; do
	nr=$((nr + 1))
	: > report
	: > console
	awk '/^--- / { out = $2; next } out { print > out }' "$case"
	scenario=$(key scenario)
	rm -f rows
	"$verdict" judge base=1 machine=x flavour=plain kernel=base scenario="${scenario:=one}" \
		file="$scenario" room=. banner='booted on the machine' dir=. rows=rows seconds=1 \
		ended="$(key ended | grep . || echo 'exit 0')" expect="$(key expect)" > out 2>&1
	status=$?
	want=$(key want)
	got=$(cut -f 6,7 rows | tr '\t' ' ')
	detail=$(cut -f 14 rows)
	case "$got $detail" in
	"$want" | "$want "*) ;;
	*) complain "$(basename "$case"): '$got $detail', not '$want'" ;;
	esac
	case $want:$status in
	*' ok'*:0 | *' BAD'*:1) ;;
	*) complain "$(basename "$case"): exits with $status" ;;
	esac
	did=$(key did)
	[ "${did:-$(cut -f 13 rows)}" = "$(cut -f 13 rows)" ] ||
		complain "$(basename "$case"): shows '$(cut -f 13 rows)', not '$did'"
	key says > says.want
	while IFS= read -r line; do
		grep -qF -e "$line" out || complain "$(basename "$case"): does not say '$line'"
	done < says.want
done

# wrong TEXT COMMAND...: it complains of this, and does not exit with 0.
wrong()
{
	text=$1
	shift
	nr=$((nr + 1))
	if "$verdict" "$@" > out 2>&1; then
		complain "$* did not fail"
	elif ! grep -q "^error: .*$text" out; then
		complain "$*: no '$text', but: $(cat out)"
	fi
}

# scenario TEXT LINE...: a scenario of these lines.
scenario()
{
	text=$1
	shift
	printf '%s\n' "$@" > wrong
	wrong "$text" steps wrong
}
scenario "wrong:2: no key 'flavour'" 'title: x' 'flavour: debug' 'vms 1'
scenario "wrong:1: 'title' is there twice\|wrong:2: 'title' is there twice" 'title: x' 'title: y' 'vms 1'
scenario 'wrong: has no title' 'vms 1'
scenario 'wrong: has no steps' 'title: x' '# vms 1'
scenario "wrong:2: timeout: 'soon' is not a number" 'title: x' 'timeout: soon' 'vms 1'
scenario "wrong:2: timeout: '0' is not a number" 'title: x' 'timeout: 0' 'vms 1'
scenario "wrong:2: slow: 'no' is not 'yes'" 'title: x' 'slow: no' 'vms 1'
scenario "wrong:2: no kernel 'serie'" 'title: x' 'kernels: base serie' 'vms 1'
scenario "wrong:3: 'needs' comes after a step" 'title: x' 'vms 1' 'needs: vm'
scenario "wrong:2: ' vms 1' is neither" 'title: x' ' vms 1'
scenario "wrong:2: 'Vms 1' is neither" 'title: x' 'Vms 1'
wrong "no key 'colour'" get one colour
wrong 'cannot read none' get none title
wrong 'usage' get one
wrong 'there are: get steps' nonsense
wrong "no key 'when' here" judge when=now
wrong "'base' is not key=value" judge base
wrong 'base= is missing' judge file=one
wrong "no verdict 'maybe'" note base=1 scenario=x verdict=maybe

# Nothing is cut: a long line, and many steps.
nr=$((nr + 1))
long=$(printf '%05000d' 7)
{ echo 'title: long'; for i in $(seq 200); do echo "vms $i a b c d e f g h i j k l m n o p q r"; done; echo "load $long"; } > long
[ "$("$verdict" steps long | wc -l)" -eq 201 ] && [ "$("$verdict" steps long | tail -n 1)" = "load $long" ] ||
	complain 'steps: cuts what is long'

# What lint finds.  In the beginning there is nothing.
mkdir -p room/mutants scenarios
printf 'title: a\nkernels: base series\nneeds: vm\nflavours: debug\nvms 1\nload kvm\n' > scenarios/one
printf 'title: b\nneeds: fast\neach: a b\nvms 2\n' > scenarios/two
printf 'x-1\tfast\tplain debug\tvm fast\t\tX\t\nx-2\tall\tdebug\tvm\tfast\tX\tfast: of a reason\n' > machines
printf 'vms\nload\n' > steps
printf 'one base x-1 * fail vms 1\none base x-2 * panic\none * * * console hello\n' > room/expect
printf '* test reason\n' > room/errata
printf 'Breaks it.\n\nScenario: two:a\nExpect: fail vms 2\n\ndiff --git a b\nScenario: none\n' > room/mutants/m.patch
cp -r room good
lint()
{
	"$verdict" lint room=room scenarios=scenarios machines=machines steps=steps
}
nr=$((nr + 1))
lint > out 2>&1 || complain "lint finds in what is right: $(cat out)"

# table TEXT FILE LINE: with this line added to a file of the room.
table()
{
	rm -rf room
	cp -r good room
	printf '%s\n' "$3" >> "room/$2"
	wrong "$1" lint room=room scenarios=scenarios machines=machines steps=steps
}
table "expect:4: no scenario 'three'" expect 'three base * * fail'
table "expect:4: no scenario 'two:c'" expect 'two:c base * * fail'
table "expect:4: no kernel 'serie'" expect 'one serie * * fail'
table "expect:4: no machine 'x-3'" expect 'one series x-3 * fail'
table "expect:4: no flavour 'kasan'" expect 'one series * kasan fail'
table "expect:4: no verdict 'fial'" expect 'one series * * fial'
table "expect:4: no row matches" expect 'two * x-2 * fail'
table "expect:4: no row matches" expect 'one series * plain fail'
table 'expect:4: and line 1 match the same row: one base x-1' expect 'one * * debug splat'
table 'expect:4: and line 3 match the same row' expect 'o* base * * console what'
table 'expect:4: SCENARIO KERNEL MACHINE' expect 'one base *'
table "expect:4: one has no step 'vms 3'" expect 'one series * * fail vms 3'
table "expect:4: 'sub' is no step of one" expect 'one series * * fail sub'
table "errata:2: no machine 'y'" errata 'y other reason'
table 'errata:2: MACHINE TEST REASON' errata '* other'
table 'errata:2: line 1 is about test on x-1' errata 'x-1 test another reason'
mutant()
{
	rm -rf room
	cp -r good room
	printf '%s\n' "$2" 'diff --git a b' > room/mutants/m.patch
	wrong "$1" lint room=room scenarios=scenarios machines=machines steps=steps
}
mutant "m.patch:1: no key 'Scenaro:'" 'Scenaro: one'
mutant "m.patch: no scenario 'none'" 'Scenario: none'
mutant "m.patch: no case 'two:c'" 'Scenario: two:c'
mutant "m.patch: no machine 'vax'" "$(printf 'Scenario: one\nMachine: vax')"
mutant "m.patch: no verdict 'never'" "$(printf 'Scenario: one\nExpect: never')"
rm -rf room
cp -r good room
sed 's/vms/vsm/' scenarios/one > scenarios/three
wrong "scenarios/three: init has no step 'vsm'" lint room=room scenarios=scenarios machines=machines steps=steps
sed 's/debug/debgu/' scenarios/one > scenarios/three
wrong "scenarios/three: no machine has a flavour 'debgu'" lint room=room scenarios=scenarios machines=machines steps=steps
sed 's/needs: vm/needs: mv/' scenarios/one > scenarios/three
wrong "scenarios/three: no machine has 'mv'" lint room=room scenarios=scenarios machines=machines steps=steps
rm scenarios/three
printf 'x-1\tfast\n' > few
wrong 'few:1: has 2 fields' lint room=room scenarios=scenarios machines=few steps=steps

# What there is to run: two cases on one machine only, as x-2 lacks it.
nr=$((nr + 1))
sed 's/^needs/kernels: series\nneeds/' scenarios/two > new
mv new scenarios/two
"$verdict" rows room=room scenarios=scenarios machines=machines kernels='base series' how=all mutants=x-1 > out
printf '%s\n' 'x-1 debug base one' 'x-1 debug series one' 'x-1 plain series two:a' 'x-1 plain series two:b' \
	'x-2 debug base one' 'x-2 debug series one' 'x-1 plain m two:a' | tr ' ' '\t' | cmp -s - out ||
	complain "rows: $(cat out)"

# Expectations and the ledger.
[ "$("$verdict" expect room=room scenario=one kernel=base machine=x-1 flavour=debug)" = 'fail vms 1' ] &&
	[ "$("$verdict" expect room=room scenario=one kernel=series machine=x-1 flavour=debug)" = pass ] ||
	complain 'expect: is wrong'
mkdir results
note()
{
	"$verdict" note base=1 machine="$1" flavour=debug kernel="$2" scenario=one verdict="$3" seconds=3 \
		key="$4" tree=ab ledger=results/1 detail="$5" > out || :
}
# Beside each other, as boots are.
for i in 1 2 3 4 5 6 7 8; do
	note "y-$i" base pass 11 '' &
done
wait
note x-2 series pass ab 'first'
note x-1 base pass cd "a	tab"
note x-2 series fail ef 'second'
nr=$((nr + 1))
[ "$(grep -vc '^#' results/1)" -eq 10 ] && grep -v '^#' results/1 | LC_ALL=C sort -c &&
	grep -q 'a tab$' results/1 && ! grep -q first results/1 || complain "ledger: $(cat results/1)"
keep="keep base=1 flavour=debug scenario=one ledger=results/1"
nr=$((nr + 1))
# shellcheck disable=SC2086
"$verdict" $keep machine=x-1 kernel=base key=cd rows=kept > out && grep -q 'kept, ran on 2' kept ||
	complain "keep: a good row of the same key is not kept"
for row in 'machine=x-1 kernel=base key=ce' 'machine=x-2 kernel=series key=ef' 'machine=x-1 kernel=series key=cd'; do
	# shellcheck disable=SC2086
	! "$verdict" $keep $row > out || complain "keep: $row is kept"
done
nr=$((nr + 1))
{
	printf 'x-1\tdebug\tbase\tone\tcd\nx-2\tdebug\tseries\tone\tef\nx-3\tdebug\tbase\tone\t11\n'
	printf 'y-1\tdebug\tbase\tone\t12\ny-2\tdebug\tbase\tone\t11\n'
} > rows
! "$verdict" status ledger=results/1 < rows > out &&
	grep -q '^1: 5 rows, 2 fresh, 1 stale, 1 failing, 1 missing; 6 that nobody asks for$' out ||
	complain "status: $(tail -n 1 out)"
"$verdict" status ledger=results/1 prune=yes < rows > out
sed -n '1p; 5p' rows | "$verdict" status ledger=results/1 > out && grep -q '2 fresh.* 2 that nobody' out ||
	complain "status: a pruned ledger: $(tail -n 1 out)"
"$verdict" table ledger=results/1 machines=machines > out && grep -q '^| x-1 .*| - ' out ||
	complain "table: $(cat out)"

cp results/1 results/good
"$verdict" check ledger=results/good || complain 'check: a good ledger'
line()
{
	cp results/good results/1
	printf '%b\n' "$2" >> results/1
	wrong "results/1:$(wc -l < results/1): $1" check ledger=results/1
	wrong "results/1:$(wc -l < results/1): $1" keep base=1 scenario=one key=1 ledger=results/1
}
line 'has 1 fields, not 14' 'nonsense'
line 'has 1 fields, not 14' '<<<<<<< HEAD'
row='1\tx\tdebug\tbase\tone\tpass\tok\t3\t2026-01-02\tab\tcd\t-\t-\t-'
line 'field 14 is empty' "${row%-}"
line "no verdict 'psas'" "$(printf '%s' "$row" | sed 's/pass/psas/')"
line "'OK' is neither ok nor BAD" "$(printf '%s' "$row" | sed 's/tok/tOK/')"
line "'3s' is no number of seconds" "$(printf '%s' "$row" | sed 's/t3/t3s/')"
line "'2026-1-02' is no date" "$(printf '%s' "$row" | sed 's/01/1/')"
line 'tree or key is not a hash' "$(printf '%s' "$row" | sed 's/cd/xyz/')"

# The totals, and what is fit for XML.
nr=$((nr + 1))
rm -f rows
for v in pass pass fail skip; do
	"$verdict" note base=1 scenario='<a> & "b"' verdict=$v rows=rows detail='x < y' > /dev/null || :
done
! "$verdict" summary rows=rows junit=junit > out && [ "$(tail -n 1 out)" = '2 passed, 1 failed, 1 skipped' ] &&
	[ "$(grep -c '<testcase .*name="&#60;a&#62; &#38; &#34;b&#34;"' junit)" -eq 4 ] &&
	grep -q 'message="x &#60; y"' junit || complain "summary: $(cat out junit)"

# Test by test, base against series.
for k in base series; do
	mkdir "$k"
	{ printf 'KTAP version 1\n1..1\n  1..3\n  ok 1 a\n  %s 2 b\n  ok 3 c\nok 1 kselftests\n' \
		"$([ $k = base ] && echo 'not ok' || echo ok)"; } > "$k/report"
done
nr=$((nr + 1))
compare='compare base=1 machine=x-1 flavour=debug room=room base-dir=base series-dir=series'
# shellcheck disable=SC2086
! "$verdict" $compare scenario=two > out && grep -q 'b: base fail, series pass' out || complain "compare: $(cat out)"
echo 'two base * * fail b' >> room/expect
# shellcheck disable=SC2086
"$verdict" $compare scenario=two > out && grep -q '1 new fail on the base, 0 others differ' out ||
	complain "compare: $(cat out)"

[ "$bad" -ne 0 ] || printf '  verdict: %s tests passed\n' "$nr"
exit "$bad"
