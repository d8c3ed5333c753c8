# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The UK's rules in a simulated Intune tenant."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.support.cases import cases
from tests.support.intune.tenant import Tenant, lifted, plain, tenant
from tests.support.intune.tenant_devices import (
    Device,
    assets_csv,
    can_install_tiktok,
    can_open_tiktok,
    change,
    contact,
    device_of,
    devices_of,
    exemption,
    group_members,
    has_tiktok,
    install_tiktok,
    mentions,
    outcomes,
    prompt_tenant,
    reached,
    registered,
    rows_of,
    written,
)

NOW = "2023-03-20T09:00:00Z"
LATER = "2023-03-20T17:00:00Z"
NEXT_DAY = "2023-03-21T09:00:00Z"
NEXT_MONTH = "2023-04-20T09:00:00Z"
REVIEWED = {"com.lemon.lvoverseas", "com.tencent.xin", "com.tencent.mm", "CapCut", "WeChat"}

pytestmark = pytest.mark.usefixtures("graph_contract", "no_waiting")


def test_U1_U2_the_whole_life_of_the_ban(tmp_path: Path) -> None:
    policy = plain("uk")
    with tenant(tmp_path, now=NOW) as city:
        before = city.state()
        check = city.run(policy, NOW, check=True)
        assert city.state() == before
        apply = city.run(policy, NOW)
        assert apply.changed()
        assert apply.changes() == check.changes()
        again = city.run(policy, NOW)
        assert not again.changed()
        assert again.writes() == []
        assert not city.run(policy, NOW, check=True).changed()
        assert city.run(lifted(policy), NOW).changed()
        last = city.run(lifted(policy), NOW)
        assert last.writes() == []
        assert city.state() == before


def test_U1_personal_devices_and_those_of_unknown_ownership_stay_untouched(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        before = {device["id"]: device for device in city.state()["devices"]}
        apply = city.run(plain("uk"), NOW)
        contact(city, LATER)
        second = city.run(plain("uk"), LATER)
        personal, unknown = devices_of(city, ownership="personal"), devices_of(city, ownership="unknown")
        assert any(has_tiktok(device) for device in personal)
        assert any(has_tiktok(device) for device in unknown)
        for device in (*personal, *unknown):
            assert device == before[device["id"]]
        for run in (apply, second):
            assert mentions(run, *personal, *unknown) == []
            assert {finding["device"] for finding in run.values["findings"]}.isdisjoint(each["id"] for each in (*personal, *unknown))
            for app in ("tiktok", "capcut", "wechat"):
                assert outcomes(run, personal, app) == {("out_of_scope", "")}
                assert outcomes(run, unknown, app) == {("unclassified", "")}
                kept = [
                    (row["before"], row["findings"], row["mechanism"], row["seen_at"]) for row in rows_of(run, (*personal, *unknown), app)
                ]
                assert set(map(str, kept)) == {str(("not_observed", [], [], None))}
        assert all(reached(city)[device["id"]] for device in devices_of(city, kind="ios_supervised", online=True))


def test_U1_an_asset_fact_tells_the_ownership_that_the_tenant_does_not_know(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        known, unknown = registered(city, kind="ios_supervised", ownership="company")[:2]
        personal = registered(city, kind="ios_personal")[0]
        change(city, unknown["id"], ownership="unknown")
        # The tenant's own word stands against the assets'.
        facts = {unknown["serial"]: {"ownership": "corporate"}, personal["serial"]: {"ownership": "corporate"}}
        city.run(plain("uk"), NOW, assets=assets_csv(tmp_path, facts))
        contact(city, LATER)
        # It is banned there as well. What Intune collects of it goes by Intune's own word, so a list makes it report besides.
        assert reached(city)[known["id"]] == {"BAN uk iOS blocked apps"}
        assert reached(city)[unknown["id"]] == {"BAN uk iOS blocked apps", "BAN uk iOS prohibited apps report"}
        assert reached(city)[personal["id"]] == set()
        assert group_members(city, "(members)")["BAN uk iOS blocked apps (members)"] == [unknown["directory_id"]]
        # And once the assets say nothing any more, it counts as it was known: unknown is not a change.
        run = city.run(plain("uk"), LATER)
        contact(city, NEXT_DAY)
        assert outcomes(run, [unknown]) == {("compliant", "")}
        assert reached(city)[unknown["id"]] == {"BAN uk iOS blocked apps", "BAN uk iOS prohibited apps report"}


def test_U2_the_first_run_enforces_at_once(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        phones = registered(city, kind="ios_supervised", ownership="company")
        android = registered(city, kind="android_fully_managed", ownership="company")
        windows = registered(city, kind="windows_corporate", ownership="company")
        install_tiktok(city, phones[0]["id"], android[0]["id"], windows[0]["id"])
        contact(city, NOW)
        first = city.run(plain("uk"), NOW)
        assert outcomes(first, [android[0], windows[0]]) == {("removal_requested", "")}
        assert outcomes(first, [phones[0]]) == {("violating", "awaiting_check_in")}
        contact(city, LATER)
        for device in (phones[0], android[0], windows[0], phones[1], android[1], windows[1]):
            assert not can_open_tiktok(device_of(city, device["id"]))
            assert not can_install_tiktok(city, device["id"])
        assert not has_tiktok(device_of(city, android[0]["id"]))
        second = city.run(plain("uk"), LATER)
        assert outcomes(second, [windows[0]]) == {("removed", "")}
        # What a fully managed Android lists may leave out apps, so what it doesn't list is not absent.
        assert outcomes(second, [android[0]]) == {("not_observable", "inventory_incomplete")}
        assert outcomes(second, [phones[0]]) == {("blocked_not_removed", "user_installed")}
        contact(city, NEXT_DAY)
        third = city.run(plain("uk"), NEXT_DAY)
        assert outcomes(third, [windows[0], phones[1]]) == {("compliant", "")}
        assert outcomes(third, [android[0], android[1]]) == {("not_observable", "inventory_incomplete")}


def siblings(city: Tenant) -> tuple[Device, Device]:
    """Two supervised iPhones of one user."""
    first, second = registered(city, kind="ios_supervised", ownership="company")[:2]
    change(city, second["id"], user=first["user"])
    return device_of(city, first["id"]), device_of(city, second["id"])


def test_U3_one_device_is_exempt_and_its_siblings_are_not(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        held, sibling = siblings(city)
        policy = written(tmp_path, "uk", exemption(devices=[held["serial"]]))
        check = city.run(policy, NOW, check=True)
        apply = city.run(policy, NOW)
        contact(city, LATER)
        second = city.run(policy, LATER)
        assert reached(city)[held["id"]] == set()
        assert "BAN uk iOS blocked apps" in reached(city)[sibling["id"]]
        groups = group_members(city, "(exceptions)")
        assert groups
        assert set(map(tuple, groups.values())) == {(held["directory_id"],)}
        said = {"id": "EX-1", "state": "active", "category": "online_harm", "reason": "Case work on online harm"}
        for run in (check, apply, second):
            row = rows_of(run, [held])[0]
            assert row["outcome"] == "exempt"
            assert {name: row["exemption"][name] for name in said} == said
            assert row["exemption"]["approved_by"] == "Head of Security"
            assert "2023-12-31" in str(row["exemption"]["expires"])
            assert rows_of(run, [sibling])[0]["exemption"] is None
            assert {finding["device"] for finding in run.values["findings"] if finding["app"] == "tiktok"}.isdisjoint({held["id"]})
        assert held["serial"] in json.dumps(check.values["diff"])
        assert second.writes() == []


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"approved_by": None}, "approved_by"),
        ({"reason": None}, "reason"),
        ({"category": None}, "category"),
        ({"category": "entertainment"}, "enforcement"),
        ({"mitigations": None}, "mitigations"),
    ],
)
def test_U4_an_incomplete_exemption_is_refused_before_any_request(tmp_path: Path, fields: dict[str, object], complaint: str) -> None:
    with pytest.raises(Exception, match=complaint):
        written(tmp_path, "uk", exemption(devices=["SN00000002"], **fields))
    good = written(tmp_path, "uk", exemption(devices=["SN00000002"]))
    spoilt = {name: value for name, value in good["exemptions"][0].items() if fields.get(name, "") is not None}
    if spoilt == good["exemptions"][0]:
        return
    with tenant(tmp_path, now=NOW) as city:
        # What was tampered with between the lookup and the module.
        run = city.run({**good, "exemptions": [spoilt]}, NOW, expect_failure=True)
        assert run.exchanges == []
        assert "nothing was contacted" in run.message
        assert not city.evidence_dir.exists()


def test_U5_a_users_exemption_follows_to_the_users_devices_only_if_it_says_so(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        held, sibling = siblings(city)
        user = held["user_name"]
        other = next(each for each in registered(city, kind="ios_supervised", ownership="company") if each["user"] != held["user"])
        follows = written(tmp_path, "uk", exemption(users=[user], follow_user=True))
        city.run(follows, NOW)
        contact(city, LATER)
        assert (reached(city)[held["id"]], reached(city)[sibling["id"]]) == (set(), set())
        assert reached(city)[other["id"]]
        named = written(tmp_path, "uk", exemption(users=[user], devices=[held["serial"]]))
        city.run(named, LATER)
        contact(city, NEXT_DAY)
        assert reached(city)[held["id"]] == set()
        assert reached(city)[sibling["id"]] == reached(city)[other["id"]] != set()
        # The named device is exempt while that user uses it, and not for the next one.
        change(city, held["id"], user=other["user"])
        run = city.run(named, NEXT_DAY)
        contact(city, NEXT_MONTH)
        assert outcomes(run, [held]) != {("exempt", "")}
        assert reached(city)[held["id"]]


def test_U6_apps_under_review_are_counted_per_department_and_not_touched(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW, devices=120) as city:
        departments = ("Finance", "Police", "Parks")
        listed = [device for device in city.state()["devices"] if device["serial"]]
        department = {device["serial"]: departments[number % 3] for number, device in enumerate(listed)}
        facts = {serial: {"department": name} for serial, name in department.items()}
        before = {device["id"]: device["apps"] for device in city.state()["devices"]}
        run = city.run(plain("uk"), NOW, assets=assets_csv(tmp_path, facts))
        counts = Counter(
            (row["app"], row["department"])
            for row in run.rows
            if row["row"] == "device" and row["verdict"] == "review" and row["before"] == "present"
        )
        # Of a corporate Android with a personal profile nothing of that profile is seen.
        wanted = Counter(
            ({"CapCut": "capcut", "WeChat": "wechat"}[app["name"]], department.get(device["serial"]))
            for device in devices_of(city, ownership="company")
            for app in device["apps"]
            if app["name"] in ("CapCut", "WeChat") and (device["kind"] != "android_cope" or app["profile"] == "work")
        )
        assert counts == wanted
        assert len({name for _app, name in counts}) > 2
        assert {row["outcome"] for row in run.rows if row["row"] == "device" and row["verdict"] == "review"} == {"not_in_force"}
        written_bodies = json.dumps([entry["body"] for entry in run.writes()])
        assert not any(name in written_bodies for name in REVIEWED)
        contact(city, LATER)
        kept = {device["id"]: [app for app in before[device["id"]] if app["name"] != "TikTok"] for device in city.state()["devices"]}
        assert {each["id"]: [app for app in each["apps"] if app["name"] != "TikTok"] for each in city.state()["devices"]} == kept


@cases("limits", [{"max_devices": 5, "max_percent": None}, {"max_devices": None, "max_percent": 10.0}])
def test_a_run_beyond_its_limits_stops_before_any_write(tmp_path: Path, limits: dict[str, float | None]) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        before = city.state()
        stopped = city.run(plain("uk", limits=limits), NOW, expect_failure=True)
        assert stopped.writes() == []
        assert city.state() == before
        assert not stopped.changed()
        assert "stopped before any write" in stopped.message
        assert "stopped before any write" in stopped.rows[-1]["stopped"]
        assert ("failed", "limit_exceeded") in outcomes(stopped, devices_of(city, kind="ios_supervised"))
        assert not (city.evidence_dir / "intune.ledger.jsonl").exists()
        # With the limit raised once, all later runs are within it: nobody is newly affected.
        assert city.run(plain("uk", limits=limits), NOW, limits={"max_devices": 60, "max_percent": None}).changed()
        again = city.run(plain("uk", limits=limits), NOW)
        assert again.writes() == []
        assert again.rows[-1]["stopped"] is None


def test_a_new_corporate_iphone_is_covered_before_any_run_knows_it(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        city.run(plain("uk"), NOW)
        operations = [
            {"op": "enroll", "kind": kind} for kind in ("ios_supervised", "android_fully_managed", "windows_corporate", "ios_personal")
        ]
        *corporate, personal = (answer["devices"][0] for answer in city.simulation.devices(operations))
        contact(city, LATER)
        for device in corporate:
            assert reached(city)[device]
            assert not can_install_tiktok(city, device)
        assert reached(city)[personal] == set()
        assert can_install_tiktok(city, personal)
        run = city.run(plain("uk"), LATER)
        assert run.writes() == []


@cases("kind", ["ios_supervised", "android_fully_managed", "android_cope", "windows_corporate"])
def test_an_exemption_lifts_from_its_device_only_and_ends_by_itself(tmp_path: Path, kind: str) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        phone, other = registered(city, kind=kind, ownership="company")[:2]
        city.run(plain("uk"), NOW)
        contact(city, LATER)
        assert reached(city)[phone["id"]] == reached(city)[other["id"]]
        exempted = written(tmp_path, "uk", exemption(devices=[phone["serial"]], granted="2023-03-20", expires="2023-04-01T00:00:00"))
        assert city.run(exempted, LATER).changed()
        contact(city, NEXT_DAY)
        assert reached(city)[phone["id"]] == set()
        assert can_install_tiktok(city, phone["id"])
        assert reached(city)[other["id"]]
        install_tiktok(city, phone["id"])
        contact(city, NEXT_MONTH)
        ended = city.run(exempted, NEXT_MONTH)
        assert outcomes(ended, [phone])
        assert ended.row(phone["id"])["exemption"]["state"] == "expired"
        # What a personal profile holds nobody sees.
        assert ended.row(phone["id"])["outcome"] == ("not_observable" if kind == "android_cope" else "exemption_expired")
        assert group_members(city, "(exceptions)") == {}
        contact(city, "2023-04-21T09:00:00Z")
        assert reached(city)[phone["id"]] == reached(city)[other["id"]]
        assert not can_open_tiktok(device_of(city, phone["id"]))


def test_a_device_that_changes_hands_changes_its_rules(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        bought, sold = registered(city, kind="ios_personal")[0], registered(city, kind="ios_supervised", ownership="company")[0]
        city.run(plain("uk"), NOW)
        change(city, bought["id"], ownership="company")
        change(city, sold["id"], ownership="personal")
        contact(city, LATER)
        # The service's own filter acts at the check-in, before any run.
        assert reached(city)[sold["id"]] == set()
        run = city.run(plain("uk"), LATER)
        assert run.writes() == []
        assert outcomes(run, [sold]) == {("out_of_scope", "")}
        assert {row["outcome"] for row in rows_of(run, [bought])} == {"cannot_enforce"}
