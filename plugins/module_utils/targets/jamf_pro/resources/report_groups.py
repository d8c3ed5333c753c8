# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Smart groups that only report: one for each app, of the devices that have it. With them no list of apps leaves the server.

A group says who had the app at the last inventory, and says it after a block too, because a blocked app stays in the inventory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ....mdm.planning import ownership
from ....mdm.planning.control_state import ControlState
from ....mdm.planning.fleet import FleetDevice
from ....mdm.planning.order import Phase
from ....mdm.planning.plan_draft import PlanDraft, Step
from ....mdm.planning.reconcile import Difference, Resource, end, reconcile
from ....mdm.run.assess import may_look
from ....mdm.run.known_fleet import LoneLookUps
from ....policy.model import Policy
from .. import capabilities
from ..api.computer_groups import ComputerGroups
from ..api.jamf import Jamf
from ..api.mobile_groups import MobileGroups
from ..app_names import AppNames
from ..devices import number_of
from ..objects import COMPUTER, MOBILE, Criterion, Group
from ..owned_names import is_tagged_for, tagged
from .diff_text import criteria_text
from .mobile_groups import MobileGroups as MobileGroupResource
from .surroundings import Surroundings

GROUPS = {MOBILE: "mobile device report group", COMPUTER: "computer report group"}
ROLE = "report"
_READINGS = 3
_SENTENCE = "Made by appban.endpoint for the ban %s: it tells who has %s, and nothing goes by it."
_WORDS = {MOBILE: "mobile devices with", COMPUTER: "computers with"}


@dataclass(frozen=True)
class ReportGroup:
    """A group as it is wanted. watched: positions of the devices of which it may tell."""

    app: str
    group: Group
    watched: frozenset[int]

    @property
    def name(self) -> str:
        return self.group.name

    @property
    def apps(self) -> tuple[str, ...]:
        return (self.app,)


@dataclass
class Reports:
    """The groups of a run and who is in them.

    Args:
        wanted: what is to be there.
        there: ours on the server, by family and name; those that are wanted with their members.
        foreign: names of groups of somebody else, by family.
        contradicted: device and app of which groups tell nothing for sure.
    """

    wanted: list[ReportGroup] = field(default_factory=list)
    there: dict[tuple[str, str], Group] = field(default_factory=dict)
    leaving: list[Group] = field(default_factory=list)
    foreign: set[tuple[str, str]] = field(default_factory=set)
    contradicted: set[tuple[str, str]] = field(default_factory=set)

    def doubt(self, fleet: Sequence[FleetDevice], look_ups: LoneLookUps) -> None:
        """Take note of groups that have members which the fleet doesn't show and which are there: what else they tell is no proof."""
        shown = {member.device.id for member in fleet}
        unseen = {
            each.group.name: {"%s:%d" % (each.group.family, number) for number in self.members(each) or ()} - shown for each in self.wanted
        }
        names = set().union(*unseen.values())
        managed = look_ups.managed(names, "groups that name them can be believed") if names else {}
        for report in self.wanted:
            if any(managed[name] is not False for name in unseen[report.group.name]):
                self.contradicted.update((fleet[index].device.id, report.app) for index in report.watched)

    def doubted(self, device: str, app: str) -> str:
        """Why it proves nothing that a group doesn't have a device; empty for no reason."""
        return "source_contradicts" if (device, app) in self.contradicted else ""

    def members(self, report: ReportGroup) -> frozenset[int] | None:
        """Who is in a group; None while it isn't there as it is wanted."""
        found = self.there.get((report.group.family, report.group.name))
        return found.members if found is not None and found.criteria == report.group.criteria else None

    def devices(self, fleet: Sequence[FleetDevice]) -> Iterator[tuple[str, str]]:
        """(device id, app id) of those that have an app and of whom it may be told."""
        for report in self.wanted:
            members = self.members(report) or frozenset()
            for index in sorted(report.watched):
                number = number_of(fleet[index].device)
                if number and number in members:
                    yield fleet[index].device.id, report.app

    def plan(self, around: Surroundings, draft: PlanDraft) -> None:
        """Plan what is to be made, corrected and taken away."""
        for family in (MOBILE, COMPUTER):
            resource = ReportGroups(around, family)
            wanted = [each for each in self.wanted if each.group.family == family and (family, each.name) not in self.foreign]
            there = [group for (kind, _name), group in self.there.items() if kind == family]
            reconcile(resource, wanted, there, draft)
            end(resource, [group for group in self.leaving if group.family == family], (), draft)

    def control_states(self) -> Iterator[ControlState]:
        """Whom each group tells of; the server puts devices into it as it is saved, so that it tells from then on."""
        for report in self.wanted:
            stands = self.members(report) is not None
            yield ControlState(
                control=report.group.name,
                mechanism=capabilities.REPORT,
                apps=frozenset((report.app,)),
                covers=report.watched,
                changes=() if stands else ("%s:%s" % (GROUPS[report.group.family], report.group.name),),
                confirmed=report.watched if stands else frozenset(),
            )


class ReportGroups(Resource[ReportGroup, Group]):
    """The groups of one family on one server."""

    phase = Phase.SCOPES
    ending = Phase.LIFT_SCOPES

    def __init__(self, around: Surroundings, family: str) -> None:
        self.around = around
        self.kind = GROUPS[family]

    def difference(self, wanted: ReportGroup, found: Group) -> Difference:
        return Difference(settings=("criteria",) if found.criteria != wanted.group.criteria else ())

    def text(self, found: Group) -> str:
        return criteria_text(found.criteria)

    def wanted_text(self, wanted: ReportGroup) -> str:
        return criteria_text(wanted.group.criteria)

    def write(self, wanted: ReportGroup, found: Group | None, difference: Difference | None, foreign: int | None) -> Step:
        mobile = MobileGroupResource(self.around)
        if found is None:
            is_computer = wanted.group.family == COMPUTER
            return Step(self.create_computer_group if is_computer else mobile.create_group, (wanted.group,))
        fixed = replace(found, criteria=wanted.group.criteria, description=wanted.group.description)
        return Step(self.correct_computer_group if fixed.family == COMPUTER else mobile.correct_group, (fixed,))

    def delete(self, found: Group) -> Step:
        mobile = MobileGroupResource(self.around)
        return Step(self.delete_computer_group if found.family == COMPUTER else mobile.delete_group, (found,))

    # Verbs.

    def create_computer_group(self, group: Group) -> None:
        """Make a group."""
        ComputerGroups(self.around.jamf).create(group)

    def correct_computer_group(self, group: Group) -> None:
        """Give a group of ours its criteria back."""
        ComputerGroups(self.around.jamf).update(group)

    def delete_computer_group(self, group: Group) -> None:
        """Delete a group, if it is ours still."""
        groups = ComputerGroups(self.around.jamf)
        found = groups.read(group.id, group.smart)
        if found is not None and is_tagged_for(found.name, self.around.ids):
            groups.delete(group.id, group.name, group.smart)


class ReportReader:
    """Reads the groups of one server.

    Args:
        prefix: how names of ours begin.
    """

    def __init__(self, jamf: Jamf, policies: Sequence[Policy], prefix: str) -> None:
        self.policies = policies
        self.ids = {policy.id: None for policy in policies}
        self.prefix = prefix
        self.names = AppNames(policies)
        self.mobile = MobileGroups(jamf)
        self.computers = ComputerGroups(jamf)

    def wanted(self, fleet: Sequence[FleetDevice]) -> list[ReportGroup]:
        """A group for each app and kind of devices, where there is one that may be looked at."""
        watched: dict[tuple[str, str], set[int]] = {}
        for index, member in enumerate(fleet):
            if capabilities.capability_of(member.device.record).sees != "all":
                continue
            family = COMPUTER if member.device.platform == "macos" else MOBILE
            for app_id, app in member.decision.apps.items():
                if may_look(app):
                    watched.setdefault((family, app_id), set()).add(index)
        found = [self._group(family, app, frozenset(indexes)) for (family, app), indexes in sorted(watched.items())]
        return [each for each in found if each is not None]

    def read(self, wanted: list[ReportGroup]) -> Reports:
        """What of them is on the server, and what of ours is there besides; read once more where something is missing, until two
        readings agree, because the nodes of a cluster don't know at once what was written to another one.

        Raises:
            RequestFailed, OutOfTime
        """
        reports = self._read_once(wanted)
        for _again in range(_READINGS):
            if all(reports.members(each) is not None for each in wanted) and not reports.leaving:
                break
            before, reports = reports, self._read_once(wanted)
            if before == reports:
                break
        return reports

    def _read_once(self, wanted: list[ReportGroup]) -> Reports:
        reports = Reports(wanted)
        names = {(each.group.family, each.group.name) for each in wanted}
        for group in self.mobile.list_all(True):
            key = (MOBILE, group.name)
            marker = ownership.read_marker(group.description)
            if marker is None or marker.mechanism != ROLE or set(marker.policies).isdisjoint(self.ids):
                reports.foreign |= {key} & names
            elif key in names:
                reports.there[key] = replace(group, members=self.mobile.members(group.id, True))
            else:
                reports.leaving.append(group)
        for listed in self.computers.list_all():
            key = (COMPUTER, listed.name)
            if not is_tagged_for(listed.name, self.ids):
                continue
            found = self.computers.read(listed.id, bool(listed.smart))
            if found is not None and key in names:
                reports.there[key] = found
            elif found is not None:
                reports.leaving.append(found)
        return reports

    def _group(self, family: str, app: str, watched: frozenset[int]) -> ReportGroup | None:
        ids, titles = self.names.names_of(app, family)
        by_id = "Application Bundle ID" if family == COMPUTER else "App Identifier"
        parts = [(by_id, each) for each in ids] + [("Application Title", each) for each in titles]
        if not parts:
            return None
        criteria = tuple(Criterion(name, "is", value, "or" if place else "and") for place, (name, value) in enumerate(parts))
        policies = tuple(sorted(policy.id for policy in self.policies if any(app == each.id for each in (*policy.apps, *policy.review))))
        name = ownership.control_name(self.prefix, policies, _WORDS[family], app)
        if family == COMPUTER:
            return ReportGroup(app, Group(family, 0, tagged(name, policies), True, "", criteria), watched)
        marker = ownership.Marker(policies, ROLE, ownership.spec_hash(parts))
        description = ownership.describe(marker, _SENTENCE % ("+".join(policies), app))
        return ReportGroup(app, Group(family, 0, name, True, description, criteria), watched)


def finding_of(app: str) -> Mapping[str, str]:
    """What a group tells of a device: that it has the app, by one of its names."""
    return {"app": app, "backend": "smart_group", "name": app, "version": "", "scope": "device", "confidence": "actionable"}
