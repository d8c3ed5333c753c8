# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Populations: exactly those on which a control is wanted are reached, as far as they have names; nobody else ever is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.scopes import Candidates, ControlScope, resolve_scope

OWNERSHIPS = ("corporate", "personal", None)
NATIVE = st.frozensets(st.sampled_from(OWNERSHIPS))


class Device(NamedTuple):
    """One device that a control could reach."""

    index: int
    native: str | None
    wanted: bool
    supported: bool
    member: str


def scope_of(fleet: Sequence[Device], native: frozenset[str | None], by_user: bool = False) -> ControlScope:
    """What is resolved for a fleet, those that are alike together."""
    alike: dict[tuple[str | None, bool, bool], list[int]] = {}
    for each in fleet:
        alike.setdefault((each.native, each.wanted, each.supported), []).append(each.index)
    return resolve_scope([Candidates(positions, *key) for key, positions in alike.items()], members_of(fleet), native, by_user)


def members_of(fleet: Sequence[Device]) -> list[str]:
    return [each.member for each in sorted(fleet, key=lambda device: device.index)]


@st.composite
def fleets(draw: st.DrawFn, members: int = 6) -> list[Device]:
    """Devices, some of which share a name in the directory and some of which have none."""
    drawn = draw(
        st.lists(
            st.tuples(st.sampled_from(OWNERSHIPS), st.booleans(), st.booleans(), st.sampled_from(("", *(f"m{n}" for n in range(members))))),
            max_size=12,
        )
    )
    return [Device(index, *each) for index, each in enumerate(drawn)]


def reached(fleet: Sequence[Device], control_scope: ControlScope, by_user: bool) -> set[int]:
    """What a service makes of the assignments: written after Microsoft's words, not after our code.

    An include target reaches its devices unless an excluded group holds them; assigned to users it reaches the devices of the users,
    and so none that has no user.
    """
    return {
        each.index
        for each in fleet
        if (each.native in control_scope.native or (each.member and each.member in control_scope.include))
        and each.member not in control_scope.exclude - {""}
        and (each.member or not by_user)
    }


@pytest.mark.parametrize("by_user", [False, True])
@given(fleet=fleets(), native=NATIVE)
def test_exactly_the_wanted_are_reached(by_user: bool, fleet: list[Device], native: frozenset[str | None]) -> None:
    control_scope = scope_of(fleet, native, by_user)
    hit = reached(fleet, control_scope, by_user)
    useful = {each.index for each in fleet if each.wanted and each.supported}
    assert not {each.index for each in fleet if not each.wanted} & hit, "a device on which it is not wanted is reached"
    assert control_scope.covers == hit & useful
    assert control_scope.unnamed == useful - control_scope.covers
    if not useful:
        assert not control_scope


@given(fleet=fleets(members=40), native=NATIVE)
def test_a_device_is_left_out_only_where_no_name_of_its_own_leads_to_it(fleet: list[Device], native: frozenset[str | None]) -> None:
    """Completeness: what is not reached has no name, or shares one with a device that must not be reached."""
    control_scope = scope_of(fleet, native)
    unwanted = {each.member for each in fleet if not each.wanted}
    for index in control_scope.unnamed:
        assert fleet[index].member == "" or fleet[index].member in unwanted


@given(fleet=fleets(), native=NATIVE, by_user=st.booleans())
def test_groups_hold_nobody_for_nothing(fleet: list[Device], native: frozenset[str | None], by_user: bool) -> None:
    control_scope = scope_of(fleet, native, by_user)
    assert "" not in control_scope.include | control_scope.exclude
    assert not control_scope.include & control_scope.exclude
    assert not control_scope.exclude or control_scope.native
    for member in control_scope.exclude:
        assert any(each.member == member and each.native in control_scope.native and not each.wanted for each in fleet)
    for member in control_scope.include:
        assert any(each.member == member and each.wanted and each.supported for each in fleet)


@given(fleet=fleets(), native=NATIVE, by_user=st.booleans(), order=st.randoms(use_true_random=False))
def test_the_order_of_devices_does_not_matter(fleet: list[Device], native: frozenset[str | None], by_user: bool, order: object) -> None:
    turned = list(fleet)
    order.shuffle(turned)  # type: ignore[attr-defined]
    assert scope_of(turned, native, by_user) == scope_of(fleet, native, by_user)


def candidate(index: int, wanted: bool = True, member: str | None = None, ownership: str | None = "corporate") -> Device:
    return Device(index, ownership, wanted, True, f"m{index}" if member is None else member)


CORPORATE = frozenset({"corporate"})


def test_one_scope_covers_a_whole_ownership() -> None:
    assert scope_of([candidate(n) for n in range(500)], CORPORATE) == ControlScope(CORPORATE, covers=frozenset(range(500)))


def test_exceptions_are_named() -> None:
    control_scope = scope_of([candidate(0), candidate(1), candidate(2, wanted=False)], CORPORATE)
    assert (control_scope.native, control_scope.exclude, control_scope.include) == (CORPORATE, {"m2"}, frozenset())


@pytest.mark.parametrize("by_user", [False, True])
def test_an_exception_that_has_no_name_switches_the_native_scope_off(by_user: bool) -> None:
    """Nothing could keep the scope from it. Assigned to users, a device without one is not reached anyway."""
    control_scope = scope_of([candidate(0), candidate(1), candidate(2, wanted=False, member="")], CORPORATE, by_user)
    if by_user:
        assert control_scope.native == CORPORATE
    else:
        assert (control_scope.native, control_scope.include) == (frozenset(), {"m0", "m1"})


def test_a_scope_with_more_exceptions_than_members_is_a_list() -> None:
    control_scope = scope_of([candidate(0), candidate(1, wanted=False), candidate(2, wanted=False)], CORPORATE)
    assert (control_scope.native, control_scope.include, control_scope.exclude) == (frozenset(), {"m0"}, frozenset())


def test_a_user_with_an_exempt_device_is_not_included() -> None:
    control_scope = scope_of(
        [candidate(0, member="jana"), candidate(1, wanted=False, member="jana"), candidate(2)], frozenset(), by_user=True
    )
    assert (control_scope.include, control_scope.unnamed) == ({"m2"}, {0})
