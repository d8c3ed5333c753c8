# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assignments of store apps with the intent to uninstall.

An app of the tenant's list has one set of assignments, and others may have put theirs there. Ours are those that go to groups or filters
of ours; they are added and removed one by one. Several controls may share an app.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from ....engine.plan import Change
from ....mdm.http.http_errors import RequestFailed, UncertainWrite
from ....mdm.planning.effects import ObjectBecomes, ObjectEnds, ObjectInForce
from ....mdm.planning.order import Phase
from ....mdm.planning.plan_draft import PlanDraft, Step
from ..api.permissions import APPS_READ, APPS_WRITE
from ..capabilities import IOS_UNINSTALL, TYPES
from ..controls import Control
from ..objects import APPS, EXCLUDED_GROUP, AppAssignment, AppObject, Target, target_of
from .store_apps import APP, StoreApps
from .surroundings import Surroundings, in_force

ASSIGNMENT = "uninstall assignment"
_CONFLICTING = ("required", "available", "availableWithoutEnrollment")


class AppAssignments:
    """Assignments of one tenant.

    Args:
        controls: all of the run.
    """

    def __init__(self, around: Surroundings, apps: StoreApps, controls: Iterable[Control]) -> None:
        self.around = around
        self.apps = apps
        #: Mechanism and name of an app -> whom all controls together assign it to. A control that can reach nobody assigns nothing.
        self.wanted: dict[tuple[str, str], set[Target]] = {}
        for control in controls:
            for name in control.identifiers if control.mechanism in TYPES and control.control_scope else ():
                self.wanted.setdefault((control.mechanism, name), set()).update(control.targets)
        #: Key of an app -> whom ours uninstall it from, after what is planned so far.
        self._planned: dict[Hashable, frozenset[Target]] = {}
        self._taken_back: set[tuple[str, str]] = set()

    def in_force(self) -> dict[Hashable, ObjectInForce]:
        """What is assigned today, by the id of the app."""
        return {app.id: self._in_force(app) for app in self.around.state.apps if self.apps.our_assignments(app)}

    def _in_force(self, app: AppObject) -> ObjectInForce:
        mechanism = next((name for name, types in TYPES.items() if app.odata_type in types), "")
        targets = (each.target for each in self.apps.our_assignments(app) if each.intent == "uninstall")
        return in_force(mechanism, self.around.apps_called(app.identifiers), targets)

    # What a control wants.

    def plan(self, control: Control, draft: PlanDraft) -> None:
        """Plan the assignments of every app that a control names, and what brings missing apps into the list."""
        apps = {name: self.apps.find(TYPES[control.mechanism], name) for name in sorted(control.identifiers)}
        brought_in: dict[str, str] = {}
        if control.mechanism == IOS_UNINSTALL:
            # Intune takes off only what it installed itself, and that is in its list.
            apps = {name: app for name, app in apps.items() if app is not None}
        else:
            brought_in = self.apps.bring_in(control, [name for name, app in apps.items() if app is None], draft)
        if not apps:
            return
        changes = [*brought_in.values()]
        reached, obstacles = [], set()
        for name, app in apps.items():
            ours = self.apps.our_assignments(app) if app is not None else []
            foreign = [each for each in app.assignments if each not in ours] if app is not None else []
            in_the_way = _in_the_way(control, foreign)
            keys, now = self._assign(control, name, app, bool(in_the_way), brought_in.get(name), draft)
            changes += keys
            same = [each for each in in_the_way if _does_the_same(each)]
            reached.append(control.control_scope.covers if same else now)
            if len(same) < len(in_the_way):
                obstacles.add("prevented")
            if any(each.intent == "required" for each in foreign):
                obstacles.add("required")
            draft.conflicts.extend(
                "%s (%s), an assignment of somebody else: %s for %s" % (app.name if app else name, name, each.intent, text)
                for each in foreign
                if each.intent in _CONFLICTING or each in in_the_way
                for text in self.around.target_texts((each.target,))
            )
        self.around.add_state(
            draft, control, changes, before=frozenset.intersection(*reached), obstacle="foreign_assignment" if obstacles else "",
            prevented="prevented" in obstacles,
        )  # fmt: skip

    def _assign(
        self, control: Control, name: str, app: AppObject | None, in_the_way: bool, brought_in: str | None, draft: PlanDraft
    ) -> tuple[list[str], frozenset[int]]:
        """Plan the change of one app's assignments.

        Returns:
            The keys of the changes that they wait for, and whom they reach today.
        """
        around = self.around
        targets = frozenset() if in_the_way else control.targets
        ours = self.apps.our_assignments(app) if app is not None else []
        wanted = {around.by_id(target) for target in targets}
        wanted_by_any = {around.by_id(target) for target in self.wanted[(control.mechanism, name)]}
        right = [each for each in ours if each.intent == "uninstall" and each.target in wanted]
        # What no control of this app wants; the first one that is planned takes it back. An assignment's id is made of its target, so it is
        # another app's too.
        wrong = [each for each in ours if not (each.intent == "uninstall" and each.target in wanted_by_any)]
        wrong = [each for each in wrong if app is not None and (app.id, each.id) not in self._taken_back]
        self._taken_back.update((app.id, each.id) for each in wrong if app is not None)
        present = {each.target for each in right}
        add = tuple(sorted(target for target in targets if around.by_id(target) not in present))
        for each in wrong:
            if not around.scope_members.is_ours(each.target):
                draft.drift.append("%s (%s) was assigned without its filter" % (control.name, name))
        shown = [each for each in ours if each in right or each in wrong]
        reached = around.reached_before(control, [each.target for each in shown if each.intent == "uninstall"])
        needs = around.needs(control, draft)
        if not add and not wrong:
            return [*needs], reached
        needs = (*needs, brought_in) if brought_in else needs
        step = Step(
            self.change_assignments,
            (TYPES[control.mechanism], name, app.id if app is not None else "", add, tuple(each.id for each in wrong)),
            self._effect(control, name, app, wrong, add),
        )
        change = Change(
            op="create" if not shown else "update" if targets else "delete",
            kind=ASSIGNMENT,
            name="%s (%s)" % (control.name, name),
            before=self._text(shown) if shown else None,
            after="".join("uninstall: %s\n" % text for text in sorted(around.target_texts(targets))) or None,
            needs=needs,
            apps=control.apps,
            step=step,
        )
        return [draft.add(Phase.ASSIGN, change), *needs], reached

    def _effect(
        self, control: Control, name: str, app: AppObject | None, removed: Iterable[AppAssignment], added: Iterable[Target]
    ) -> ObjectBecomes:
        key: Hashable = app.id if app is not None else (control.mechanism, name)
        stands = self._in_force(app) if app is not None else in_force(control.mechanism, self.around.apps_called((name,)), ())
        targets = self._planned.get(key, stands.audience) - {each.target for each in removed}
        targets = self._planned[key] = targets | {self.around.by_id(target) for target in added}
        return ObjectBecomes(key, in_force(stands.family, frozenset(stands.names or ()), targets), kept=control.kept)

    def _text(self, assignments: Sequence[AppAssignment]) -> str:
        return "".join("%s: %s\n" % (each.intent, text) for each in assignments for text in self.around.target_texts((each.target,)))

    # What nothing wants any more.

    def end(self, draft: PlanDraft) -> None:
        """Plan the end of our assignments of apps that no control names any more, and of the apps that only we brought in."""
        chosen = [self.apps.find(TYPES[mechanism], name) for mechanism, name in self.wanted]
        for app in self.around.state.apps:
            # Of two of a name the chosen one is assigned. Nothing of ours stays on another one, which would have no exceptions; and one
            # that is ours goes: a run was killed between a create and the time it could be seen.
            if app in chosen:
                continue
            ours = self.apps.our_assignments(app)
            label = "%s (%s)" % (app.name, "/".join(sorted(app.identifiers)))
            if any(change.name == label for _phase, change in draft.changes.values()):
                label = "%s, id %s" % (label, app.id)
            stands = self._in_force(app)
            if self.around.keeps(stands, label, self.around.scope_members.policies_of(stands.audience), draft):
                continue
            needs: tuple[str, ...] = ()
            apps = self.around.apps_of(stands)
            if ours:
                args = (frozenset((app.odata_type,)), "", app.id, (), tuple(each.id for each in ours))
                step = Step(self.change_assignments, args, ObjectEnds(app.id))
                needs = (draft.add(Phase.LIFT_APPS, Change("delete", ASSIGNMENT, label, self._text(ours), apps=apps, step=step)),)
            if self.apps.is_ours(app) and len(ours) == len(app.assignments):
                step = Step(self.apps.delete_app, (app,))
                draft.add(Phase.LIFT_APPS, Change("delete", APP, label, label + "\n", needs=needs, apps=apps, step=step))

    # Verbs.

    def change_assignments(
        self, odata_types: frozenset[str], identifier: str, app_id: str, added: Sequence[Target], removed: Sequence[str]
    ) -> None:
        """Add and remove our assignments of one app, one by one: the others in the set are somebody else's.

        Args:
            identifier: of the app, which may not be in the list yet.
            app_id: empty for an app that is not in the list yet.
            added: targets by name.
            removed: ids of assignments of ours.
        """
        graph = self.around.graph
        app_id = app_id or self.apps.id_of(odata_types, identifier)
        path = "%s/%s/assignments" % (APPS.path, app_id)
        targets = [self.around.by_id(target) for target in added]
        # Exceptions first: an assignment must not stand for a moment without them. Then what is wrong, because an app has room for one
        # assignment to a target, whatever its filter.
        for target in targets:
            if target.kind == EXCLUDED_GROUP:
                self._add(path, target, identifier)
        for assignment in removed:
            what = "take back an assignment of %s" % (identifier or app_id)
            graph.delete("beta", "%s/%s" % (path, assignment), what=what, permission=APPS_WRITE)
        for target in targets:
            if target.kind != EXCLUDED_GROUP:
                self._add(path, target, identifier)
        expected = "%s has its uninstall assignments" % (identifier or app_id)
        self.around.written.wait(lambda: self._targets(path), lambda found: set(targets) <= set(found), expected)

    def _add(self, path: str, target: Target, identifier: str) -> None:
        body = {
            "@odata.type": "#microsoft.graph.mobileAppAssignment",
            "intent": "uninstall",
            "target": target.to_wire(),
            # Anything else is refused together with this intent.
            "settings": None,
        }
        try:
            self.around.graph.post("beta", path, body, what="assign the uninstallation of %s" % identifier, permission=APPS_WRITE)
        except UncertainWrite:
            if target not in self._targets(path):
                raise
        except RequestFailed as error:
            # 400 is also what Graph says of an assignment that a killed run made and that our reading did not show yet.
            if error.status != 400 or target not in self._targets(path):
                raise

    def _targets(self, path: str) -> list[Target]:
        listed = self.around.graph.pages("beta", path, what="read the assignments of an app", permission=APPS_READ)
        return [target_of(each.get("target")) for each in listed if each.get("intent") == "uninstall"]


def _in_the_way(control: Control, foreign: Iterable[AppAssignment]) -> list[AppAssignment]:
    """Somebody else's assignments to a target that ours would need: an app has room for one, whatever its intent and filter."""
    wanted = {target.kind for target in control.targets if not target.group}
    return [each for each in foreign if each.target.kind in wanted]


def _does_the_same(each: AppAssignment) -> bool:
    return each.intent == "uninstall" and not each.target.filter
