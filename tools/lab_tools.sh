#!/usr/bin/env bash
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Install what the lab's throwaway hosts are built with. Only root on Debian can have the lab; elsewhere its tests skip and say so.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

# In CI a lab that can't be built is a failure; elsewhere the other tests still run.
options=(--optional)
[ "${CI:-}" != true ] || options=()
if [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ] && [ -x tests/lab/install_tools.sh ]; then
    exec tests/lab/install_tools.sh "${options[@]}"
fi
