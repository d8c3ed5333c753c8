# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apps of the tenant's list, because only what is in it can be assigned. It is shared: what others brought in stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....engine.plan import Change
from ....mdm.http.http_errors import RequestFailed
from ....mdm.planning import ownership
from ....mdm.planning.identifiers import title_of_app
from ....mdm.planning.order import Phase
from ....mdm.planning.plan_draft import PlanDraft, Step
from ....mdm.run.ledger import Ledger
from ..api.permissions import APPS_WRITE, CONFIGURATION_WRITE
from ..capabilities import ANDROID_UNINSTALL, TYPES
from ..controls import Control
from ..objects import ALL_DEVICES, APPS, AppAssignment, AppObject
from ..reader import find_app
from ..written_objects import FIRST_PAUSE
from .surroundings import Surroundings

APP = "app"
PLAY_APP = "androidManagedStoreApp"
#: What the ledger remembers of an order at Google Play: the app comes later, and only then it can be marked as ours.
ORDERED, MARKED, DELETED = "ordered", "marked", "deleted"
_PLAY_ORDER = "play app "
_PAUSE = 2.0


def play_event(package: str, content: str) -> dict[str, str]:
    """The event of the ledger about an order at Google Play. content: one of the three words above."""
    return {"event": "stands", "device": "", "control": _PLAY_ORDER + package, "content": content}


def ordered_packages(ledger: Ledger) -> frozenset[str]:
    """Packages that were ordered by us and that nobody has marked as ours since: a run was killed, or a write failed."""
    return frozenset(key[len(_PLAY_ORDER) :] for key, said in ledger.written.items() if key.startswith(_PLAY_ORDER) and said == ORDERED)


class StoreApps:
    """Apps of one tenant."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        #: Packages that this plan takes from Google Play, and those of them that were ordered.
        self.packages: list[str] = []
        self.ordered: set[str] = set()

    def find(self, odata_types: frozenset[str], name: str) -> AppObject | None:
        """The app of the tenant's list that a name stands for; None where it is not in the list."""
        found = [app for app in self.around.state.apps if name in app.identifiers and app.odata_type in odata_types]
        # Somebody else's before ours: a second one of the same name is never made, and two are never both assigned.
        return min(found, key=lambda app: (app.marker is not None, app.id), default=None)

    def is_ours(self, app: AppObject) -> bool:
        """Whether we brought an app in."""
        if app.marker is not None:
            return self.around.is_ours(app.marker)
        return app.odata_type == PLAY_APP and bool(app.identifiers) and app.identifiers <= self.around.ordered

    def our_assignments(self, app: AppObject) -> list[AppAssignment]:
        """Assignments of ours: those to groups and filters of ours. One for all devices of an app that only we brought in lost its filter
        to somebody.
        """
        return [
            each
            for each in app.assignments
            if self.around.scope_members.is_ours(each.target)
            or (each.intent == "uninstall" and each.target.kind == ALL_DEVICES and self.is_ours(app))
        ]

    def bring_in(self, control: Control, missing: Sequence[str], draft: PlanDraft) -> dict[str, str]:
        """Plan what brings apps of a control into the list. Returns the keys of the changes by the names of the apps."""
        keys = {}
        is_play = control.mechanism == ANDROID_UNINSTALL
        for package in missing:
            notes = ownership.control_description(control.requirement.policies, control.mechanism, {"package": package})
            if is_play:
                if package not in self.packages:
                    self.packages.append(package)
                step = Step(self.add_play_app, (package, notes))
            else:
                step = Step(self.create_store_app, (package, title_of_app(self.around.policies, control.apps[0]), notes))
            name = "%s (%s)" % (package, "Google Play" if is_play else "Microsoft Store")
            change = Change("create", APP, name, None, package + "\n", apps=control.apps, step=step)
            keys[package] = draft.add(Phase.APPS, change)
        return keys

    def id_of(self, odata_types: frozenset[str], identifier: str) -> str:
        """The id of an app that is on its way into the list, once it is there."""
        written = self.around.written
        found: Any = written.wait(
            lambda: find_app(self.around.graph, odata_types, identifier),
            lambda app: app is not None,
            "%s is in the list of apps" % identifier,
            _PAUSE if written.settle > _PAUSE * 10 else FIRST_PAUSE,
        )
        return str(found.id)

    # Verbs.

    def add_play_app(self, package: str, notes: str) -> None:
        """Take an Android app from Google Play into the list.

        Args:
            notes: what marks it as brought in by us, so that the end of the ban takes it out again.
        """
        if package not in self.ordered:
            # All of a plan in one order: each synchronisation with Google Play takes minutes.
            self._order([package, *(each for each in self.packages if each != package)])
        path = "%s/%s" % (APPS.path, self.id_of(TYPES[ANDROID_UNINSTALL], package))
        mark = {"@odata.type": "#microsoft.graph.androidManagedStoreApp", "notes": notes}
        what = "mark %s as brought in by us" % package
        self.around.graph.patch("beta", path, mark, what=what, permission=APPS_WRITE)
        self._remember([package], MARKED)

    def _order(self, packages: Sequence[str]) -> None:
        settings = "/deviceManagement/androidManagedStoreAccountEnterpriseSettings"
        what = "take %s from Google Play into the list of apps" % ", ".join(packages)
        body = {"productIds": ["app:%s" % package for package in packages]}
        # What is on its way bears no mark, so it is written down first: a run may end before the app is there.
        self._remember(packages, ORDERED)
        graph = self.around.graph
        try:
            graph.post("beta", settings + "/addApps", body, what=what, permission=CONFIGURATION_WRITE, repeatable=True)
        except RequestFailed as error:
            if len(packages) == 1 or error.status != 400:
                raise
            # One of them is not in the store. The others must not wait for it.
            self._order(packages[:1])
            return
        graph.post("beta", settings + "/syncApps", None, what=what, permission=CONFIGURATION_WRITE, repeatable=True)
        self.ordered.update(packages)

    def create_store_app(self, package: str, title: str, notes: str) -> None:
        """Take an app of the Microsoft Store into the list."""
        body = {
            "@odata.type": "#microsoft.graph.winGetApp",
            "displayName": title,
            "description": "%s, listed only to be uninstalled" % title,
            "publisher": title,
            "notes": notes,
            "packageIdentifier": package,
            "installExperience": {"@odata.type": "#microsoft.graph.winGetAppInstallExperience", "runAsAccount": "user"},
        }
        self.around.written.create(APPS, title, body, "take %s from the Microsoft Store into the list of apps" % package)

    def delete_app(self, app: AppObject) -> None:
        """Delete an app that we brought in."""
        self.around.written.delete(APPS, app.id)
        self._remember(sorted(app.identifiers) if app.odata_type == PLAY_APP else (), DELETED)

    def _remember(self, packages: Sequence[str], content: str) -> None:
        self.around.ledger.write(self.around.now, [play_event(package, content) for package in packages])
