# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the last look at this host saw, kept on the host together with everything that it rests on.

A look that found nothing to do, and whose whole basis is unchanged, would see the same again. So the next run compares the basis and
answers with what is kept here: all that has to travel to the host for that is this file and what it imports.
"""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Mapping, Optional

from .basis import unchanged
from .trust import Trust

LOOKED_PATH = "/var/lib/appban/looked.json"
_FORMAT = 1


def recall(digest: str, path: str = LOOKED_PATH) -> Optional[Dict[str, Any]]:
    """The result of the last look for the same request, if everything that it rests on is as it was.

    Args:
        digest: digest of the request and of the collection's version.
        path: the file.

    Returns:
        The module's result, or None: then the host has to be looked at.
    """
    if os.geteuid() != 0:
        # Another account sees less than root did.
        return None
    try:
        content = Trust().read(path)
        kept = json.loads((content or b"{}").decode("utf-8"))
        if kept.get("format") != _FORMAT or kept["digest"] != digest or not unchanged(kept["basis"]):
            return None
        result: Dict[str, Any] = kept["result"]
        return result
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # Whatever is wrong with it: a look at the host itself is always right.
        return None


def rendered(digest: str, basis: Any, result: Mapping[str, Any]) -> bytes:
    """The file's content."""
    about = "Kept by appban.endpoint: what the last look saw, and what that rests on. It may be deleted at any time."
    kept = {"about": about, "format": _FORMAT, "digest": digest, "basis": basis, "result": result}
    return (json.dumps(kept, sort_keys=True, separators=(",", ":")) + "\n").encode("utf-8")
