# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the front ends of the rpm database share: dnf 4, dnf 5 and zypper."""

from __future__ import annotations

import re
from typing import Tuple

from ..package_manager import NameRule

DATABASE = "rpm"
KINDS: Tuple[str, ...] = ("rpm",)
NAMES = NameRule(re.compile(r"[A-Za-z0-9_][A-Za-z0-9_+.-]*"), "letters, digits and _+.-")
