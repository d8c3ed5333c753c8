# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declarations of one device: fetched, judged, applied, and reported to the server.

Facts: Apple's reference of declarative management.
"""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from tests.support.nanomdm.declaration_rules import ACTIVATION, APP_SETTINGS, LEGACY, Invalid, check_configuration, predicate_holds
from tests.support.nanomdm.device_wire import ServerRefused
from tests.support.nanomdm.error_chain import Refused
from tests.support.nanomdm.profile_rules import read_profile

if TYPE_CHECKING:
    from tests.support.nanomdm.fake_device import FakeDevice

#: Manifest -> how the endpoint of a single declaration calls it.
_KINDS = {"Activations": "activation", "Assets": "asset", "Configurations": "configuration", "Management": "management"}


@dataclass
class Held:
    """A declaration as the device has it. ``valid`` is what the report says: valid, invalid or unknown."""

    manifest: str
    token: str
    content: dict[str, Any]
    active: bool = False
    valid: str = "unknown"
    reasons: list[dict[str, Any]] = field(default_factory=list)
    profile: dict[str, Any] | None = None


class Declarations:
    """Empty until the server asks for a sync."""

    def __init__(self, device: FakeDevice, trust: ssl.SSLContext | None = None) -> None:
        self._device = device
        #: Whom the device trusts when it fetches a profile; None trusts nobody.
        self._trust = trust
        self.held: dict[str, Held] = {}
        self.syncs = 0
        #: Status reports that it has sent.
        self.reported = 0
        self._token: str | None = None
        self._asked = False

    def forget(self) -> None:
        self.held.clear()
        self._token, self._asked = None, False

    def ask_for_sync(self, tokens: dict[str, Any] | None) -> None:
        """Note that the server has news. Tokens that the device has already are none."""
        if tokens is None or tokens["SyncTokens"]["DeclarationsToken"] != self._token:
            self._asked = True

    def sync_if_asked(self) -> None:
        if self._asked:
            self._asked = False
            self.sync()

    def sync(self) -> None:
        """Fetch what changed, apply it, and send a status report."""
        ask, me = self._device.wire.declarative, self._device.facts.names_itself
        self.syncs += 1
        if ask(me, "tokens")["SyncTokens"]["DeclarationsToken"] == self._token:
            return
        items = ask(me, "declaration-items")
        listed = {row["Identifier"]: (name, row["ServerToken"]) for name in _KINDS for row in items["Declarations"].get(name) or []}
        for gone in set(self.held) - set(listed):
            del self.held[gone]
        complete = True
        for identifier, (manifest, token) in listed.items():
            if identifier in self.held and self.held[identifier].token == token:
                continue
            try:
                content = ask(me, f"declaration/{_KINDS[manifest]}/{quote(identifier, safe='')}")
            except ServerRefused:
                complete = False
                continue
            before = self.held.get(identifier)
            self.held[identifier] = Held(manifest, token, content, profile=None if before is None else before.profile)
        self._apply()
        self._token = items["DeclarationsToken"] if complete else None
        ask(me, "status", self.status_report())
        self.reported += 1

    # --- what comes of them

    def profiles(self) -> dict[str, dict[str, Any]]:
        """Installed profiles of active legacy configurations, by identifier."""
        active = (held.profile for held in self.held.values() if held.active and held.profile is not None)
        return {profile["PayloadIdentifier"]: profile for profile in active}

    def denied_apps(self) -> set[str]:
        return {app for allowed in self._app_settings() for app in allowed.get("DeniedApps", [])}

    def allowed_apps(self) -> set[str] | None:
        """The only apps allowed: what all lists have in common; None where there is no list."""
        lists = [set(allowed["AllowedApps"]) for allowed in self._app_settings() if "AllowedApps" in allowed]
        return set.intersection(*lists) if lists else None

    def denied_binaries(self) -> list[dict[str, Any]]:
        return [binary for allowed in self._app_settings() for binary in allowed.get("DeniedBinaries", [])]

    def _app_settings(self) -> list[dict[str, Any]]:
        active = (held.content for held in self.held.values() if held.active and held.content.get("Type") == APP_SETTINGS)
        return [content.get("Payload", {}).get("Allowed", {}) for content in active]

    def status_report(self) -> dict[str, Any]:
        """What the device tells the server about its declarations and itself."""
        manifests: dict[str, list[dict[str, Any]]] = {name.lower(): [] for name in _KINDS}
        for identifier, held in sorted(self.held.items()):
            row: dict[str, Any] = {"identifier": identifier, "active": held.active, "valid": held.valid, "server-token": held.token}
            if held.reasons:
                row["reasons"] = held.reasons
            manifests[held.manifest.lower()].append(row)
        device: dict[str, Any] = {}
        for path, value in self._status_items().items():
            *way, last = path.split(".")[1:]
            place = device
            for step in way:
                place = place.setdefault(step, {})
            place[last] = value
        return {"StatusItems": {"management": {"declarations": manifests}, "device": device}, "Errors": []}

    def _status_items(self) -> dict[str, str]:
        """Status items that predicates may ask for."""
        facts = self._device.facts
        items = {
            "device.model.family": facts.platform,
            "device.model.identifier": facts.model,
            "device.operating-system.family": "iPadOS" if facts.platform == "iPad" else facts.system,
            "device.operating-system.version": facts.os_version,
        }
        if facts.enrollment == "device":
            items.update({"device.identifier.serial-number": facts.serial, "device.identifier.udid": facts.udid})
        return items

    # --- judging and applying

    def _apply(self) -> None:
        configurations = {name: held for name, held in self.held.items() if held.manifest == "Configurations"}
        wanted: set[str] = set()
        for held in self.held.values():
            if held.manifest == "Activations":
                wanted |= self._activate(held, set(configurations))
            elif held.manifest in ("Assets", "Management"):
                held.valid, held.active = "valid", True
        for identifier, held in configurations.items():
            self._configure(held, identifier in wanted)

    def _activate(self, held: Held, known: set[str]) -> set[str]:
        """Judge an activation and return the configurations that it activates."""
        held.active, held.reasons = False, []
        payload = held.content.get("Payload", {})
        try:
            if held.content.get("Type") != ACTIVATION:
                raise Invalid("Error.UnknownDeclarationType", f"Unknown declaration type {held.content.get('Type')}")
            named = list(payload.get("StandardConfigurations", []))
            missing = sorted(set(named) - known)
            if missing:
                raise Invalid("Error.MissingConfigurations", f"Activation is missing configurations: {', '.join(missing)}")
            held.active = predicate_holds(payload.get("Predicate"), self._status_items())
        except Invalid as invalid:
            held.valid, held.reasons = "invalid", invalid.reasons()
            return set()
        held.valid = "valid"
        if not held.active:
            held.reasons = Invalid("Info.PredicateFalse", "The predicate is not true on this device").reasons()
        return set(named) if held.active else set()

    def _configure(self, held: Held, wanted: bool) -> None:
        was_applied = held.active and held.valid == "valid"
        held.active, held.reasons = False, []
        try:
            check_configuration(held.content, self._device.facts)
            if not wanted:
                held.profile = None
            elif held.content["Type"] == LEGACY and not (was_applied and held.profile is not None):
                held.profile = self._fetch_profile(held.content["Payload"]["ProfileURL"])
            held.valid, held.active = "valid", wanted
            if not wanted:
                held.reasons = Invalid("Info.NotReferencedByActivation", "No active activation names this configuration").reasons()
        except Invalid as invalid:
            held.valid, held.reasons, held.profile = "invalid", invalid.reasons(), None

    def _fetch_profile(self, url: str) -> dict[str, Any]:
        parts = urlsplit(url)
        context = self._trust or ssl.create_default_context()
        link = http.client.HTTPSConnection(parts.hostname or "", parts.port or 443, timeout=30, context=context)
        try:
            link.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""))
            answer = link.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as problem:
            raise Invalid("Error.ConfigurationCannotBeApplied", f"the profile could not be fetched: {problem}") from None
        finally:
            link.close()
        if answer.status != 200:
            raise Invalid("Error.ConfigurationCannotBeApplied", f"the profile could not be fetched: {answer.status}")
        try:
            profile = read_profile(content, self._device.facts)
        except Refused as refused:
            raise Invalid("Error.ConfigurationCannotBeApplied", refused.text) from None
        if profile["PayloadIdentifier"] in self._device.profiles:
            raise Invalid("Error.ConfigurationCannotBeApplied", f"the profile {profile['PayloadIdentifier']} was installed by a command")
        return profile
