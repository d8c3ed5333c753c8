# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How names are compared that people write and that devices and inventories tell: without what nobody sees. Pure.

Names of apps, serial numbers, ids of devices and users: two of them are the same where they look the same.
"""

from __future__ import annotations

import unicodedata
from typing import Any

#: What a maker may put before a name so that it is shown from left to right; a service's filter takes it for a part of the name.
LEFT_TO_RIGHT_MARK = "\u200e"


def comparable(name: Any) -> str:
    """A name in the form in which two that look alike are the same; empty for none.

    Compatibility forms are one form (NFKC), letters have no case, format characters (category Cf: direction marks, zero-width spaces and
    joiners, the byte order mark) are left out, and so is space at both ends.
    """
    if name is None:
        return ""
    if isinstance(name, str) and name.isascii():
        # The normal forms of these are themselves, and no format character is among them.
        return name.casefold().strip()
    folded = unicodedata.normalize("NFKC", str(name)).casefold()
    # Folding can undo the normal form, so it is made again (Unicode, "caseless matching").
    text = unicodedata.normalize("NFKC", folded)
    return "".join(each for each in text if unicodedata.category(each) != "Cf").strip()
