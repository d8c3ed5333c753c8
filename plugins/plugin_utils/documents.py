# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading policies and catalog directories from files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..module_utils.documents.assets import read_assets
from ..module_utils.documents.load import decoded, read_bytes, read_document
from ..module_utils.documents.positions import located
from ..module_utils.policy.catalog import Catalog, merge_catalog
from ..module_utils.policy.model import Policy
from ..module_utils.policy.parse import parse_policy
from ..module_utils.policy.problems import PolicyError, Problem

# The collection's own catalog, beside plugins/.
BUILT_IN_CATALOG = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "catalog"))
_EXTENSIONS = (".yml", ".yaml", ".json")


def read_policies(paths: Iterable[str], catalog_dirs: Iterable[str] = ()) -> list[Policy]:
    """The policies of some files, resolved against the built-in catalog and the user's own directories over it.

    Raises PolicyError with every problem of every file, those of the catalog first.
    """
    catalog, problems = read_whole_catalog(catalog_dirs)
    read: list[tuple[str, Policy]] = []
    for path in paths:
        policy, found = read_policy(path, catalog)
        problems.extend(found)
        if policy is not None:
            read.append((path, policy))
    problems.extend(repeated_ids(read))
    if problems:
        raise PolicyError(problems)
    return [policy for _path, policy in read]


def repeated_ids(read: Iterable[tuple[str, Policy]]) -> list[Problem]:
    """A problem for each policy, with its file, that has the id of one before it, or is the same file."""
    problems: list[Problem] = []
    files: dict[str, str] = {}
    for path, policy in read:
        if policy.id in files:
            first = files[policy.id]
            problem = Problem(path, "policy", f"{policy.id}, which {first} has too", "an id of its own")
            if os.path.realpath(path) == os.path.realpath(first):
                named = "a file that is named twice" if os.path.abspath(path) == os.path.abspath(first) else f"the same file as {first}"
                problem = replace(problem, found=named, expected="each file once")
            problems.extend(places_in_file([problem], path))
        files.setdefault(policy.id, path)
    return problems


def read_policy(path: str, catalog: Catalog) -> tuple[Policy | None, list[Problem]]:
    """The policy of a file, or every problem of the file."""
    if os.path.isdir(path):
        expected = "a file: only validate takes a directory; name the files"
        return None, [Problem(path, "", "Is a directory", expected, tuple(_documents_in(path, True, []))[:3])]
    try:
        content = read_bytes(path)
        document, problems = read_document(content, path)
    except PolicyError as error:
        return None, list(error.problems)
    try:
        policy = parse_policy(document, path, catalog, hashlib.sha256(content).hexdigest())
    except PolicyError as error:
        problems.extend(error.problems)
    return (None, located(problems, decoded(content, path), path)) if problems else (policy, [])


def read_asset_facts(path: str) -> dict[str, dict[str, Any]]:
    """As read_assets, with the positions of what is wrong in a YAML or JSON file."""
    try:
        return read_assets(path)
    except PolicyError as error:
        if path.lower().endswith(".csv"):
            raise
        raise PolicyError(places_in_file(error.problems, path)) from error


def read_catalog(directories: Iterable[str] = (), built_in: str = BUILT_IN_CATALOG) -> Catalog:
    """The built-in catalog with the user's directories over it, the last one on top. Raises PolicyError."""
    catalog, problems = read_whole_catalog(directories, built_in)
    if problems:
        raise PolicyError(problems)
    return catalog


def read_whole_catalog(directories: Iterable[str] = (), built_in: str = BUILT_IN_CATALOG) -> tuple[Catalog, list[Problem]]:
    """As read_catalog, but with every problem beside what can be used. Where there are problems, the catalog says it is not complete."""
    problems: list[Problem] = []
    layers: list[list[tuple[str, Any]]] = []
    for directory in (built_in, *directories):
        layer: list[tuple[str, Any]] = []
        for path in _documents_in(directory, directory == built_in, problems):
            try:
                document, found = read_document(read_bytes(path), path)
            except PolicyError as error:
                problems.extend(error.problems)
                continue
            problems.extend(found)
            layer.append((path, document))
        layers.append(layer)
    catalog, found = merge_catalog(layers)
    problems.extend(found)
    for path in dict.fromkeys(problem.file for problem in problems if not problem.line and os.path.isfile(problem.file)):
        problems = places_in_file(problems, path)
    problems.sort(key=lambda problem: problem.file)
    return (replace(catalog, complete=False) if problems else catalog), list(dict.fromkeys(problems))


def _documents_in(directory: str, may_be_missing: bool, problems: list[Problem]) -> list[str]:
    try:
        names = sorted(os.listdir(directory))
    except OSError as error:
        if not (may_be_missing and isinstance(error, FileNotFoundError)):
            problems.append(Problem(directory, "", error.strerror or str(error), "a directory of catalog files"))
        return []
    return [os.path.join(directory, name) for name in names if name.endswith(_EXTENSIONS) and not name.startswith(".")]


def places_in_file(problems: Iterable[Problem], path: str) -> list[Problem]:
    """The problems with their places in a file, which is read once more; see positions.located."""
    problems = list(problems)
    try:
        return located(problems, decoded(read_bytes(path), path), path)
    except PolicyError:
        return problems
