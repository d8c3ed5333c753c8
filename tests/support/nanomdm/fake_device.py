# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Apple device of our own: enrols, takes commands and declarations, and shows what became of its apps.

Facts: Apple's device management schema and its MDM protocol reference. The device knows no test and no server; it does what it is told
as far as its system, its supervision and its enrolment allow.
"""

from __future__ import annotations

import math
import ssl
from collections.abc import Iterable
from typing import Any

from tests.support.nanomdm import profile_rules
from tests.support.nanomdm.declaration_rules import is_denied_binary
from tests.support.nanomdm.device_commands import POSTPONED_WHILE_LOCKED, carry_out
from tests.support.nanomdm.device_declarations import Declarations
from tests.support.nanomdm.device_facts import App, DeviceFacts
from tests.support.nanomdm.device_wire import DeviceWire
from tests.support.nanomdm.error_chain import Refused


class FakeDevice:
    """One device. Nothing happens between calls: it talks to the server when a test says ``connect()``."""

    def __init__(self, facts: DeviceFacts, wire: DeviceWire, apps: Iterable[App] = (), trust: ssl.SSLContext | None = None) -> None:
        self.facts = facts
        self.wire = wire
        self.apps: list[App] = list(apps)
        self.enrolled = False
        # Identifier -> the profile as installed by a command. Those of declarations are below self.declarations.
        self.profiles: dict[str, dict[str, Any]] = {}
        self.declarations = Declarations(self, trust)
        # What it did: request type, command UUID, status.
        self.done: list[tuple[str, str, str]] = []
        self._postpones: frozenset[str] = frozenset()
        self._patience = math.inf
        self._tokens = 0

    @property
    def id(self) -> str:
        """Its enrolment id at NanoMDM."""
        return next(iter(self.facts.names_itself.values()))

    def __repr__(self) -> str:
        return f"<{self.facts.platform} {self.facts.os_version} {self.id}>"

    # --- life with the server

    def enrol(self) -> None:
        """Enrol, or enrol again: either way it begins without anything that management had put on it."""
        self._forget_management()
        about = {"Model": self.facts.model, "OSVersion": self.facts.os_version, "DeviceName": self.facts.platform}
        if self.facts.enrollment == "device":
            about["SerialNumber"] = self.facts.serial
        self.wire.check_in({"MessageType": "Authenticate", "Topic": "com.apple.mgmt.test", **about, **self.facts.names_itself})
        self.enrolled = True
        self.update_token()
        self.wire.hang_up()

    def update_token(self) -> None:
        """Tell the server where a push would reach it."""
        self._tokens += 1
        token = {"Topic": "com.apple.mgmt.test", "PushMagic": f"magic-{self.id}", "Token": self._tokens.to_bytes(32, "big")}
        self.wire.check_in({"MessageType": "TokenUpdate", **token, **self.facts.names_itself})

    def check_out(self) -> None:
        """The user removes the management profile, and everything that came with it goes."""
        self.wire.check_in({"MessageType": "CheckOut", "Topic": "com.apple.mgmt.test", **self.facts.names_itself})
        self.enrolled = False
        self._forget_management()
        self.wire.hang_up()

    def connect(self) -> list[tuple[str, str]]:
        """Ask for commands until there are none, carry them out, and return request types with the statuses reported.

        A device that is not enrolled has nobody to ask.
        """
        if not self.enrolled:
            return []
        before = len(self.done)
        command = self._report("Idle")
        while command is not None and len(self.done) - before < self._patience:
            status, content = self._obey(command["Command"])
            self.done.append((command["Command"]["RequestType"], command["CommandUUID"], status))
            command = self._report(status, CommandUUID=command["CommandUUID"], **content)
        self.declarations.sync_if_asked()
        self.wire.hang_up()
        return [(request_type, status) for request_type, _uuid, status in self.done[before:]]

    def _report(self, status: str, **content: Any) -> dict[str, Any] | None:
        return self.wire.report({"Status": status, **self.facts.names_itself, **content})

    def _obey(self, command: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        if command["RequestType"] in self._postpones:
            return "NotNow", {}
        try:
            return "Acknowledged", carry_out(command, self)
        except Refused as refused:
            return "Error", {"ErrorChain": refused.chain()}

    def _forget_management(self) -> None:
        self.profiles.clear()
        self.declarations.forget()

    # --- what its user does

    def install_app(self, app: App) -> None:
        """Install or update an app, as its user does. (Whether a denied app can be downloaded is not known; it stays hidden.)"""
        self.delete_app(app.identifier or app.name)
        self.apps.append(app)

    def delete_app(self, identifier: str) -> None:
        self.apps = [app for app in self.apps if identifier not in (app.identifier, app.name)]

    def stop_after(self, commands: float) -> None:
        """From now on go away in every contact when so many commands are done."""
        self._patience = commands

    def lock(self, postpones: Iterable[str] = POSTPONED_WHILE_LOCKED) -> None:
        """From now on answer these commands with NotNow."""
        self._postpones = frozenset(postpones)

    def unlock(self) -> None:
        self._postpones = frozenset()

    # --- what a test can see

    def is_installed(self, identifier: str) -> bool:
        """Whether the app is there, hidden or not."""
        return any(identifier in (app.identifier, app.name) for app in self.apps)

    def visible_apps(self) -> list[str]:
        """Bundle ids (or names) of what the user sees."""
        return sorted(app.identifier or app.name for app in self.apps if not self._is_hidden(app))

    def can_open(self, identifier: str) -> bool:
        """Whether the app is there and starts."""
        return any(identifier in (app.identifier, app.name) and self._starts(app) for app in self.apps)

    def blocked_sites(self) -> list[str]:
        """URLs that the built-in web filter denies."""
        return sorted(profile_rules.denied_sites(self.installed_profiles().values(), self.facts))

    def can_visit(self, url: str) -> bool:
        """Whether a page shows: a denied URL denies everything that begins with it."""
        return not any(url.startswith(denied) for denied in self.blocked_sites())

    def installed_profiles(self) -> dict[str, dict[str, Any]]:
        """All profiles by identifier, those of declarations included."""
        return {**self.profiles, **self.declarations.profiles()}

    def _is_hidden(self, app: App) -> bool:
        """Denied apps vanish from iPhone, iPad and Apple TV. On a Mac they stay in sight and don't start."""
        if self.facts.system == "macOS" or not app.identifier:
            return False
        profiles = self.installed_profiles().values()
        denied = profile_rules.denied_apps(profiles, self.facts) | self.declarations.denied_apps()
        lists = (profile_rules.allowed_apps(profiles, self.facts), self.declarations.allowed_apps())
        return app.identifier in denied or any(allowed is not None and app.identifier not in allowed for allowed in lists)

    def _starts(self, app: App) -> bool:
        return not self._is_hidden(app) and not is_denied_binary(app, self.declarations.denied_binaries())
