# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Sourced by every tool: where things are, how to say what happens, how to stop.
# shellcheck disable=SC2034 # what is set here is used by those who source it

set -eu
export LC_ALL=C
TOP=$(cd "$(dirname "$0")/.." && pwd)
BUILD=$(realpath -m "${BUILD:-$TOP/build}")
JOBS=${JOBS:-$(nproc)}

# Nothing of the user's git configuration may change what is written or applied; mail.sh asks
# it who the user is.
users_git_config=${GIT_CONFIG_GLOBAL-}
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_COMMITTER_NAME=lab GIT_COMMITTER_EMAIL=lab

die()
{
	printf 'error: %s\n' "$*" >&2
	exit 1
}

say()
{
	printf '%s\n' "$*"
}

bases()
{
	(cd "$TOP" && for b in linux-*/base; do b=${b#linux-}; echo "${b%/base}"; done | sort -V | paste -sd ' ')
}

# use_base NAME: the base decides which room is used, and where things are built.
use_base()
{
	case " $(bases) " in
	*" ${1:-none} "*) ;;
	*) die "BASE='$1' is not a base of this series; there are: $(bases)" ;;
	esac
	export BASE="$1"
	ROOM=$TOP/linux-$BASE	# all that only this base has
	PATCHES=${LAB_PATCHES:-$ROOM/patches}
	WORK=$BUILD/$BASE	# all that is made for this base
	STORE=$WORK/linux.git	# every version of the source: refs/lab/{base,series}
	SRC=$WORK/src		# the tree that is built; switched between versions
	LOGS=$WORK/log
	no_machines=''		# what a base need not say
	. "$ROOM/base"
}

default_base()
{
	(cd "$TOP" && grep -l '^default=yes' linux-*/base | sed 's/linux-//; s/.base//')
}
use_base "${BASE-$(default_base)}"

# Seconds between $1 and now, for people.
since()
{
	echo "$(($(date +%s) - $1)) s"
}

# Free space is checked before the work starts, so that it does not end half-done.
need_space()
{
	mkdir -p "$WORK" || die "cannot write to $WORK"
	[ "${LAB_SPACE:-}" != unchecked ] || return 0
	free=$(df -Pk "$WORK" | awk 'NR == 2 { print int($4 / 1024) }')
	[ "$free" -ge "$1" ] || die "$WORK has $free MiB free, $1 MiB are needed: make room or set BUILD=DIR"
}

# One user of build/ at a time. The lock is inherited by the tools that this one runs.
lock()
{
	[ -z "${LAB_LOCKED:-}" ] || return 0
	mkdir -p "$WORK" "$LOGS"
	exec 9> "$BUILD/lock"
	flock -n 9 || die "$BUILD is in use by another make: wait for it or set BUILD=DIR"
	export LAB_LOCKED=1
}

# step LABEL LOG COMMAND...: run it quietly, show that it lives, and on failure
# the few lines that matter, or what HINT says.
step()
{
	label=$1 log=$2
	shift 2
	start=$(date +%s)
	mkdir -p "$(dirname "$log")"
	printf '%-44s log: %s\n' "$label" "${log#"$PWD"/}"
	"$@" > "$log" 2>&1 9>&- &
	pid=$!
	trap 'kill $pid 2> /dev/null; exit 130' INT TERM
	beat=0
	while kill -0 $pid 2> /dev/null; do
		sleep 0.2
		beat=$((beat + 1))
		[ $((beat % 100)) -ne 0 ] ||
			printf '  ... %s, %s lines of log\n' "$(since "$start")" "$(wc -l < "$log")"
	done
	trap - INT TERM
	if wait $pid; then
		[ "$(($(date +%s) - start))" -lt 5 ] || printf '  done in %s\n' "$(since "$start")"
		return 0
	fi
	! grep -qE 'No space left|not enough free space|not have enough free' "$log" || die "$label failed: no space left (log: $log)"
	[ -z "${HINT:-}" ] || die "$label failed: $HINT (log: $log)"
	printf '  failed after %s:\n' "$(since "$start")"
	{ grep -E '(error:|Error [0-9]|ERROR:|fatal:|undefined ref|No space|^E: )' "$log" || tail -n 5 "$log"; } |
		head -n 6 | cut -c1-200 | sed 's/^/    /'
	die "$label failed; the whole log is $log"
}

# machine NAME: read its data, what the base lacks on its architecture, and what it says.
machine()
{
	case $1 in
	*[!a-z0-9_-]* | '') die "MACHINE='$1' is not the name of a machine; there are: $(machines)" ;;
	esac
	[ -f "$TOP/machines/$1" ] || die "no machine '$1'; there are: $(machines)"
	# What a machine's file need not say.
	cross='' llvm='' level=fast demo=demo has='' later='' lacks='' quirks='' patience=1 emulator_from='' debian=''
	# shellcheck source=/dev/null
	. "$TOP/machines/$1"
	lacks_machine=$lacks
	lacks="$lacks
$(echo "$lacks_here" | sed -n "s/^$arch //p")"
	said_here=$(echo "${banner_here:-}" | sed -n "s/^$1 //p")
	banner=${said_here:-$banner}
	# The host's own PATH is behind that, once, whoever calls whom.
	LAB_PATH=${LAB_PATH:-$PATH}
	# shellcheck disable=SC2086
	PATH=${emulator_from:+$(emulator_dir $emulator_from)/usr/bin:}$LAB_PATH
	export LAB_PATH PATH
}

# emulator_dir SUITE PACKAGE...: where an emulator from there is unpacked.
emulator_dir()
{
	echo "$BUILD/$1/$2"
}

# has_machine NAME: does the base boot there?
has_machine()
{
	case " $(words "$no_machines") " in
	*" $1 "*) return 1 ;;
	esac
}

# The machine's directory in the source, below arch/.
source_of()
{
	case $arch in
	x86_64) echo x86 ;;
	*) echo "$arch" ;;
	esac
}

# has_kvm COMMIT: is there KVM for the machine?
has_kvm()
{
	git --git-dir="$STORE" cat-file -e "$1:arch/$(source_of)/kvm/Makefile" 2> /dev/null
}

# -l: the machines of which only the code is compiled; -L: the others.
objects_only()
{
	(cd "$TOP/machines" && grep "$1" '^level=objects' ./* | sed 's,.*/,,' | sort | paste -sd ' ')
}

# Those that something emulates.
machines()
{
	objects_only -L
}

compiled_only()
{
	objects_only -l
}

# The words before the colons.
words()
{
	printf '%s\n' "$@" | sed -n 's/:.*//p' | paste -sd ' '
}

# The newest one first: that is where the work has to go.
bases_in_order()
{
	bases | tr ' ' '\n' | sort -rV | paste -sd ' '
}

# x86 first: most of the series is about it.
machines_in_order()
{
	echo "x86_64-svm $(machines | tr ' ' '\n' | grep -vx x86_64-svm | paste -sd ' ')"
}

# The base's kernels; a new base has no series yet.
kernels()
{
	echo base
	[ ! -f "$PATCHES/series" ] || echo series
}

# has_all WORD...: can the machine do all of this, with this base?
has_all()
{
	for word in "$@"; do
		case " $(words "$lacks") " in
		*" $word "*) return 1 ;;
		esac
		case " $has $later " in
		*" $word "*) ;;
		*) return 1 ;;
		esac
	done
}

# header FILE KEY: the value of a "KEY: value" line at the head of a mutant, or of another file.
header()
{
	sed -n "s/^$2: *//p" "$1"
}

# key_of SCENARIO-FILE KEY: the value that the scenario has, or what holds without one.
key_of()
{
	"$BUILD/verdict/verdict" get "$1" "$2"
}

# Said before anything is fetched or built for it.
need_series()
{
	[ -f "$PATCHES/series" ] || die "there is no series for Linux $BASE yet: KERNEL=base, or another BASE="
}

# The series' topics, in their order.
topics()
{
	[ ! -f "$PATCHES/series" ] || sed 's/#.*//; /^[[:space:]]*$/d' "$PATCHES/series"
}

# topic NAME: it has to be one of them.
topic()
{
	need_series
	topics | grep -qxF -e "$1" ||
		die "no topic '$1' for Linux $BASE; TOPIC= takes one of: $(topics | paste -sd ' '); BASE= one of: $(bases)"
}

# split SCENARIO[:CASE]: the scenario's file and name, and the case or nothing.
split()
{
	scenario=${1%%:*} case=${1#"${1%%:*}"}
	case=${case#:} file=$TOP/scenarios/$scenario
}

# runs_host_check SCENARIO-FILE: does it take the program of make host-check, as a machine with
# Debian always does?
runs_host_check()
{
	[ -n "$debian" ] || grep -qs '^host-check' "$1"
}

# The scenarios that do not exist to fail.
scenarios()
{
	(cd "$TOP/scenarios" && find . -type f ! -name 'busted-*' -printf '%P\n' | sort | paste -sd ' ')
}
