#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# each.sh: every prefix of the series builds, boots and runs the demo, on one machine
# of every kernel whose source its last patch touches.  MACHINES and TOPIC limit it.
# BOOT=no, and where nothing emulates the machine: all of KVM is compiled and linked.
. "$(dirname "$0")/lib.sh"
need_series
[ -z "${TOPIC:-}" ] || topic "$TOPIC"
case ${BOOT:-yes} in
yes | no) ;;
*) die "BOOT='$BOOT' is neither yes nor no" ;;
esac
lock
bad=0 built=0 seen='' topic=''
for m in ${MACHINES:-$(machines) $(compiled_only)}; do
	machine "$m"
	case " $seen " in
	*" $kernel "*) continue ;;
	esac
	seen="$seen $kernel"
	has_machine "$m" || continue
	flavour=${flavours%% *} boot=${BOOT:-yes}
	if [ "$level" = objects ] || [ "$boot" = no ]; then
		boot=no
		"$TOP/tools/base.sh"
		"$TOP/tools/series.sh" apply
	else
		"$TOP/tools/prepare.sh" "$m" "$flavour" series "$demo"
	fi
	for COMMIT in $(git --git-dir="$STORE" rev-list --reverse refs/lab/base..refs/lab/series); do
		cover=$(git --git-dir="$STORE" log -1 --format=%B "$COMMIT" | sed -n 's/^Topic: //p')
		topic=${cover:-$topic}
		[ "${TOPIC:-$topic}" = "$topic" ] || continue
		# Not a cover letter, a test that is a program, or another architecture's code.
		git --git-dir="$STORE" diff --name-only "$COMMIT^" "$COMMIT" |
			sed "s|^arch/$(source_of)/||; /^\(arch\|tools\|Documentation\)\//d" |
			grep -q . || continue
		has_kvm "$COMMIT" || continue
		built=$((built + 1))
		say "$m: $(git --git-dir="$STORE" log -1 --format=%s "$COMMIT")"
		export COMMIT
		if [ "$boot" = no ]; then
			MACHINES=$m "$TOP/tools/objects.sh" builtin || bad=1
			continue
		fi
		"$TOP/tools/kernel.sh" "$m" "$flavour" prefix
		"$TOP/tools/boot.sh" "$m" "$flavour" prefix "$demo" || bad=1
	done
done
[ "$built" -gt 0 ] || die "no patch of ${TOPIC:-the series} touches what ${MACHINES:-the machines} run"
say "$built kernels"
exit $bad
