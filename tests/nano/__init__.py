# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of real NanoMDM and KMFDDM servers on loopback, and Apple devices of our own that enrol with them. See README.md."""
