# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prague's rules on a simulated Jamf Pro server: private devices get a word and nothing else, and removal is claimed of none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.intune.tenant_devices import assets_csv, written
from tests.support.jamf_pro.jamf_everything import has, opens
from tests.support.jamf_pro.jamf_tenant import (
    AGAIN,
    DAY_AFTER,
    NEXT_DAY,
    NOW,
    ON_MACS,
    Device,
    JamfTenant,
    by_key,
    jamf_tenant,
    live,
    outcomes,
    rows_of,
)
from tests.support.target_runs import lifted, plain

ACCESS = "accesses_city_systems"
LIABILITY = "An attack through a private device can have legal consequences for its owner."
NOTICE = {"title": "Please remove {apps}", "body": "{authority} asks you to remove {apps}.", "addition": LIABILITY}


@pytest.fixture
def city(tmp_path: Path) -> Iterator[JamfTenant]:
    with jamf_tenant(tmp_path) as tenant:
        yield tenant


def with_access(city: JamfTenant, directory: Path, *devices: Device, unknown: tuple[Device, ...] = ()) -> str:
    """Assets: these devices have access to the city's systems, of some nobody knows, all others have none."""
    facts: dict[str, dict[str, Any]] = {each["serial"]: {ACCESS: "false"} for each in city.devices() if each["serial"]}
    facts.update({each["serial"]: {ACCESS: "true"} for each in devices})
    facts.update({each["serial"]: {ACCESS: None} for each in unknown})
    return assets_csv(directory, facts)


def outbox(city: JamfTenant) -> list[dict[str, Any]]:
    path = city.evidence_dir / "jamf_pro.notices.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def phones(city: JamfTenant) -> list[Device]:
    """Supervised iPhones with TikTok, managed and online."""
    return [each for each in city.reached(kind="iphone_supervised") if has(each)]


def test_P1_removal_that_this_server_can_not_make_is_never_claimed(tmp_path: Path) -> None:
    with jamf_tenant(tmp_path, others=("prague",)) as city:
        work = [each for each in city.reached(supervised=True) if each["platform"] == "ios"]
        loose = city.reached(kind="iphone_unsupervised")
        laptop = next(each for each in city.reached(platform="macos") if has(each))
        assets = with_access(city, tmp_path, *work, *loose, laptop)
        life = live(city, plain("prague"), assets=assets)
    # It asks for removal alone, so there is nothing that this server could be told.
    assert life.applied.writes() == []
    assert life.during == life.before
    assert life.outcomes([each for each in work if has(each)]) == {("cannot_enforce", "user_installed")}
    assert life.outcomes([each for each in loose if has(each)]) == {("cannot_enforce", "unsupervised")}
    assert life.outcomes([each for each in (*work, *loose) if not has(each)]) == {("compliant", "")}
    assert life.outcomes([laptop]) == {("out_of_scope", "")}
    assert {"removed", "removal_requested"}.isdisjoint(outcome for outcome, _reason in life.settled.outcomes().values())


def test_P1_P2_with_laptops_a_mac_is_cleaned_and_a_return_is_a_recurrence(city: JamfTenant, tmp_path: Path) -> None:
    everywhere = {"      platform: [ios, ipados, android]\n": "", **ON_MACS}
    policy = written(tmp_path, "prague", **everywhere)
    mac, spared = [each for each in city.reached(platform="macos", agent=True) if has(each)][:2]
    phone = phones(city)[0]
    assets = with_access(city, tmp_path, mac, phone)
    start, before = city.every_object(), by_key(city)
    first = city.run(policy, NOW, assets=assets)
    assert outcomes(first, [mac]) == {("removal_requested", "")}
    assert city.run(policy, NOW, assets=assets).writes() == []
    city.contact(AGAIN)
    assert city.order("launch", mac, app="tiktok") == ["deleted by restricted software"]
    assert city.order("launch", spared, app="tiktok") == []
    city.order("inventory", mac)
    assert outcomes(city.run(policy, AGAIN, assets=assets), [mac]) == {("removed", "")}
    # A phone whose user deletes it was not cleaned by us, and its return is no recurrence.
    city.simulation.clock("2023-03-20T10:30:00Z")
    city.remove(phone)
    assert outcomes(city.run(policy, "2023-03-20T11:00:00Z", assets=assets), [phone]) == {("compliant", "")}
    city.install(mac, phone)
    third = city.run(policy, NEXT_DAY, assets=assets)
    assert third.writes() == []
    assert outcomes(third, [mac]) == {("removal_requested", "recurrence")}
    assert outcomes(third, [phone]) == {("cannot_enforce", "user_installed")}
    city.order("launch", mac, app="tiktok")
    # Only an inventory that is newer than the order says that it was carried out.
    city.simulation.clock("2023-03-21T12:00:00Z")
    city.order("inventory", mac)
    last = city.run(policy, DAY_AFTER, assets=assets)
    assert outcomes(last, [mac]) == {("recurred", "")}
    assert last.rows[-1]["totals"]["tiktok"]["recurred"] == 1
    assert city.run(policy, DAY_AFTER, assets=assets).rows[-1]["totals"]["tiktok"].get("recurred", 0) == 0
    city.run(lifted(policy), DAY_AFTER, assets=assets)
    assert city.every_object() == start
    city.contact("2023-03-23T09:00:00Z")
    # Nothing brings the program back, and everybody else's Mac is what it was.
    assert not has(city.now(mac))
    assert {key: each for key, each in by_key(city).items() if key not in (mac["key"], phone["key"])} == {
        key: each for key, each in before.items() if key not in (mac["key"], phone["key"])
    }


def test_P3_P4_P5_private_devices_are_only_told_and_only_those_with_access(city: JamfTenant, tmp_path: Path) -> None:
    told, spared, unknown = city.reached(kind="iphone_personal")[:3]
    city.install(told, spared, unknown)
    before, objects = by_key(city), city.every_object()
    assets = with_access(city, tmp_path, told, unknown=(unknown,))
    options = {"assets": assets, "notice": NOTICE}
    checked = city.run(plain("prague"), NOW, check=True, **options)
    assert [change.split()[:2] for change in checked.changes()] == [["command", "notice"]]
    assert outbox(city) == []
    run = city.run(plain("prague"), NOW, **options)
    # The notice in the outbox is all that happens: the server is never written to.
    assert (run.writes(), run.changes()) == ([], checked.changes())
    assert (by_key(city), city.every_object()) == (before, objects)
    (line,) = outbox(city)
    assert (line["serial"], line["apps"]) == (told["serial"], ["tiktok"])
    assert LIABILITY in line["body"]
    assert "Prague City Hall" in line["body"]
    assert outcomes(run, [told]) == {("advised", "")}
    assert outcomes(run, [spared]) == {("out_of_scope", "")}
    assert outcomes(run, [unknown]) == {("unclassified", "")}
    assert ACCESS in json.dumps(rows_of(run, [unknown]))
    for device in (spared, unknown):
        assert [row["findings"] for row in rows_of(run, [device])] == [[]]
        assert device["serial"] not in json.dumps(run.values["findings"]) + json.dumps(outbox(city))
    # Once a stage: nobody is told twice.
    again = city.run(plain("prague"), NEXT_DAY, **options)
    assert (again.writes(), again.changes(), outbox(city)) == ([], [], [line])
    city.simulation.clock("2023-03-21T12:00:00Z")
    city.remove(told)
    assert outcomes(city.run(plain("prague"), DAY_AFTER, **options), [told]) == {("compliant", "")}


def test_P4_a_user_enrollment_has_no_serial_number_so_nobody_knows_its_access(city: JamfTenant, tmp_path: Path) -> None:
    private = city.reached(kind="iphone_user_enrollment")
    before = by_key(city)
    run = city.run(plain("prague"), NOW, assets=with_access(city, tmp_path), notice=NOTICE)
    assert outcomes(run, private) == {("unclassified", "")}
    assert (outbox(city), by_key(city)) == ([], before)


def test_P3_a_user_enrollment_that_is_in_scope_is_told_and_shows_nothing(city: JamfTenant, tmp_path: Path) -> None:
    # Whoever is managed has access: then the fact is not needed.
    policy = written(tmp_path, "prague", **{"      accesses_city_systems: true\n": "      work_apps: true\n"})
    private = city.reached(kind="iphone_user_enrollment")
    before = by_key(city)
    run = city.run(policy, NOW, notice=NOTICE)
    assert run.writes() == []
    assert outcomes(run, private) == {("not_observable", "user_enrollment")}
    assert {row["before"] for row in rows_of(run, private)} == {"not_observed"}
    assert {f"mobile:{each['id']}" for each in private} <= {line["device"] for line in outbox(city)}
    assert by_key(city) == before


def test_P2_P7_both_policies_demand_the_union_and_are_lifted_one_by_one(city: JamfTenant, tmp_path: Path) -> None:
    both, city_only = phones(city)[:2]
    private = city.reached(kind="iphone_personal")[0]
    facts = {each["serial"]: {ACCESS: "false", "critical_infrastructure": "false"} for each in city.devices() if each["serial"]}
    for device, critical in ((both, "true"), (city_only, "false"), (private, "true")):
        facts[device["serial"]] = {ACCESS: "true", "critical_infrastructure": critical}
    assets = assets_csv(tmp_path, facts)
    policies = [plain("prague"), plain("prague-nukib")]
    start, before = city.every_object(), by_key(city)
    run = city.run(policies, NOW, assets=assets)
    assert city.run(policies, NOW, assets=assets).writes() == []
    city.contact(NEXT_DAY)
    assert not opens(city.now(both))
    assert "tiktok.com" in json.dumps(city.now(both)["denied_urls"])
    assert [city.now(each) for each in (city_only, private)] == [before[each["key"]] for each in (city_only, private)]
    row = rows_of(run, [both])[0]
    assert set(row["policies"]) == {"prague", "prague-nukib"}
    assert {"remove", "block", "block_web"} <= set(row["actions"])
    assert rows_of(run, [city_only])[0]["actions"] == ["remove"]
    # NÚKIB's warning ends: what only it asked for goes.
    city.run([plain("prague"), lifted(plain("prague-nukib"))], NEXT_DAY, assets=assets)
    city.contact(DAY_AFTER)
    assert city.now(both) == before[both["key"]]
    last = city.run([lifted(policy) for policy in policies], DAY_AFTER, assets=assets)
    assert (last.writes(), city.every_object()) == ([], start)
