# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target for Tiny MDM, an imaginary vendor's server (tests/simulators/tiny_mdm): the example to read before a real one.

From the top: capabilities, what is there, the server, what is wanted, kinds of objects, the target, the module. All else is in ``mdm/``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.authorization import ApiKey
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.complete_lists import counted_rows
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.identity import identity_of_server
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.paging import Page, frame_and_items, object_of, object_with
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.server_values import instant_of, switch, text
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.session import Session
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.written_objects import KeptObjects
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning import ownership
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.app_names import AppNames
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.audiences import Audience, FleetRoster, ScopeMembers
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.capability import Capability, Support, without_support
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.control_groups import ControlGroups
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.effects import Effects, GroupBecomes
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.fleet import FleetDevice, ManagedDevice
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.grouped_controls import GroupedControl, GroupedControls
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.kept_controls import desired_with_kept
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.mechanisms import Mechanism, Mechanisms
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.members import WantedGroup
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.native_scope import NativeScope
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.plan_draft import PlanDraft, Step
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.reconcile import Difference, end
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.requirements import Requirement, requirements_of_policies
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.scoped_objects import ScopedResource, plan_control_objects
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.found_apps import FoundApps
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.module_run import run_tenant
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.options import connection_spec, target_spec
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.outbox import OUTBOX, OUTBOX_NAME, Outbox
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.outbox_target import OutboxTarget
from ansible_collections.appban.endpoint.plugins.module_utils.policy.decide import Decider
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy

LIST, KIND, CORPORATE, PLATFORMS = "tiny_block_list", "ios_bundle_id", "corporate", ("ios", "ipados")
BLOCK = Mechanism(LIST, "block list", "blocked apps", PLATFORMS, ("block",), KIND, native=frozenset((CORPORATE,)))
MECHANISMS = Mechanisms((BLOCK, Mechanism(OUTBOX, OUTBOX_NAME)))
NO, NOTICE, REMOVE = Support(why_not="no_backend"), Support((OUTBOX,)), Support(why_not="user_installed")
PHONE = Capability("phone", "iPhone, iPad", "all", "", "all apps", REMOVE, Support((LIST,), note="hidden"), NO, NO, NOTICE)
OTHER = without_support("other", "anything else", "no_backend", advise=NOTICE)


@dataclass(frozen=True)
class Group:
    id: str
    name: str
    note: str
    members: frozenset[str]

    def content(self) -> dict[str, Any]:
        return {"name": self.name, "note": self.note, "members": sorted(self.members)}


@dataclass(frozen=True)
class BlockList:
    id: str
    name: str
    note: str
    names: frozenset[str]
    audience: Audience
    changed_at: str = ""
    policies: tuple[str, ...] = ()

    def content(self) -> dict[str, Any]:
        lists = {"apps": self.names, "groups": self.audience.groups, "except": self.audience.excluded_groups}
        told = {"name": self.name, "note": self.note, "everybody": self.audience.everything}
        return {**told, **{key: sorted(map(str, each)) for key, each in lists.items()}}


def group_of(row: Mapping[str, Any]) -> Group:
    return Group(row["id"], row["name"], row["note"], frozenset(map(str, row["members"])))


def list_of(row: Mapping[str, Any]) -> BlockList:
    apps, groups, excluded = (frozenset(map(str, row[name])) for name in ("apps", "groups", "except"))
    audience = Audience(row["everybody"], groups=groups, excluded_groups=excluded)
    return BlockList(row["id"], row["name"], row["note"], apps, audience, instant_of(row["changed"]), ownership.policies_of(row["note"]))


def device_of(row: Mapping[str, Any]) -> ManagedDevice:
    facts = {name: text(row, name) or None for name in ("id", "serial", "name", "platform", "os_version", "ownership", "user")}
    seen, enrolled, told = (instant_of(text(row, name)) for name in ("last_contact", "enrolled", "apps_told"))
    known = {"supervised": switch(row, "supervised"), "enrollment": "device", "work_apps": True, "last_seen": seen or None}
    return ManagedDevice({**facts, **known}, facts["ownership"], row["id"], synced_at=seen, enrolled_at=enrolled, inventory_at=told)


#: What one object has to have, and of which type.
GROUP = {"id": str, "name": str, "note": str, "members": list}
BLOCK_LIST = {"id": str, "name": str, "note": str, "apps": list, "everybody": bool, "groups": list, "except": list, "changed": str}


class Tiny(Session):
    def rows(self, kind: str) -> Iterator[Mapping[str, Any]]:
        """Yield what is in a list: all of it, or an error."""

        def page(after: str) -> Page:
            document, items = frame_and_items(self.get("/" + kind, {"after": after or None}, what="list the " + kind), "items", "id")
            return Page(items, text(document, "next") or None, document.get("total"))

        return counted_rows(page, "list the " + kind, kind, "the server", lambda row: str(row["id"]))

    def find(self, kind: str, key: str, fields: Mapping[str, type]) -> Mapping[str, Any] | None:
        """One object; None for one that isn't there."""
        response = self.get("/%s/%s" % (kind, quote(key, safe="")), what="read one of the " + kind, accept={404})
        return object_with(response, fields, key) if response.ok() else None


class TinyObjects(KeptObjects[Any]):
    """Groups or lists. ours: those that were there; others: name -> ids of those of somebody else."""

    def __init__(self, tiny: Tiny, kind: str, fields: Mapping[str, type], parse: Callable[[Any], Any], policies: Iterable[str]) -> None:
        super().__init__("the " + kind[:-1], "Tiny MDM", tiny.connection.clock, tiny.counters)
        self.tiny, self.kind, self.fields, self.parse, self.policies = tiny, kind, fields, parse, dict.fromkeys(policies)
        rows = [(row["id"], text(row, "name"), ownership.is_ours(text(row, "note"), self.policies)) for row in tiny.rows(kind)]
        self.ours = list(filter(None, (self.read(number) for number, _name, ours in rows if ours)))
        self.others = {name: [number] for number, name, ours in rows if not ours}

    def read(self, number: str) -> Any:
        row = self.tiny.find(self.kind, number, self.fields)
        return None if row is None else self.parse(row)

    def numbers_called(self, name: str) -> list[str]:
        return [row["id"] for row in self.tiny.rows(self.kind) if row.get("name") == name]

    def differences(self, wanted: Any, found: Any) -> list[str]:
        return [name for name, value in wanted.content().items() if found.content()[name] != value]

    def send_new(self, wanted: Any) -> str:
        return text(object_of(self.tiny.post("/" + self.kind, what="make " + wanted.name, body=wanted.content())), "id")

    def send_changed(self, wanted: Any) -> None:
        self.tiny.put("/%s/%s" % (self.kind, wanted.id), what="change " + wanted.name, body=wanted.content(), repeatable=False)

    def send_deletion(self, number: str, name: str) -> None:
        self.tiny.delete("/%s/%s" % (self.kind, number), what="delete " + name, repeatable=False)

    def is_ours(self, found: Any) -> bool:
        return ownership.is_ours(found.note, self.policies)


class Control(GroupedControl):
    @property
    def note(self) -> str:
        return ownership.control_description(self.requirement.policies, LIST, sorted(self.names or ()))


class TinyControls(GroupedControls[Control]):
    def bare(self, requirement: Requirement) -> Control | None:
        names = self.names_carried(requirement)
        return Control(requirement, self.name_of(requirement), tuple(names), frozenset().union(*names.values())) if names else None


class Groups(ControlGroups[WantedGroup[str], Group]):
    kind = "group"

    def write(self, wanted: WantedGroup[str], found: Group | None, difference: Difference | None, foreign: Any) -> Step:
        group = Group("", wanted.name, ownership.control_description(wanted.policies, wanted.role, ""), wanted.members)
        return Step(self.make, (group,), GroupBecomes(self.key(wanted.name), group))


class BlockLists(ScopedResource[Control, BlockList]):
    kind = "block list"

    def audience_wanted(self, wanted: Control) -> Audience:
        return self.groups.audience(wanted.groups, everything=bool(wanted.control_scope.native))

    def difference(self, wanted: Control, found: BlockList) -> Difference:
        settings, same = () if wanted.names == found.names else ("apps",), ownership.same_description(wanted.note, found.note)
        drift = ("%s had other apps" % found.name,) if settings and same else ()
        return Difference(settings, self.audience_wanted(wanted) != found.audience, not same, drift=drift)

    def write(self, wanted: Control, found: BlockList | None, difference: Difference | None, foreign: Any) -> Step:
        return Step(self.put, (wanted, found), self.becomes_in_force(wanted, found.id if found else None, difference))

    def put(self, wanted: Control, found: BlockList | None) -> None:
        number = found.id if found else ""
        self.objects.write(BlockList(number, wanted.name, wanted.note, wanted.names or frozenset(), self.audience_wanted(wanted)), found)


class TinyTarget(OutboxTarget):
    """What a run drives."""

    names = MECHANISMS.titles()

    def __init__(self, tiny: Tiny, policies: Sequence[Policy], outbox: Outbox) -> None:
        super().__init__(policies, outbox, tiny.counters, FoundApps(AppNames(policies, {"": KIND})))
        self.tiny = tiny

    def capability_of(self, record: Mapping[str, Any]) -> Capability:
        return PHONE if record.get("platform") in PLATFORMS else OTHER

    def devices(self) -> Iterator[ManagedDevice]:
        for row in self.tiny.rows("devices"):
            self.found.take(row["id"], row.get("apps"))
            yield device_of(row)

    def look_up(self, devices: Sequence[str]) -> Mapping[str, bool | None]:
        return {each: self.tiny.find("devices", each.removeprefix("serial:"), {"id": str}) is not None for each in devices}

    def plan(self, fleet: Sequence[FleetDevice], decider: Decider) -> PlanDraft:
        self.fleet, self.now, policies = fleet, decider.now, self.policies
        wanted = requirements_of_policies(policies, MECHANISMS)
        native = NativeScope(policies, decider, wanted, PLATFORMS, {"enrollment": "device"})
        in_groups = TinyObjects(self.tiny, "groups", GROUP, group_of, self.policy_ids)
        objects = TinyObjects(self.tiny, "lists", BLOCK_LIST, list_of, self.policy_ids)
        groups = Groups({each.name: each.id for each in in_groups.ours}, in_groups, in_groups.others)
        there = {each.id: each for each in in_groups.ours}
        members = ScopeMembers(fleet, policies, {"": FleetRoster(fleet)}, there, everybody=CORPORATE, kinds={"": KIND})
        lists, names = BlockLists(members, groups, objects=objects, others=objects.others), [each.name for each in objects.ours]
        desired, kept = desired_with_kept(
            fleet, decider, wanted,
            lambda required, kept: TinyControls(policies, fleet, required, MECHANISMS, self.capability_of, "BAN", kept, native),
            lambda plain, _desired: lists.standing(objects.ours, plain.by_name(names, decider, wanted), plain),
            self.look_ups.managed,
        )  # fmt: skip
        draft = PlanDraft(fleet, policies, notes=[*self.found.notes(), *kept.notes()])
        kept_groups = groups.plan(desired, in_groups.ours, draft)
        end(lists, objects.ours, plan_control_objects(lists, desired, objects.ours, draft), draft)
        groups.end_unneeded(in_groups.ours, kept_groups, desired, (lists.kind,), draft)
        draft.refuse("objects have the names of our controls and can't be told to be ours", "Rename them.")
        Effects(members, members.groups, lists.all_in_force(objects.ours)).follow_draft(draft)
        return draft


def argument_spec(from_environment: Any = None) -> dict[str, Any]:
    own = {"url": {"type": "str", "required": True}, "api_key": {"type": "str", "required": True}}
    return {**target_spec("tiny_mdm"), **connection_spec(own, ("api_key",), {}, from_environment)}


def run_module(module: Any) -> None:
    params = module.params
    key, outbox = ApiKey("X-Api-Key", params["api_key"]), Outbox(params["evidence_dir"], params["target"])

    def opened(request: Any, connection: Any) -> AbstractContextManager[TinyTarget]:
        return nullcontext(TinyTarget(Tiny(params["url"], key, connection, module.check_mode), request.policies, outbox))

    run_tenant(module, ("api_key",), lambda _params: identity_of_server("tiny_mdm", params["url"]), opened)
