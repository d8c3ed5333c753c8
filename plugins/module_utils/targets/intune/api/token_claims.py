# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an access token says about itself. It is read for messages only and proves nothing: the server decides."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any

#: Permission -> others that hold it (Graph permissions reference, groups). ReadWrite holding Read goes without saying.
WIDER = {
    "GroupMember.Read.All": ("GroupMember.ReadWrite.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All"),
    "GroupMember.ReadWrite.All": ("Group.ReadWrite.All", "Directory.ReadWrite.All"),
    "Group.Read.All": ("Directory.Read.All", "Directory.ReadWrite.All"),
    "Group.Create": ("Group.ReadWrite.All", "Directory.ReadWrite.All"),
    "Ti.ReadWrite": ("Ti.ReadWrite.All",),
}


def read_claims(token: str) -> Mapping[str, Any]:
    """Decode the claims of a JSON Web Token without checking it; empty for a token of another kind."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def granted_permissions(claims: Mapping[str, Any]) -> frozenset[str] | None:
    """The permissions that a token carries, or None if it doesn't tell.

    ``roles`` holds application permissions, ``scp`` those that an app has on behalf of a user (Entra documentation, access token claims).
    A token of Entra with neither was made for an app to which nothing was granted.
    """
    roles = claims.get("roles")
    scopes = claims.get("scp")
    if not isinstance(roles, list) and not isinstance(scopes, str):
        return frozenset() if "appid" in claims or "azp" in claims else None
    found = [role for role in roles if isinstance(role, str)] if isinstance(roles, list) else []
    return frozenset(found + (scopes.split() if isinstance(scopes, str) else []))


def is_held(permission: str, granted: Iterable[str]) -> bool:
    """Say whether one of the granted permissions is or holds another."""
    sufficient = {permission, permission.replace(".Read.", ".ReadWrite."), *WIDER.get(permission, ())}
    return not sufficient.isdisjoint(granted)
