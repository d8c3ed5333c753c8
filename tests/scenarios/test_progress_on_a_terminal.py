# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sees of a run while it runs: the real ansible-playbook on a terminal, and what docs/running.md shows of it."""

from __future__ import annotations

import os
import pty
import re
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.lab.playbook import PROGRAMS, ansible_environment
from tests.simulators.intune import start
from tests.simulators.simulation import Simulation
from tests.unit.mdm.loopback import Server, new_authority, running

from .estate import ENFORCE, NOW, UK, Estate

DOCS = Path(__file__).resolve().parents[2] / "docs" / "running.md"


def recorded(name: str) -> list[str]:
    """What docs/running.md shows under a name, with times as ``normal`` has them."""
    block = DOCS.read_text(encoding="utf-8").partition(f"<!-- recorded: {name} -->\n```text\n")[2].partition("```")[0]
    lines = [normal(re.sub(r"^ *[0-9]+ s  ", "", line)) for line in block.splitlines()]
    assert lines
    return lines


def normal(line: str) -> str:
    """A line without how long our own back-off takes, which chance decides."""
    return re.sub(r"\b(?:0\.[0-9]|1(?:\.0)?) s\b", "0.1 s", line)


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    with start(devices=40, seed=3) as city:
        yield city


@pytest.fixture
def estate(tmp_path: Path, simulation: Simulation) -> Estate:
    simulation.reset()
    simulation.clock(NOW)
    return Estate(tmp_path, {"city-intune": simulation})


def on_a_terminal(estate: Estate, environment: Mapping[str, str] | None = None) -> list[str]:
    """The lines that a run prints on a terminal."""
    command = [str(PROGRAMS / "ansible-playbook"), ENFORCE, "-i", str(estate.inventory()), "--check"]
    for name, value in {"policy_file": UK, "appban_now": NOW, "appban_evidence_dir": estate.evidence}.items():
        command += ["-e", f"{name}={value}"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command, stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL, env={**ansible_environment(), **(environment or {})}
    ):
        os.close(theirs)
        printed = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:
                # How Linux says that nobody is left at the other end.
                break
            if not piece:
                break
            printed += piece
    os.close(ours)
    return printed.decode("utf-8").replace("\r\n", "\n").splitlines()


def progress(lines: list[str]) -> list[str]:
    """What was said while the module ran."""
    return [line for line in lines if line.startswith("city-intune: ")]


def throttle(simulation: Simulation, times: int) -> None:
    path = "/deviceManagement/managedDevices"
    simulation.faults([{"match": {"method": "GET", "path": path}, "nth": list(range(1, times + 1)), "kind": "429", "retry_after": 2}])


@pytest.mark.fault_kind("T9", "three 429 that nobody hears of")
def test_three_waits_are_shown_while_they_last_and_summed_up(estate: Estate, simulation: Simulation) -> None:
    throttle(simulation, 3)
    lines = on_a_terminal(estate)
    request = "GET /graph/beta/deviceManagement/managedDevices"
    said = progress(lines)
    assert all(any(shown in normal(line) for line in lines) for shown in recorded("throttled"))
    assert [line.partition("; ")[0] for line in said][:3] == [
        f"city-intune: the server asked to wait 2 s (HTTP 429, attempt {number} of 6, {request})" for number in (1, 2, 3)
    ]
    assert said[2].endswith("; 3 waits so far, 6 s together")
    assert any(f"waited: 3 times, 6 s in all, as the server asked (HTTP 429, {request}, last at attempt 3 of 6)" in line for line in lines)


@pytest.mark.fault_kind("T9", "three 429 that nobody hears of")
def test_a_job_that_ends_within_a_minute_shows_nothing_meanwhile(estate: Estate, simulation: Simulation) -> None:
    throttle(simulation, 1)
    lines = on_a_terminal(estate, {"JOB_ID": "17"})
    assert progress(lines) == []
    assert any("waited: once, 2 s in all" in line for line in lines)


def elsewhere(estate: Estate, place: str) -> None:
    """Give the tenant's servers another address."""
    connection = estate.connections["city-intune"]
    for name in ("graph_url", "authority_url"):
        connection[name] = re.sub(r"http://127\.0\.0\.1:[0-9]+", place, str(connection[name]))


@pytest.mark.fault_kind("T9", "a server that is down")
def test_a_refused_connection(estate: Estate) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    elsewhere(estate, f"http://127.0.0.1:{port}")
    lines = on_a_terminal(estate)
    assert [shown for shown in recorded("refused") if not any(shown in normal(line) for line in lines)] == []


@pytest.mark.fault_kind("T9", "a certificate that is not trusted")
def test_a_bad_certificate(estate: Estate, tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    with running(Server(context=new_authority().server_context(tmp_path / "server"))) as server:
        elsewhere(estate, server.url.replace("http:", "https:").rstrip("/"))
        lines = on_a_terminal(estate)
    assert [shown for shown in recorded("certificate") if not any(shown in normal(line) for line in lines)] == []
    assert not any("waited: " in line for line in lines)
