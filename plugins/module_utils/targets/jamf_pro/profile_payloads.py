# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Configuration profiles as the server keeps them: it rewrites what it gets, so only what was asked for is looked for in them.

The server indents anew, trims texts, derives every PayloadUUID and PayloadIdentifier anew unless they are its own, takes display name and
description from the object, and adds keys (deploymenttheory/terraform-provider-jamfpro #1164). A profile that is sent back with other
identifiers is a second profile to the devices, which then have both (same project, #539).
"""

from __future__ import annotations

import plistlib
from typing import Any
from xml.parsers.expat import ExpatError

from ...engine.errors import AppbanError

#: Keys whose values are the server's business.
ITS_OWN = frozenset({
    "PayloadUUID", "PayloadIdentifier", "PayloadDisplayName", "PayloadDescription", "PayloadOrganization", "PayloadEnabled",
    "PayloadRemovalDisallowed", "PayloadVersion", "PayloadScope", "PayloadType",
})  # fmt: skip
IDENTITY = ("PayloadUUID", "PayloadIdentifier")


def load(payloads: bytes) -> dict[str, Any]:
    """Read a profile.

    Raises:
        AppbanError: for what is no property list with a dictionary.
    """
    try:
        profile = plistlib.loads(payloads)
    # plistlib lets through whatever its parsers and converters raise.
    except (ExpatError, ValueError, TypeError, LookupError, OverflowError, RecursionError, AttributeError) as error:
        raise unreadable() from error
    if not isinstance(profile, dict):
        raise unreadable()
    return profile


def unreadable() -> AppbanError:
    """The error of a profile that nobody can read."""
    return AppbanError("A configuration profile on the server is no property list", "", "Open it in Jamf Pro and save or delete it")


def contents(profile: dict[str, Any]) -> list[tuple[tuple[str, int], dict[str, Any]]]:
    """The payloads of a profile, each with its type and its place among those of its type."""
    counted: dict[str, int] = {}
    found = []
    for payload in profile.get("PayloadContent") or ():
        if isinstance(payload, dict):
            kind = str(payload.get("PayloadType"))
            counted[kind] = counted.get(kind, 0) + 1
            found.append(((kind, counted[kind]), payload))
    return found


def with_identity(wanted: bytes, current: bytes) -> bytes:
    """A profile with the identifiers that the server gave the one in its place, so that devices replace it and don't add another.

    Raises:
        AppbanError: if either is no profile.
    """
    profile, stored = load(wanted), load(current)
    profile.update({key: stored[key] for key in IDENTITY if key in stored})
    known = dict(contents(stored))
    for place, payload in contents(profile):
        before = known.get(place, {})
        payload.update({key: before[key] for key in IDENTITY if key in before})
    return plistlib.dumps(profile)


def differences(wanted: bytes, found: bytes) -> list[str]:
    """What a profile doesn't have of what was wanted, in words. What it has besides is not looked at.

    Raises:
        AppbanError: if either is no profile.
    """
    stored = dict(contents(load(found)))
    problems = []
    for (kind, place), payload in contents(load(wanted)):
        kept = stored.get((kind, place))
        if kept is None:
            problems.append("the payload %s is missing" % kind)
            continue
        for key, value in payload.items():
            if key not in ITS_OWN and (key not in kept or trimmed(value) != trimmed(kept[key])):
                problems.append("%s of the payload %s is %s" % (key, kind, "another" if key in kept else "missing"))
    return problems


def trimmed(value: Any) -> Any:
    """A value with the blanks at the ends of its texts taken away, at any depth, as the server does."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return [trimmed(item) for item in value]
    if isinstance(value, dict):
        return {key: trimmed(item) for key, item in value.items()}
    return value
