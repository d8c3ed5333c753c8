# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration profiles: written so that the server keeps them, read back, and told apart from what it made of them."""

from __future__ import annotations

import dataclasses
import plistlib
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError, ChangeFailed
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import RequestFailed
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.api.profiles import Profiles, differences
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.objects import MACOS, MOBILE, SELF_SERVICE, Scope
from tests.support.jamf_pro.server_and_client import TIKTOK, Tenant, profile, tenant

PATH = "mobiledeviceconfigurationprofiles"


@pytest.fixture
def server() -> Iterator[Tenant]:
    with tenant() as one:
        yield one


@pytest.fixture
def profiles(server: Tenant) -> Profiles:
    return Profiles(server.jamf, MOBILE)


def body(server: Tenant) -> ElementTree.Element:
    """What the last write sent."""
    return ElementTree.fromstring([entry for entry in server.sim.requests() if entry["method"] in ("POST", "PUT")][-1]["body"])


def test_a_profile_is_made_and_read_back(server: Tenant, profiles: Profiles) -> None:
    wanted = profile(TIKTOK, "com.example.a&b<c>", "com.example.]]>x")
    made = profiles.create(wanted)
    assert made.id
    assert profiles.read(made.id) == made
    assert differences(wanted, made) == []
    assert [(row.id, row.name, row.smart) for row in profiles.list_all()] == [(made.id, wanted.name, None)]
    first = ["POST /JSSResource/%s/id/0" % PATH, "GET /JSSResource/%s/id/%d" % (PATH, made.id)]
    assert server.sent("POST", "PUT", "GET", path=PATH)[:2] == first
    assert not [line for line in server.sent() if "/name/" in line or "/subset" in line]


@pytest.mark.parametrize("family", [MOBILE, MACOS])
def test_both_families_keep_all_that_is_written(server: Tenant, family: str) -> None:
    server.sim.objects([{"group": {"name": "Board", "members": []}}, {"group": {"name": "Board", "members": [], "macs": True}}])
    scope = Scope(devices=frozenset({1}), groups=frozenset({1}), excluded_devices=frozenset({2}), excluded_groups=frozenset({1}))
    wanted = profile(family=family, scope=scope, deployment=SELF_SERVICE)
    made = Profiles(server.jamf, family).create(wanted)
    assert (made.scope, made.deployment, made.scope.names) == (scope, SELF_SERVICE, {1: "Board"})


def test_a_profile_that_users_may_remove_is_seen_and_taken_back(server: Tenant) -> None:
    macs = Profiles(server.jamf, MACOS)
    made = macs.create(profile(family=MACOS))
    xml = "<os_x_configuration_profile><general><user_removable>true</user_removable></general></os_x_configuration_profile>"
    server.sim.objects({"patch": {"path": "osxconfigurationprofiles", "id": made.id, "xml": xml}})
    found = macs.read(made.id)
    assert found is not None
    assert differences(made, found) == ["users may remove it"]
    assert not macs.update(profile(family=MACOS, id=made.id), payload_changed=False).removable


def test_an_update_keeps_the_servers_identity_so_that_devices_get_no_second_profile(server: Tenant, profiles: Profiles) -> None:
    made = profiles.create(profile())
    server.sim.clock(check_in=True)
    changed = profiles.update(profile(TIKTOK, "com.tencent.xin", id=made.id), payload_changed=True)
    before, after = plistlib.loads(made.payloads), plistlib.loads(changed.payloads)
    assert (before["PayloadUUID"], before["PayloadIdentifier"]) == (after["PayloadUUID"], after["PayloadIdentifier"])
    assert before["PayloadContent"][0]["PayloadUUID"] == after["PayloadContent"][0]["PayloadUUID"]
    assert after["PayloadContent"][0]["blockedAppBundleIDs"] == [TIKTOK, "com.tencent.xin"]
    assert body(server).findtext("general/redeploy_on_update") == "All"
    server.sim.clock(check_in=True)
    names = [device["profiles"] for device in server.sim.state()["devices"] if device["kind"] == "iphone_supervised" and device["managed"]]
    assert any(names)
    assert all(len(held) <= 1 for held in names)


def test_a_change_of_the_scope_alone_leaves_the_payloads_and_sends_nothing_again(server: Tenant, profiles: Profiles) -> None:
    made = profiles.create(profile())
    profiles.update(profile(id=made.id, scope=Scope(devices=frozenset({1}))), payload_changed=False)
    assert body(server).findtext("general/redeploy_on_update") == "Newly Assigned"
    assert body(server).find("general/payloads") is None
    assert server.sim.state()["volatile"]["objects"]["%s/%d" % (PATH, made.id)]["rounds"] == 0


def test_somebody_elses_additions_to_the_scope_are_seen_and_don_t_survive_a_write(server: Tenant, profiles: Profiles) -> None:
    made = profiles.create(profile())
    xml = (
        "<configuration_profile><scope><all_jss_users>true</all_jss_users><buildings><building><name>Depot</name></building></buildings>"
        "<limitations><users><user><name>bob</name></user></users></limitations>"
        "<exclusions><departments><department><name>Police</name></department></departments>"
        "<mobile_devices><mobile_device><id>1</id></mobile_device></mobile_devices></exclusions></scope></configuration_profile>"
    )
    server.sim.objects({"patch": {"path": PATH, "id": made.id, "xml": xml}})
    found = profiles.read(made.id)
    assert found is not None
    assert found.scope.foreign == ("all_jss_users", "buildings: Depot", "exclusions.departments: Police", "limitations.users: bob")
    assert found.scope.excluded_devices == {1}
    assert len(differences(profile(), found)) == 2
    with pytest.raises(ValueError, match="Depot"):
        profiles.update(found, payload_changed=False)
    assert profiles.update(profile(id=made.id), payload_changed=False).scope == Scope(everything=True)


def test_what_the_server_replaces_is_named_aloud(server: Tenant, profiles: Profiles) -> None:
    with pytest.raises(ChangeFailed, match="the deployment is 'Install Automatically'"):
        profiles.create(profile(deployment="By carrier pigeon"))
    assert server.writes() == ["POST /JSSResource/%s/id/0" % PATH]


def test_a_device_that_the_scope_can_not_have_is_an_error_with_the_servers_sentence(server: Tenant, profiles: Profiles) -> None:
    with pytest.raises(RequestFailed) as caught:
        profiles.create(profile(scope=Scope(devices=frozenset({9999}))))
    assert caught.value.status == 409
    assert "Problem with mobile_device in mobile_devices" in caught.value.what
    assert "<p" not in caught.value.what


def test_a_second_profile_of_one_name_is_refused(profiles: Profiles) -> None:
    profiles.create(profile())
    with pytest.raises(RequestFailed, match="Duplicate name"):
        profiles.create(profile())


@pytest.mark.parametrize("kind", ["timeout_after_effect", "504", "drop", "500"])
def test_a_write_without_an_answer_is_looked_up_and_never_sent_again(server: Tenant, profiles: Profiles, kind: str) -> None:
    server.sim.faults([{"match": {"method": "POST", "path": PATH}, "nth": 1, "kind": kind}])
    if kind == "timeout_after_effect":
        assert profiles.create(profile()).id == 1
    else:
        with pytest.raises(ChangeFailed, match="it isn't there") as caught:
            profiles.create(profile())
        assert "next run looks again" in caught.value.next_step
        assert sum(server.clock.naps) >= 120
    assert server.writes() == ["POST /JSSResource/%s/id/0" % PATH]


def test_a_write_that_nobody_can_look_at_is_not_passed_off_as_not_done(server: Tenant, profiles: Profiles) -> None:
    server.settings(privileges=["Create iOS Configuration Profiles"])
    with pytest.raises(ChangeFailed, match="It was written to the configuration profile") as caught:
        profiles.create(profile())
    assert "Read iOS Configuration Profiles" in caught.value.next_step
    assert server.writes() == ["POST /JSSResource/%s/id/0" % PATH]
    server.settings(privileges=["Delete iOS Configuration Profiles"])
    with pytest.raises(ChangeFailed, match="not seen what the server kept"):
        profiles.delete(1, "Banned apps")


def test_a_write_that_outlasts_the_edge_is_found_to_be_done(server: Tenant, profiles: Profiles) -> None:
    made = profiles.create(profile())
    server.settings(fan_out_seconds_per_device=10)
    assert profiles.update(profile("com.tencent.xin", id=made.id), payload_changed=True).id == made.id
    assert [entry["status"] for entry in server.sim.requests() if entry["method"] == "PUT"] == [504]


def test_a_timeout_leaves_the_server_two_minutes(server: Tenant) -> None:
    assert server.jamf.session.connection.retry_loop.timeout == 120
    assert server.connection.retry_loop.timeout == 30


def test_a_deletion_is_done_once_and_what_is_gone_is_as_good(server: Tenant, profiles: Profiles) -> None:
    made = profiles.create(profile())
    server.sim.faults([{"match": {"method": "DELETE"}, "nth": 1, "kind": "timeout_after_effect"}])
    profiles.delete(made.id, made.name)
    profiles.delete(made.id, made.name)
    assert profiles.read(made.id) is None
    assert len(server.sent("DELETE")) == 2
    server.sim.faults([{"match": {"method": "DELETE"}, "nth": 1, "kind": "drop"}])
    other = profiles.create(profile())
    with pytest.raises(ChangeFailed, match="it is still there"):
        profiles.delete(other.id, other.name)


def test_what_was_deleted_meanwhile_is_not_made_anew_by_a_change(profiles: Profiles) -> None:
    with pytest.raises(ChangeFailed, match="deleted meanwhile"):
        profiles.update(profile(id=77), payload_changed=True)


def test_reads_see_the_write_before_them_because_the_client_stays_on_its_node(server: Tenant, profiles: Profiles) -> None:
    server.settings(node_lag=5)
    made = profiles.create(profile())
    profiles.update(profile(id=made.id, description="new"), payload_changed=False)
    found = profiles.read(made.id)
    assert found is not None
    assert found.description == "new"
    assert server.clock.naps == []


def test_a_name_that_xml_can_not_hold_is_refused_before_anything_is_sent(server: Tenant, profiles: Profiles) -> None:
    with pytest.raises(AppbanError, match=r"The name has a character that Jamf Pro can't hold: U\+000B"):
        profiles.create(profile(name="Banned\x0bapps"))
    assert server.writes() == []


def test_without_change_the_same_profile_has_no_differences(profiles: Profiles) -> None:
    wanted = profile()
    made = profiles.create(wanted)
    assert differences(wanted, dataclasses.replace(made)) == []
    assert differences(dataclasses.replace(wanted, name="other"), made) == ["the name is %r" % wanted.name]
