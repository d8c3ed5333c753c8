#!/bin/sh
# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Checks policies, catalogs and asset facts without Ansible: for git hooks, editors and pipelines. See validate.py beside it.
# APPBAN_PYTHON names another Python than python3; it needs the packages PyYAML and jmespath.
exec "${APPBAN_PYTHON:-python3}" "$(dirname "$0")/validate.py" "$@"
