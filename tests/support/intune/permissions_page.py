# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Intune's page in the documentation, and the permissions that its table asks for."""

from __future__ import annotations

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
PAGE = (CHECKOUT / "docs" / "intune.md").read_text(encoding="utf-8")


def permission_rows() -> dict[str, tuple[str, str]]:
    """Permission -> whether check and apply need it, from the page's table."""
    table = PAGE.split("<!-- permissions: begin -->")[1].split("<!-- permissions: end -->")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.strip().splitlines()[2:]]
    assert all(len(row) == 4 and re.fullmatch(r"`[\w.]+`", row[0]) for row in rows)
    found = {row[0].strip("`"): (row[2], row[3]) for row in rows}
    assert len(found) == len(rows)
    return found
