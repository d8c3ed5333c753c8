# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Intune as a target of a run: reads, plan and writes put together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Iterator, Mapping, Sequence

from ...engine.apply import Applied, apply_plan
from ...engine.errors import AppbanError
from ...engine.plan import Plan
from ...mdm.http.clock import Clock
from ...mdm.planning.capability import Capability
from ...mdm.planning.control_state import ControlState
from ...mdm.planning.fleet import FleetDevice, ListBeginsAgain, ManagedDevice, alike_of
from ...mdm.planning.group_names import wanted_groups
from ...mdm.planning.identifiers import usable_names
from ...mdm.planning.native_scope import NativeScope
from ...mdm.planning.notices import Notice
from ...mdm.planning.plan_draft import PlanDraft, Step, carry_out
from ...mdm.planning.requirements import requirements_of_fleet, requirements_of_policies
from ...mdm.run.assess import may_look
from ...mdm.run.known_fleet import LoneLookUps
from ...mdm.run.ledger import Ledger
from ...mdm.run.run_request import Target
from ...policy.decide import Decider
from ...policy.instants import utc_text
from ...policy.model import Policy
from ...policy.policy_phase import LIFTED, RUNNING
from . import capabilities
from .api.graph import Graph
from .api.permissions import APPS_READ, CONDITIONAL_ACCESS_READ, CONFIGURATION_READ, DEVICES_READ, GROUPS_READ
from .capabilities import MANAGED_PLATFORMS, mechanisms
from .controls import ControlSettings, Desired, DesiredControls, chances_of
from .devices import look_up_devices, read_devices
from .findings import AppFinder
from .memberships import Memberships, read_memberships
from .notifications import send_notices
from .objects import COMPLIANCE_POLICY, TenantState
from .plan import draft_plan
from .reader import StateReader
from .resources.indicators import Defender, DefenderSettings, Indicators, wanted_site_blocks
from .resources.store_apps import ordered_packages
from .resources.surroundings import Surroundings
from .scope_members import ScopeMembers
from .written_objects import WrittenObjects

BROWSER, DEFENDER, NO_WEB_BLOCK = "browser", "defender", "none"
#: Apps that vanish from devices between two runs as a matter of course; of more than these the list is asked for once more.
HANDFUL = 5


@dataclass(frozen=True)
class IntuneSettings:
    """What a user can choose of the target.

    Args:
        controls: names and mechanisms.
        adopt: take over an object that has the name of a control of ours and no marker.
        web_block: ``browser``, ``defender`` or ``none``.
        settle: seconds to wait at most until a write can be read back.
    """

    controls: ControlSettings = field(default_factory=ControlSettings)
    adopt: bool = False
    web_block: str = BROWSER
    defender: DefenderSettings = field(default_factory=DefenderSettings)
    settle: float = 120.0


class IntuneTarget(Target):
    """One tenant.

    Args:
        defender: None where sites are not blocked by it.
    """

    #: A block doesn't wait for the Company Portal.
    waits_for_notices = False
    names: Mapping[str, str] = capabilities.NAMES
    capability_facts: tuple[str, ...] = capabilities.FACTS
    reporting: Mapping[str, str] = {
        "ios": capabilities.IOS_LIST, "ipados": capabilities.IOS_LIST, "macos": capabilities.MACOS_LIST,
    }  # fmt: skip

    def __init__(self, graph: Graph, defender: Defender | None, policies: Sequence[Policy], settings: IntuneSettings, clock: Clock) -> None:
        self.graph = graph
        self.defender = defender
        self.policies = tuple(policies)
        self.look_ups = LoneLookUps(self.look_up)
        #: What earlier runs have written down; the run gives it.
        self.ledger = Ledger("")
        self.now = ""
        self.policy_ids = frozenset(policy.id for policy in policies)
        self.settings = settings
        self.clock = clock
        self.reader = StateReader(graph, settings.controls.prefix, self.policy_ids, self._identifiers())
        self.state: TenantState = TenantState()
        #: Domain -> indicator that blocks it.
        self.blocked_sites: Mapping[str, Mapping[str, Any]] = {}
        self.memberships = Memberships()
        self.finder: AppFinder | None = None
        self.new_finder: Callable[[], AppFinder] = lambda: AppFinder(graph, policies, {}, lambda _device, _app: False)
        #: The devices that are looked at, by id, each with one that is like it.
        self.watched: Mapping[str, FleetDevice] = {}

    def capability_of(self, record: Mapping[str, Any]) -> Capability:
        """The row of a device in the capability table."""
        return capabilities.capability_of(record)

    def preflight(self) -> None:
        """See that the token holds what reading needs, before anything is read.

        Raises:
            AppbanError: naming every permission that is missing.
        """
        needed = [DEVICES_READ, CONFIGURATION_READ, APPS_READ, GROUPS_READ]
        if self._withdraws():
            needed.append(CONDITIONAL_ACCESS_READ)
        missing = self.graph.credentials.missing_permissions(needed)
        if missing:
            raise AppbanError(
                "The app registration lacks application permissions that even a check needs: %s" % ", ".join(missing),
                "",
                "Grant them in Entra, with admin consent; nothing was read or written",
            )

    def devices(self) -> Iterator[ManagedDevice | ListBeginsAgain]:
        """Every device of the tenant, once it is sure that all that is needed may be read."""
        self.preflight()
        self.memberships = read_memberships(self.graph, wanted_groups(self.policies))
        return read_devices(self.graph, self.memberships)

    def findings(self, fleet: Sequence[FleetDevice]) -> Mapping[tuple[str, str], Sequence[Mapping[str, str]]]:
        """What was found, of those devices and apps that may be looked at."""
        watched = self.watched = dict(_watched(fleet))
        # Devices that share their attributes are seen in the same way.
        kinds = {id(alike): alike for alike in (alike_of(member.device.record) for member in watched.values())}

        def may_keep(device: str, app: str) -> bool:
            return _is_looked_for(watched[device], app)

        self.new_finder = lambda: AppFinder(self.graph, self.policies, _Platforms(watched), may_keep)
        self.finder = self.new_finder()
        return self.finder.find(violations=any(capabilities.capability_of(alike).sees == "reported" for alike in kinds.values()))

    def remember(self, ledger: Ledger) -> None:
        """Go by what earlier runs remember, from now on."""
        self.ledger = ledger

    def look_up(self, devices: Sequence[str]) -> Mapping[str, bool | None]:
        """Ask for devices one by one."""
        return look_up_devices(self.graph, devices)

    @property
    def has_doubts(self) -> bool:
        """Whether anything of what was found can't be believed."""
        return self.finder is not None and self.finder.has_doubts

    def doubted(self, device: str, app: str) -> str:
        """The reason for which what the sources say of a device and an app can't be believed; empty for none."""
        if self.finder is None or not self.finder.has_doubts:
            return ""
        return self.finder.doubted_report(device) if self._sees(device) == "reported" else self.finder.doubted(device, app)

    def _sees(self, device: str) -> str:
        """How the inventory of a device that is looked at sees; empty for any other one."""
        member = self.watched.get(device)
        return capabilities.capability_of(member.device.record).sees if member is not None else ""

    def absences(self, pairs: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Of device and app pairs that are not seen together any more, those of which that is not proved.

        A list may be short without saying so. So where many have vanished it is asked for once more, and some devices are asked alone,
        evenly over all of them: if one still has the app, the list is not believed about anybody who was not asked.
        """
        if self.finder is None or not pairs:
            return frozenset()
        listed: set[tuple[str, str]] = set()
        if len(pairs) > HANDFUL:
            listed = set(self.new_finder().find(violations=False)).intersection(pairs)
        devices = sorted({device for device, _app in pairs if self._sees(device) == "all"})
        # Half of what is left: later in the run, others may have to be looked up.
        bound = max(0, self.look_ups.most - len(self.look_ups.answers)) // 2
        sample = devices if len(devices) <= bound else [devices[number * len(devices) // bound] for number in range(bound)]
        found = self.finder.still_on(sample)
        self.look_ups.answers.update({"apps of " + device: True for device in sample})
        proved = {(device, app) for device, app in pairs if found.get(device) is not None and app not in (found[device] or ())}
        contradicted = listed | {(device, app) for device, app in pairs if app in (found.get(device) or ())}
        asked_in_vain = {(device, app) for device, app in pairs if device in found and found[device] is None}
        return frozenset(pairs) - proved if contradicted else frozenset(asked_in_vain)

    def findable(self, app: str, platform: str, sees: str) -> bool:
        """Whether an app has a name that an inventory of this kind could show."""
        kinds = {"display_name", "appx_family_name"} if platform == "windows" else {"display_name"}
        if sees == "reported":
            kinds = {"macos_bundle_id" if platform == "macos" else "ios_bundle_id"}
        return any(
            identifier.kind in kinds
            for policy in self.policies
            for each in (*policy.apps, *policy.review)
            if each.id == app
            for identifier in each.identifiers
        )

    def plan(self, fleet: Sequence[FleetDevice], decider: Decider) -> PlanDraft:
        """The changes, made of what the tenant holds now."""
        self.state = self.reader.read(conditional_access=self._withdraws())
        requirements_of = requirements_of_policies(self.policies, mechanisms(self.settings.web_block))
        requirements = requirements_of_fleet(fleet, requirements_of)
        native_scope = NativeScope(self.policies, decider, requirements_of, MANAGED_PLATFORMS)
        armed = {
            each.name: each.marker.fact("armed")
            for each in self.state.owned
            if each.resource == COMPLIANCE_POLICY and each.marker.fact("armed")
        }
        scope_members = ScopeMembers(self.state, fleet, self.policy_ids, self._unseen_members(fleet, decider))
        chances = chances_of(scope_members, requirements_of, decider) if scope_members.may_reach else ()
        desired = DesiredControls(
            self.policies, fleet, requirements, native_scope, self.settings.controls, decider.moment, armed, scope_members, chances
        ).desired()  # fmt: skip
        ended = frozenset(policy.id for policy, each in zip(self.policies, decider.policy_phases, strict=True) if each.phase != RUNNING)
        written, self.now = WrittenObjects(self.graph, self.clock, self.settings.settle), utc_text(decider.moment)
        around = Surroundings(scope_members, self.policies, ended, ordered_packages(self.ledger), written, self.ledger, self.now)
        draft = PlanDraft(fleet, self.policies, self.settings.adopt)
        self._plan_sites(draft, decider)
        draft_plan(around, desired, draft)
        draft.conflicts.extend(self._other_block_lists(draft))
        draft.notes[:0] = self._notes(desired, draft.control_states)
        return draft

    def notice_step(self, notices: tuple[Notice, ...]) -> Step:
        """What sends notices."""
        return Step(send_notices, (self.graph, self.ledger, self.now, notices))

    def _unseen_members(self, fleet: Sequence[FleetDevice], decider: Decider) -> dict[str, frozenset[str]]:
        """Members of our groups that the list of devices doesn't show and that are not gone for certain, by group: they stay in it."""
        ended = {policy.id for policy, each in zip(self.policies, decider.policy_phases, strict=True) if each.phase == LIFTED}
        groups = [group for group in self.state.groups if (set(group.marker.policies) & self.policy_ids) - ended]
        members = frozenset(member for group in groups for member in group.members)
        names_shown = (name for each in fleet for name in (each.device.directory_id, each.device.user_id))
        shown = members.intersection(names_shown) if members else members
        names: dict[tuple[str, str], str] = {}
        for group in groups:
            for member, directory_object in group.members.items():
                if member not in shown:
                    # A user is known by the id of the directory's object, a device by another.
                    names[(group.name, member)] = "%s:%s" % ("user" if member == directory_object else "entra", member)
        managed = self.look_ups.managed(names.values(), "they leave groups of ours") if names else {}
        found: dict[str, set[str]] = {}
        for (group_name, member), name in names.items():
            if managed[name] is not False:
                found.setdefault(group_name, set()).add(member)
        return {group_name: frozenset(members) for group_name, members in found.items()}

    def apply(self, plan: Plan, ledger: Ledger, now: str) -> Applied:
        """Carry the plan out."""
        return apply_plan(plan, carry_out, self.graph.session.counters.progress.changed)

    def run_state(self) -> Mapping[str, Any]:
        """What only this target knows about the outcome."""
        facts: dict[str, Any] = {}
        if self.state.ca_policies is not None:
            facts["access_depends_on_compliance"] = bool(self.state.ca_policies)
        if self.settings.web_block == DEFENDER:
            facts["site_blocks"] = self._site_open
        return facts

    def permissions_used(self) -> list[str]:
        """The application permissions of the calls that succeeded."""
        return self.graph.permissions_used()

    def _other_block_lists(self, draft: PlanDraft) -> list[str]:
        """Somebody else's lists of blocked apps, looked for before one of ours is written."""
        writes = any(
            each.mechanism == capabilities.IOS_BLOCK and draft.changes.keys() & set(each.changes) for each in draft.control_states
        )
        if not writes:
            return []
        text = "%s hides apps on iPhones and iPads too: on a device that has both lists, Intune reports a conflict and applies neither"
        return [text % name for name in self.reader.other_block_lists()]

    def _site_open(self, app: str, record: Mapping[str, Any]) -> str:
        if record.get("platform") not in self.settings.defender.platforms:
            return "no_backend"
        named = (each for policy in self.policies for each in policy.apps if each.id == app)
        return "" if any(domain in self.blocked_sites for each in named for domain in usable_names(each, "domain")) else "no_identifier"

    def _plan_sites(self, draft: PlanDraft, decider: Decider) -> None:
        if self.defender is None:
            return
        prefix, settings = self.settings.controls.prefix, self.settings.defender
        if self.settings.web_block == DEFENDER:
            opened = frozenset(domain for each in draft.fleet for app in each.decision.apps.values() for domain in app.domains)
            self.blocked_sites = wanted_site_blocks(self.policies, decider, prefix, settings, opened)
        indicators = Indicators(self.defender, self.policies, draft.fleet, settings.platforms)
        indicators.plan(self.blocked_sites, self.defender.ours(prefix, self.policy_ids), draft)

    def _withdraws(self) -> bool:
        return any("withdraw_access" in stage.actions for policy in self.policies for rule in policy.rules for stage in rule.stages)

    def _identifiers(self) -> frozenset[str]:
        kinds = ("ios_bundle_id", "android_package", "store_id")
        return frozenset(each.value for policy in self.policies for app in policy.apps for each in app.identifiers if each.kind in kinds)

    def _notes(self, desired: Desired, control_states: Sequence[ControlState]) -> Iterator[str]:
        yield from self.finder.notes if self.finder is not None else ()
        for name in self.memberships.unknown:
            yield "the tenant has no group named %s, which a rule asks for: nobody can say who belongs to it" % name
        for name in sorted(desired.not_yet_armed):
            yield "%s is set up when its deadline is less than a year ahead" % name
        withdrawing = any(control_state.mechanism == capabilities.IOS_COMPLIANCE for control_state in control_states)
        if withdrawing and not self.state.ca_policies:
            yield "no conditional access policy in force demands a compliant device, so nobody loses access: make one, then run again"
        elif withdrawing and not self.state.ca_covers_everybody:
            yield (
                "conditional access (%s) does not cover all users and all apps: whoever it leaves out keeps access, and is not told apart"
                % ", ".join(self.state.ca_policies or ())
            )


def _is_looked_for(member: FleetDevice, app: str) -> bool:
    decision = member.decision.apps.get(app)
    return decision is not None and may_look(decision)


def _watched(fleet: Sequence[FleetDevice]) -> Iterator[tuple[str, FleetDevice]]:
    """Devices on which any app is looked for, by id, each with the first one that is like it."""
    examples: dict[tuple[int, int], FleetDevice | None] = {}
    for member in fleet:
        key = (id(alike_of(member.device.record)), id(member.decision.verdicts))
        if key not in examples:
            examples[key] = member if any(may_look(app) for app in member.decision.apps.values()) else None
        example = examples[key]
        if example is not None:
            yield member.device.id, example


class _Platforms(Mapping[str, str]):
    """Device id -> platform, of some devices."""

    def __init__(self, devices: Mapping[str, FleetDevice]) -> None:
        self._devices = devices

    def __getitem__(self, device: str) -> str:
        return self._devices[device].device.platform

    def __iter__(self) -> Iterator[str]:
        return iter(self._devices)

    def __len__(self) -> int:
        return len(self._devices)

    def __contains__(self, device: object) -> bool:
        return device in self._devices
