# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking for one device before something is taken for granted that a list does not show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import RequestFailed
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.outbox import Outbox
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.target import JamfSettings, JamfTarget
from tests.support.jamf_pro.server_and_client import Tenant, tenant
from tests.support.mdm_samples import policy

pytestmark = pytest.mark.fault_kind("T1", "Jamf Pro: devices are asked for one by one")


@pytest.fixture
def server() -> Iterator[Tenant]:
    with tenant(40) as one:
        yield one


def target(server: Tenant, directory: Path) -> JamfTarget:
    return JamfTarget(server.jamf, (policy(),), JamfSettings(), Outbox(str(directory), "jamf_pro"))


def test_who_is_there_and_who_is_not(server: Tenant, tmp_path: Path) -> None:
    devices = server.sim.state()["devices"]
    phone = next(each for each in devices if each["platform"] == "ios" and each["managed"])
    left = next((each for each in devices if each["platform"] == "ios" and not each["managed"]), None)
    mac = next(each for each in devices if each["platform"] == "macos" and each["managed"])
    asked = {
        f"mobile:{phone['id']}": True,
        f"computer:{mac['id']}": True,
        f"serial:{phone['serial']}": True,
        f"serial:{mac['serial'].lower()}": True,
        "mobile:9999": False,
        "computer:9999": False,
        "serial:NOBODYS": False,
        "mobile:unreadable-0": None,
        "user:x": None,
        'serial:a"b': None,
    }
    if left is not None:
        asked[f"mobile:{left['id']}"] = False
    assert target(server, tmp_path).look_up(list(asked)) == asked


def test_a_record_that_the_server_cannot_read_proves_nothing(server: Tenant, tmp_path: Path) -> None:
    server.sim.devices([{"op": "patch", "device": "m1", "set": {"corrupt": True}}])
    assert target(server, tmp_path).look_up(["mobile:1"]) == {"mobile:1": None}


def test_a_filter_that_is_ignored_proves_nothing_of_who_is_not_found(server: Tenant, tmp_path: Path) -> None:
    server.settings(ignore_filters=True)
    serial = server.sim.state()["devices"][0]["serial"]
    found = target(server, tmp_path).look_up([f"serial:{serial}", "serial:NOBODYS"])
    assert found == {f"serial:{serial}": True, "serial:NOBODYS": None}


def test_a_missing_privilege_is_no_proof(server: Tenant, tmp_path: Path) -> None:
    server.settings(privileges=[])
    with pytest.raises(RequestFailed):
        target(server, tmp_path).look_up(["mobile:1"])


@pytest.mark.parametrize("kind", ["body_null", "body_list", "body_text", "login_page"])
def test_an_odd_answer_is_one_error(server: Tenant, tmp_path: Path, kind: str) -> None:
    server.sim.faults([{"match": {"path": "/mobile-devices/"}, "nth": "all", "kind": kind}])
    with pytest.raises(RequestFailed):
        target(server, tmp_path).look_up(["mobile:1"])
