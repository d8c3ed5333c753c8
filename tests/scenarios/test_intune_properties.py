# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every fleet and every policy: random small fleets and random policies in a simulated tenant."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tests.support.intune.tenant import Tenant, lifted, plain
from tests.support.intune.tenant_devices import assets_csv, change, contact, device_of, mentions, prompt_tenant, reached, rows_of

NOW = "2023-03-20T09:00:00Z"
LATER = "2023-03-20T17:00:00Z"
NEXT_DAY = "2023-03-21T09:00:00Z"
SIZE = 11

pytestmark = pytest.mark.usefixtures("graph_contract", "no_waiting")

Traits = Mapping[str, Any]
KINDS = [
    "ios_supervised", "ios_corporate", "ios_personal", "ios_user_enrollment", "android_fully_managed", "android_dedicated", "android_cope",
    "android_work_profile", "windows_corporate", "windows_personal", "mac_corporate", "mac_personal",
]  # fmt: skip
TRAITS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(KINDS),
        "ownership": st.sampled_from(["as bought", "as bought", "as bought", "unknown", "company", "personal"]),
        "critical": st.sampled_from([True, False, None]),
        "tiktok": st.booleans(),
    }
)
CONDITIONS = st.lists(
    st.one_of(
        st.lists(st.sampled_from(["corporate", "personal", "shared"]), min_size=1, max_size=2, unique=True).map(
            lambda of: {"ownership": of}
        ),
        st.lists(st.sampled_from(["ios", "ipados", "android", "windows", "macos"]), min_size=2, max_size=4, unique=True).map(
            lambda of: {"platform": of}
        ),
        st.booleans().map(lambda of: {"supervised": of}),
        st.booleans().map(lambda of: {"critical": of}),
    ),
    min_size=1,
    max_size=2,
).map(lambda listed: {name: value for each in listed for name, value in each.items()})
ACTIONS = st.sets(st.sampled_from(["remove", "block", "block_web"]), min_size=1).map(
    lambda chosen: [action for action in ("remove", "block", "block_web") if action in chosen]
)
RULES = st.lists(st.tuples(CONDITIONS, ACTIONS), min_size=1, max_size=3)
EXEMPTIONS = st.lists(
    st.one_of(
        st.integers(0, SIZE - 1).map(lambda number: {"device": number}),
        st.integers(0, SIZE - 1).map(lambda number: {"user": number}),
        st.sampled_from([{"when": {"critical": True, "platform": "ios"}}, {"when": {"ownership": "personal", "platform": "android"}}]),
    ),
    max_size=2,
)


def furnish(city: Tenant, fleet: Sequence[Traits], directory: Path) -> str:
    """Make the fleet what was drawn; the path of its assets file."""
    city.simulation.devices([{"op": "unenroll", "device": "all"}])
    facts = {}
    for number, traits in enumerate(fleet):
        serial = f"DEV{number:03d}"
        [answer] = city.simulation.devices([{"op": "enroll", "kind": traits["kind"], "serial": serial}])
        [device] = answer["devices"]
        if traits["ownership"] != "as bought":
            change(city, device, ownership=traits["ownership"])
        if traits["tiktok"]:
            city.simulation.devices([{"op": "install", "device": device, "app": "tiktok"}])
        facts[serial] = {"critical": None if traits["critical"] is None else str(traits["critical"]).lower()}
    contact(city, NOW)
    return assets_csv(directory, facts)


def policy_of(
    directory: Path, name: str, rules: Sequence[tuple[Traits, Sequence[str]]], exempt: Sequence[Traits], fleet: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """A policy with these rules and exemptions, by way of its file."""
    exemptions = []
    for number, each in enumerate(exempt):
        who: dict[str, Any] = dict(each)
        if "device" in each:
            who = {"devices": [fleet[each["device"] % len(fleet)]["serial"]]}
        if "user" in each:
            user = fleet[each["user"] % len(fleet)]["user_name"]
            who = {"users": [user], "follow_user": True} if user else {"devices": [fleet[each["user"] % len(fleet)]["serial"]]}
        exemptions.append(
            {
                "id": f"EX-{number}", "apps": ["tiktok"], "reason": "Drawn", "approved_by": "Chance", "granted": "2023-03-01",
                "expires": "2023-12-31T00:00:00", **who,
            }
        )  # fmt: skip
    document = {
        "policy": name, "title": "Drawn", "state": "enforced", "timezone": "UTC", "apps": ["tiktok"],
        "authority": {"issued_by": "Chance"}, "effective": {"from": "2023-03-01T00:00:00"},
        "rules": [{"name": f"Rule {number}", "when": dict(when), "actions": list(actions)} for number, (when, actions) in enumerate(rules)],
        **({"exemptions": exemptions} if exemptions else {}),
    }  # fmt: skip
    path = directory / f"{name}.yml"
    path.write_text(json.dumps(document), encoding="utf-8")
    return plain(path)


def controls_for(device: Mapping[str, Any], actions: Sequence[str]) -> set[str]:
    """What must reach a device, by the capability table as a person would read it."""
    kind, company = device["kind"], device["ownership"] == "company"
    found = set()
    if device["supervised"] and device["platform"] == "ios":
        found |= {"iOS blocked apps"} if "block" in actions else set()
        found |= {"iOS web filter"} if "block_web" in actions else set()
    if kind in ("android_fully_managed", "android_dedicated", "android_cope") and {"remove", "block"} & set(actions):
        found.add("Android personal block list" if kind == "android_cope" else "Android uninstall")
    if device["platform"] == "windows" and company:
        found |= {"Windows AppLocker"} if "block" in actions else set()
        found |= {"Windows URL blocklist"} if "block_web" in actions else set()
    if device["platform"] == "macos" and company:
        found |= {"macOS URL blocklist"} if "block_web" in actions else set()
    return found


def short(names: set[str], device: Mapping[str, Any]) -> set[str]:
    """Names of controls without what belongs to their policy; an app that is uninstalled goes by its platform."""
    known = (
        "iOS blocked apps", "iOS web filter", "Android personal block list", "Windows AppLocker", "Windows URL blocklist",
        "macOS URL blocklist", "prohibited apps report",
    )  # fmt: skip
    found = {next((each for each in known if each in name), "uninstall") for name in names}
    return {
        {"android": "Android uninstall"}.get(device["platform"], "Windows uninstall") if each == "uninstall" else each for each in found
    }


MOBILE = [({"platform": ["ios", "ipados", "android"]}, ["remove", "block", "block_web"])]
COMPANY: list[Traits] = [
    {"kind": kind, "ownership": "as bought", "critical": True, "tiktok": True}
    for kind in ("android_fully_managed", "android_fully_managed", "android_cope", "windows_corporate")
]


FLEETS = given(
    fleet=st.lists(TRAITS, min_size=4, max_size=SIZE),
    first=RULES,
    second=st.one_of(st.none(), RULES),
    exempt=EXEMPTIONS,
)
EXAMPLES = settings(
    max_examples=20,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


# Exempt under one policy, banned by another: the exceptions of one must not be the exceptions of both.
@example(fleet=COMPANY, first=MOBILE, second=MOBILE, exempt=[{"device": 1}])
@settings(EXAMPLES, max_examples=4)
@FLEETS
def test_properties_a_c_d_f_scope_is_kept_runs_converge_and_lifting_restores(
    fleet: list[Traits], first: Any, second: Any, exempt: list[Traits]
) -> None:
    hold_in_a_life(fleet, first, second, exempt)


@pytest.mark.long
@EXAMPLES
@FLEETS
def test_properties_a_c_d_f_over_many_fleets(fleet: list[Traits], first: Any, second: Any, exempt: list[Traits]) -> None:
    hold_in_a_life(fleet, first, second, exempt)


def hold_in_a_life(fleet: list[Traits], first: Any, second: Any, exempt: list[Traits]) -> None:
    """Scope is kept, runs converge, and lifting restores."""
    with tempfile.TemporaryDirectory() as name, prompt_tenant(Path(name), NOW, devices=4) as city:
        directory = Path(name)
        assets = furnish(city, fleet, directory)
        devices = city.state()["devices"]
        policies = [policy_of(directory, "one", first, exempt, devices)]
        if second:
            policies.append(policy_of(directory, "two", second, [], devices))
        start = city.state()
        try:
            check = city.run(policies, NOW, assets=assets, check=True)
        except AssertionError as refused:
            # An exemption that leaves nobody under its policy is a mistake, which the module says.
            assert "an exemption leaves nobody" in str(refused)
            return
        apply = city.run(policies, NOW, assets=assets)
        assert apply.changes() == check.changes()
        contact(city, LATER)
        again = city.run(policies, LATER, assets=assets)
        assert (again.writes(), again.changed(), again.values["drift"]) == ([], False, [])
        by_id = {row["device"]: row for row in rows_of(again, devices)}
        left_alone = []
        for device in devices:
            row = by_id[device["id"]]
            now = reached(city)[device["id"]]
            if row["verdict"] == "enforce":
                got = short(now, device)
                wanted = controls_for(device, row["actions"])
                may_be_told_to_report = {"prohibited apps report"} if device["ownership"] != "company" else set()
                # A list for personal profiles has no effect on an Android without one.
                uninstalls = (
                    {"Android uninstall", "Windows uninstall", "Android personal block list"}
                    if {"remove", "block"} & set(row["actions"])
                    else set()
                )
                assert wanted <= got, (device["kind"], device["ownership"], row["actions"])
                assert got <= wanted | may_be_told_to_report | uninstalls, (device["kind"], device["ownership"], row["actions"])
            else:
                left_alone.append(device)
                assert now == set(), (device["kind"], row["verdict"])
                assert device_of(city, device["id"]) == device
        # Whoever is exempt in a group of exceptions has to be named in it, and nobody else.
        assert mentions(
            apply, *(each for each in left_alone if by_id[each["id"]]["verdict"] in ("out_of_scope", "unclassified"))
        ) == [] or any("(exceptions)" in text for text in apply.changes())
        city.run([lifted(policy) for policy in policies], LATER, assets=assets)
        assert city.state()["objects"] == start["objects"]
        assert city.run([lifted(policy) for policy in policies], LATER, assets=assets).writes() == []
        contact(city, NEXT_DAY)
        assert {key: names for key, names in reached(city).items() if names} == {}
