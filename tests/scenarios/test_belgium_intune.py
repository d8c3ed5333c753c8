# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Belgium's rules in a simulated Intune tenant: money decides, for six months, and others' objects are others'."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.intune.tenant import Tenant, lifted, plain
from tests.support.intune.tenant_devices import (
    assets_csv,
    bans,
    contact,
    devices_of,
    install_tiktok,
    outcomes,
    prompt_tenant,
    reached,
    registered,
    rows_of,
    written,
)

NOW = "2023-03-20T09:00:00Z"
LATER = "2023-03-20T17:00:00Z"
PAID = ("paid_purchase", "paid_subscription", "paid_use")
#: Six months from 10 March, 00:00 in Brussels.
LAST_SECOND = "2023-09-09T21:59:59Z"
END = "2023-09-09T22:00:00Z"

pytestmark = [pytest.mark.usefixtures("graph_contract", "no_waiting"), pytest.mark.long]


def expected(facts: dict[str, str | None], ownership: str) -> tuple[str, str | None]:
    """Verdict and rule of a device, by the policy's own words."""
    paid = [facts[name] for name in PAID]
    if {"full", "part"} & set(paid):
        return "enforce", "Devices paid by the government, wholly or partly"
    if None in paid or ownership == "unknown":
        return "unclassified", None
    return ("enforce", "Other personal devices of staff") if ownership == "personal" else ("out_of_scope", None)


@pytest.mark.parametrize("form", ["csv", "yml"])
def test_B1_who_pays_decides_with_every_combination(tmp_path: Path, form: str) -> None:
    combinations = list(itertools.product(("full", "part", "none", None), repeat=3))
    with prompt_tenant(tmp_path, NOW, devices=80) as city:
        devices = [device for device in city.state()["devices"] if device["serial"]]
        assert len(devices) >= len(combinations)
        # Every combination once, and nothing paid for the devices that are left.
        padded = [*combinations, *[("none", "none", "none")] * (len(devices) - len(combinations))]
        facts = {device["serial"]: dict(zip(PAID, each, strict=True)) for device, each in zip(devices, padded, strict=True)}
        if form == "csv":
            assets = assets_csv(tmp_path, facts)
        else:
            path = tmp_path / "assets.yml"
            path.write_text(json.dumps(facts), encoding="utf-8")
            assets = str(path)
        run = city.run(plain("belgium"), NOW, assets=assets)
        found = {device["serial"]: rows_of(run, [device])[0] for device in devices if device["serial"] in facts}
        ownership = {device["serial"]: device["ownership"] for device in devices}
        wanted = {serial: expected(each, ownership[serial]) for serial, each in facts.items()}
        assert {serial: (row["verdict"], row["rule"]) for serial, row in found.items()} == wanted
        assert len(set(wanted.values())) == 4
        contact(city, LATER)
        for device in devices:
            if wanted.get(device["serial"], ("unclassified", None))[0] != "enforce":
                assert reached(city)[device["id"]] == set()


def test_B1_a_private_phone_with_a_paid_subscription_is_in_and_its_outcome_is_honest(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        paid, unpaid = registered(city, kind="ios_personal")[:2]
        for each in (paid, unpaid):
            # Its users have no other device here, so a list of ours may be assigned to them.
            for other in devices_of(city, user=each["user"]):
                assert other["id"] == each["id"] or other["ownership"] != "company"
        install_tiktok(city, paid["id"])
        facts = {
            paid["serial"]: {"paid_purchase": "none", "paid_subscription": "full", "paid_use": None},
            unpaid["serial"]: {"paid_purchase": "none", "paid_subscription": "none", "paid_use": "none"},
        }
        assets = assets_csv(tmp_path, facts)
        first = city.run(plain("belgium"), NOW, assets=assets)
        row = rows_of(first, [paid])[0]
        assert row["verdict"] == "enforce"
        assert set(row["actions"]) == {"remove", "block", "block_web"}
        assert (row["outcome"], row["reason"]) in {("cannot_enforce", "unsupervised"), ("not_observable", "awaiting_check_in")}
        contact(city, LATER)
        second = city.run(plain("belgium"), LATER, assets=assets)
        assert outcomes(second, [paid]) == {("cannot_enforce", "unsupervised")}
        # B8: the unpaid private phone is asked, and nothing more.
        assert {row["outcome"] for row in rows_of(second, [unpaid])} <= {"advised", "not_observable"}
        assert reached(city)[unpaid["id"]] == set()


def test_B2_work_phones_are_cleaned_and_blocked_at_once(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        phone = registered(city, kind="ios_supervised", ownership="company")[0]
        assets = assets_csv(tmp_path, {phone["serial"]: {"paid_purchase": "full", "paid_subscription": "none", "paid_use": "none"}})
        city.run(plain("belgium"), NOW, assets=assets)
        contact(city, LATER)
        assert {name.removeprefix("BAN belgium ") for name in reached(city)[phone["id"]]} >= {"iOS blocked apps", "iOS web filter"}
        now = next(device for device in city.state()["devices"] if device["id"] == phone["id"])
        assert "http://tiktok.com" in now["blocked_domains"]


def paid_fleet(city: Tenant, directory: Path) -> str:
    """Everything corporate is paid for, nothing else."""
    facts = {}
    for device in city.state()["devices"]:
        if device["serial"]:
            facts[device["serial"]] = dict.fromkeys(PAID, "full" if device["ownership"] == "company" else "none")
    return assets_csv(directory, facts)


def test_B3_B4_six_months_are_months_and_nobody_forgets_the_end(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        assets = paid_fleet(city, tmp_path)
        policy = plain("belgium")
        city.run(policy, NOW, assets=assets)
        notes: dict[str, list[str]] = {}
        due: dict[str, bool] = {}
        for now in ("2023-08-10T09:00:00Z", "2023-08-11T09:00:00Z", "2023-09-03T09:00:00Z", LAST_SECOND, END, "2023-10-01T09:00:00Z"):
            city.simulation.clock(now=now)
            run = city.run(policy, now, assets=assets)
            assert run.writes() == []
            notes[now], due[now] = [note for note in run.values["notes"] if "end" in note], run.values["decision_due"]
        assert due == {now: now in (END, "2023-10-01T09:00:00Z") for now in due}
        assert notes["2023-08-10T09:00:00Z"] == []
        assert "2023-09-10" in notes["2023-08-11T09:00:00Z"][0]
        assert "last warning" in notes["2023-09-03T09:00:00Z"][0]
        assert "a decision is due" in notes[END][0]
        # B4: the extension is one line.
        extended = written(tmp_path, "belgium", **{"until: P6M": "until: P1Y"})
        run = city.run(extended, "2023-10-01T09:00:00Z", assets=assets)
        assert (run.writes(), run.values["decision_due"]) == ([], False)


def test_B3_on_expiry_lift_takes_away_what_we_made_at_the_end_and_not_before(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        start = city.state()["objects"]
        assets = paid_fleet(city, tmp_path)
        policy = written(tmp_path, "belgium", **{"on_expiry: keep": "on_expiry: lift"})
        city.run(policy, NOW, assets=assets)
        city.simulation.clock(now=LAST_SECOND)
        assert city.run(policy, LAST_SECOND, assets=assets).writes() == []
        assert bans(city)
        city.simulation.clock(now=END)
        assert city.run(policy, END, assets=assets).changed()
        assert city.state()["objects"] == start
        assert city.run(policy, END, assets=assets).writes() == []


EVERYBODY = {"target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}}
LISTED = [{"@odata.type": "#microsoft.graph.appListItem", "appId": "com.example.mine", "name": "Mine"}]
FOREIGN: list[dict[str, Any]] = [
    {"path": "deviceManagement/deviceConfigurations", "assignments": [EVERYBODY], "body": {
        "@odata.type": "#microsoft.graph.macOSGeneralDeviceConfiguration", "displayName": "BAN by the ministry", "description": "Mine",
        "compliantAppListType": "appsNotInListCompliant", "compliantAppsList": LISTED}},
    {"path": "deviceManagement/deviceConfigurations", "assignments": [EVERYBODY], "body": {
        "@odata.type": "#microsoft.graph.androidDeviceOwnerGeneralDeviceConfiguration", "displayName": "Kiosk", "description": "Mine"}},
    {"path": "deviceManagement/deviceCompliancePolicies", "assignments": [EVERYBODY], "body": {
        "@odata.type": "#microsoft.graph.iosCompliancePolicy", "displayName": "BAN belgium, but the ministry's", "description": "Mine",
        "restrictedApps": LISTED, "scheduledActionsForRule": [
            {"ruleName": "PasswordRequired", "scheduledActionConfigurations": [{"actionType": "block", "gracePeriodHours": 72}]}]}},
    {"path": "deviceManagement/assignmentFilters", "body": {
        "@odata.type": "#microsoft.graph.deviceAndAppManagementAssignmentFilter", "displayName": "BAN belgium iPads", "description": "Mine",
        "platform": "iOS", "rule": '(device.model -eq "iPad")'}},
    {"path": "deviceAppManagement/mobileApps", "assignments": [{**EVERYBODY, "intent": "required"}], "body": {
        "@odata.type": "#microsoft.graph.androidManagedStoreApp", "displayName": "Signal", "publisher": "Signal Foundation",
        "packageId": "org.thoughtcrime.securesms", "appIdentifier": "org.thoughtcrime.securesms"}},
    {"path": "deviceAppManagement/mobileApps", "assignments": [{**EVERYBODY, "intent": "available"}], "body": {
        "@odata.type": "#microsoft.graph.winGetApp", "displayName": "TikTok", "description": "The ministry's", "publisher": "TikTok",
        "packageIdentifier": "9NBLGGH4NNS1"}},
]  # fmt: skip


def test_B5_other_administrators_objects_are_the_same_after_the_ban_and_after_its_end(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        for each in FOREIGN:
            city.simulation.objects({"plant": each})
        city.simulation.objects({"group": {"name": "BAN belgium press", "members": [registered(city, kind="ios_supervised")[0]["id"]]}})
        city.simulation.objects(
            {"indicator": {"indicatorValue": "tiktok.com", "indicatorType": "DomainName", "action": "Audit", "title": "BAN"}}
        )
        start = city.state()["objects"]
        assets = paid_fleet(city, tmp_path)
        policy = plain("belgium")
        city.run(policy, NOW, assets=assets)
        during = city.state()["objects"]
        for path, listed in start.items():
            assert [each for each in listed if each not in during[path]] == []
        contact(city, LATER)
        installed = {device["id"]: device["apps"] for device in city.state()["devices"]}
        city.run(lifted(policy), LATER, assets=assets)
        assert city.state()["objects"] == start
        contact(city, "2023-03-21T09:00:00Z")
        # Lifting brings no app back.
        count = {device["id"]: len(device["apps"]) for device in city.state()["devices"]}
        assert count == {key: len(apps) for key, apps in installed.items()}
