# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every fleet and every policy on Jamf Pro: random small fleets and random policies on a simulated server."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.intune.tenant import lifted
from tests.support.jamf_pro.jamf_everything import CAPCUT, LATER, NEXT_DAY, NOW, TIKTOK, JamfCity, has, jamf_city, opens, policy

pytestmark = pytest.mark.usefixtures("no_waiting")

KINDS = [
    "iphone_supervised", "ipad_supervised", "ipad_shared", "iphone_unsupervised", "iphone_personal", "iphone_user_enrollment", "apple_tv",
    "mac_supervised", "mac_unsupervised",
]  # fmt: skip
TRAITS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(KINDS),
        "department": st.sampled_from(["Police", "Parks", ""]),
        "managed": st.sampled_from([True, True, True, False]),
        "os_version": st.sampled_from(["", "", "14.8", "27.1"]),
    }
)
CONDITIONS = st.sampled_from(
    [
        {"ownership": "corporate"}, {"ownership": ["corporate", "personal"]}, {"platform": ["ios", "ipados"]}, {"platform": "macos"},
        {"department": "Police"}, {"supervised": True}, {"ownership": "corporate", "department": ["Police", "Parks"]},
        {"supervised": True, "platform": "ipados"},
    ]
)  # fmt: skip
ACTIONS = st.sets(st.sampled_from(["remove", "block", "block_web"]), min_size=1).map(sorted)
POLICY = st.fixed_dictionaries({"when": CONDITIONS, "actions": ACTIONS, "apps": st.sampled_from([["tiktok"], ["tiktok", "capcut"]])})
FEW = settings(
    max_examples=5,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
Traits = Mapping[str, Any]
OURS = ("BAN one", "BAN two")


def furnish(city: JamfCity, fleet: Sequence[Traits]) -> list[dict[str, Any]]:
    """Make the fleet what was drawn, with both apps on every device."""
    city.simulation.devices([{"op": "unenroll", "device": "all"}])
    orders: list[dict[str, Any]] = []
    for number, traits in enumerate(fleet):
        serial = "" if traits["kind"] == "iphone_user_enrollment" else f"DEV{number:03d}"
        values = {name: traits[name] for name in ("department", "managed")}
        if traits["os_version"] and "mac" not in traits["kind"] and traits["kind"] != "apple_tv":
            values["os_version"] = traits["os_version"]
        capcut = {"id": CAPCUT, "name": "CapCut", "file": "CapCut.app" if "mac" in traits["kind"] else ""}
        orders.append({"op": "enroll", "kind": traits["kind"], "serial": serial, "apps": ["tiktok", capcut], "set": values})
    city.simulation.devices(orders)
    city.contact(NOW)
    return list(city.state()["devices"])


def spared(run: Any, app: str) -> set[str]:
    """Devices that a policy doesn't ask anything of, for an app: out of scope, exempt, or nobody can tell."""
    verdicts = ("out_of_scope", "exempt", "unclassified")
    return {row["device"] for row in run.rows if row["row"] == "device" and row["app"] == app and row["verdict"] in verdicts}


def name_of(device: Traits) -> str:
    return f"{'computer' if device['platform'] == 'macos' else 'mobile'}:{device['id']}"


def policies_of(directory: Path, first: Traits, second: Traits | None, exempt: Sequence[int], fleet: Sequence[Traits]) -> list[Any]:
    serials = [fleet[number % len(fleet)]["serial"] for number in exempt]
    listed = [policy(directory, "one", exempt=sorted({each for each in serials if each}), **first)]
    return listed + ([policy(directory, "two", exempt=(), **second)] if second else [])


def assert_devices(city: JamfCity, run: Any) -> None:
    """Whoever is spared has what they had and nothing of ours; whoever is said to be blocked is blocked."""
    for app, identifier in (("tiktok", TIKTOK), ("capcut", CAPCUT)):
        asked = {row["device"]: row for row in run.rows if row["row"] == "device" and row["app"] == app}
        free = spared(run, app)
        for device in city.state()["devices"]:
            row = asked.get(name_of(device))
            if row is None or name_of(device) in free:
                assert opens(device, identifier) is has(device, identifier), (device["key"], app, row and row["verdict"])
            elif row["outcome"] == "blocked_not_removed":
                # A Mac without the agent can't be told from one with it, which a note says.
                assert not opens(device, identifier) or not device["agent"], (device["key"], app)
            elif row["outcome"] in ("compliant", "removed"):
                assert not has(device, identifier), (device["key"], app)
    asked_of = {row["device"] for row in run.rows if row["row"] == "device" and row["verdict"] == "enforce"}
    for device in city.state()["devices"]:
        if name_of(device) not in asked_of:
            assert [name for name in device["profiles"] if name.startswith(OURS)] == [], device["key"]
            assert device["denied_urls"] == []
            assert not any(each["kill"] or each["delete"] for each in device["restricted_software"])


@FEW
@given(
    fleet=st.lists(TRAITS, min_size=3, max_size=9),
    first=POLICY,
    second=st.one_of(st.none(), POLICY),
    exempt=st.lists(st.integers(0, 8), max_size=2),
)
def test_scope_is_kept_runs_converge_and_lifting_restores(
    fleet: list[Traits], first: Traits, second: Traits | None, exempt: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as name, jamf_city(Path(name), devices=8) as city:
        devices = furnish(city, fleet)
        policies = policies_of(Path(name), first, second, exempt, devices)
        before = city.objects()
        try:
            check = city.run(policies, NOW, check=True)
        except AssertionError as refused:
            # An exemption that leaves nobody under its policy is a mistake, which the module says.
            assert "an exemption leaves nobody" in str(refused)
            return
        assert {each["method"] for each in check.exchanges if "token" not in each["path"]} <= {"GET"}
        assert city.objects() == before
        apply = city.run(policies, NOW)
        assert apply.changes() == check.changes()
        assert city.run(policies, NOW).writes() == []
        city.contact(LATER)
        later = city.run(policies, LATER)
        assert (later.writes(), later.values["drift"]) == ([], [])
        assert_devices(city, later)
        city.run([lifted(each) for each in policies], LATER)
        assert city.objects() == before
        city.contact(NEXT_DAY)
        for device in city.state()["devices"]:
            if device["managed"]:
                assert [each for each in device["profiles"] if each.startswith(OURS)] == []
                assert opens(device) is has(device), device["key"]


@FEW
@given(fleet=st.lists(TRAITS, min_size=3, max_size=9), first=POLICY, second=POLICY, write=st.integers(1, 9), lost=st.booleans())
def test_one_write_that_fails_stops_nothing_else_and_the_next_run_finishes(
    fleet: list[Traits], first: Traits, second: Traits, write: int, lost: bool
) -> None:
    with tempfile.TemporaryDirectory() as name, jamf_city(Path(name), devices=8) as city:
        devices = furnish(city, fleet)
        policies = policies_of(Path(name), first, second, (), devices)
        before, start = city.objects(), city.snapshot()
        whole = city.run(policies, NOW)
        wanted = json.dumps(city.objects()).count("managed-by=appban.endpoint")
        city.restore(start)
        kind = "timeout_after_effect" if lost else "500"
        city.simulation.faults([{"match": {"method": "POST", "path": r"/id/0$|-groups$"}, "nth": write, "kind": kind}])
        struck = 0 < write <= len(whole.writes())
        broken = city.run(policies, NOW, expect_failure=struck and not lost)
        sent = [(each["path"], str(each["body"])) for each in broken.writes()]
        assert len(sent) == len(set(sent))
        if struck and not lost:
            waiting = [line for line in broken.message.splitlines() if "not attempted" in line]
            assert len(sent) == len(whole.writes()) - len(waiting)
        city.simulation.faults([])
        city.run(policies, NOW)
        assert json.dumps(city.objects()).count("managed-by=appban.endpoint") == wanted
        assert city.run(policies, NOW).writes() == []
        city.run([lifted(each) for each in policies], NOW)
        assert city.objects() == before
