#!/usr/bin/env bash
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Run antsibull-changelog on a copy that it recognises as a collection, and bring the changelog back.
#
#   tools/changelog.sh generate | release | lint ...
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

work=.build/changelog
copy=$work/ansible_collections/appban/endpoint
export PATH="$PWD/.build/venv-lint/bin:$PATH"
python tools/working_copy.py "$work"
(cd "$copy" && antsibull-changelog "$@")
rm -rf changelogs
cp -R "$copy/changelogs" "$copy/CHANGELOG.rst" .
rm -f changelogs/.plugin-cache.yaml
mkdir -p changelogs/fragments
