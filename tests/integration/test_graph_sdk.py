# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module wrote, read back with Microsoft's own client libraries: somebody else's code has to understand it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from ansible_collections.appban.endpoint.plugins.module_utils.policy.serialize import serialize_policy
from tests.conftest import is_ci, skip_loudly
from tests.support.intune.tenant import Tenant, tenant
from tests.support.mdm_samples import app, exemption, policy

CHECKOUT = Path(__file__).resolve().parents[2]
ENVIRONMENT = Path(".build") / "venv-graph"
NOW = "2023-03-20T09:00:00Z"
RULES = (
    {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["remove", "block", "block_web"]},
    {
        "name": "Private",
        "when": {"ownership": "personal"},
        "stages": [{"actions": ["advise"]}, {"from": "2023-04-01T00:00:00Z", "actions": ["advise", "withdraw_access"]}],
    },
)

pytestmark = pytest.mark.usefixtures("graph_contract")


@pytest.fixture(scope="module")
def sdk_python(request: pytest.FixtureRequest) -> Path:
    """The Python that has Microsoft's libraries. They take more than a gigabyte, so only CI, or whoever asks, gets them installed."""
    python = CHECKOUT / ENVIRONMENT / "bin" / "python"
    if not (is_ci() or os.environ.get("APPBAN_GRAPH_SDK") or python.exists()):
        unproved = "that Microsoft's own libraries understand us"
        skip_loudly(request.config, unproved, "msgraph-sdk is not installed", ["APPBAN_GRAPH_SDK=1 make test installs it (1.2 GB)"])
    command = ["tools/venv.sh", str(ENVIRONMENT), "requirements-graph.txt"]
    try:
        made = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=1200, check=False)
        problem = "" if made.returncode == 0 else (made.stderr.strip().splitlines() or ["it failed"])[-1]
    except (OSError, subprocess.TimeoutExpired) as error:
        problem = str(error)
    if problem:
        skip_loudly(request.config, "that Microsoft's own libraries understand us", "msgraph-sdk is needed", [problem])
    return python


@pytest.fixture(scope="module")
def read(sdk_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Any]]:
    """A tenant after one run, as Microsoft's libraries see it."""
    with tenant(tmp_path_factory.mktemp("sdk"), devices=60) as city:
        phones = [each for each in city.state()["devices"] if each["kind"] == "ios_supervised"]
        serials = [each["serial"] for each in phones]
        exempt = exemption(devices=serials[:1])
        made = serialize_policy(policy(rules=RULES, apps=[app(), app("wechat")], exemptions=[exempt]))
        assert city.run(made, NOW, limits={"max_devices": 1000}).changed()
        assert city.run(made, NOW).writes() == []
        yield {**seen_by(sdk_python, city), "exempt": serials[0]}


def seen_by(python: Path, city: Tenant) -> dict[str, Any]:
    connection = city.simulation.connection
    form = {
        "client_id": connection["client_id"],
        "client_secret": connection["client_secret"],
        "scope": connection["graph_url"] + "/.default",
        "grant_type": "client_credentials",
    }
    answer = requests.post(f"{connection['authority_url']}/{connection['tenant_id']}/oauth2/v2.0/token", data=form, timeout=30)
    reader = subprocess.run(
        [str(python), str(CHECKOUT / "tests" / "integration" / "graph_reader.py"), connection["graph_url"], "BAN "],
        env={**os.environ, "GRAPH_TOKEN": answer.json()["access_token"]},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert reader.returncode == 0, reader.stderr
    found: dict[str, Any] = json.loads(reader.stdout)
    return found


@pytest.fixture(scope="module")
def row(read: Mapping[str, Any]) -> Callable[[str, str], Mapping[str, Any]]:
    def find(kind: str, name: str) -> Mapping[str, Any]:
        (found,) = (each for each in read[kind] if each["name"] == name)
        return dict(found)

    return find


def scope_of(read: Mapping[str, Any], name: str) -> dict[str, Any]:
    (found,) = (each for each in read["filters"] if each["name"] == name)
    return {"kind": "AllDevicesAssignmentTarget", "group": None, "filter": found["id"], "filter_type": "include"}


def test_a_configuration_policy_with_its_settings(read: Mapping[str, Any], row: Callable[[str, str], Mapping[str, Any]]) -> None:
    blocked = row("configuration_policies", "BAN city iOS blocked apps")
    assert blocked["platforms"] == ["iOS"]
    assert blocked["instances"] == ["DeviceManagementConfigurationGroupSettingCollectionInstance"]
    assert blocked["values"] == ["com.banned.app", "com.wechat.app"]
    assert "managed-by=appban.endpoint;" in blocked["description"]
    sites = row("configuration_policies", "BAN city Windows URL blocklist")
    assert sites["instances"] == ["DeviceManagementConfigurationChoiceSettingInstance"]
    assert sites["values"] == ["banned.example", "wechat.example"]


def test_assignments_with_a_filter_and_an_excluded_group(read: Mapping[str, Any], row: Callable[[str, str], Mapping[str, Any]]) -> None:
    group = row("groups", "BAN city iOS blocked apps (exceptions)")
    targets = row("configuration_policies", "BAN city iOS blocked apps")["targets"]
    assert scope_of(read, "BAN city iOS devices, ownership corporate") in targets
    assert [(each["kind"], each["group"]) for each in targets if each["group"]] == [("ExclusionGroupAssignmentTarget", group["id"])]


def test_groups_and_their_members(read: Mapping[str, Any], row: Callable[[str, str], Mapping[str, Any]]) -> None:
    (exempt,) = (each["directory_id"] for each in read["devices"] if each["serial"] == read["exempt"])
    group = row("groups", "BAN city iOS blocked apps (exceptions)")
    assert group["security"] is True
    assert group["members"] == [exempt]


def test_a_compliance_policy_with_its_one_action(read: Mapping[str, Any], row: Callable[[str, str], Mapping[str, Any]]) -> None:
    found = row("compliance_policies", "BAN city iOS compliance from 2023-04-01T00:00:00Z")
    assert found["type"] == "IosCompliancePolicy"
    assert found["apps"] == ["com.banned.app", "com.wechat.app"]
    # From the run to the deadline are 279 hours, and the clocks of two machines differ.
    assert found["actions"] == [["block", 280]]
    assert found["targets"] == [scope_of(read, "BAN city iOS devices, ownership personal")]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("BAN city iOS web filter", "IosCustomConfiguration"),
        ("BAN city iOS prohibited apps report", "IosGeneralDeviceConfiguration"),
        ("BAN city Android personal block list", "AndroidDeviceOwnerGeneralDeviceConfiguration"),
        ("BAN city Windows AppLocker", "Windows10CustomConfiguration"),
        ("BAN city macOS URL blocklist", "MacOSCustomConfiguration"),
    ],
)
def test_profiles_are_of_their_types(row: Callable[[str, str], Mapping[str, Any]], name: str, kind: str) -> None:
    assert row("device_configurations", name)["type"] == kind


def test_uninstall_assignments_of_apps(read: Mapping[str, Any]) -> None:
    ours = [each for each in read["app_assignments"] if each["intent"] == "uninstall"]
    assert {(each["app"], each["type"]) for each in ours} >= {("com.banned.android", "AndroidManagedStoreApp"), ("Banned", "WinGetApp")}
    (android,) = (each for each in ours if each["app"] == "com.banned.android")
    scope = scope_of(read, "BAN city androidForWork devices, ownership corporate")
    assert {key: android[key] for key in scope} == scope
    theirs = [each for each in read["app_assignments"] if each["intent"] == "required"]
    assert theirs, "what others had assigned is still there"
