# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which apps of the policies an inventory shows, device by device, and where it proves nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ...policy.names_compared import comparable
from ..http.server_values import text
from ..planning.app_names import AppNames
from ..planning.fleet import FleetDevice
from .assess import may_look

Finding = Mapping[str, str]
INCOMPLETE, UNREADABLE = "inventory_incomplete", "source_unreadable"
#: Reasons for which an inventory proves nothing of an app that it doesn't show, in a sentence.
_WORDS = {
    INCOMPLETE: "%d device%s an inventory without a list of apps: it proves nothing that an app was not found there",
    UNREADABLE: "%d device%s an inventory with apps that it doesn't name: it proves nothing that an app was not found there",
}


class FoundApps:
    """What one reading of an inventory has shown. Whole lists of apps are personal data: only apps of the policies get here.

    Args:
        names: what apps are called there.
    """

    def __init__(self, names: AppNames | None = None) -> None:
        self.names = names or AppNames((), {})
        #: Id of a device -> why an app that its inventory doesn't show may be there nevertheless.
        self.doubts: dict[str, str] = {}
        self._found: dict[str, list[Finding]] = {}

    def add(self, device: str, app: str, name: str, version: str, confidence: str) -> None:
        """An app that the inventory of a device shows.

        Args:
            app: its id in the policies.
            name: what the inventory knows it by.
            confidence: of the name by which it was told; ``detect_only`` for a doubtful one.
        """
        known = "detect_only" if confidence == "detect_only" else "actionable"
        finding = {"app": app, "backend": "inventory", "name": name, "version": version, "scope": "device", "confidence": known}
        self._found.setdefault(device, []).append(finding)

    def take(self, device: str, apps: object, where: str = "") -> None:
        """Take what is of the policies out of a list of apps.

        Args:
            apps: as the server gave it: objects with ``id``, ``name`` and ``version``.
            where: which names of apps it has, as of :class:`..planning.app_names.AppNames`.
        """
        if not isinstance(apps, list):
            self.doubts[device] = INCOMPLETE
            return
        for app in apps:
            row = app if isinstance(app, dict) else {}
            if not comparable(row.get("id")):
                self.doubts[device] = UNREADABLE
            for app_id, confidence in sorted(self.names.apps_of(where, text(row, "id")).items()):
                self.add(device, app_id, text(row, "id"), text(row, "version"), confidence)

    def findings(self, fleet: Sequence[FleetDevice]) -> dict[tuple[str, str], list[Finding]]:
        """(device id, app id) -> what was found, of those devices and apps that may be looked at."""
        told: dict[tuple[str, str], list[Finding]] = {}
        for member in fleet:
            for finding in self._found.get(member.device.id, ()):
                decision = member.decision.apps.get(finding["app"])
                if decision is not None and may_look(decision):
                    told.setdefault((member.device.id, finding["app"]), []).append(finding)
        return told

    def notes(self) -> Iterator[str]:
        """What a person should know of it."""
        for reason, words in _WORDS.items():
            count = sum(each == reason for each in self.doubts.values())
            if count:
                yield words % (count, " has" if count == 1 else "s have")
