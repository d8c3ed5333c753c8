# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that reality has, made as people make them; one file a kind. kinds.py lists the kinds, ``make fault-kinds`` prints them."""
