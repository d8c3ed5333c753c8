#!/bin/sh
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Installs what the lab needs on the machine that builds it (root on Debian or a relative of it).
# Everything else (rpmbuild, createrepo_c, repo-add, flatpak ...) lives inside the lab's own root.
#
# Usage: install_tools.sh [--optional]
#   --optional   not being able to install is not an error: say what is missing and exit 0
set -eu

packages="mmdebstrap debian-archive-keyring util-linux"
failure=1
[ "${1:-}" = "--optional" ] && failure=0

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "lab: this machine has no dpkg; the lab of real package managers needs root on Debian." >&2
    exit "$failure"
fi

missing=""
for package in $packages; do
    # The third letter of the abbreviated status is a blank when all is well, so ask for the plain words.
    state=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
    [ "$state" = "install ok installed" ] || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "lab: missing packages:$missing. Install them as root: apt-get install$missing" >&2
    exit "$failure"
fi

export DEBIAN_FRONTEND=noninteractive
install() {
    # shellcheck disable=SC2086  # a list of words on purpose
    apt-get -qq -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 --no-install-recommends install $missing >/dev/null
}
if ! install 2>/dev/null; then
    # An image without package lists knows no candidate: fetch the lists once, then say what goes wrong.
    if ! { apt-get -qq update && install; } >&2; then
        echo "lab: could not install:$missing (see the messages above)." >&2
        exit "$failure"
    fi
fi
