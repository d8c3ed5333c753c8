# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers with status 200 that are something else: one message that names the call, a record that says so, and no write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulators.jamf_pro import start
from tests.support.jamf_pro.jamf_run import Server
from tests.support.jamf_pro.life import NOW, TOMORROW, objects, written

CLASSIC = "/JSSResource/(mobiledeviceconfigurationprofiles|restrictedsoftware)"
#: What of a standing ban is read, by a pattern of its address.
READS = {
    "a list of the Classic API": CLASSIC + r"(\?|$)",
    "an object of the Classic API": CLASSIC + "/id/",
    "a smart group": r"/smart-groups/\d+",
    "the members of a group": "/static-group-membership/",
    "the mobile devices": r"/mobile-devices/detail\?",
    "the computers": r"/computers-inventory\?",
}


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Any]]:
    """A server on which a ban stands, and the ban."""
    directory = tmp_path_factory.mktemp("odd")
    with start(devices=30, seed=3) as simulation:
        simulation.clock("2023-03-20T08:00:00Z", check_in=True)
        simulation.objects({"settings": {"nodes": 1}})
        server = Server(simulation, directory)
        policy = written(directory)
        server.run(policy, NOW)
        yield server, policy


def hold(standing: tuple[Server, Any], path: str, kind: str) -> None:
    server, policy = standing
    before = objects(server)
    server.simulation.faults([{"match": {"method": "GET", "path": path}, "nth": "all", "kind": kind}])
    try:
        run = server.run(policy, TOMORROW, check=True, expect_failure=True)
    finally:
        server.simulation.faults([])
    assert run.message.startswith("Failed to "), run.message
    assert run.values.get("changes", []) == []
    assert objects(server) == before


@pytest.mark.fault_kind("T7", "Jamf Pro: bodies of another shape, wherever something is read")
@pytest.mark.parametrize("what", READS)
@pytest.mark.parametrize("kind", ["body_null", "body_list", "body_text", "login_page"])
def test_a_body_of_another_shape_is_one_message(standing: tuple[Server, Any], what: str, kind: str) -> None:
    hold(standing, READS[what], kind)


@pytest.mark.fault_kind("T7", "Jamf Pro: rows of another shape in every list")
@pytest.mark.parametrize("what", [each for each in READS if each not in ("an object of the Classic API", "a smart group")])
@pytest.mark.parametrize("kind", ["item_without_id", "item_id_null", "results_null", "results_missing", "results_text", "count_missing"])
def test_a_row_of_another_shape_is_one_message(standing: tuple[Server, Any], what: str, kind: str) -> None:
    hold(standing, READS[what], kind)
