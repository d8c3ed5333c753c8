# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controls of ours that a server holds, each with the requirement that it was made of. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...mdm.planning.keep import StandingControl, possible_requirements
from ...mdm.planning.requirements import Requirement, RequirementsOf
from ...policy.decide import Decider
from .contents import names_in_profile, names_in_record
from .controls import Control, JamfControls, platforms_of
from .objects import AUTOMATIC, MACOS, Scope
from .resources.surroundings import Surroundings
from .scope_members import Audience, FamilyRoster


def standing_controls(
    around: Surroundings, controls: JamfControls, decider: Decider, requirements_of: RequirementsOf
) -> list[StandingControl]:
    """What stands.

    Args:
        controls: makes the controls of what is wanted if nothing is kept.
    """
    state = around.state
    if not (state.profiles or state.records):
        return []
    known = _by_name(controls, frozenset().union(*controls.requirements))
    if not known.keys() >= {*(each.name for each in state.profiles), *(each.name for each in state.records)}:
        known = {**_by_name(controls, possible_requirements(decider, requirements_of, controls.mechanisms)), **known}
    return list(_standing(around, controls, known))


def _by_name(controls: JamfControls, requirements: Iterable[Requirement]) -> dict[str, Control]:
    """Names of profiles and of records -> the controls that have them. A name tells its platform, so no two families share one."""
    made = [control for control in map(controls.bare, requirements) if control is not None]
    return {name: control for control in made for name in ([each.name for each in control.records] or [control.name])}


def _standing(around: Surroundings, controls: JamfControls, known: dict[str, Control]) -> Iterator[StandingControl]:
    for owned in around.state.profiles:
        profile = owned.profile
        control = known.get(profile.name)
        if control is not None and control.family == profile.family and control.payloads is not None:
            there, wanted = names_in_profile(profile.payloads), names_in_profile(control.payloads) or frozenset()
            grows = there is None or profile.deployment != AUTOMATIC or not wanted <= there
            yield _standing_one(around, controls, control, profile.name, profile.scope, grows)
    for record in around.state.records:
        control = known.get(record.name)
        if control is not None and control.records:
            deletes = any(each.delete for each in control.records if each.name == record.name)
            grows = not record.kill or not record.exact or (deletes and not record.delete) or not names_in_record(record)
            yield _standing_one(around, controls, control, record.name, record.scope, grows)


def _standing_one(
    around: Surroundings, controls: JamfControls, control: Control, name: str, scope: Scope, grows: bool
) -> StandingControl:
    members, audience = around.scope_members, Audience.of_scope(scope)
    sure = members.of_audience(control.family, audience, members.groups)
    # Of some devices it isn't told whether they are in a smart group.
    maybe = sure if audience.narrowed else members.of_audience(control.family, audience, members.groups, maybe=True)
    groups = {group.id: group for group in around.state.groups}
    platforms: set[str | None] = {"macos"} if control.family == MACOS and scope.everything else set()
    for number in scope.groups & groups.keys():
        platforms |= platforms_of(groups[number].criteria) if groups[number].smart else set()

    def named(devices: Iterable[int], listed: frozenset[int]) -> frozenset[str]:
        static = [groups[number].members or frozenset() for number in listed & groups.keys() if not groups[number].smart]
        return frozenset(map(str, frozenset(devices).union(*static)))

    return StandingControl(
        requirement=control.requirement,
        name=name,
        roster=FamilyRoster(members, control.family),
        sure=sure,
        maybe=maybe,
        included=named(scope.devices, scope.groups),
        excluded=named(scope.excluded_devices, scope.excluded_groups),
        native=frozenset(platforms) & controls.sure_classes(control.requirement) if platforms else frozenset(),
        grows=grows,
    )
