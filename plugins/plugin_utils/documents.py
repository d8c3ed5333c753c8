# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading policies and catalog directories from files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from typing import Any

from ..module_utils.documents.load import load_document, read_bytes
from ..module_utils.policy.catalog import Catalog, parse_catalog
from ..module_utils.policy.model import Policy
from ..module_utils.policy.parse import parse_policy
from ..module_utils.policy.problems import PolicyError, Problem

# The collection's own catalog, beside plugins/.
BUILT_IN_CATALOG = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "catalog"))
_EXTENSIONS = (".yml", ".yaml", ".json")


def read_policies(paths: Iterable[str], catalog_dirs: Iterable[str] = ()) -> list[Policy]:
    """The policies of some files, resolved against the built-in catalog and the user's own directories over it.

    Raises PolicyError with every problem of every file.
    """
    catalog = read_catalog(catalog_dirs)
    problems: list[Problem] = []
    policies: list[Policy] = []
    files: dict[str, str] = {}
    for path in paths:
        try:
            content = read_bytes(path)
            policy = parse_policy(load_document(content, path), path, catalog, hashlib.sha256(content).hexdigest())
        except PolicyError as error:
            problems.extend(error.problems)
            continue
        if policy.id in files:
            problems.append(Problem(path, "policy", f"{policy.id}, which {files[policy.id]} has too", "an id of its own"))
        files.setdefault(policy.id, path)
        policies.append(policy)
    if problems:
        raise PolicyError(problems)
    return policies


def read_catalog(directories: Iterable[str] = (), built_in: str = BUILT_IN_CATALOG) -> Catalog:
    """The built-in catalog with the user's directories over it, the last one on top. Raises PolicyError."""
    problems: list[Problem] = []
    layers: list[list[tuple[str, Any]]] = []
    for directory in (built_in, *directories):
        layer: list[tuple[str, Any]] = []
        try:
            names = sorted(os.listdir(directory))
        except OSError as error:
            if directory == built_in and isinstance(error, FileNotFoundError):
                names = []
            else:
                problems.append(Problem(directory, "$", error.strerror or str(error), "a directory of catalog files"))
                continue
        for name in names:
            if not name.endswith(_EXTENSIONS) or name.startswith("."):
                continue
            path = os.path.join(directory, name)
            try:
                layer.append((path, load_document(read_bytes(path), path)))
            except PolicyError as error:
                problems.extend(error.problems)
        layers.append(layer)
    try:
        catalog = parse_catalog(layers)
    except PolicyError as error:
        raise PolicyError((*problems, *error.problems)) from error
    if problems:
        raise PolicyError(problems)
    return catalog
