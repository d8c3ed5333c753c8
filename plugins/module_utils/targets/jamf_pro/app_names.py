# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The exact names that banned apps go by in a server's inventory, compared without what nobody sees. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...policy.model import Policy
from ...policy.names_compared import comparable
from .objects import COMPUTER, MOBILE, FoundApp
from .process_names import bundle_name


class AppNames:
    """The exact names that apps of the policies go by in an inventory: bundle ids, and on Macs the names of bundles too."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self._ids: dict[tuple[str, str], dict[str, str]] = {}
        self._titles: dict[str, dict[str, str]] = {}
        #: (where, id of an app) -> its names as policies and catalog spell them; titles are nowhere in particular.
        self._spelled: dict[tuple[str, str], set[str]] = {}
        for policy in policies:
            for app in (*policy.apps, *policy.review):
                for each in app.identifiers:
                    if each.kind in ("ios_bundle_id", "macos_bundle_id"):
                        family = MOBILE if each.kind == "ios_bundle_id" else COMPUTER
                        self._add(self._ids.setdefault((family, comparable(each.value)), {}), app.id, each.confidence)
                        self._spelled.setdefault((family, app.id), set()).add(each.value)
                    elif each.kind == "display_name" and not set("*?[") & set(each.value):
                        self._add(self._titles.setdefault(_title(each.value), {}), app.id, each.confidence)
                        self._spelled.setdefault(("", app.id), set()).add(bundle_name(each.value))

    def apps_of(self, family: str, app: FoundApp) -> Mapping[str, str]:
        """App id -> confidence, for the apps of the policies that an app of an inventory is."""
        found = dict(self._ids.get((family, comparable(app.id)), {}))
        if family == COMPUTER and comparable(app.name):
            for app_id, confidence in self._titles.get(_title(app.name), {}).items():
                self._add(found, app_id, confidence)
        return found

    def confidence(self, app_id: str, app: FoundApp, platform: str) -> str:
        """``actionable``, or ``detect_only`` where only a doubtful name told."""
        found = self.apps_of(COMPUTER if platform == "macos" else MOBILE, app)
        return "detect_only" if found.get(app_id) == "detect_only" else "actionable"

    def knows(self, app: str, platform: str) -> bool:
        """Whether an app has a name that the inventory of a platform could show."""
        family = COMPUTER if platform == "macos" else MOBILE
        return (family, app) in self._spelled or (family == COMPUTER and ("", app) in self._spelled)

    def names_of(self, app: str, family: str) -> tuple[list[str], list[str]]:
        """Bundle ids of an app, and on Macs names of its bundles, sorted."""
        titles = sorted(self._spelled.get(("", app), ())) if family == COMPUTER else []
        return sorted(self._spelled.get((family, app), ())), titles

    @staticmethod
    def _add(apps: dict[str, str], app: str, confidence: str) -> None:
        if apps.get(app, "detect_only") == "detect_only":
            apps[app] = confidence


def _title(name: str) -> str:
    """The name of a bundle as it is compared."""
    return comparable(bundle_name(comparable(name)))
