#!/bin/sh
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Checks policies, catalogs and asset facts without Ansible: for git hooks, editors and pipelines. See validate.py beside it.
# APPBAN_PYTHON names another Python than python3; it needs the packages PyYAML and jmespath.
# It may be called through a symbolic link, such as .git/hooks/pre-commit.
script=$0
while [ -L "$script" ]; do
    target=$(readlink "$script")
    case $target in
        /*) script=$target ;;
        *) script=$(dirname "$script")/$target ;;
    esac
done
python=${APPBAN_PYTHON:-python3}
if [ -d "$python" ] || ! command -v "$python" >/dev/null 2>&1; then
    found="there is no program python3; set APPBAN_PYTHON to"
    [ -z "$APPBAN_PYTHON" ] || found="APPBAN_PYTHON is $python, which is no program; set it to"
    echo "validate.sh: $found a Python 3.10 or later with PyYAML and jmespath" >&2
    exit 1
fi
exec "$python" "$(dirname "$script")/validate.py" "$@"
