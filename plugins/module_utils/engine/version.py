# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's version, for code that runs as a module and sees neither galaxy.yml nor MANIFEST.json."""

from __future__ import annotations

VERSION = "0.3.0"
