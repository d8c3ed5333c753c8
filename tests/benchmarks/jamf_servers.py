# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ban on a simulated Jamf Pro server, against the way most scripts go: one request for each device."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.connection import open_connection
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.api.privileges import COMPUTERS_READ, MOBILE_DEVICES_READ
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.module import argument_spec, open_server, run_module
from tests.simulators.jamf_pro import start
from tests.support.intune.tenant import Ended, Module, plain

NOW = "2023-03-20T09:00:00Z"
SAMPLE = 20


def parameters(simulation: Any, directory: Path) -> dict[str, Any]:
    """The module's parameters: Calgary's ban, with no limit to what a first run may do."""
    params: dict[str, Any] = {name: each.get("default") for name, each in argument_spec().items()}
    params.update(simulation.connection)
    policy = {**plain("calgary"), "limits": {"max_devices": None, "max_percent": None}}
    params.update(policy=[policy], evidence_dir=str(directory), evidence="exceptions", now=NOW)
    return params


def run(simulation: Any, directory: Path) -> Mapping[str, Any]:
    """One run of the module's code in this process."""
    module = Module(parameters(simulation, directory), False)
    try:
        run_module(module)
    except Ended:
        pass
    if module.failed:
        raise RuntimeError(str(module.values["msg"]))
    return module.values


@contextmanager
def banned_server(devices: int) -> Iterator[tuple[Any, Path]]:
    """A server on which the ban stands: what is measured has nothing left to do."""
    with tempfile.TemporaryDirectory(prefix="bench.") as directory, start(devices=devices, seed=3) as simulation:
        simulation.clock(NOW)
        for _run in range(3):
            # The nodes of the cluster have to know of everything, too.
            last = run(simulation, Path(directory))
        if last["changed"]:
            raise RuntimeError("it was to have nothing to do")
        simulation.forget_requests()
        yield simulation, Path(directory)


def jamf_requests(devices: int) -> dict[str, Any]:
    """A run with nothing to do, and the inventory of every device, one by one, on the same session.

    Requests are counted and no time is taken: the simulator looks through its whole fleet for one device, which a real server need not,
    so seconds would flatter us. The baseline is counted on a sample and scaled up; its list of the devices is left out of it.
    """
    with banned_server(devices) as (simulation, directory):
        sample = [(each["platform"] == "macos", str(each["id"])) for each in simulation.state()["devices"][:SAMPLE]]

        def ours() -> None:
            run(simulation, directory)

        def one_by_one() -> None:
            params = parameters(simulation, directory)
            with open_connection(os.environ, timeout=30.0, deadline=600.0) as connection, open_server(params, connection, True) as jamf:
                for is_mac, number in sample:
                    path, key, needs = (
                        ("/api/v3/computers-inventory", "id", COMPUTERS_READ)
                        if is_mac
                        else ("/api/v2/mobile-devices/detail", "mobileDeviceId", MOBILE_DEVICES_READ)
                    )
                    query = {"section": ("GENERAL", "APPLICATIONS"), "filter": f'{key}=="{number}"', "page-size": 1}
                    jamf.get(path, query, what="read the apps of a device", privilege=needs)

        counts = []
        for work in (ours, one_by_one):
            simulation.forget_requests()
            work()
            counts.append(sum("token" not in entry["path"] for entry in simulation.requests()))
    baseline = round(counts[1] * devices / len(sample))
    return {
        "ours": counts[0],
        "baseline": baseline,
        "ratio": round(baseline / counts[0], 1),
        "unit": "requests",
        "detail": f"{devices} devices, nothing to do; baseline: apps of {len(sample)} devices one by one, scaled up",
    }
