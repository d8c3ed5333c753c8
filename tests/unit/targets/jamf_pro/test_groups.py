# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of mobile devices and of computers: criteria that the server replaces, members that it refuses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import ChangeFailed
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import RequestFailed
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.api import group_changes
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.api.computer_groups import ComputerGroups
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.api.group_changes import member_changes
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.api.mobile_groups import MobileGroups
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.objects import COMPUTER, MOBILE, Criterion, Group
from tests.support.jamf_pro.server_and_client import TIKTOK, Tenant, tenant

HAS_TIKTOK = (Criterion("App Identifier", "is", TIKTOK),)
EITHER = (
    Criterion("Application Title", "is", "TikTok.app", opening_paren=True),
    Criterion("Application Bundle ID", "is", TIKTOK, "or", closing_paren=True),
    Criterion("Department", "is not", "Police", "and"),
)


@pytest.fixture
def server() -> Iterator[Tenant]:
    with tenant(80) as one:
        yield one


@pytest.fixture
def mobiles(server: Tenant) -> MobileGroups:
    return MobileGroups(server.jamf)


@pytest.fixture
def macs(server: Tenant) -> ComputerGroups:
    return ComputerGroups(server.jamf)


def group(family: str = MOBILE, **more: Any) -> Group:
    fields: dict[str, Any] = {"family": family, "id": 0, "name": "Ansible & exempt", "smart": False}
    if family == MOBILE:
        fields["description"] = "managed by us"
    return Group(**{**fields, **more})


def ids(server: Tenant, platform: str, managed: bool = True) -> list[int]:
    """Ids of devices, of Macs or of the others."""
    devices = server.sim.state()["devices"]
    return [each["id"] for each in devices if (each["platform"] == "macos") == (platform == "macos") and each["managed"] is managed]


def test_a_smart_group_of_mobile_devices_is_made_changed_and_deleted(server: Tenant, mobiles: MobileGroups) -> None:
    wanted = group(smart=True, criteria=HAS_TIKTOK)
    made = mobiles.create(wanted)
    assert made == dataclasses.replace(wanted, id=made.id)
    assert mobiles.list_all(smart=True) == [made]
    assert mobiles.list_all(smart=False) == []
    have = {each["id"] for each in server.sim.state()["devices"] if each["platform"] != "macos" and TIKTOK in each["reported_apps"]}
    assert mobiles.members(made.id, smart=True) == have != set()
    changed = dataclasses.replace(made, description="", criteria=(Criterion("Supervised", "is", "true"),))
    assert mobiles.update(changed) == changed
    mobiles.delete(made.id, made.name, smart=True)
    mobiles.delete(made.id, made.name, smart=True)
    assert mobiles.read(made.id, smart=True) is None


def test_a_smart_group_of_computers_keeps_order_and_parentheses(macs: ComputerGroups) -> None:
    made = macs.create(group(COMPUTER, smart=True, criteria=EITHER))
    assert made.criteria == EITHER
    assert made.members
    fewer = dataclasses.replace(made, criteria=EITHER[2:])
    assert macs.update(fewer).criteria == EITHER[2:]
    assert [(row.id, row.smart) for row in macs.list_all()] == [(made.id, True)]


@pytest.mark.parametrize("family", [MOBILE, COMPUTER])
def test_a_criterion_that_the_server_does_not_know_comes_back_replaced_and_is_an_error(server: Tenant, family: str) -> None:
    groups = MobileGroups(server.jamf) if family == MOBILE else ComputerGroups(server.jamf)
    with pytest.raises(ChangeFailed, match="the criteria are Username is 'x'"):
        groups.create(group(family, smart=True, criteria=(Criterion("Application Bundle Identifier", "is", "x"),)))
    with pytest.raises(ChangeFailed, match="the criteria are Department is 'x'"):
        groups.create(group(family, name="other", smart=True, criteria=(Criterion("Department", "sounds like", "x"),)))


def test_members_of_a_static_group_are_changed_by_difference_and_in_pieces(
    server: Tenant, mobiles: MobileGroups, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = ids(server, "ios")
    wanted = group(members=frozenset(every))
    for module in ("mobile_groups", "group_changes"):
        monkeypatch.setattr("%s.%s.CHUNK" % (group_changes.__package__, module), 8)
    made = mobiles.create(wanted)
    assert made.members == set(every)
    assert len(server.writes()) == -(-len(every) // 8)
    before = len(server.writes())
    assert mobiles.change_members(made, frozenset(every)).members == set(every)
    assert len(server.writes()) == before
    fewer = frozenset(every[3:])
    assert mobiles.change_members(made, fewer).members == fewer
    assert len(server.writes()) == before + 1
    assert made.description == "managed by us"


@pytest.mark.parametrize("number", [0, 99999])
def test_one_device_that_can_not_be_a_member_fails_the_request_with_advice(server: Tenant, mobiles: MobileGroups, number: int) -> None:
    made = mobiles.create(group(members=frozenset()))
    if number == 0:
        server.sim.devices([{"op": "patch", "device": "m1", "set": {"managed": False}}])
    with pytest.raises(RequestFailed) as caught:
        mobiles.change_members(made, frozenset({number or 1, 2}))
    assert caught.value.status in (400, 409)
    assert "next run reads the inventory again" in caught.value.next_step


def test_a_member_that_is_not_managed_any_more_stands_in_nobodys_way(server: Tenant, mobiles: MobileGroups) -> None:
    one, two, three, *_rest = ids(server, "ios")
    made = mobiles.create(group(members=frozenset({one, two})))
    server.sim.devices([{"op": "patch", "device": "m%d" % one, "set": {"managed": False}}])
    changed = mobiles.change_members(made, frozenset({three}), frozenset(ids(server, "ios")))
    assert changed.members == {one, three}


@pytest.mark.parametrize("kind", ["timeout_after_effect", "500"])
def test_a_change_of_members_without_an_answer_is_looked_up(server: Tenant, mobiles: MobileGroups, kind: str) -> None:
    made = mobiles.create(group(members=frozenset()))
    server.sim.faults([{"match": {"method": "PATCH"}, "nth": 1, "kind": kind}])
    if kind == "500":
        with pytest.raises(ChangeFailed, match="2 members are missing"):
            mobiles.change_members(made, frozenset(ids(server, "ios")[:2]))
    else:
        assert len(mobiles.change_members(made, frozenset(ids(server, "ios")[:2])).members or ()) == 2
    assert len(server.sent("PATCH")) == 1


def test_a_group_whose_answer_was_lost_is_found_by_its_name(server: Tenant, mobiles: MobileGroups, macs: ComputerGroups) -> None:
    server.sim.faults([{"match": {"method": "POST", "path": "groups"}, "nth": "all", "kind": "timeout_after_effect"}])
    assert mobiles.create(group(smart=True, criteria=HAS_TIKTOK)).id == 1
    assert macs.create(group(COMPUTER, smart=True, criteria=EITHER)).id == 1
    assert len(server.writes()) == 2


def test_a_group_is_renamed_and_keeps_its_members(server: Tenant, mobiles: MobileGroups, macs: ComputerGroups) -> None:
    made = mobiles.create(group(members=frozenset(ids(server, "ios")[:2])))
    mobiles.update(dataclasses.replace(made, name="new name"))
    assert len(mobiles.members(made.id, False)) == 2
    smart = macs.create(group(COMPUTER, smart=True, criteria=EITHER))
    assert macs.update(dataclasses.replace(smart, name="new name")).members == smart.members


def test_a_deleted_group_gets_no_members(mobiles: MobileGroups) -> None:
    with pytest.raises(ChangeFailed, match="deleted meanwhile"):
        mobiles.change_members(group(id=55), frozenset({1}))


def test_lists_of_members_are_read_past_the_silent_cap(server: Tenant, mobiles: MobileGroups) -> None:
    made = mobiles.create(group(smart=True, criteria=(Criterion("Managed", "is", "true"),)))
    server.settings(page_cap=7)
    assert mobiles.members(made.id, smart=True) == set(ids(server, "ios"))


def test_only_differences_are_sent() -> None:
    assert list(member_changes(frozenset({1, 2}), frozenset({1, 2}), None)) == []
    assert list(member_changes(frozenset({1, 2}), frozenset({2, 3}), None)) == [([3], [1])]
    assert list(member_changes(frozenset({1, 2}), frozenset({2, 3, 4}), frozenset({2, 3}))) == [([3], [])]
    pieces = list(member_changes(frozenset(range(250)), frozenset(range(200, 450)), None))
    assert [(len(added), len(removed)) for added, removed in pieces] == [(200, 0), (0, 200)]
