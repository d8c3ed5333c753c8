# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sees of a run while it runs: the real ansible-playbook on a terminal, and what docs/running.md shows of it."""

from __future__ import annotations

import itertools
import os
import pty
import re
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.lab.playbook import PROGRAMS, ansible_environment
from tests.simulators.intune import start
from tests.simulators.simulation import Simulation
from tests.support.estate import ENFORCE, NOW, UK, Estate
from tests.support.loopback import Server, new_authority, running

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


@pytest.fixture
def estate(tmp_path: Path, simulation: Simulation) -> Estate:
    simulation.reset()
    simulation.clock(NOW)
    return Estate(tmp_path, {"city-intune": simulation})


def on_a_terminal(estate: Estate, environment: Mapping[str, str] | None = None) -> list[str]:
    """The lines that a run prints on a terminal."""
    return [line for _seconds, line in timed_on_a_terminal(estate, environment)]


def timed_on_a_terminal(estate: Estate, environment: Mapping[str, str] | None = None) -> list[tuple[float, str]]:
    """The lines that a run prints on a terminal, each with its seconds from the beginning of the task that serves the tenant."""
    command = [str(PROGRAMS / "ansible-playbook"), ENFORCE, "-i", str(estate.inventory()), "--check"]
    for name, value in {"policy_file": UK, "appban_now": NOW, "appban_evidence_dir": estate.evidence}.items():
        command += ["-e", f"{name}={value}"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command, stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL, env={**ansible_environment(), **(environment or {})}
    ):
        os.close(theirs)
        pieces: list[tuple[float, bytes]] = []
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:
                # How Linux says that nobody is left at the other end.
                break
            if not piece:
                break
            pieces.append((time.monotonic(), piece))
    os.close(ours)
    lines: list[tuple[float, str]] = []
    begun, rest = pieces[0][0], b""
    for moment, piece in pieces:
        *whole, rest = (rest + piece).replace(b"\r\n", b"\n").split(b"\n")
        for line in whole:
            begun = moment if b"Converge the Intune tenant" in line else begun
            lines.append((moment - begun, line.decode("utf-8")))
    return lines


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


@pytest.mark.long
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


@pytest.mark.long
@pytest.mark.fault_kind("T9", "a server that is down")
def test_a_refused_connection(estate: Estate) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    elsewhere(estate, f"http://127.0.0.1:{port}")
    lines = on_a_terminal(estate)
    assert [shown for shown in recorded("refused") if not any(shown in normal(line) for line in lines)] == []


@pytest.mark.long
@pytest.mark.long
@pytest.mark.fault_kind("T9", "a certificate that is not trusted")
def test_a_bad_certificate(estate: Estate, tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    with running(Server(context=new_authority().server_context(tmp_path / "server"))) as server:
        elsewhere(estate, server.url.replace("http:", "https:").rstrip("/"))
        lines = on_a_terminal(estate)
    assert [shown for shown in recorded("certificate") if not any(shown in normal(line) for line in lines)] == []
    assert not any("waited: " in line for line in lines)


#: The resolver's own answer for a name that nobody knows; tests ask no server of names.
UNKNOWN = """
import socket

known = socket.getaddrinfo


def getaddrinfo(host, *arguments, **more):
    if str(host).endswith(".invalid"):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return known(host, *arguments, **more)


socket.getaddrinfo = getaddrinfo
"""


@pytest.mark.long
@pytest.mark.long
@pytest.mark.fault_kind("T9", "a name that nobody knows")
def test_an_unknown_host(estate: Estate, tmp_path: Path) -> None:
    (tmp_path / "resolver").mkdir()
    (tmp_path / "resolver" / "sitecustomize.py").write_text(UNKNOWN, encoding="utf-8")
    elsewhere(estate, "https://graph.tenant.invalid")
    path = os.pathsep.join(filter(None, (str(tmp_path / "resolver"), os.environ.get("PYTHONPATH", ""))))
    lines = on_a_terminal(estate, {"PYTHONPATH": path})
    assert [shown for shown in recorded("unknown") if not any(shown in normal(line) for line in lines)] == []
    assert not any("waited: " in line for line in lines)


#: Devices and milliseconds for each answer.
SLOW = (20_000, 400)


def without_numbers(line: str) -> str:
    return re.sub(r"[0-9][0-9,.]*", "0", line)


@pytest.mark.long
@pytest.mark.fault_kind("T9", "a slow fleet that nobody hears of")
def test_a_slow_fleet_of_20000_shows_how_far_it_is_at_most_once_a_second(tmp_path: Path) -> None:
    with start(devices=SLOW[0], seed=3, latency_ms=SLOW[1]) as slow:
        slow.clock(NOW)
        lines = timed_on_a_terminal(Estate(tmp_path, {"city-intune": slow}))
    said = [(seconds, line) for seconds, line in lines if line.startswith("city-intune: ")]
    shapes = {without_numbers(line) for _seconds, line in lines}
    assert [shown for shown in recorded("slow") if not any(without_numbers(shown) in shape for shape in shapes)] == []
    assert len(said) >= 5
    gaps = [after - before for (before, _line), (after, _other) in itertools.pairwise(said)]
    # Lines are seen later than they were written, some more than others.
    assert len(said) <= said[-1][0] - said[0][0] + 2
    assert max(gaps) < 40
    read = [int(line.partition("read ")[2].split()[0].replace(",", "")) for _seconds, line in said if line.endswith(" devices")]
    assert read == sorted(read)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as place, start(devices=SLOW[0], seed=3, latency_ms=SLOW[1]) as slow_city:
        slow_city.clock(NOW)
        for at, told in timed_on_a_terminal(Estate(Path(place), {"city-intune": slow_city})):
            sys.stdout.write(f"{at:2.0f} s  {told}\n")
