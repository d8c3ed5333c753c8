# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The exact names that banned apps go by in a server's inventory. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...policy.model import Policy
from .objects import COMPUTER, MOBILE, FoundApp
from .process_names import bundle_name


class AppNames:
    """The exact names that apps of the policies go by in an inventory: bundle ids, and on Macs the names of bundles too."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self._ids: dict[tuple[str, str], dict[str, str]] = {}
        self._titles: dict[str, dict[str, str]] = {}
        for policy in policies:
            for app in (*policy.apps, *policy.review):
                for each in app.identifiers:
                    if each.kind in ("ios_bundle_id", "macos_bundle_id"):
                        family = MOBILE if each.kind == "ios_bundle_id" else COMPUTER
                        self._add(self._ids.setdefault((family, each.value), {}), app.id, each.confidence)
                    elif each.kind == "display_name" and not set("*?[") & set(each.value):
                        self._add(self._titles.setdefault(bundle_name(each.value), {}), app.id, each.confidence)

    def apps_of(self, family: str, app: FoundApp) -> Mapping[str, str]:
        """App id -> confidence, for the apps of the policies that an app of an inventory is."""
        found = dict(self._ids.get((family, app.id), {}))
        if family == COMPUTER:
            for app_id, confidence in self._titles.get(bundle_name(app.name) if app.name else "", {}).items():
                self._add(found, app_id, confidence)
        return found

    def confidence(self, app_id: str, app: FoundApp, platform: str) -> str:
        """``actionable``, or ``detect_only`` where only a doubtful name told."""
        found = self.apps_of(COMPUTER if platform == "macos" else MOBILE, app)
        return "detect_only" if found.get(app_id) == "detect_only" else "actionable"

    def knows(self, app: str, platform: str) -> bool:
        """Whether an app has a name that the inventory of a platform could show."""
        family = COMPUTER if platform == "macos" else MOBILE
        by_id = any(where == family and app in apps for (where, _name), apps in self._ids.items())
        return by_id or (family == COMPUTER and any(app in apps for apps in self._titles.values()))

    def names_of(self, app: str, family: str) -> tuple[list[str], list[str]]:
        """Bundle ids of an app, and on Macs names of its bundles, sorted."""
        ids = sorted(name for (where, name), apps in self._ids.items() if where == family and app in apps)
        titles = sorted(name for name, apps in self._titles.items() if app in apps) if family == COMPUTER else []
        return ids, titles

    @staticmethod
    def _add(apps: dict[str, str], app: str, confidence: str) -> None:
        if apps.get(app, "detect_only") == "detect_only":
            apps[app] = confidence
