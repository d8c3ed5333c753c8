# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the types of both versions of Graph come from.

Microsoft's own description lies outside of the project and is never copied into it; where it is at hand, the simulator is as strict as
it. Elsewhere a small table of our own serves, which knows nothing but what is used here.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import yaml

from tests.contract.graph_files import CHECKOUT, FILES, contract_folder

from . import boil_down
from .contract import Contract
from .graph_types import read_graph_types

CACHE = CHECKOUT / ".build" / "simulators"
CONTRACT = "contract"
SMALL = "small"


def contracts(types: str | None = None) -> dict[str, Contract]:
    """Both versions of Graph.

    Args:
        types: "contract" for Microsoft's description, "small" for graph_types.yml; by default the former where it is at hand.

    Raises OSError where the description is demanded and isn't there.
    """
    folder = contract_folder()
    if types is None:
        types = CONTRACT if all((folder / name).is_file() for name in FILES.values()) else SMALL
    if types not in (CONTRACT, SMALL):
        raise ValueError(f"types are {CONTRACT!r} or {SMALL!r}, not {types!r}")
    return _read(folder if types == CONTRACT else None)


@functools.cache
def _read(folder: Path | None) -> dict[str, Contract]:
    found = read_graph_types() if folder is None else boiled_down(folder)
    return {version: Contract(version, sections) for version, sections in found.items()}


def boiled_down(folder: Path) -> dict[str, Any]:
    """What the simulator needs of the descriptions in a folder; kept below .build/ until they change, for they take seconds to read."""
    contents = {version: (folder / name).read_bytes() for version, name in FILES.items()}
    key = hashlib.sha256(Path(boil_down.__file__).read_bytes())
    for content in contents.values():
        key.update(hashlib.sha256(content).digest())
    cached = CACHE / f"graph-{key.hexdigest()}.json"
    try:
        return dict(json.loads(cached.read_bytes()))
    except (OSError, ValueError):
        pass
    found = {version: boil_down.boil_down(yaml.load(content, Loader=yaml.CSafeLoader)) for version, content in contents.items()}
    CACHE.mkdir(parents=True, exist_ok=True)
    # Several processes may write it at once: each its own file, put in place whole.
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=CACHE, delete=False) as file:
        json.dump(found, file, separators=(",", ":"))
    os.replace(file.name, cached)
    return found
