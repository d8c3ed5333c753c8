# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies and devices for tests of what all MDM targets share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.fleet import FleetDevice, ManagedDevice
from ansible_collections.appban.endpoint.plugins.module_utils.policy.catalog import parse_catalog
from ansible_collections.appban.endpoint.plugins.module_utils.policy.decide import Decider
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from ansible_collections.appban.endpoint.plugins.module_utils.policy.parse import parse_policy

NOW = datetime(2023, 3, 20, 9, tzinfo=timezone.utc)
#: Every kind of name that Intune goes by. The last one of a kind is too doubtful to act on.
IDENTIFIERS: Mapping[str, Any] = {
    "ios_bundle_id": ["com.banned.app", {"value": "com.banned.doubtful", "confidence": "detect_only", "source": "seen once"}],
    "macos_bundle_id": ["com.banned.mac"],
    "android_package": ["com.banned.android", "com.banned.lite"],
    "appx_family_name": ["Banned.App_6yccndn6064se"],
    "store_id": ["9NH2GPH4JZS4", "1235601864"],
    "domain": ["banned.example"],
    "display_name": ["Banned", "Banned Lite*"],
}
CORPORATE = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["remove", "block"]}


def app(name: str = "banned", **changes: Any) -> dict[str, Any]:
    """An app as a policy writes it inline; other names than the first one give it other identifiers."""
    identifiers: Any = changes.pop("identifiers", None) or IDENTIFIERS
    if name != "banned":
        identifiers = {kind: [_renamed(value, name) for value in values] for kind, values in identifiers.items() if kind != "store_id"}
    return {"id": name, "title": name.title(), "vendor": "nobody", "identifiers": identifiers, **changes}


def _renamed(value: Any, name: str) -> Any:
    if isinstance(value, str):
        return value.replace("banned", name).replace("Banned", name.title())
    return {**value, "value": _renamed(value["value"], name)}


def policy(name: str = "city", rules: Iterable[Mapping[str, Any]] = (CORPORATE,), **changes: Any) -> Policy:
    """A policy in force. rules and more: as its document has them; None leaves a key out."""
    document = {
        "policy": name,
        "title": "Banned apps",
        "authority": {"issued_by": "City IT"},
        "contact": "help@city.example",
        "state": "enforced",
        "apps": [app()],
        "effective": {"from": "2023-03-01T00:00:00Z"},
        "rules": [dict(rule) for rule in rules],
        **changes,
    }
    document = {key: value for key, value in document.items() if value is not None}
    return parse_policy(document, name + ".yml", parse_catalog([]), "0" * 64)


def exemption(name: str = "EX-1", **changes: Any) -> dict[str, Any]:
    """An exemption that is active at NOW."""
    return {
        "id": name,
        "reason": "Case work",
        "approved_by": "Head of Security",
        "granted": "2023-03-02",
        "expires": "2023-12-31T00:00:00Z",
        **changes,
    }


def device(number: int = 1, **record: Any) -> ManagedDevice:
    """A supervised corporate iPhone; its management facts follow from the number and the record."""
    known = {
        "id": f"device-{number}",
        "serial": f"SN{number:04d}",
        "platform": "ios",
        "ownership": "corporate",
        "supervised": True,
        "enrollment": "device",
        "work_apps": True,
        "user": f"user{number}@city.example",
        **record,
    }
    names = ("directory_id", "user_id", "access_withdrawn", "synced_at", "enrolled_at")
    extra = {name: known.pop(name) for name in names if name in known}
    native = known.pop("native_ownership", known["ownership"])
    facts = {"directory_id": f"aad-{number}", "user_id": f"user-{number}", "synced_at": "2023-03-20T08:00:00Z", **extra}
    return ManagedDevice(known, native, **facts)


def fleet(policies: Iterable[Policy], devices: Iterable[ManagedDevice], now: datetime = NOW) -> list[FleetDevice]:
    """Devices with what the policies decide about them."""
    decider = Decider(tuple(policies), now)
    return [FleetDevice(each, decider.decide(each.record)) for each in devices]
