# SPDX-License-Identifier: GPL-2.0-only
# suite.sh: packages of the suite of Debian that $suite names, or of the machine's own if
# that is empty.  To be sourced.  Lists of packages and a cache of such a suite are in
# $new/apt: what the machine has of apt stays as it is.
# shellcheck shell=sh

apt()
{
	tool=$1
	shift
	if [ -n "$suite" ]; then
		set -- -o Dir::Etc::sourcelist="$new/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
			-o Dir::State::lists="$new/apt/lists" -o Dir::Cache="$new/apt/cache" "$@"
	fi
	"apt-$tool" "$@"
}

# The archive that the machine itself has Debian from.
archive()
{
	apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' |
		sed -n 's/^Debian \([^ ]*\)$/\1/p' | sed 1q | grep .
}

# Has to come before apt() is called for a suite.
open_suite()
{
	[ -n "$suite" ] || return 0
	mkdir -p "$new/apt/lists/partial" "$new/apt/cache/archives/partial"
	host=$(archive) || { [ "$(id -u)" -eq 0 ] && apt-get update && host=$(archive); } ||
		{ echo 'E: this machine names no archive of Debian'; return 1; }
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $host $suite main" > "$new/apt/sources.list"
	apt get update -o APT::Update::Error-Mode=any
}
