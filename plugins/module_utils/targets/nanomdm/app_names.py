# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bundle ids as devices tell them: the same id may come in other letter case, in a compatibility form, or with marks that nobody sees."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping


def plain_name(text: str) -> str:
    """A name by which equal names are equal: NFKC, case-folded, without format characters (category Cf) and the space around it."""
    if text.isascii():
        return text.strip().casefold()
    visible = "".join(each for each in unicodedata.normalize("NFKC", text) if unicodedata.category(each) != "Cf")
    return unicodedata.normalize("NFKC", visible.casefold()).strip()


def spellings(names: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """Plain name -> the names as they were given."""
    found: dict[str, set[str]] = {}
    for name in names:
        found.setdefault(plain_name(name), set()).add(name)
    return {plain: frozenset(given) for plain, given in found.items()}
