# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may go wrong on the way to Intune: lost answers, stale reads, throttling, pages that are missing, permissions that are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.transport import Transport
from tests.support.intune.everything import NOW, everything, picture
from tests.support.intune.tenant import Tenant, lifted, plain, tenant
from tests.support.intune.tenant_devices import PROMPT, prompt_tenant

pytestmark = [pytest.mark.usefixtures("graph_contract", "no_waiting"), pytest.mark.long]

KINDS = {
    "group": r"/groups$",
    "group member": r"/groups/[^/]+/members/\$ref$",
    "filter": r"/assignmentFilters$",
    "settings catalog policy": r"/configurationPolicies$",
    "configuration profile": r"/deviceConfigurations$",
    "compliance policy": r"/deviceCompliancePolicies$",
    "store app": r"/mobileApps$",
    "Play app": r"/addApps$",
    "app assignment": r"/mobileApps/[^/]+/assignments$",
    "assignment": r"/assign$",
    "notice": r"/sendCustomNotificationToCompanyPortal$",
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the ban makes in a tenant where nothing goes wrong."""
    directory = tmp_path_factory.mktemp("undisturbed")
    with prompt_tenant(directory, NOW) as city:
        city.run(everything(directory), NOW)
        return picture(city)


def test_a_a_second_run_writes_nothing(tmp_path: Path) -> None:
    with tenant(tmp_path, now=NOW) as city:
        before = city.state()
        assert city.run(everything(tmp_path), NOW).changed()
        again = city.run(everything(tmp_path), NOW)
        assert (again.writes(), again.changed(), again.values["changes"]) == ([], False, [])
        city.run(lifted(everything(tmp_path)), NOW)
        after = city.state()
        # What was sent to people was sent.
        for state in (before, after):
            for device in state["devices"]:
                device.pop("notifications")
        assert after == before


@pytest.mark.parametrize("kind", KINDS)
def test_b_a_write_whose_answer_is_lost_is_not_made_twice(tmp_path: Path, kind: str, undisturbed: list[str]) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        city.simulation.faults([{"match": {"method": "POST", "path": KINDS[kind]}, "nth": [1, 3], "kind": "timeout_after_effect"}])
        # Nobody can tell whether a notice went out; it must not go out twice, so the run can only say so.
        run = city.run(everything(tmp_path), NOW, expect_failure=kind == "notice")
        assert [entry for entry in run.exchanges if entry["fault"]] or kind in ("group member", "notice")
        city.simulation.faults([])
        assert picture(city) == undisturbed
        again = city.run(everything(tmp_path), NOW)
        assert kind == "notice" or again.writes() == []
        sent = [device["notifications"] for device in city.state()["devices"]]
        assert max(map(len, sent)) == 1


def test_c_reads_that_show_the_former_state_do_no_harm(tmp_path: Path, undisturbed: list[str]) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        city.simulation.objects({"settings": {"eventual_consistency": 5, "group_lag": 5, "play_sync_reads": 5}})
        city.run(everything(tmp_path), NOW)
        assert picture(city) == undisturbed
        assert city.run(everything(tmp_path), NOW).writes() == []
        city.simulation.objects({"settings": PROMPT})


def test_c_a_write_that_never_shows_is_said_to_have_failed(tmp_path: Path, undisturbed: list[str]) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        city.simulation.faults([{"match": {"method": "GET", "path": "/deviceCompliancePolicies/"}, "nth": "all", "kind": "stale"}])
        run = city.run(everything(tmp_path), NOW, expect_failure=True)
        assert "the next run looks again" in run.message
        city.simulation.faults([])
        city.run(everything(tmp_path), NOW)
        assert picture(city) == undisturbed


@pytest.mark.parametrize("retry_after", [None, 2])
def test_d_items_of_a_batch_that_are_throttled_come_again_alone(tmp_path: Path, retry_after: object, undisturbed: list[str]) -> None:
    order = {"kind": "429", "retry_after": retry_after}
    with prompt_tenant(tmp_path, NOW) as city:
        city.simulation.faults(
            [
                {**order, "match": {"method": "GET", "path": r"/deviceConfigurations\?"}, "nth": [1, 2]},
                {**order, "match": {"method": "POST", "path": r"members/\$ref"}, "nth": [1, 2, 4]},
                {**order, "match": {"method": "POST", "path": "sendCustomNotification"}, "nth": [1, 3]},
                {**order, "match": {"method": "POST", "path": r"/deviceConfigurations$"}, "nth": [1, 2]},
            ]
        )
        city.run(everything(tmp_path), NOW)
        assert picture(city) == undisturbed
        assert max(len(device["notifications"]) for device in city.state()["devices"]) == 1
        assert city.run(everything(tmp_path), NOW).writes() == []


def test_d_budgets_of_the_service_are_kept_without_loss(tmp_path: Path, undisturbed: list[str], no_waiting: Callable[[], float]) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        budgets = {"applications": [4, 20], "configuration": [2, 20], "configuration_v2": [1, 20], "devices": [5, 12]}
        city.simulation.objects({"settings": {"throttle_budgets": budgets, "throttle_window_seconds": 5}})
        city.simulation.front.vendor.throttle.monotonic = no_waiting
        run = city.run(everything(tmp_path), NOW)
        assert picture(city) == undisturbed
        assert run.values["requests"]["retries"] > 10
        assert max(len(device["notifications"]) for device in city.state()["devices"]) == 1


@pytest.mark.parametrize("kind", ["503", "504", "429", "drop", "html"])
def test_e_a_second_page_that_fails_once_is_asked_for_again(tmp_path: Path, kind: str) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        city.simulation.objects({"settings": {"page_size": 25}})
        city.simulation.faults([{"match": {"path": r"managedDevices\?.*skiptoken"}, "kind": kind}])
        run = city.run(plain("uk"), NOW)
        assert run.values["summary"]["devices"] == 60


WHOLE_LISTS = [
    *(("managedDevices", kind) for kind in ("503", "missing_page", "truncated", "empty_page", "bad_json")),
    # The service counts no discovered apps, so nothing can show that a page of them is missing.
    *(("detectedApps", kind) for kind in ("503", "empty_page", "bad_json")),
]


@pytest.mark.parametrize(("listed", "kind"), WHOLE_LISTS)
def test_e_a_list_that_is_not_whole_never_passes_for_the_fleet(tmp_path: Path, listed: str, kind: str) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        size = 25 if listed == "managedDevices" else 3
        city.simulation.objects({"settings": {"page_size": size}})
        before = city.state()
        # A page that leads to the next one, or the one after it.
        match = rf"/{listed}\?" if kind == "missing_page" else rf"/{listed}\?.*skiptoken"
        city.simulation.faults([{"match": {"path": match}, "nth": "all", "kind": kind}])
        run = city.run(plain("uk"), NOW, expect_failure=True)
        assert run.writes() == []
        assert city.state() == before
        assert run.rows == []
        assert list(city.evidence_dir.glob("*.jsonl")) == []


@pytest.mark.parametrize("kind", ["foreign_next_link", "http_next_link"])
@pytest.mark.parametrize("listed", ["managedDevices", "detectedApps", "mobileApps", "groups"])
def test_j_a_next_link_to_another_place_is_refused(tmp_path: Path, kind: str, listed: str) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        city.run(everything(tmp_path), NOW)
        city.simulation.objects({"settings": {"page_size": 2, "directory_page_size": 1}})
        before = city.state()
        city.simulation.faults([{"match": {"path": rf"/{listed}\?"}, "nth": "all", "kind": kind}])
        run = city.run(plain("calgary"), NOW, expect_failure=True)
        assert run.writes() == []
        assert city.state() == before
        assert run.rows == []
        assert "another" in run.message or "origin" in run.message or "host" in run.message


READS = ["DeviceManagementManagedDevices", "DeviceManagementConfiguration", "DeviceManagementApps", "Group", "Policy"]


def without_roles(city: Tenant, *missing: str) -> None:
    """Take permissions from the app registration."""
    roles = city.simulation.front.vendor.settings.roles
    city.simulation.objects({"settings": {"roles": [role for role in roles if not role.startswith(missing)]}})


@pytest.mark.parametrize("area", READS)
def test_i_a_missing_read_permission_is_named_before_anything_is_read(tmp_path: Path, area: str) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        without_roles(city, area + ".Read", area + ".ReadWrite", area + "Member")
        run = city.run(everything(tmp_path), NOW, expect_failure=True)
        assert f"{area}.Read.All" in run.message
        assert [entry for entry in run.exchanges if "/oauth2/" not in entry["path"]] == []


@pytest.mark.parametrize(
    ("missing", "named", "made"),
    [
        ("DeviceManagementApps.ReadWrite.All", "DeviceManagementApps.ReadWrite.All", "create compliance policy"),
        ("DeviceManagementConfiguration.ReadWrite.All", "DeviceManagementConfiguration.ReadWrite.All", "command notice"),
        ("DeviceManagementManagedDevices.PrivilegedOperations.All", "PrivilegedOperations", "create compliance policy"),
    ],
)
def test_i_a_missing_write_permission_is_named_and_stops_only_what_needs_it(tmp_path: Path, missing: str, named: str, made: str) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        roles = list(city.simulation.front.vendor.settings.roles)
        without_roles(city, missing)
        run = city.run(everything(tmp_path), NOW, expect_failure=True)
        assert named in run.message
        assert "403" in run.message
        assert run.changed()
        assert any(change.startswith(made) for change in run.changes())
        assert not any(made.partition(" ")[2] + ":" in line for line in run.message.splitlines())
        city.simulation.objects({"settings": {"roles": roles}})
        city.run(everything(tmp_path), NOW)
        assert city.run(everything(tmp_path), NOW).writes() == []


def test_the_services_own_words_and_ids_are_shown(tmp_path: Path) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        without_roles(city, "DeviceManagementApps.ReadWrite.All")
        run = city.run(plain("uk"), NOW, expect_failure=True)
        assert "Application is not authorized to perform this operation" in run.message
        assert "Activity ID" in run.message
        assert "request-id" in run.message
        assert '{"' not in run.message
        assert "\\r\\n" not in run.message


Interrupt = Callable[[Callable[[int], None]], None]


@pytest.fixture
def after_each_write(monkeypatch: pytest.MonkeyPatch) -> Interrupt:
    """Something that happens after the n-th write has reached the service."""
    exchange = Transport.exchange
    count = 0

    def happens(_number: int) -> None:
        """Nothing, until a test says what."""

    def counted(self: Transport, request: Any, *arguments: Any, **options: Any) -> Any:
        nonlocal count
        answer = exchange(self, request, *arguments, **options)
        if request.method != "GET" and "/oauth2/" not in request.url and "$batch" not in request.url:
            count += 1
            happens(count)
        return answer

    def arm(what: Callable[[int], None]) -> None:
        nonlocal happens, count
        happens, count = what, 0

    monkeypatch.setattr(Transport, "exchange", counted)
    return arm


class Killed(BaseException):
    """The process is gone."""


def without_notes(shown: list[str]) -> list[str]:
    """Apps from Google Play without the notes that mark them as ours: an app that arrives after the kill doesn't get them."""
    documents = [json.loads(line) for line in shown]
    return [json.dumps({**each, "notes": None} if "packageId" in each else each) for each in documents]


@pytest.mark.parametrize("write", range(1, 42, 4))
def test_a_run_that_is_killed_after_any_write_is_finished_by_the_next(
    tmp_path: Path, write: int, after_each_write: Interrupt, undisturbed: list[str]
) -> None:
    def kill(number: int) -> None:
        if number == write:
            raise Killed

    with prompt_tenant(tmp_path, NOW) as city:
        after_each_write(kill)
        with pytest.raises(Killed):
            city.run(everything(tmp_path), NOW)
        after_each_write(lambda _number: None)
        city.run(everything(tmp_path), NOW)
        assert without_notes(picture(city)) == without_notes(undisturbed)
        assert city.run(everything(tmp_path), NOW).writes() == []
        assert max(len(device["notifications"]) for device in city.state()["devices"]) <= 1


@pytest.mark.parametrize("write", [1, 9, 20])
def test_a_token_that_is_revoked_in_mid_run_is_replaced(
    tmp_path: Path, write: int, after_each_write: Interrupt, undisturbed: list[str]
) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        after_each_write(lambda number: city.simulation.objects({"revoke_tokens": {}}) if number == write else None)
        city.run(everything(tmp_path), NOW)
        assert picture(city) == undisturbed


def test_one_failure_stops_nothing_else_and_the_next_run_finishes(tmp_path: Path, undisturbed: list[str]) -> None:
    with prompt_tenant(tmp_path, NOW) as city:
        city.simulation.faults(
            [
                {"match": {"method": "POST", "path": "/configurationPolicies$"}, "nth": 1, "kind": "500"},
                {"match": {"method": "POST", "path": "/mobileApps/[^/]+/assignments$"}, "nth": 2, "kind": "500"},
            ]
        )
        run = city.run(everything(tmp_path), NOW, expect_failure=True)
        assert run.changed()
        lines = [line for line in run.message.splitlines() if "500" in line]
        assert len(lines) == 2
        assert len([line for line in run.message.splitlines()[1:] if line]) == 2
        failed = {row["reason"] for row in run.rows if row["row"] == "device" and row["outcome"] == "failed"}
        assert failed == {"error"}
        city.simulation.faults([])
        city.run(everything(tmp_path), NOW)
        assert picture(city) == undisturbed
