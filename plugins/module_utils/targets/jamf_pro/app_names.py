# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The exact names that banned apps go by in a server's inventory, compared without what nobody sees. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...mdm.planning import app_names
from ...policy.model import Policy
from ...policy.names_compared import comparable
from .objects import COMPUTER, MOBILE, FoundApp
from .process_names import bundle_name

_TITLE = "title"
_KINDS = {MOBILE: "ios_bundle_id", COMPUTER: "macos_bundle_id", _TITLE: "display_name"}


class AppNames:
    """The exact names that apps of the policies go by in an inventory: bundle ids, and on Macs the names of bundles too."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self._names = app_names.AppNames(policies, _KINDS, {_TITLE: _title})

    def apps_of(self, family: str, app: FoundApp) -> Mapping[str, str]:
        """App id -> confidence, for the apps of the policies that an app of an inventory is."""
        found = dict(self._names.apps_of(family, app.id))
        for app_id, confidence in self._names.apps_of(_TITLE, app.name).items() if family == COMPUTER else ():
            if found.get(app_id, "detect_only") == "detect_only":
                found[app_id] = confidence
        return found

    def knows(self, app: str, platform: str) -> bool:
        """Whether an app has a name that the inventory of a platform could show."""
        bundle_ids, titles = self.names_of(app, COMPUTER if platform == "macos" else MOBILE)
        return bool(bundle_ids or titles)

    def names_of(self, app: str, family: str) -> tuple[list[str], list[str]]:
        """Bundle ids of an app, and on Macs names of its bundles, sorted."""
        titles = sorted({bundle_name(each) for each in self._names.spelled(_TITLE, app)}) if family == COMPUTER else []
        return sorted(self._names.spelled(family, app)), titles


def _title(name: str) -> str:
    """The name of a bundle as it is compared."""
    return comparable(bundle_name(comparable(name)))
