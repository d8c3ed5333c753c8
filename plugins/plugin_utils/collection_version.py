# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's own version, from the manifest of an installed collection or the galaxy.yml of a checkout."""

from __future__ import annotations

import json
import os
from typing import Any

import yaml

_ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


def collection_version() -> str:
    """The version; ``unknown`` where neither file is there."""
    try:
        with open(os.path.join(_ROOT, "MANIFEST.json"), encoding="utf-8") as handle:
            manifest: Any = json.load(handle)
        return str(manifest["collection_info"]["version"])
    except (OSError, ValueError, KeyError):
        pass
    try:
        with open(os.path.join(_ROOT, "galaxy.yml"), encoding="utf-8") as handle:
            return str(yaml.safe_load(handle)["version"])
    except (OSError, ValueError, KeyError):
        return "unknown"
