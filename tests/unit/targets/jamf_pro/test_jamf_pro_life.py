# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a ban on a simulated Jamf Pro server: check, apply, apply, check, an exemption, a lift, a lift, among others' objects."""

from __future__ import annotations

import plistlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.target import JamfTarget
from tests.simulators.jamf_pro import groups, start
from tests.simulators.jamf_pro.privileges import EVERY_PRIVILEGE
from tests.support.intune.tenant import lifted
from tests.support.jamf_pro.jamf_pro_client import complaints
from tests.support.jamf_pro.jamf_run import Run, Server
from tests.support.jamf_pro.life import (
    BLOCK,
    EXEMPT,
    EXEMPT_GROUP,
    FILTER,
    IN_AN_HOUR,
    NOW,
    TIKTOK,
    TOMORROW,
    device_of,
    next_day,
    objects,
    written,
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server on the morning of NOW, every device online has just been in contact."""
    with start(devices=60, seed=3) as simulation:
        simulation.clock("2023-03-20T08:00:00Z", check_in=True)
        yield Server(simulation, tmp_path)
        assert complaints(simulation) == []


def one_node(server: Server) -> None:
    """So much time passes between two runs that every node knows what the first one wrote."""
    server.simulation.objects({"settings": {"nodes": 1}})


def opens_tiktok(device: Mapping[str, Any]) -> bool:
    return any(app["id"] == TIKTOK and not app["launch_blocked"] for app in device["apps"])


def plant_foreign(server: Server) -> None:
    """What two other administrators have: a profile that hides an app, a profile for Macs, restricted software, groups."""
    body = {"PayloadType": "com.apple.applicationaccess", "blockedAppBundleIDs": ["com.example.game"], "PayloadVersion": 1}
    profile = plistlib.dumps({"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadContent": [body]}).decode()
    for path, root in (
        ("mobiledeviceconfigurationprofiles", "configuration_profile"),
        ("osxconfigurationprofiles", "os_x_configuration_profile"),
    ):
        for name in ("Games", "BAN city is not ours"):
            general = f"<general><name>{name}</name><payloads><![CDATA[{profile.replace('&', '&amp;')}]]></payloads></general>"
            server.simulation.objects({"plant": {"path": path, "xml": f"<{root}>{general}</{root}>"}})
    record = "<general><name>%s</name><process_name>TikTok.app</process_name><kill_process>true</kill_process></general>"
    for name in ("Steam", "BAN city macOS restricted software TikTok.app [appban 000000:00000000]"):
        xml = f"<restricted_software>{record % name}</restricted_software>"
        server.simulation.objects({"plant": {"path": "restrictedsoftware", "xml": xml}})
    server.simulation.objects({"group": {"name": "Board", "members": ["JP00000001"]}})
    server.simulation.objects({"group": {"name": "Board", "members": ["JP00000006"], "macs": True}})


def test_the_whole_life_of_a_ban_among_others_objects(server: Server, tmp_path: Path) -> None:
    plant_foreign(server)
    before = objects(server)
    policy = written(tmp_path, actions="[remove, block, block_web]")
    checked = server.run(policy, NOW, check=True)
    assert objects(server) == before
    applied = server.run(policy, NOW)
    assert applied.changes() == checked.changes()
    assert set(applied.changes()[:3]) == {
        "create mobile device group BAN city supervised iPhone, iPad, Apple TV",
        f"create mobile device group {EXEMPT_GROUP}",
        "create mobile device group BAN city supervised iPhone, iPad",
    }
    assert applied.changes()[3] == "command notice city/Private devices/2023-03-01T00:00:00Z"
    assert set(applied.changes()[4:]) == {
        f"create configuration profile {BLOCK}",
        f"create configuration profile {FILTER}",
        next(each for each in applied.changes() if "restricted software" in each),
        "create configuration profile BAN city macOS URL blocklist",
    }
    assert server.run(policy, NOW).writes() == []
    next_day(server)
    later = server.run(policy, TOMORROW, check=True)
    assert (later.changed, later.values["drift"]) == (False, [])
    assert_devices(server, later)
    lift = server.run(lifted(policy), IN_AN_HOUR)
    assert lift.changed
    assert objects(server) == before
    again = server.run(lifted(policy), IN_AN_HOUR)
    assert (again.changed, again.writes()) == (False, [])
    server.simulation.clock("2023-03-22T08:30:00Z", check_in=True)
    here = [each for each in server.state()["devices"] if each["online"] and each["managed"] and each["platform"] != "macos"]
    assert all(opens_tiktok(each) for each in here if any(app["id"] == TIKTOK for app in each["apps"]))


def assert_devices(server: Server, run: Run) -> None:
    """What the record says is what a person sees who holds the device."""
    seen = run.outcomes()
    for device in server.state()["devices"]:
        kind = "computer" if device["platform"] == "macos" else "mobile"
        outcome, reason = seen[f"{kind}:{device['id']}"]
        has_it = any(app["id"] == TIKTOK for app in device["apps"])
        if outcome == "blocked_not_removed" and kind == "mobile":
            assert has_it, device["key"]
            assert not opens_tiktok(device), device["key"]
            assert reason == "user_installed"
        if outcome == "compliant":
            assert not has_it or TIKTOK not in device["reported_apps"], device["key"]
        if device["serial"] in EXEMPT:
            assert outcome == "exempt"
            assert device["denied_urls"] == []
            assert opens_tiktok(device) is has_it
        if device["kind"] == "iphone_user_enrollment" and device["managed"]:
            assert (outcome, reason) == ("not_observable", "user_enrollment")
        if not device["managed"]:
            assert outcome in ("cannot_enforce", "unclassified", "advised", "not_observable", "exempt"), device["key"]
        assert outcome != "removed"
    found = {outcome for outcome, _reason in seen.values()}
    assert {"blocked_not_removed", "compliant", "exempt", "cannot_enforce", "not_observable"} <= found


def test_a_ban_that_stands_takes_eight_requests_and_a_page_of_each_inventory(server: Server, tmp_path: Path) -> None:
    policy = written(tmp_path)
    server.run(policy, NOW)
    server.run(policy, NOW)
    run = server.run(policy, NOW)
    tokens = [each for each in run.exchanges if each["path"].endswith("/oauth/token")]
    assert len(run.reads()) + len(tokens) == 8, [each["path"] for each in run.reads()]
    assert len(run.exchanges) - len(run.reads()) - len(tokens) == 3, "two pages of inventory, and the token given back"


def test_an_exemption_granted_later_frees_that_device_and_no_other(server: Server, tmp_path: Path) -> None:
    one_node(server)
    server.run(written(tmp_path), NOW)
    next_day(server)
    blocked = [each for each in server.state()["devices"] if each["platform"] == "ios" and BLOCK in each["profiles"]]
    freed, *others = [each["serial"] for each in blocked]
    run = server.run(written(tmp_path, *EXEMPT, freed), TOMORROW)
    assert run.changes() == [f"update mobile device group members {EXEMPT_GROUP}"]
    server.simulation.clock("2023-03-22T08:30:00Z", check_in=True)
    assert BLOCK not in device_of(server, freed)["profiles"]
    assert all(BLOCK in device_of(server, serial)["profiles"] for serial in others)
    back = server.run(written(tmp_path), "2023-03-22T09:00:00Z")
    assert back.changes() == [f"update former mobile device group members {EXEMPT_GROUP}"]
    server.simulation.clock("2023-03-23T08:30:00Z", check_in=True)
    assert BLOCK in device_of(server, freed)["profiles"]


def test_a_device_that_comes_is_covered_without_a_run(server: Server, tmp_path: Path) -> None:
    server.run(written(tmp_path), NOW)
    (answer,) = server.simulation.devices([{"op": "enroll", "kind": "iphone_supervised"}])
    (key,) = answer["devices"]
    server.simulation.devices([{"op": "install", "device": key, "app": "tiktok"}])
    next_day(server)
    assert not opens_tiktok(next(each for each in server.state()["devices"] if each["key"] == key))
    assert server.run(written(tmp_path), TOMORROW).writes() == []


def test_what_a_scope_cannot_name_is_named_device_by_device(server: Server, tmp_path: Path) -> None:
    policy = written(tmp_path, when="{department: Police}")
    server.run(policy, NOW)
    assert server.run(policy, NOW).writes() == []
    next_day(server)
    for device in server.state()["devices"]:
        wanted = device["department"] == "Police" and device["supervised"] and device["managed"] and device["online"]
        assert (BLOCK in device["profiles"]) is (wanted and device["platform"] != "macos"), device["key"]
    server.run(lifted(policy), IN_AN_HOUR)
    assert [each for each in objects(server).values() if each] == []


def test_restricted_software_ends_and_deletes_on_macs_as_the_policy_says(server: Server, tmp_path: Path) -> None:
    server.run(written(tmp_path, actions="[block]"), NOW)
    (record,) = objects(server)["restrictedsoftware"]
    flags = ("process_name", "match_exact_process_name", "kill_process", "delete_executable")
    assert [record["general"][name] for name in flags] == ["TikTok.app", True, True, False]
    run = server.run(written(tmp_path, actions="[remove]"), NOW)
    (changed,) = objects(server)["restrictedsoftware"]
    assert changed["general"]["id"] == record["general"]["id"], "it is renamed, so that there is no moment without it"
    assert changed["general"]["delete_executable"] is True
    assert any(each.startswith("delete configuration profile") for each in run.changes()), "no block is asked for any more"


def test_a_name_that_is_too_doubtful_ends_no_process(server: Server, tmp_path: Path) -> None:
    doubtful = "display_name: [{value: TikTok, confidence: detect_only, source: seen once}]"
    run = server.run(written(tmp_path, names=doubtful), NOW)
    assert not any("restricted software" in each for each in run.changes())
    assert any("nothing blocks tiktok" in each for each in run.values["notes"])
    macs = [outcome for device, outcome in run.outcomes().items() if device.startswith("computer:")]
    assert ("cannot_enforce", "no_identifier") in macs
    assert "compliant" not in {outcome for outcome, _reason in macs}


def test_a_system_program_is_refused_before_anything_is_contacted(server: Server, tmp_path: Path) -> None:
    run = server.run(written(tmp_path, names="display_name: [Finder, Self Service]"), NOW, expect_failure=True)
    assert "Finder of tiktok" in run.message
    assert "Self Service of tiktok" in run.message
    assert run.exchanges == []


def test_a_foreign_profile_with_our_name_is_refused_and_taken_over_only_on_demand(server: Server, tmp_path: Path) -> None:
    profile = plistlib.dumps({"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadContent": []}).decode()
    general = f"<general><name>{BLOCK}</name><payloads><![CDATA[{profile}]]></payloads></general>"
    planted = {"path": "mobiledeviceconfigurationprofiles", "xml": f"<configuration_profile>{general}</configuration_profile>"}
    (answer,) = server.simulation.objects({"plant": planted})
    policy = written(tmp_path)
    before = objects(server)
    refused = server.run(policy, NOW, expect_failure=True)
    assert BLOCK in refused.message
    assert "adopt: true" in refused.message
    assert (refused.writes(), objects(server)) == ([], before)
    server.run(policy, NOW, adopt=True)
    (taken,) = objects(server)["mobiledeviceconfigurationprofiles"]
    assert taken["general"]["id"] == answer["plant"]
    assert "managed-by=appban.endpoint" in taken["general"]["description"]
    assert server.run(policy, NOW).writes() == []


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        ("<scope><all_mobile_devices>true</all_mobile_devices></scope>", None),
        ("<scope><exclusions><users><user><name>user00007</name></user></users></exclusions></scope>", "exclusions.users: user00007"),
        ("<general><deployment_method>Make Available in Self Service</deployment_method></general>", "not installed automatically"),
        ("PAYLOADS", "had other settings"),
    ],
)
def test_what_somebody_does_to_a_profile_of_ours_is_told_and_mended(
    server: Server, tmp_path: Path, tampering: str, said: str | None
) -> None:
    policy = written(tmp_path)
    server.run(policy, NOW)
    wanted = objects(server)
    number = wanted["mobiledeviceconfigurationprofiles"][0]["general"]["id"]
    if tampering == "PAYLOADS":
        other = {"PayloadType": "com.apple.applicationaccess", "allowCamera": False, "PayloadVersion": 1}
        text = plistlib.dumps({"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadContent": [other]}).decode()
        tampering = f"<general><payloads><![CDATA[{text}]]></payloads></general>"
    xml = f"<configuration_profile>{tampering}</configuration_profile>"
    server.simulation.objects({"patch": {"path": "mobiledeviceconfigurationprofiles", "id": number, "xml": xml}})
    assert objects(server) != wanted
    run = server.run(policy, TOMORROW)
    assert run.changes() == [f"update configuration profile {BLOCK}"]
    assert said is None or any(said in each for each in run.values["drift"]), run.values["drift"]
    mended = objects(server)
    for each in (wanted, mended):
        each["mobiledeviceconfigurationprofiles"][0]["general"].pop("description")
        each["mobiledeviceconfigurationprofiles"][0]["general"]["profile"].pop("PayloadDescription", None)
    assert mended == wanted
    server.simulation.clock("2023-03-21T09:30:00Z", check_in=True)
    assert all(each["profiles"].count(BLOCK) <= 1 for each in server.state()["devices"]), "a changed profile is no second one"
    assert server.run(policy, IN_AN_HOUR).writes() == []


def test_an_inventory_without_user_apps_proves_nothing(server: Server, tmp_path: Path) -> None:
    server.simulation.objects({"settings": {"collect_unmanaged_apps": False}})
    next_day(server)
    policy = written(tmp_path)
    server.run(policy, TOMORROW)
    server.simulation.clock("2023-03-22T09:00:00Z", check_in=True)
    run = server.run(policy, "2023-03-22T10:00:00Z")
    assert any("Inventory collection" in each for each in run.values["notes"])
    phones = {outcome for device, outcome in run.outcomes().items() if device.startswith("mobile:")}
    assert ("not_observable", "privacy_setting") in phones
    assert not {outcome for outcome, _reason in phones} & {"compliant", "removed"}


def test_groups_find_what_the_inventory_finds_and_no_list_of_apps_is_asked_for(server: Server, tmp_path: Path) -> None:
    policy = written(tmp_path)
    first = server.run(policy, NOW, findings="groups")
    assert ("not_observable", "awaiting_check_in") in first.outcomes().values()
    assert "compliant" not in {outcome for outcome, _reason in first.outcomes().values()}
    next_day(server)
    run = server.run(policy, TOMORROW, findings="groups")
    assert run.writes() == []
    sections = [str(each["query"]) for each in first.exchanges + run.exchanges if "section" in str(each.get("query"))]
    assert sections
    assert [each for each in sections if "APPLICATIONS" in each] == []
    assert run.outcomes() == server.run(policy, TOMORROW).outcomes()
    server.run(lifted(policy), IN_AN_HOUR)
    assert [each for each in objects(server).values() if each] == []


def between_plan_and_write(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> None:
    """Somebody does something after everything was read and before anything is written."""
    apply = JamfTarget.apply

    def disturbed(self: JamfTarget, *arguments: Any) -> Any:
        work()
        return apply(self, *arguments)

    monkeypatch.setattr(JamfTarget, "apply", disturbed)


def test_what_changes_between_plan_and_write_is_left_alone(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one_node(server)
    server.run(written(tmp_path), NOW)
    mine = "<general><%s>Mine now</%s></general>"
    touched = {
        "mobiledeviceconfigurationprofiles": f"<configuration_profile>{mine % (('description',) * 2)}</configuration_profile>",
        "restrictedsoftware": f"<restricted_software>{mine % (('display_message',) * 2)}</restricted_software>",
    }
    orders = [{"patch": {"path": path, "id": objects(server)[path][0]["general"]["id"], "xml": xml}} for path, xml in touched.items()]
    with monkeypatch.context() as disturbed:
        between_plan_and_write(disturbed, lambda: server.simulation.objects(orders))
        run = server.run(written(tmp_path, when="{department: Police}"), NOW, expect_failure=True)
    assert "Somebody changed the restricted software record" in run.message
    assert f"Somebody changed the configuration profile {BLOCK}" in run.message
    assert not [each for each in run.writes() if "/JSSResource/" in each["path"]]


def test_a_group_that_loses_its_marker_gets_no_member(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one_node(server)
    server.run(written(tmp_path), NOW)
    group = next(each for each in objects(server)["mobiledevicegroups"] if each["name"] == EXEMPT_GROUP)
    xml = "<mobile_device_group><name>Mine now</name></mobile_device_group>"
    with monkeypatch.context() as disturbed:
        order = {"patch": {"path": "mobiledevicegroups", "id": group["id"], "xml": xml}}
        between_plan_and_write(disturbed, lambda: server.simulation.objects(order))
        run = server.run(written(tmp_path, *EXEMPT, "JP00000001"), NOW, expect_failure=True)
    assert f"Somebody changed the mobile device group {EXEMPT_GROUP}" in run.message
    assert run.writes() == []


@pytest.mark.parametrize(
    "path", ["/mobile-device-groups/", "/JSSResource/mobiledeviceconfigurationprofiles/id/0", "/JSSResource/restrictedsoftware/id/0"]
)
def test_a_write_whose_answer_is_lost_is_looked_up_and_never_sent_again(server: Server, tmp_path: Path, path: str) -> None:
    one_node(server)
    server.simulation.faults([{"match": {"method": "POST", "path": path}, "nth": 1, "kind": "timeout_after_effect"}])
    run = server.run(written(tmp_path), NOW)
    sent = [(each["method"], each["path"], str(each.get("body"))) for each in run.writes()]
    assert len(sent) == len(set(sent))
    assert server.run(written(tmp_path), NOW).writes() == []


def test_what_fails_is_named_and_the_next_run_does_the_rest(server: Server, tmp_path: Path) -> None:
    one_node(server)
    without = [each for each in EVERY_PRIVILEGE if each != "Create iOS Configuration Profiles"]
    server.simulation.objects({"settings": {"privileges": without}})
    run = server.run(written(tmp_path), NOW, expect_failure=True)
    assert BLOCK in run.message
    assert len(objects(server)["restrictedsoftware"]) == 1, "what does not need it was made"
    assert ("failed", "error") in run.outcomes().values()
    assert "Create iOS Configuration Profiles" in run.message, "which privilege is missing"
    server.simulation.objects({"settings": {"privileges": list(EVERY_PRIVILEGE)}})
    assert server.run(written(tmp_path), NOW).changes() == [f"create configuration profile {BLOCK}"]
    assert server.run(written(tmp_path), NOW).writes() == []


def test_a_smart_group_that_this_server_understands_otherwise_gets_no_profile(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_node(server)
    # Values of this criterion are spelled otherwise here, and the server keeps what it is given.
    monkeypatch.setitem(groups.CRITERIA[groups.MOBILE], "Supervised", lambda device: ["Ja" if device.record.supervised else "Nein"])
    for now in (NOW, TOMORROW):
        run = server.run(written(tmp_path), now, expect_failure=True)
        assert "has none of the" in run.message
        assert objects(server)["mobiledeviceconfigurationprofiles"] == []
        assert "blocked_not_removed" not in {outcome for device, (outcome, _why) in run.outcomes().items() if device.startswith("mobile:")}


def test_a_private_device_that_only_gets_advice_costs_no_write(server: Server, tmp_path: Path) -> None:
    policy = written(tmp_path, when="{department: Nowhere}")
    run = server.run(policy, NOW)
    assert run.changes() == ["command notice city/Private devices/2023-03-01T00:00:00Z"]
    assert run.writes() == []
    lines = (server.evidence_dir / "jamf_pro.notices.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines
    assert {"advised"} <= {outcome for outcome, _reason in run.outcomes().values()}
    assert not server.run(policy, TOMORROW).changed
    assert (server.evidence_dir / "jamf_pro.notices.jsonl").read_text(encoding="utf-8").splitlines() == lines


def test_where_a_notice_cannot_be_handed_over_nothing_is_done_that_it_announces(server: Server, tmp_path: Path) -> None:
    one_node(server)
    policy = written(tmp_path, actions="[advise, remove, block]")
    outbox = server.evidence_dir / "jamf_pro.notices.jsonl"
    outbox.mkdir(parents=True)
    run = server.run(policy, NOW, expect_failure=True)
    assert "cannot write the outbox" in run.message
    assert [objects(server)[path] for path in ("mobiledeviceconfigurationprofiles", "osxconfigurationprofiles", "restrictedsoftware")] == [
        []
    ] * 3
    outbox.rmdir()
    server.run(policy, NOW)
    assert outbox.read_text(encoding="utf-8")
    assert objects(server)["mobiledeviceconfigurationprofiles"]
    assert objects(server)["restrictedsoftware"]
    assert server.run(policy, NOW).writes() == []


def test_a_device_that_is_enrolled_anew_is_covered_and_an_exemption_follows_its_serial_number(server: Server, tmp_path: Path) -> None:
    one_node(server)
    policy = written(tmp_path)
    server.run(policy, NOW)
    old = device_of(server, EXEMPT[0])
    server.simulation.devices([{"op": "patch", "device": old["key"], "set": {"serial": "GONE"}}])
    (answer,) = server.simulation.devices([{"op": "enroll", "kind": old["kind"], "serial": EXEMPT[0]}])
    run = server.run(policy, TOMORROW)
    assert run.changes() == [
        f"update mobile device group members {EXEMPT_GROUP}",
        f"update former mobile device group members {EXEMPT_GROUP}",
    ]
    next_day(server)
    assert BLOCK not in device_of(server, EXEMPT[0])["profiles"]
    assert BLOCK in device_of(server, "GONE")["profiles"]
    assert device_of(server, EXEMPT[0])["key"] == answer["devices"][0]


def test_restricted_software_that_somebody_changes_is_told_and_mended(server: Server, tmp_path: Path) -> None:
    one_node(server)
    policy = written(tmp_path)
    server.run(policy, NOW)
    wanted = objects(server)
    number = wanted["restrictedsoftware"][0]["general"]["id"]
    xml = "<restricted_software><general><match_exact_process_name>false</match_exact_process_name></general></restricted_software>"
    server.simulation.objects({"patch": {"path": "restrictedsoftware", "id": number, "xml": xml}})
    run = server.run(policy, TOMORROW)
    assert [each for each in run.values["drift"] if "other settings (exact)" in each]
    assert objects(server) == wanted


def test_a_criterion_that_somebody_changes_is_told_and_mended(server: Server, tmp_path: Path) -> None:
    one_node(server)
    policy = written(tmp_path)
    server.run(policy, NOW)
    wanted = objects(server)
    group = next(each for each in wanted["mobiledevicegroups"] if "supervised" in each["name"])
    parts = {"name": "Username", "priority": "0", "and_or": "and", "search_type": "is", "value": "x"}
    criterion = "<criterion>%s</criterion>" % "".join(f"<{tag}>{text}</{tag}>" for tag, text in parts.items())
    xml = f"<mobile_device_group><criteria>{criterion}</criteria></mobile_device_group>"
    server.simulation.objects({"patch": {"path": "mobiledevicegroups", "id": group["id"], "xml": xml}})
    run = server.run(policy, TOMORROW)
    assert run.values["drift"] == [f"the group {group['name']} had other criteria"]
    assert objects(server) == wanted


def test_rules_may_go_by_the_servers_own_groups(server: Server, tmp_path: Path) -> None:
    one_node(server)
    server.simulation.objects({"group": {"name": "Board", "members": ["JP00000001"]}})
    server.simulation.objects({"group": {"name": "Board", "members": ["JP00000006"], "macs": True}})
    policy = written(tmp_path, when="{groups: [Board]}")
    server.run(policy, NOW)
    assert server.run(policy, NOW).writes() == []
    next_day(server)
    assert [each["serial"] for each in server.state()["devices"] if BLOCK in each["profiles"]] == ["JP00000001"]
    assert [each["serial"] for each in server.state()["devices"] if each["restricted_software"]] == ["JP00000006"]


def test_a_group_that_nobody_knows_makes_nobody_out_of_scope(server: Server, tmp_path: Path) -> None:
    run = server.run(written(tmp_path, when="{groups: [Board]}"), NOW)
    assert any("no group named Board" in each for each in run.values["notes"])
    assert run.writes() == []
    assert ("unclassified", "") in run.outcomes().values()


def test_a_record_that_the_server_cannot_read_is_counted_and_not_dropped(server: Server, tmp_path: Path) -> None:
    one_node(server)
    server.simulation.devices([{"op": "patch", "device": "JP00000001", "set": {"corrupt": True}}])
    run = server.run(written(tmp_path), NOW)
    assert run.values["summary"]["devices"] == 60
    assert run.outcomes()["mobile:unreadable-0"] == ("unclassified", "")
    assert any("can't read the record of 1 device" in each for each in run.values["notes"])


def test_a_limit_stops_before_any_write(server: Server, tmp_path: Path) -> None:
    run = server.run(written(tmp_path), NOW, limits={"max_devices": 5, "max_percent": None}, expect_failure=True)
    assert run.writes() == []
    assert "5" in run.message
