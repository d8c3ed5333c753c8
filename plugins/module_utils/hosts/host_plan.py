# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a situation to the plan of one host. Pure but for the questions that backends ask their package managers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, Sequence, Set, Tuple, Union

from ..engine.plan import Change, Plan
from .backend import Backend, BlockPlan, BlockRequest, Package, Refusal, RemovalRequest
from .intent import INTENT_PATH
from .ledger import LEDGER_PATH, Ledger, says_the_same
from .rails import Removal, check_names, check_removals
from .request import AppRequest, HostRequest
from .situation import Finding, Situation, names_to_act_on
from .steps import FoundFileStep

if TYPE_CHECKING:
    from .leftovers import Leftovers

_REMEMBERED_REMOVALS = 20


@dataclass(frozen=True)
class HostPlan:
    """What is to be done on one host.

    Args:
        removal: the changes that take away what is there, in order; each is carried out whether or not another one fails.
        block: the changes that make, repair or lift blocks. They are planned once more after the removals, with what is really gone.
        refusals: why nothing at all may be done.
        removals: what each backend was asked to remove, and its answer; one for each app, or for apps that only go together.
        to_remove: the findings that the removals take away.
        blocks: backend name -> its plan for the block.
        owners: change key -> who verifies it: a backend, or the search for leftovers.
        ledger: the ledger as it will be when everything is done.
        only_ledger: there is nothing to do on the host itself, but its ledger says more than is true any longer (a block was
            taken away by hand before its lift, a removal is to be forgotten).
        interrupted: an earlier run was killed; what it left is tidied up first.
    """

    removal: Plan = field(default_factory=Plan)
    block: Plan = field(default_factory=Plan)
    refusals: Tuple[Refusal, ...] = ()
    removals: Tuple[Removal, ...] = ()
    to_remove: Tuple[Finding, ...] = ()
    blocks: Mapping[str, BlockPlan] = field(default_factory=dict)
    owners: Mapping[str, Union[Backend, Leftovers]] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    only_ledger: bool = False
    interrupted: bool = False

    @property
    def plan(self) -> Plan:
        """Every change on the host itself, in order."""
        return Plan(self.removal.changes + self.block.changes)

    def __bool__(self) -> bool:
        return bool(self.removal or self.block or self.only_ledger or self.interrupted)

    def summaries(self) -> List[Dict[str, str]]:
        """Every change as ``{op, kind, name}``, in order."""
        first = [{"op": "delete", "kind": "intent", "name": INTENT_PATH}] if self.interrupted else []
        if self.only_ledger:
            return first + [{"op": "update" if self.ledger else "delete", "kind": "ledger", "name": LEDGER_PATH}]
        return first + self.plan.summaries()


def plan_host(request: HostRequest, situation: Situation) -> HostPlan:
    """Plan one host: what goes, what is blocked or lifted, and whether the rails allow it."""
    to_remove = tuple(each for each in situation.findings if each.actionable and each.app.state == "absent" and each.app.remove)
    removals = tuple(_removals(request, situation, to_remove))
    refusals = tuple(_refusals(request, situation, removals))
    if refusals:
        return HostPlan(
            refusals=refusals, removals=removals, to_remove=to_remove, ledger=situation.ledger, interrupted=situation.interrupted
        )
    removal, owners = _removal_plan(request, situation, removals, to_remove)
    kept = names_there(situation, [each for each in situation.findings if each not in to_remove])
    blocks, block, block_owners = plan_blocks(request, situation, kept)
    owners.update(block_owners)
    ledger = ledger_after(request, situation, to_remove, blocks, kept)
    only_ledger = not removal and not block and not says_the_same(ledger, situation.ledger)
    return HostPlan(removal, block, (), removals, to_remove, blocks, owners, ledger, only_ledger, situation.interrupted)


def names_there(situation: Situation, findings: Iterable[Finding]) -> Set[Tuple[str, str]]:
    """``(database, name)`` of packages that stay installed and that no guard can name."""
    return {(each.backend.database, each.package.name) for each in findings} | set(situation.kept_present)


def plan_blocks(
    request: HostRequest, situation: Situation, kept: Set[Tuple[str, str]]
) -> Tuple[Dict[str, BlockPlan], Plan, Dict[str, Union[Backend, Leftovers]]]:
    """Plan every backend's block, knowing what stays installed.

    Returns:
        Backend name -> its plan; all their changes; and who verifies each.
    """
    blocks: Dict[str, BlockPlan] = {}
    changes: List[Change] = []
    owners: Dict[str, Union[Backend, Leftovers]] = {}
    for backend in situation.backends:
        asked = _block_request(request, situation.ledger, backend, kept)
        owned = situation.ledger.owned.get(backend.name, {})
        # On a host that remembers nothing of us, a lift of names that are known looks even where no mark of ours shows.
        blind = not situation.ledger and any(app.state == "lifted" and names_to_act_on(backend, app) for app in request.apps)
        if not (asked.names or owned or backend.name in situation.marked or blind):
            continue
        plan = blocks[backend.name] = backend.plan_block(asked, owned)
        apps = tuple(app.id for app in request.apps if names_to_act_on(backend, app))
        for change in plan.changes:
            changes.append(replace(change, apps=apps))
            owners[change.key] = backend
    return blocks, Plan(tuple(changes)), owners


def deleted_leftovers(changes: Iterable[Change]) -> Set[str]:
    """The desktop leftovers that these changes delete, as the findings show them. A file of our own block is none of them."""
    return {change.name for change in changes if isinstance(change.step, FoundFileStep)}


def apps_acted_on(request: HostRequest) -> List[AppRequest]:
    """The apps that this run shall do something about, not only look for."""
    return [app for app in request.apps if app.state == "absent" and (app.remove or app.block != "none")]


def _removals(request: HostRequest, situation: Situation, to_remove: Sequence[Finding]) -> List[Removal]:
    """One removal for each app, so that one that fails holds back no other; apps that only go together share one."""
    removals = []
    for backend in situation.backends:
        here = [each for each in to_remove if each.backend is backend]
        groups = [tuple(each.package for each in here if each.app.id == app) for app in dict.fromkeys(each.app.id for each in here)]
        removals.extend(_apart(request, backend, groups))
    return removals


def _apart(request: HostRequest, backend: Backend, groups: Sequence[Tuple[Package, ...]]) -> List[Removal]:
    """Plan groups of packages one by one; two groups of which one removal takes packages of the other are planned as one."""
    plans: List[Removal] = []
    for packages in groups:
        removal = _removal(request, backend, packages)
        while True:
            touching = [other for other in plans if _touch(removal, other)]
            if not touching:
                break
            plans = [other for other in plans if other not in touching]
            removal = _removal(request, backend, sum((other.request.packages for other in touching), ()) + removal.request.packages)
        plans.append(removal)
    return plans


def _removal(request: HostRequest, backend: Backend, packages: Tuple[Package, ...]) -> Removal:
    asked = RemovalRequest(packages, request.allow_dependents, request.lock_timeout)
    return Removal(backend.name, asked, backend.plan_removal(asked))


def _touch(one: Removal, other: Removal) -> bool:
    return bool(_reach(one).intersection(_reach(other)))


def _reach(removal: Removal) -> Set[Tuple[str, str]]:
    reached = {(package.name, package.scope) for package in removal.request.packages + removal.plan.removes}
    # A refusal names who depends on the packages and would have to go.
    return reached.union((name, "system") for name in removal.plan.dependents)


def _refusals(request: HostRequest, situation: Situation, removals: Sequence[Removal]) -> List[Refusal]:
    names: Dict[str, Set[str]] = {}
    for backend in situation.backends:
        for app in apps_acted_on(request):
            names.setdefault(backend.name, set()).update(names_to_act_on(backend, app))
    return check_names(names, request.protected) + check_removals(removals, request.protected, request.max_removals)


def _block_request(request: HostRequest, ledger: Ledger, backend: Backend, kept: Set[Tuple[str, str]]) -> BlockRequest:
    names: Set[str] = set()
    strong: Set[str] = set()
    for app in request.apps:
        if app.state == "absent" and app.block != "none":
            names |= names_to_act_on(backend, app)
            if app.block == "strong":
                strong |= names_to_act_on(backend, app)
    if request.others == "keep":
        listed = {app.id for app in request.apps}
        for app_id in ledger.apps:
            kept_block = ledger.block_of(app_id, backend.name)
            if app_id not in listed and kept_block:
                names.update(kept_block["names"])
                if kept_block["strong"]:
                    strong.update(kept_block["names"])
    return BlockRequest(
        names=tuple(sorted(names)),
        strong=frozenset(strong),
        present=frozenset(name for name in names if (backend.database, name) in kept),
        comment=request.comment,
        providers=request.providers,
        lock_timeout=request.lock_timeout,
    )


def _removal_plan(
    request: HostRequest, situation: Situation, removals: Sequence[Removal], to_remove: Sequence[Finding]
) -> Tuple[Plan, Dict[str, Union[Backend, Leftovers]]]:
    """The plan of all removals: packages of the system, those in people's own places, then files that no package manager knows."""
    changes: List[Change] = []
    owners: Dict[str, Union[Backend, Leftovers]] = {}
    by_name = {backend.name: backend for backend in situation.backends}
    for removal in removals:
        backend = by_name[removal.backend]
        asked = set(removal.request.packages)
        apps = tuple(sorted({each.app.id for each in to_remove if each.backend is backend and each.package in asked}))
        for change in removal.plan.changes:
            changes.append(replace(change, apps=apps))
            owners[change.key] = backend
    if request.remove_leftovers and situation.search is not None:
        for change in situation.search.plan_removal(situation.leftovers):
            changes.append(change)
            owners[change.key] = situation.search
    return Plan(tuple(changes)), owners


def ledger_after(
    request: HostRequest, situation: Situation, gone: Sequence[Finding], blocks: Mapping[str, BlockPlan], kept: Set[Tuple[str, str]]
) -> Ledger:
    """The ledger when these findings are gone and these block plans are carried out."""
    before = situation.ledger
    owned = {name: dict(value) for name, value in before.owned.items() if name not in blocks}
    for name, block in blocks.items():
        if block.owned:
            # As the file will have it, so that a tuple and a list are the same.
            owned[name] = json.loads(json.dumps(block.owned))
    listed = {app.id for app in request.apps}
    apps: Dict[str, Mapping[str, Any]] = {}
    removed: Dict[str, Tuple[Mapping[str, Any], ...]] = {}
    if request.others == "keep":
        apps.update((name, entry) for name, entry in before.apps.items() if name not in listed)
        removed.update((name, entries) for name, entries in before.removed.items() if name not in listed)
    chosen = {backend.name for backend in situation.backends}
    for app in request.apps:
        earlier = before.apps.get(app.id, {"since": request.now, "blocks": {}})
        # What stands in a package manager that this run leaves alone (the option `backends`) stays as it is.
        standing = {name: block for name, block in earlier["blocks"].items() if name not in chosen}
        if app.state == "absent":
            standing.update(_standing_blocks(app, situation, blocks, kept))
            history = tuple(before.removed.get(app.id, ())) + tuple(_removal_note(each, request.now) for each in gone if each.app is app)
            if history:
                removed[app.id] = history[-_REMEMBERED_REMOVALS:]
        if standing:
            apps[app.id] = {"since": earlier["since"], "blocks": standing}
    demanded = {app.id for app in request.apps if app.state == "absent"}
    files = {app: each.files for app, each in situation.remains.items() if each.files and app in demanded}
    programs = {app: each.programs for app, each in situation.remains.items() if each.programs and app in demanded}
    if request.others == "keep":
        files.update((name, noted) for name, noted in before.remains.items() if name not in listed)
        programs.update((name, noted) for name, noted in before.running.items() if name not in listed)
    return Ledger(owned, apps, removed, before.made_directory, files, programs)


def removal_notes(findings: Iterable[Finding], now: str) -> Dict[str, Tuple[Mapping[str, str], ...]]:
    """app id -> what is to be remembered of each of its packages that goes."""
    notes: Dict[str, Tuple[Mapping[str, str], ...]] = {}
    for finding in findings:
        notes[finding.app.id] = notes.get(finding.app.id, ()) + (_removal_note(finding, now),)
    return notes


def _removal_note(finding: Finding, now: str) -> Mapping[str, str]:
    package = finding.package
    return {"backend": finding.backend.name, "name": package.name, "version": package.version, "scope": package.scope, "at": now}


def _standing_blocks(
    app: AppRequest, situation: Situation, blocks: Mapping[str, BlockPlan], kept: Set[Tuple[str, str]]
) -> Dict[str, Any]:
    standing: Dict[str, Any] = {}
    if app.block == "none":
        return standing
    for backend in situation.backends:
        if backend.name not in blocks:
            continue
        own = names_to_act_on(backend, app)
        held = sorted({name for block in blocks[backend.name].blocks for name in block.names if name in own})
        if held:
            standing[backend.name] = {"names": held, "strong": app.block == "strong"}
            there = [name for name in held if (backend.database, name) in kept]
            if there:
                standing[backend.name]["unproved"] = there
    return standing
