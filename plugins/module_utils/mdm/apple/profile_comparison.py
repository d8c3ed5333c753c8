# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a configuration profile on a server is the one we want, by what it sets and not by its bytes. Pure.

A server may rewrite a profile: Jamf Pro, for one, indents it anew, trims texts, gives it and every payload identifiers and names
of its own, and adds keys. None of that is a difference. Payloads are paired by their type.
"""

from __future__ import annotations

import plistlib
import struct
from typing import Any, Mapping, Sequence, TypeGuard
from xml.parsers.expat import ExpatError

from ...engine.errors import AppbanError
from ..planning.comparison import differences
from .restrictions import BLOCK_KEYS, BLOCKED, RESTRICTIONS, blocked_ids, foreign_keys, ids_under

#: What names a profile or a payload, or shows it to a reader. Servers rewrite these.
REWRITTEN_KEYS = frozenset(
    (
        "PayloadUUID",
        "PayloadIdentifier",
        "PayloadDisplayName",
        "PayloadDescription",
        "PayloadOrganization",
        "PayloadEnabled",
        "PayloadRemovalDisallowed",
        "PayloadVersion",
        "PayloadScope",
    )
)
_IDENTITY = ("PayloadUUID", "PayloadIdentifier")
#: Besides ValueError, which most of a broken property list ends in.
_BROKEN = (ValueError, ExpatError, KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError, struct.error)
#: The tag that a signed profile, which is a CMS message in DER, begins with.
_DER_SEQUENCE = b"\x30"


def parse_profile(content: bytes) -> Mapping[str, Any]:
    """A configuration profile, XML or binary property list, as a mapping.

    Raises:
        AppbanError: for anything else; a signed or encrypted profile is called so.
    """
    if not content.strip():
        raise _unusable("it is empty")
    if content.startswith(_DER_SEQUENCE) or content.lstrip().startswith((b"-----BEGIN", b"MII")):
        raise _unusable("it is signed, and its settings are inside the signature")
    try:
        profile = plistlib.loads(content.lstrip() if content.lstrip().startswith(b"<") else content)
    except _BROKEN:
        raise _unusable("it is no property list") from None
    if not _has_names(profile):
        raise _unusable("it is a property list of something else than a dictionary")
    if profile.get("IsEncrypted") is True or "EncryptedPayloadContent" in profile:
        raise _unusable("it is encrypted")
    payloads = profile.get("PayloadContent")
    if not isinstance(payloads, list):
        raise _unusable("it has no list PayloadContent")
    if not all(_has_names(each) and isinstance(each.get("PayloadType"), str) for each in payloads):
        raise _unusable("not every payload of it is a dictionary with a PayloadType")
    return profile


def differences_of_profile(wanted: bytes, found: bytes) -> list[str]:
    """Where a server's profile does not do what the wanted one does, one path each; empty where it does.

    Only keys of the wanted profile are looked at. Lists are sets. The two names of the list of blocked apps are one setting, and both
    have to say the same as ours: versions before iOS 15 go by the older one alone.

    Raises:
        AppbanError: for a profile that can't be read.
    """
    ours, theirs = parse_profile(wanted), parse_profile(found)
    lines = differences(_settings_of_top_level(ours), theirs)
    for payload, partner in _pairs(ours, theirs):
        lines.extend(_differences_of_payload(payload, partner))
    return sorted(set(lines))


def foreign_settings(wanted: bytes, found: bytes) -> list[str]:
    """What a server's profile does besides what we want, sorted: payloads of other types, and settings that are not ours.

    Restrictions at Apple's default count for nothing. Of the profile itself, an end of its term is such a setting.

    Raises:
        AppbanError: for a profile that can't be read.
    """
    ours, theirs = parse_profile(wanted), parse_profile(found)
    lines = [key for key in _settings_of_top_level(theirs) if key not in ours and not _empty(theirs[key])]
    pairs = _pairs(ours, theirs)
    partners = [id(partner) for _unused, partner in pairs if partner is not None]
    lines.extend(each["PayloadType"] for each in theirs["PayloadContent"] if id(each) not in partners)
    for payload, partner in pairs:
        if partner is not None:
            lines.extend("%s.%s" % (payload["PayloadType"], key) for key in _foreign_keys(partner) if key not in payload)
    return sorted(set(lines))


def with_identity_of(wanted: bytes, found: bytes) -> bytes:
    """The wanted profile under the identifiers that the server has given it, which an update must keep.

    A device takes a profile with another top-level identifier for a second profile, and keeps the first one beside it.

    Args:
        wanted: what the profile shall say.
        found: what the server holds now, whose identifiers of the profile and of payloads of the same type are taken.

    Raises:
        AppbanError: for a profile that can't be read.
    """
    ours, theirs = parse_profile(wanted), parse_profile(found)
    pairs = _pairs(ours, theirs)
    profile = {**ours, **_identity(theirs), "PayloadContent": [{**payload, **_identity(partner or {})} for payload, partner in pairs]}
    return plistlib.dumps(profile, sort_keys=True)


def _unusable(why: str) -> AppbanError:
    return AppbanError("this configuration profile can't be read: %s" % why, "", "Look at the profile on the server")


def _has_names(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """A binary property list may have keys that are no text."""
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)


def _settings_of_top_level(profile: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in profile.items() if key not in REWRITTEN_KEYS and key != "PayloadContent"}


def _pairs(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Mapping[str, Any] | None]]:
    """Each of our payloads in its order, with the payload of the same type that is most like it; none is given twice."""
    free = list(theirs["PayloadContent"])
    partners: dict[int, Mapping[str, Any]] = {}
    # Equal ones first, so that a payload that has changed does not take the partner of one that has not.
    candidates = [
        (len(_differences_of_payload(payload, other)), number, position)
        for number, payload in enumerate(ours["PayloadContent"])
        for position, other in enumerate(free)
        if other["PayloadType"] == payload["PayloadType"]
    ]
    taken: set[int] = set()
    for _unused, number, position in sorted(candidates):
        if number not in partners and position not in taken:
            partners[number] = free[position]
            taken.add(position)
    return [(payload, partners.get(number)) for number, payload in enumerate(ours["PayloadContent"])]


def _differences_of_payload(payload: Mapping[str, Any], partner: Mapping[str, Any] | None) -> list[str]:
    kind: str = payload["PayloadType"]
    if partner is None:
        return [kind]
    settings = {key: value for key, value in payload.items() if key not in REWRITTEN_KEYS}
    if kind == RESTRICTIONS:
        named = [key for key in BLOCK_KEYS if settings.pop(key, None) is not None]
        ids = blocked_ids(payload)
        block = [] if all(ids_under(partner, key) == ids for key in named) else ["%s.%s" % (kind, BLOCKED)]
        return block + differences(settings, partner, kind)
    return differences(settings, partner, kind)


def _foreign_keys(payload: Mapping[str, Any]) -> Sequence[str]:
    if payload["PayloadType"] == RESTRICTIONS:
        return foreign_keys(payload)
    return [key for key, value in payload.items() if key not in REWRITTEN_KEYS and not _empty(value)]


def _empty(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {})


def _identity(named: Mapping[str, Any]) -> dict[str, str]:
    found = {key: named[key] for key in _IDENTITY if isinstance(named.get(key), str) and named[key]}
    if not all(value.isprintable() for value in found.values()):
        # Neither may it be left out: our own would make a second profile on devices.
        raise _unusable("its identifiers have characters that an XML property list can't carry")
    return found
