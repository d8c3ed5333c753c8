# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What objects of ours block, as names, and which apps these are. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...engine.errors import AppbanError
from ...mdm.apple.profile_comparison import parse_profile
from ...mdm.apple.restrictions import BLOCK_KEYS, RESTRICTIONS
from ...policy.model import Policy
from .objects import DELETES, ENDS, LOOSELY, MACOS
from .process_names import bundle_name

#: Keys of payloads that list sites.
_SITES = ("DenyListURLs", "BlacklistedURLs", "URLBlocklist")
_APP, _SITE = "app ", "site "


def names_in_profile(payloads: bytes) -> frozenset[str] | None:
    """Apps and sites that a profile blocks; None for one that can't be read."""
    try:
        content = parse_profile(payloads)["PayloadContent"]
    except AppbanError:
        return None
    return frozenset(name for payload in content for name in _names(payload))


def _names(payload: Mapping[str, Any]) -> Iterator[str]:
    listed = [(_APP, key) for key in BLOCK_KEYS] if payload["PayloadType"] == RESTRICTIONS else [(_SITE, key) for key in _SITES]
    for kind, key in listed:
        value = payload.get(key)
        for each in value if isinstance(value, list) else ():
            if isinstance(each, str):
                yield kind + (each if kind == _APP else each.removeprefix("https://").removeprefix("http://").removeprefix("www.")).strip()


def apps_named(policies: Iterable[Policy], family: str, names: Iterable[str]) -> tuple[str, ...]:
    """Ids of the apps of some policies that these names are of, sorted."""
    plain = {name.removeprefix(LOOSELY) for name in names}
    found: set[str] = set()
    for policy in policies:
        for app in (*policy.apps, *policy.review):
            for each in app.identifiers:
                kinds = {
                    "ios_bundle_id": () if family == MACOS else (_APP + each.value.strip(),),
                    "domain": (_SITE + each.value.removeprefix("www."),),
                    "display_name": tuple(what + bundle_name(each.value) for what in (ENDS, DELETES)) if family == MACOS else (),
                }
                if not plain.isdisjoint(kinds.get(each.kind, ())):
                    found.add(app.id)
    return tuple(sorted(found))
