# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find Microsoft's contracts, compile them once, and keep the compiled form so that every test process starts fast."""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import tempfile
from collections.abc import Mapping
from pathlib import Path

import yaml

from . import openapi, shapes
from .shapes import Contract

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = CHECKOUT / ".build" / "contract"
VARIABLE = "APPBAN_CONTRACTS"
FILES = {"v1.0": "graph-v1.0-intune.openapi.yaml", "beta": "graph-beta-intune.openapi.yaml"}


class ContractMissing(Exception):
    """The folder with the vendor's contracts, or a file of it, is not there."""


def contract_folder() -> Path:
    """Where the contracts are: what the environment names, else beside the checkout."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else CHECKOUT.parent / "shared" / "contracts"


@functools.cache
def graph_contracts() -> Mapping[str, Contract]:
    """Both versions of Graph, by the first segment of their paths. Raises ContractMissing."""
    folder = contract_folder()
    missing = [name for name in FILES.values() if not (folder / name).is_file()]
    if missing:
        raise ContractMissing(f"{folder} has no {' and no '.join(missing)}; {VARIABLE} can name another folder")
    return {version: _compiled(folder / name, version) for version, name in FILES.items()}


def _compiled(path: Path, version: str) -> Contract:
    content = path.read_bytes()
    compiler = b"".join(Path(module.__file__ or "").read_bytes() for module in (openapi, shapes))
    cached = CACHE / f"{version}-{hashlib.sha256(content + compiler).hexdigest()}.pickle"
    try:
        found = pickle.loads(cached.read_bytes())
        if isinstance(found, Contract):
            return found
    except (OSError, EOFError, pickle.UnpicklingError, AttributeError, ImportError):
        pass
    contract = openapi.compile_contract(yaml.load(content, Loader=yaml.CSafeLoader), version)
    CACHE.mkdir(parents=True, exist_ok=True)
    # Several test processes may write it at once: each its own file, put in place whole.
    with tempfile.NamedTemporaryFile(dir=CACHE, delete=False) as file:
        pickle.dump(contract, file, pickle.HIGHEST_PROTOCOL)
    os.replace(file.name, cached)
    return contract
