# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalog and the ready policies, read by the policy core, and what they decide about devices at the instants that matter."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.appban.endpoint.plugins.module_utils.policy.catalog import Catalog
from ansible_collections.appban.endpoint.plugins.module_utils.policy.decide import decide
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from ansible_collections.appban.endpoint.plugins.module_utils.policy.parse import parse_policy
from ansible_collections.appban.endpoint.plugins.plugin_utils.documents import read_catalog, read_policies

ROOT = Path(__file__).parents[3]
CATALOG_FILES = sorted((ROOT / "catalog").glob("*.yml"))
POLICY_FILES = sorted((ROOT / "policies").glob("*.yml"))
SITUATIONS = ["alberta", "belgium", "calgary", "european-commission", "prague", "prague-nukib", "uk"]


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return read_catalog()


@pytest.fixture(scope="module")
def policies() -> dict[str, Policy]:
    return {policy.id: policy for policy in read_policies([str(file) for file in POLICY_FILES])}


def tiktok(policies: list[Policy], device: dict[str, Any], now: str) -> dict[str, Any]:
    moment = datetime.fromisoformat(now).astimezone(UTC)
    decided: dict[str, Any] = decide(policies, {"id": "D1", "serial": "S1", **device}, moment).to_plain()["apps"]["tiktok"]
    return decided


def short(decision: dict[str, Any]) -> tuple[str, list[str]]:
    return decision["verdict"], decision["actions"]


def test_every_situation_has_its_file() -> None:
    assert sorted(file.stem for file in POLICY_FILES) == SITUATIONS


def test_the_whole_catalog_has_no_problem(catalog: Catalog) -> None:
    assert set(catalog.apps) == {file.stem for file in CATALOG_FILES}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_ready_policy_is_complete(policies: dict[str, Policy], situation: str) -> None:
    policy = policies[situation]
    assert policy.id == situation
    assert policy.state == "enforced"
    assert [app.id for app in policy.apps] == ["tiktok"]
    assert policy.authority is not None
    assert policy.authority.reference
    assert policy.sources
    assert policy.timezone
    assert policy.exemptions == ()
    # Orders of this kind take effect at once: a limit that stops a first run is the organisation's own choice.
    assert (policy.limits.max_devices, policy.limits.max_percent) == (None, None)
    # Domains that also serve others are not in force unless a policy asks.
    assert {identifier.tier for identifier in policy.apps[0].identifiers if identifier.kind == "domain"} == {"core", "extended"}


@pytest.mark.parametrize("file", POLICY_FILES, ids=lambda file: file.stem)
def test_a_ready_policy_explains_its_choices(file: Path) -> None:
    head = file.read_text(encoding="utf-8").partition("policy:")[0]
    assert "What it leaves open, and what we chose:" in head


@pytest.mark.parametrize("situation", ["prague", "uk"])
def test_the_exemption_that_is_commented_out_is_sound(catalog: Catalog, situation: str) -> None:
    text = (ROOT / "policies" / f"{situation}.yml").read_text(encoding="utf-8")
    before, mark, rest = text.partition("# exemptions:\n")
    assert mark
    lines = rest.splitlines()
    example = list(itertools.takewhile(lambda line: line.startswith("#  "), lines))
    active = [
        mark.removeprefix("# "),
        *(line.removeprefix("# ") + "\n" for line in example),
        *(line + "\n" for line in lines[len(example) :]),
    ]
    policy = parse_policy(yaml.safe_load(before + "".join(active)), situation, catalog)
    assert [exemption.devices for exemption in policy.exemptions] == [("SERIAL1",)]


def test_the_inline_example_of_the_documentation_makes_a_companion_part_of_the_ban(catalog: Catalog) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "catalog.md").read_text(encoding="utf-8"), re.DOTALL)
    inline = [yaml.safe_load(example) for example in examples if example.startswith("apps:")]
    assert len(inline) == 1
    policy = parse_policy({**read(ROOT / "policies" / "uk.yml"), **inline[0]}, "documentation", catalog)
    (app,) = policy.apps
    found = {(identifier.kind, identifier.value): identifier.confidence for identifier in app.identifiers}
    assert found["android_package", "com.tiktokshop.seller"] == "sure"
    assert found["deb", "tiktok-desktop"] == "sure"
    assert found["android_package", "com.ss.android.ugc.spark"] == "detect_only"


# Prague

PRAGUE_PHONE = {"platform": "android", "ownership": "corporate", "accesses_city_systems": True}
PRAGUE_NOW = "2023-03-15T12:00:00+01:00"


@pytest.mark.parametrize("platform", ["ios", "ipados", "android"])
@pytest.mark.parametrize("ownership", ["corporate", "shared"])
def test_P1_work_phones_and_tablets_with_access_lose_the_app(policies: dict[str, Policy], platform: str, ownership: str) -> None:
    device = {**PRAGUE_PHONE, "platform": platform, "ownership": ownership}
    assert short(tiktok([policies["prague"]], device, PRAGUE_NOW)) == ("enforce", ["remove"])


def test_P1_holds_from_the_day_of_the_decision(policies: dict[str, Policy]) -> None:
    prague = [policies["prague"]]
    assert short(tiktok(prague, PRAGUE_PHONE, "2023-03-14T23:59:59+01:00")) == ("pending", [])
    assert short(tiktok(prague, PRAGUE_PHONE, "2023-03-15T00:00:00+01:00")) == ("enforce", ["remove"])


def test_P3_private_phones_with_access_are_advised_only(policies: dict[str, Policy]) -> None:
    assert short(tiktok([policies["prague"]], {**PRAGUE_PHONE, "ownership": "personal"}, PRAGUE_NOW)) == ("enforce", ["advise"])


@pytest.mark.parametrize(
    "device",
    [
        {**PRAGUE_PHONE, "ownership": "personal", "accesses_city_systems": False},
        {**PRAGUE_PHONE, "accesses_city_systems": False},
        {**PRAGUE_PHONE, "platform": "linux"},
    ],
    ids=["private without access", "work without access", "laptop"],
)
def test_P4_devices_without_access_and_laptops_are_out_of_scope(policies: dict[str, Policy], device: dict[str, Any]) -> None:
    assert short(tiktok([policies["prague"]], device, PRAGUE_NOW)) == ("out_of_scope", [])


def test_P4_unknown_access_is_unclassified(policies: dict[str, Policy]) -> None:
    decision = tiktok([policies["prague"]], {**PRAGUE_PHONE, "accesses_city_systems": None}, PRAGUE_NOW)
    assert short(decision) == ("unclassified", [])
    assert decision["missing"] == ["accesses_city_systems"]


def test_P7_the_overlay_is_stricter_where_systems_are_critical(policies: dict[str, Policy]) -> None:
    both = [policies["prague"], policies["prague-nukib"]]
    ordinary = tiktok(both, {**PRAGUE_PHONE, "critical_infrastructure": False}, PRAGUE_NOW)
    critical = tiktok(both, {**PRAGUE_PHONE, "critical_infrastructure": True}, PRAGUE_NOW)
    assert ordinary["actions"] == ["remove"]
    assert critical["actions"] == ["remove", "block", "block_web"]
    assert {verdict["policy"] for verdict in critical["policies"] if verdict["actions"]} == {"prague", "prague-nukib"}


def test_P7_a_private_device_with_critical_access_loses_access_and_keeps_its_apps(policies: dict[str, Policy]) -> None:
    device = {**PRAGUE_PHONE, "ownership": "personal", "critical_infrastructure": True}
    decision = tiktok([policies["prague"], policies["prague-nukib"]], device, PRAGUE_NOW)
    assert short(decision) == ("enforce", ["advise", "withdraw_access"])


# United Kingdom

UK_NOW = "2023-03-16T15:00:00+00:00"


@pytest.mark.parametrize("platform", ["ios", "android", "windows", "macos", "linux"])
def test_U2_corporate_devices_are_enforced_at_once(policies: dict[str, Policy], platform: str) -> None:
    device = {"platform": platform, "ownership": "corporate"}
    assert short(tiktok([policies["uk"]], device, "2023-03-16T00:00:00+00:00")) == ("enforce", ["remove", "block"])


def test_U1_personal_devices_are_not_touched_and_unknown_ones_not_taken_for_corporate(policies: dict[str, Policy]) -> None:
    uk = [policies["uk"]]
    assert short(tiktok(uk, {"platform": "ios", "ownership": "personal"}, UK_NOW)) == ("out_of_scope", [])
    unknown = tiktok(uk, {"platform": "ios", "ownership": None}, UK_NOW)
    assert short(unknown) == ("unclassified", [])
    assert unknown["missing"] == ["ownership"]


def test_U4_reasons_are_a_closed_list_and_U8_mitigations_are_required(policies: dict[str, Policy]) -> None:
    rules = policies["uk"].exemption_rules
    assert rules.categories == ("enforcement", "online_harm", "other_work")
    assert "mitigations" in rules.require


def test_U6_other_apps_are_counted_and_never_acted_on(policies: dict[str, Policy]) -> None:
    device = {"id": "D1", "platform": "ios", "ownership": "corporate"}
    apps = decide([policies["uk"]], device, datetime.fromisoformat(UK_NOW).astimezone(UTC)).to_plain()["apps"]
    review = {app: short(decision) for app, decision in apps.items() if app != "tiktok"}
    assert review == {app: ("review", []) for app in ("capcut", "lemon8", "temu", "wechat")}


# European Commission

BEFORE, DEADLINE, AFTER = "2023-03-14T23:59:59+01:00", "2023-03-15T00:00:00+01:00", "2023-03-15T00:00:01+01:00"


def test_E3_E4_personal_devices_are_warned_until_the_deadline_and_lose_access_from_it(policies: dict[str, Policy]) -> None:
    commission, device = [policies["european-commission"]], {"platform": "ios", "ownership": "personal", "work_apps": True}
    before = tiktok(commission, device, BEFORE)
    assert short(before) == ("enforce", ["advise"])
    assert before["next_stage_from"] == "2023-03-14T23:00:00Z"
    for now in (DEADLINE, AFTER):
        assert short(tiktok(commission, device, now)) == ("enforce", ["advise", "withdraw_access"])


def test_E7_corporate_devices_are_removed_from_the_deadline_on(policies: dict[str, Policy]) -> None:
    commission, device = [policies["european-commission"]], {"platform": "windows", "ownership": "corporate"}
    assert short(tiktok(commission, device, "2023-02-22T23:59:59+01:00")) == ("pending", [])
    assert short(tiktok(commission, device, BEFORE)) == ("enforce", ["advise"])
    assert short(tiktok(commission, device, DEADLINE)) == ("enforce", ["remove", "block", "withdraw_access"])


def test_E6_without_work_apps_a_personal_device_has_left_the_scope(policies: dict[str, Policy]) -> None:
    commission = [policies["european-commission"]]
    assert tiktok(commission, {"platform": "ios", "ownership": "personal", "work_apps": False}, AFTER)["verdict"] == "out_of_scope"
    assert tiktok(commission, {"platform": "ios", "ownership": "personal"}, AFTER)["verdict"] == "unclassified"


def test_E8_an_overdue_review_is_noted(policies: dict[str, Policy]) -> None:
    device = {"id": "D1", "platform": "windows", "ownership": "corporate"}

    def notes(now: str) -> str:
        return " ".join(decide([policies["european-commission"]], device, datetime.fromisoformat(now).astimezone(UTC)).notes)

    assert "review" not in notes("2023-09-14T12:00:00+02:00")
    assert "review" in notes("2023-09-17T12:00:00+02:00")


# Calgary and Alberta

CALGARY_NOW = "2023-03-01T09:00:00-07:00"


@pytest.mark.parametrize("platform", ["ios", "ipados"])
def test_C1_city_iphones_and_ipads_lose_the_app_and_the_way_to_it(policies: dict[str, Policy], platform: str) -> None:
    device = {"platform": platform, "ownership": "corporate"}
    assert short(tiktok([policies["calgary"]], device, CALGARY_NOW)) == ("enforce", ["remove", "block"])


@pytest.mark.parametrize("platform", ["windows", "macos", "android", "chromeos", "linux"])
def test_C3_other_city_owned_devices_lose_the_site(policies: dict[str, Policy], platform: str) -> None:
    device = {"platform": platform, "ownership": "corporate"}
    assert short(tiktok([policies["calgary"]], device, CALGARY_NOW)) == ("enforce", ["block_web"])


def test_C5_the_advice_is_kept(policies: dict[str, Policy]) -> None:
    authority = policies["calgary"].authority
    assert authority is not None
    assert authority.advised_by == ("Government of Canada", "Government of Alberta")


def test_C6_a_councillors_own_phone_is_untouched(policies: dict[str, Policy]) -> None:
    assert tiktok([policies["calgary"]], {"platform": "ios", "ownership": "personal"}, CALGARY_NOW)["verdict"] == "out_of_scope"


@pytest.mark.parametrize("platform", ["windows", "macos", "linux", "chromeos", "ios", "ipados", "android"])
def test_A1_A2_all_government_devices_are_told_and_then_cleaned(policies: dict[str, Policy], platform: str) -> None:
    device = {"platform": platform, "ownership": "corporate"}
    assert short(tiktok([policies["alberta"]], device, "2023-02-28T16:00:00-07:00")) == ("enforce", ["advise", "remove", "block"])


# Belgium

PAID = ("paid_purchase", "paid_subscription", "paid_use")
BELGIUM_NOW = "2023-03-10T12:00:00+01:00"


@pytest.mark.parametrize("paid", list(itertools.product(("full", "part", "none", None), repeat=3)), ids=str)
@pytest.mark.parametrize("ownership", ["corporate", "personal"])
def test_B1_who_pays_decides(policies: dict[str, Policy], ownership: str, paid: tuple[str | None, ...]) -> None:
    decision = tiktok([policies["belgium"]], {"platform": "ios", "ownership": ownership, **dict(zip(PAID, paid, strict=True))}, BELGIUM_NOW)
    if {"full", "part"} & set(paid):
        assert short(decision) == ("enforce", ["remove", "block", "block_web"])
    elif None in paid:
        assert short(decision) == ("unclassified", [])
        assert decision["missing"] == sorted(fact for fact, value in zip(PAID, paid, strict=True) if value is None)
    elif ownership == "personal":
        # B8: the owner is asked, and nothing is done.
        assert short(decision) == ("enforce", ["advise"])
    else:
        assert short(decision) == ("out_of_scope", [])


def test_B3_six_calendar_months_then_a_decision_is_due_and_enforcement_goes_on(policies: dict[str, Policy]) -> None:
    device = {"id": "D1", "platform": "ios", "ownership": "corporate", "paid_use": "part"}
    belgium = policies["belgium"]
    assert belgium.effective.until is not None
    assert belgium.effective.until.at == datetime(2023, 9, 9, 22, tzinfo=UTC)
    for now, due in (("2023-09-09T23:59:59+02:00", ()), ("2023-09-10T00:00:00+02:00", ("belgium",))):
        decision = decide([belgium], device, datetime.fromisoformat(now).astimezone(UTC))
        assert decision.decision_due == due
        assert decision.apps["tiktok"].actions == ("remove", "block", "block_web")


def test_B4_the_extension_is_one_line(catalog: Catalog) -> None:
    text = (ROOT / "policies" / "belgium.yml").read_text(encoding="utf-8")
    assert "  until: P6M\n" in text
    extended = parse_policy(yaml.safe_load(text.replace("  until: P6M\n", "  until: P1Y\n")), "belgium.yml", catalog)
    assert extended.effective.until is not None
    assert extended.effective.until.at == datetime(2024, 3, 9, 23, tzinfo=UTC)


def test_B6_a_proposed_ban_acts_on_nothing(catalog: Catalog) -> None:
    document = {**read(ROOT / "policies" / "belgium.yml"), "policy": "wallonia", "state": "report_only"}
    proposed = parse_policy(document, "wallonia.yml", catalog)
    decision = tiktok([proposed], {"platform": "ios", "ownership": "corporate", "paid_use": "full"}, BELGIUM_NOW)
    assert short(decision) == ("report_only", [])
    assert decision["would"] == ["remove", "block", "block_web"]
