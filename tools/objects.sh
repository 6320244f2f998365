#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# objects.sh [WAY...]: KVM's objects that the series changes, in each way of kconfig/ways (or
# in those that are named), on every architecture or on those of MACHINES; where KVM is
# built in, all of its objects, linked.  No kernel: what fails to compile is found in
# minutes, not hours.  What warns has to warn on the base as well.  COMMIT is a prefix of
# the series to be taken in its place.
. "$(dirname "$0")/lib.sh"
lock
ways=${*:-$(sed 's/#.*//; s/\t.*//; /^$/d' "$TOP/kconfig/ways")}
for way in $ways; do
	grep -q "^$way	" "$TOP/kconfig/ways" || die "no way '$way'; there are: $(sed 's/#.*//; s/\t.*//; /^$/d' "$TOP/kconfig/ways" | paste -sd ' ')"
done
need_series
"$TOP/tools/need.sh" base kernel lint
"$TOP/tools/base.sh"
"$TOP/tools/series.sh" apply
bad=0 seen='' series=${COMMIT:-refs/lab/series}
export CCACHE_BASEDIR="$WORK" CCACHE_NOHASHDIR=1
ccache=$(command -v ccache || :)

kmake()
{
	# shellcheck disable=SC2086
	make -C "$SRC" O="$obj" ARCH="$arch" CROSS_COMPILE="$cross" LOCALVERSION= \
		${llvm:+LLVM=$llvm} CC="${ccache:+ccache }$cc" "$@"
}

# The machine's configuration with the way's symbols; fails if one cannot be had.
configure()
{
	{
		for f in common "$kernel" "$kernel-series"; do
			cat "$TOP/kconfig/$f.config" "$ROOM/kconfig/$f.config" 2> /dev/null || :
		done
		for s in $symbols; do
			echo "CONFIG_$s"
		done
	} | grep '^CONFIG_' > "$obj/lab.config"
	kmake -s tinyconfig
	"$SRC/scripts/kconfig/merge_config.sh" -m -O "$obj" "$obj/.config" "$obj/lab.config"
	kmake -s olddefconfig
	kmake -s -j"$JOBS" prepare
}

# A symbol that asks for what cannot be: the way is not one for this architecture.
refused()
{
	for s in $symbols; do
		case $s in
		*=n) ! grep -q "^CONFIG_${s%=n}=" "$obj/.config" || echo "$s" ;;
		# Tests and options of one architecture, or of the series, are no reason.
		SMP=* | HOTPLUG_CPU=* | PM=* | KVM=y) grep -qx "CONFIG_$s" "$obj/.config" || echo "$s" ;;
		esac
	done | paste -sd ' '
}

# Messages without their line numbers, so that those of base and series compare.
messages()
{
	sed -n -E "s,^(\.\./)*(/[^ ]*/src/)?,,; s,:[0-9]+(:[0-9]+)?:,:,; / (warning|error): |multiple definition/p" "$1" | sort -u
}

# changed: the objects of KVM that the series changes and this configuration has, as make
# knows them.
changed()
{
	dir=arch/$(source_of)/kvm
	git -C "$SRC" diff --name-only refs/lab/base "$series" -- "$dir/*.c" 'virt/kvm/*.c' |
		while read -r file; do
			name=$(basename "$file" .c)
			case $name in
			*_test) has=CONFIG_KVM_$(echo "${name%_test}" | tr '[:lower:]' '[:upper:]')_KUNIT_TEST ;;
			*) has=$(sed -n "s/.*(\(CONFIG_[A-Z0-9_]*\)).*[ /]$name\.o.*/\1/p" \
				"$SRC/$dir/Makefile" "$SRC/virt/kvm/Makefile.kvm") ;;
			esac
			[ -z "$has" ] || grep -q "^$has=[ym]" "$obj/.config" || continue
			case $file in
			virt/*) echo "$dir/../../../${file%.c}.o" ;;
			*) echo "${file%.c}.o" ;;
			esac
		done
}

# in_base OBJECT: its name, if the base has the source.
in_base()
{
	source=$(echo "${1%.o}.c" | sed 's,^arch/[^/]*/kvm/\.\./\.\./\.\./,,')
	git --git-dir="$STORE" ls-tree --name-only refs/lab/base "$source"
}

# build KERNEL COMMIT OBJECT...: leaves what the compiler said in $said.KERNEL.
build()
{
	on=$1 commit=$2
	shift 2
	git -C "$SRC" checkout -q -f --detach "$commit"
	# Compiled again, so that it is said again.
	[ -z "$flags" ] || (cd "$obj" && rm -f "$@")
	# shellcheck disable=SC2086
	kmake -k -j"$JOBS" $flags "$@" > "$said.$on" 2>&1 || return 1
	# What is built in, all of it, has to link as well: no name may be there twice.
	[ "$*" != "arch/$(source_of)/kvm/" ] || (cd "$obj" && "$ld" -r -o kvm.linked \
		--whole-archive "arch/$(source_of)/kvm/built-in.a") >> "$said.$on" 2>&1
}

for m in ${MACHINES:-$(machines_in_order) $(compiled_only)}; do
	machine "$m"
	cc=${cross}gcc ld=${cross}ld
	[ -z "$llvm" ] || cc=clang$llvm ld=ld.lld$llvm
	case " $seen " in
	*" $kernel "*) continue ;;
	esac
	seen="$seen $kernel"
	has_kvm "$series" || { say "  $kernel: Linux $BASE has no KVM there"; continue; }
	# shellcheck disable=SC2086
	"$TOP/tools/need.sh" $packages
	for way in $ways; do
		flags=$(awk -F '\t' -v w="$way" '$1 == w && $2 != "-" { print $2 }' "$TOP/kconfig/ways")
		symbols=$(awk -F '\t' -v w="$way" '$1 == w { print $3 }' "$TOP/kconfig/ways")
		# One for all ways: the programs that make builds for itself are the same.
		obj=$WORK/obj/$kernel-ways said=$LOGS/objects-$kernel-$way begun=$(date +%s)
		mkdir -p "$obj"
		: > "$said.base"
		[ -e "$SRC/.git" ] || step 'check out the source' "$LOGS/checkout.log" \
			git --git-dir="$STORE" worktree add -f --detach "$SRC" refs/lab/base
		git -C "$SRC" checkout -q -f --detach "$series"
		configure > "$said.config" 2>&1 || { say "  $kernel $way: cannot be configured: $said.config"; bad=1; continue; }
		no=$(refused)
		if [ -n "$no" ]; then
			say "  $kernel $way: not there: $no"
			continue
		fi
		result=ok
		case $symbols in
		*KVM=y*) objects="arch/$(source_of)/kvm/" ;;
		*) objects=$(changed) ;;
		esac
		[ -n "$objects" ] || { say "  $kernel $way: nothing of it is changed"; continue; }
		# shellcheck disable=SC2086
		build series "$series" $objects || { result=fails; bad=1; }
		messages "$said.series" > "$said.new"
		# Those of a file that the base has are no news if they are there as well.
		if [ -n "$flags" ] && [ -s "$said.new" ]; then
			cp "$said.new" "$said.all"
			old=$(for o in $objects; do [ -z "$(in_base "$o")" ] || echo "$o"; done)
			# shellcheck disable=SC2086
			[ -z "$old" ] || build base refs/lab/base $old || :
			messages "$said.base" | comm -13 - "$said.all" > "$said.new"
		fi
		[ -z "$flags" ] || [ ! -s "$said.new" ] || { result='new warnings'; bad=1; }
		printf '  %-10s %-11s %-12s %4s s\n' "$kernel" "$way" "$result" "$(($(date +%s) - begun))"
		case $result in
		fails) messages "$said.series" | grep -v warning: | head -n 4 | sed 's/^/    /' ;;
		new*) head -n 4 "$said.new" | sed 's/^/    /' ;;
		esac
	done
done
exit $bad
