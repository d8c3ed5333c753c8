# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a situation to the plan of one host. Pure but for the questions that backends ask their package managers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, Sequence, Set, Tuple, Union

from ..engine.plan import Change, Plan
from .backend import Backend, BlockPlan, BlockRequest, Refusal, RemovalRequest
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
        plan: the ordered changes; empty when the host is where it should be, or when there are refusals.
        refusals: why nothing at all may be done.
        removals: what each backend was asked to remove, and its answer.
        going: the findings that the removals take away.
        blocks: backend name -> its plan for the block.
        owners: change key -> who verifies it: a backend, or the search for leftovers.
        ledger: the ledger as it will be when everything is done.
        only_ledger: there is nothing to do on the host itself, but its ledger says more than is true any longer (a block was
            taken away by hand before its lift, a removal is to be forgotten).
    """

    plan: Plan = field(default_factory=Plan)
    refusals: Tuple[Refusal, ...] = ()
    removals: Tuple[Removal, ...] = ()
    going: Tuple[Finding, ...] = ()
    blocks: Mapping[str, BlockPlan] = field(default_factory=dict)
    owners: Mapping[str, Union[Backend, Leftovers]] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    only_ledger: bool = False

    def summaries(self) -> List[Dict[str, str]]:
        """Every change as ``{op, kind, name}``, in order."""
        if self.only_ledger:
            return [{"op": "update" if self.ledger else "delete", "kind": "ledger", "name": LEDGER_PATH}]
        return self.plan.summaries()


def plan_host(request: HostRequest, situation: Situation) -> HostPlan:
    """Plan one host: what goes, what is blocked or lifted, and whether the rails allow it."""
    going = tuple(each for each in situation.findings if each.actionable and each.app.state == "absent" and each.app.remove)
    removals = tuple(_removals(request, situation, going))
    refusals = tuple(_refusals(request, situation, removals))
    if refusals:
        return HostPlan(refusals=refusals, removals=removals, going=going, ledger=situation.ledger)
    staying = {(each.backend.database, each.package.name) for each in situation.findings if each not in going}
    staying |= situation.kept_present
    blocks = {}
    for backend in situation.backends:
        asked = _block_request(request, situation.ledger, backend, staying)
        owned = situation.ledger.owned.get(backend.name, {})
        if asked.names or owned:
            blocks[backend.name] = backend.plan_block(asked, owned)
    plan, owners = _one_plan(situation, removals, going, blocks, request)
    ledger = _ledger_after(request, situation, going, blocks, staying)
    only_ledger = not plan and not says_the_same(ledger, situation.ledger)
    return HostPlan(plan, (), removals, going, blocks, owners, ledger, only_ledger)


def deleted_leftovers(changes: Iterable[Change]) -> Set[str]:
    """The desktop leftovers that these changes delete, as the findings show them. A file of our own block is none of them."""
    return {change.name for change in changes if isinstance(change.step, FoundFileStep)}


def apps_acted_on(request: HostRequest) -> List[AppRequest]:
    """The apps that this run shall do something about, not only look for."""
    return [app for app in request.apps if app.state == "absent" and (app.remove or app.block != "none")]


def _removals(request: HostRequest, situation: Situation, going: Sequence[Finding]) -> List[Removal]:
    removals = []
    for backend in situation.backends:
        packages = tuple(each.package for each in going if each.backend is backend)
        if packages:
            asked = RemovalRequest(packages, request.allow_dependents, request.lock_timeout)
            removals.append(Removal(backend.name, asked, backend.plan_removal(asked)))
    return removals


def _refusals(request: HostRequest, situation: Situation, removals: Sequence[Removal]) -> List[Refusal]:
    names: Dict[str, Set[str]] = {}
    for backend in situation.backends:
        for app in apps_acted_on(request):
            names.setdefault(backend.name, set()).update(names_to_act_on(backend, app))
    return check_names(names, request.protected) + check_removals(removals, request.protected, request.max_removals)


def _block_request(request: HostRequest, ledger: Ledger, backend: Backend, staying: Set[Tuple[str, str]]) -> BlockRequest:
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
            kept = ledger.block_of(app_id, backend.name)
            if app_id not in listed and kept:
                names.update(kept["names"])
                if kept["strong"]:
                    strong.update(kept["names"])
    return BlockRequest(
        names=tuple(sorted(names)),
        strong=frozenset(strong),
        present=frozenset(name for name in names if (backend.database, name) in staying),
        comment=request.comment,
        providers=request.providers,
        lock_timeout=request.lock_timeout,
    )


def _one_plan(
    situation: Situation,
    removals: Sequence[Removal],
    going: Sequence[Finding],
    blocks: Mapping[str, BlockPlan],
    request: HostRequest,
) -> Tuple[Plan, Dict[str, Union[Backend, Leftovers]]]:
    """Removals first; a block waits for the removals in its database, or it would hide what is to go."""
    changes: List[Change] = []
    owners: Dict[str, Union[Backend, Leftovers]] = {}
    if request.remove_leftovers and situation.search is not None:
        for change in situation.search.plan_removal(situation.leftovers):
            changes.append(change)
            owners[change.key] = situation.search
    by_name = {backend.name: backend for backend in situation.backends}
    keys: Dict[str, Tuple[str, ...]] = {}
    for removal in removals:
        backend = by_name[removal.backend]
        apps = tuple(sorted({each.app.id for each in going if each.backend is backend}))
        keys[backend.database] = tuple(change.key for change in removal.plan.changes)
        for change in removal.plan.changes:
            changes.append(replace(change, apps=apps))
            owners[change.key] = backend
    for name, block in blocks.items():
        backend = by_name[name]
        apps = tuple(app.id for app in request.apps if names_to_act_on(backend, app))
        for change in block.changes:
            changes.append(replace(change, apps=apps, needs=keys.get(backend.database, ()) + tuple(change.needs)))
            owners[change.key] = backend
    return Plan(tuple(changes)), owners


def _ledger_after(
    request: HostRequest, situation: Situation, going: Sequence[Finding], blocks: Mapping[str, BlockPlan], staying: Set[Tuple[str, str]]
) -> Ledger:
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
            standing.update(_standing_blocks(app, situation, blocks, staying))
            history = tuple(before.removed.get(app.id, ())) + tuple(_removal_note(each, request.now) for each in going if each.app is app)
            if history:
                removed[app.id] = history[-_REMEMBERED_REMOVALS:]
        if standing:
            apps[app.id] = {"since": earlier["since"], "blocks": standing}
    return Ledger(owned, apps, removed, before.made_directory)


def _removal_note(finding: Finding, now: str) -> Mapping[str, str]:
    package = finding.package
    return {"backend": finding.backend.name, "name": package.name, "version": package.version, "scope": package.scope, "at": now}


def _standing_blocks(
    app: AppRequest, situation: Situation, blocks: Mapping[str, BlockPlan], staying: Set[Tuple[str, str]]
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
            there = [name for name in held if (backend.database, name) in staying]
            if there:
                standing[backend.name]["unproved"] = there
    return standing
