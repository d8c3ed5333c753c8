# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose an object is where it has no description: restricted software and groups of computers carry the marker in their names. Pure.

``BAN city-tiktok macOS restricted software TikTok.app [appban 3f2a1c:9d0e4b71]``: a short hash for each policy, then one over all that
stands before it. A name that somebody writes by hand, or changes, does not have the right one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

_TAG = re.compile(r"(?P<name>.+) \[appban (?P<policies>[0-9a-f]{6}(?:\.[0-9a-f]{6})*):(?P<check>[0-9a-f]{8})\]")


def tagged(name: str, policies: Iterable[str]) -> str:
    """A name with the marker."""
    hashes = ".".join(sorted({_policy_hash(policy) for policy in policies}))
    return "%s [appban %s:%s]" % (name, hashes, _check(name, hashes))


def is_tagged_for(name: str, policies: Iterable[str]) -> bool:
    """Whether a name has our marker, and for one of these policies."""
    found = _TAG.fullmatch(name)
    if found is None or found["check"] != _check(found["name"], found["policies"]):
        return False
    return not {_policy_hash(policy) for policy in policies}.isdisjoint(found["policies"].split("."))


def _policy_hash(policy: str) -> str:
    return _hash("policy", policy)[:6]


def _check(name: str, hashes: str) -> str:
    return _hash("name", name, hashes)[:8]


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(("appban.endpoint", *parts)).encode("utf-8")).hexdigest()
