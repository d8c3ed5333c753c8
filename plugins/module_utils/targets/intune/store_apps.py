# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assignments of store apps with the intent to uninstall, one set an app. Pure; a part of the planner.

An app in the tenant's list is shared: others may have assigned it. Ours are the assignments that go to groups or filters of ours, and
they are added and removed one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable

from ...engine.plan import Change
from ...mdm.planning.order import Phase
from . import capabilities as names
from . import steps
from .objects import AppAssignment, AppObject
from .requirements import TYPES

if TYPE_CHECKING:
    from ...mdm.run.ledger import Ledger
    from .controls import Control
    from .planner import Planner

PLAY_APP = "androidManagedStoreApp"
#: What the ledger remembers of an order at Google Play: the app comes later, and only then it can be marked as ours.
ORDERED, MARKED, DELETED = "ordered", "marked", "deleted"
_PLAY_ORDER = "play app "
_CONFLICTING = ("required", "available", "availableWithoutEnrollment")


def play_event(package: str, content: str) -> dict[str, str]:
    """The event of the ledger about an order at Google Play. content: one of the three words above."""
    return {"event": "stands", "device": "", "control": _PLAY_ORDER + package, "content": content}


def ordered_packages(ledger: Ledger | None) -> frozenset[str]:
    """Packages that were ordered by us and that nobody has marked as ours since: a run was killed, or a write failed."""
    written = ledger.written if ledger is not None else {}
    return frozenset(key[len(_PLAY_ORDER) :] for key, said in written.items() if key.startswith(_PLAY_ORDER) and said == ORDERED)


def app_requirements(planner: Planner, control: Control) -> None:
    """Plan the assignments of every app that a control names, and what brings missing apps into the list."""
    apps = {name: app_of(planner, TYPES[control.mechanism], name) for name in control.identifiers}
    missing = tuple(sorted(name for name, app in apps.items() if app is None))
    changes: list[str] = []
    before: frozenset[int] | None = None
    obstacle = ""
    prevented = False
    if control.mechanism == names.IOS_UNINSTALL:
        # Intune takes off only what it installed itself, and that is in its list.
        apps = {name: app for name, app in apps.items() if app is not None}
        if not apps:
            return
    elif missing:
        changes.extend(_bring_in(planner, control, missing))
    for name, app in sorted(apps.items()):
        key, reached = _assign(planner, control, name, app, tuple(changes))
        changes.extend(key)
        before = reached if before is None else before & reached
        foreign = [each for each in app.assignments if not planner.is_our_assignment(app, each)] if app else []
        in_the_way = _in_the_way(control, foreign)
        prevented = prevented or any(not _does_the_same(each) for each in in_the_way)
        if prevented or any(each.intent == "required" for each in foreign):
            obstacle = "foreign_assignment"
        planner.conflicts.extend(
            "%s (%s), an assignment of somebody else: %s for %s" % (app.name if app else name, name, each.intent, text)
            for each in foreign
            if each.intent in _CONFLICTING or each in in_the_way
            for text in planner.target_texts((each.target,))
        )
    groups = {group.name for group in control.groups}
    changed = [g.created_at for g in planner.state.groups if g.name in groups]
    changed += [f.changed_at for f in planner.state.filters if f.name in {each.name for each in control.filters}]
    planner.cover(control, tuple(dict.fromkeys(changes)), max(changed, default=""), before or frozenset(), obstacle, prevented)


def _in_the_way(control: Control, foreign: Iterable[AppAssignment]) -> list[AppAssignment]:
    """Somebody else's assignments to a target that ours would need: an app has room for one, whatever its intent and filter."""
    wanted = {target.kind for target in control.targets if not target.group}
    return [each for each in foreign if each.target.kind in wanted]


def _does_the_same(each: AppAssignment) -> bool:
    return each.intent == "uninstall" and not each.target.filter


def app_of(planner: Planner, odata_types: frozenset[str], name: str) -> AppObject | None:
    """The app of the tenant's list that a name stands for; None where it is not in the list."""
    found = [app for app in planner.state.apps if name in app.identifiers and app.odata_type in odata_types]
    # Somebody else's before ours: a second one of the same name is never made, and two are never both assigned.
    return min(found, key=lambda app: (app.marker is not None, app.id), default=None)


def _bring_in(planner: Planner, control: Control, missing: tuple[str, ...]) -> list[str]:
    keys = []
    store = "Google Play" if control.mechanism == names.ANDROID_UNINSTALL else "Microsoft Store"
    title = planner.titles[control.apps[0]]
    for package in missing:
        notes = planner.marker(control.requirement.policies, control.mechanism, {"package": package})
        step = (
            steps.AddPlayApp(package, notes)
            if control.mechanism == names.ANDROID_UNINSTALL
            else steps.CreateStoreApp(package, title, title, notes)
        )
        change = Change("create", "app", "%s (%s)" % (package, store), None, package + "\n", apps=control.apps, step=step)
        planner.add(Phase.APPS, change)
        keys.append(change.key)
    return keys


def _assign(
    planner: Planner, control: Control, name: str, app: AppObject | None, needs: tuple[str, ...]
) -> tuple[list[str], frozenset[int]]:
    """The change of one app's assignments: its key (none where all is right), and whom they reach today."""
    foreign = [each for each in app.assignments if not planner.is_our_assignment(app, each)] if app else []
    in_the_way = _in_the_way(control, foreign)
    targets = frozenset() if in_the_way else control.targets
    # One by one: a group that is still to be made says nothing against the assignments that stand.
    wanted = {target: planner.resolved((target,)) for target in targets}
    found = frozenset().union(*(ids for ids in wanted.values() if ids is not None))
    others = {each for target in planner.app_targets[(control.mechanism, name)] for each in planner.resolved((target,)) or ()}
    ours = [each for each in app.assignments if planner.is_our_assignment(app, each)] if app else []
    right = [each for each in ours if each.intent == "uninstall" and each.target in found]
    present = {each.target for each in right}
    add = tuple(sorted(target for target, ids in wanted.items() if ids is None or not ids <= present))
    # What no control of this app wants; the first one that is planned takes it back.
    wanted_by_none = [each for each in ours if not (each.intent == "uninstall" and each.target in others)]
    # An assignment's id is made of its target, so it is another app's too.
    wrong = [each for each in wanted_by_none if app and (app.id, each.id) not in planner.taken_back]
    planner.taken_back.update((app.id, each.id) for each in wrong if app)
    ours = [each for each in ours if each in right or each in wrong]
    for each in wrong:
        if not planner.is_our_target(each.target):
            planner.drift.append("%s (%s) was assigned without its filter" % (control.name, name))
    reached = planner.reached_before(control, [each.target for each in ours if each.intent == "uninstall"])
    if any(_does_the_same(each) for each in in_the_way):
        reached = control.control_scope.covers
    if not add and not wrong:
        return list(planner.needs(control)), reached
    own = next((key for key in needs if key.startswith("app:%s (" % name)), None)
    all_needs = tuple(dict.fromkeys((*planner.needs(control), *((own,) if own else ()))))
    before = "\n".join("%s: %s" % (e.intent, planner.target_texts((e.target,))[0]) for e in ours)
    after = "\n".join("uninstall: %s" % text for text in sorted(planner.target_texts(targets)))
    op = "create" if not ours else "update" if targets else "delete"
    mine, lost, lost_by_all = planner.reach_of_app(control, name, app, targets)
    # Other changes of this app may take an assignment away before this one is made: only what stands for this control counts as there.
    stands = planner.now.of_targets(control.mechanism, present)
    change = Change(
        op, "uninstall assignment", "%s (%s)" % (control.name, name), before + "\n" if ours else None,
        after + "\n" if after else None, needs=all_needs, apps=control.apps,
        reaches=mine - stands, releases=lost if wrong else lost_by_all,
        step=steps.ChangeAppAssignments(
            TYPES[control.mechanism], name, app.id if app else "", add, tuple(each.id for each in wrong)
        ),
    )  # fmt: skip
    planner.add(Phase.ASSIGN, change)
    return [change.key, *all_needs], reached
