# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server makes of an uploaded configuration profile (Jamf Pro fact sheet, 6)."""

from __future__ import annotations

import plistlib
import re
from typing import Any
from xml.sax.saxutils import unescape

from .errors import BROKEN_DATABASE, conflict

ORGANIZATION = "City of Example"
TITLES = {"com.apple.applicationaccess": "Restrictions", "com.apple.webcontent-filter": "Content Filter"}
RESTRICTIONS = "com.apple.applicationaccess"
# A few of the keys that the server's own restrictions payload has, at Apple's default.
EXPANSION = {
    "allowAppInstallation": True, "allowAppRemoval": True, "allowCamera": True, "allowScreenShot": True, "allowSafari": True,
    "forceEncryptedBackup": False, "safariAllowJavaScript": True,
}  # fmt: skip


def loaded(text: str) -> dict[str, Any]:
    """The profile of an element's text, which is entity-decoded once more than XML asks for (PI-827)."""
    try:
        profile = plistlib.loads(unescape(text, {"&quot;": '"', "&apos;": "'"}).strip().encode())
    except Exception as problem:  # plistlib raises whatever its two parsers raise
        raise conflict(BROKEN_DATABASE) from problem
    contents = profile.get("PayloadContent") if isinstance(profile, dict) else None
    if not isinstance(contents, list) or not all(isinstance(item, dict) and item.get("PayloadType") for item in contents):
        raise conflict(BROKEN_DATABASE)
    return dict(profile)


def trimmed(value: Any) -> Any:
    """Strings lose the blanks at both ends, at any depth."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return [trimmed(item) for item in value]
    return {name: trimmed(item) for name, item in value.items()} if isinstance(value, dict) else value


def rewritten(text: str, name: str, description: str, current: str, new_uuids: Any, mac: bool, expand: bool) -> str:
    """The profile as the server stores it.

    current: what is stored now, or "". A UUID and identifier that are the current ones are kept; any others are replaced by new
    ones of the server's, and with a new top-level identifier devices get a second profile.
    """
    profile = trimmed(loaded(text))
    now = plistlib.loads(current.encode()) if current else {}
    kept = bool(now) and same_identity(profile, now)
    profile.update(identity(now) if kept else fresh(new_uuids))
    profile.update({
        "PayloadType": "Configuration", "PayloadVersion": 1, "PayloadOrganization": ORGANIZATION, "PayloadRemovalDisallowed": True,
        "PayloadEnabled": True, "PayloadScope": "System",
    })  # fmt: skip
    for payload in profile["PayloadContent"]:
        before = next((item for item in now.get("PayloadContent", []) if same_identity(item, payload)), None)
        payload.update(identity(before) if before is not None else fresh(new_uuids))
        payload.update({
            "PayloadVersion": 1, "PayloadEnabled": True, "PayloadOrganization": ORGANIZATION,
            "PayloadDisplayName": TITLES.get(payload["PayloadType"], payload["PayloadType"]), "PayloadDescription": "",
        })  # fmt: skip
        if expand and not mac and payload["PayloadType"] == RESTRICTIONS:
            for key, value in EXPANSION.items():
                payload.setdefault(key, value)
    return titled(profile, name, description)


def retitled(current: str, name: str, description: str) -> str:
    """The stored profile under the object's name and description of now."""
    return titled(plistlib.loads(current.encode()), name, description)


def titled(profile: dict[str, Any], name: str, description: str) -> str:
    profile.update({"PayloadDisplayName": name, "PayloadDescription": description})
    # In one line, as the server writes it, so that no text that anybody sends is ever equal.
    return re.sub(r">\s+<", "><", plistlib.dumps(profile).decode()).strip()


def same_identity(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return identity(one) == identity(other) and bool(one.get("PayloadUUID"))


def identity(item: dict[str, Any]) -> dict[str, Any]:
    return {key: item.get(key) for key in ("PayloadUUID", "PayloadIdentifier")}


def fresh(new_uuids: Any) -> dict[str, str]:
    uuid = new_uuids()
    return {"PayloadUUID": uuid, "PayloadIdentifier": uuid}


def uuid_of(text: str) -> str:
    return str(plistlib.loads(text.encode())["PayloadUUID"])
