#!/usr/bin/env bash
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Install the named Debian packages that are missing (as root; otherwise say what to install).
#
#   tools/debian_packages.sh NAME...
set -euo pipefail

missing=()
for name in "$@"; do
    if [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" != installed ]; then
        missing+=("$name")
    fi
done
[ "${#missing[@]}" -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
    printf '%s\n' "Debian packages are missing. Install them with: apt-get install ${missing[*]}" >&2
    exit 1
fi

export DEBIAN_FRONTEND=noninteractive
printf '%s\n' "installing Debian packages: ${missing[*]}" >&2
install() {
    apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "${missing[@]}" </dev/null >/dev/null
}
# Package lists are fetched only when they are empty or too old to install from.
if ! install 2>/dev/null; then
    apt-get update -qq -o DPkg::Lock::Timeout=300 </dev/null
    install
fi
