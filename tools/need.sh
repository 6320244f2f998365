#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# need.sh GROUP...: have the commands of these groups, or say which packages are
# missing. Root gets them from Debian.
. "$(dirname "$0")/lib.sh"

missing=
for group in "$@"; do
	while read -r g test package; do
		[ "$g" = "$group" ] || continue
		case $test in
		/*) for f in $test; do [ ! -e "$f" ] || continue 2; done ;;
		*) command -v "$test" > /dev/null && continue ;;
		esac
		case "$missing " in
		*" $package "*) ;;
		*) missing="$missing $package" ;;
		esac
	done < "$TOP/tools/packages"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ] || [ "${INSTALL:-yes}" = no ]; then
	die "missing packages; as root: apt-get install$missing"
fi
command -v apt-get > /dev/null || die "missing packages, and no apt-get to install them:$missing"
lock
export DEBIAN_FRONTEND=noninteractive
# A machine that never ran "apt-get update" knows no package at all.
# shellcheck disable=SC2086
HINT="is there a network? What is missing:$missing" step "install$missing" "$LOGS/apt.log" sh -c \
	"apt-get install -y --no-install-recommends$missing ||
	{ apt-get update -o APT::Update::Error-Mode=any && apt-get install -y --no-install-recommends$missing; }"
