# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs with nothing to do over large fleets of Intune: time, processor and memory, against the bare download of the same pages."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from .pairs import Cost, cost_of, cost_pair
from .streamed_tenant import CHECKOUT, streamed_tenant
from .tenants import NOW

#: Memory in MiB that a run may need at most.
MOST_100K, MOST_1M = 200, 700


@dataclass(frozen=True)
class SteadyState:
    """A streamed tenant in which a run has nothing to do."""

    devices: int
    connection: str
    directory: Path
    control: str

    def run(self) -> Mapping[str, Any]:
        """One run of ours, in a process of its own; what it took."""
        arguments = [self.connection, str(self.directory / "policy.json"), str(self.directory), NOW]
        took = _json_of("tests.benchmarks.tenant_process", arguments)
        if took["failed"] or took["changed"]:
            raise RuntimeError(f"it was to have nothing to do: {took}")
        return took

    def note_requests(self) -> None:
        """Write down what a run asks for, for the bare download."""
        self.noted()
        self.run()
        (self.directory / "requests.json").write_text(json.dumps(self.noted()), encoding="utf-8")

    def noted(self) -> list[Any]:
        """The requests since this was last asked."""
        with urlopen(self.control + "/noted", timeout=30) as answer:
            noted: list[Any] = json.load(answer)
        return noted

    def download(self) -> Mapping[str, Any]:
        """The bare download of the same pages, in a process of its own."""
        return _json_of("tests.benchmarks.download", [self.connection, str(self.directory / "requests.json")])


def _json_of(module: str, arguments: Sequence[str]) -> Mapping[str, Any]:
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=1800, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    found: Mapping[str, Any] = json.loads(done.stdout)
    return found


@contextmanager
def steady_state(devices: int, latency_ms: float = 0.0, kept: bool = True) -> Iterator[SteadyState]:
    """A tenant of some devices, and one run that has seen all of them before. kept: its pages cost the server next to nothing."""
    with tempfile.TemporaryDirectory(prefix="bench.") as name, streamed_tenant(devices, Path(name), latency_ms, kept) as tenant:
        state = SteadyState(devices, json.dumps(tenant["connection"]), Path(name), tenant["control"])
        state.run()
        yield state


def audit_vs_download(devices: int, latency_ms: float, most: float, pairs: int = 3) -> dict[str, Any]:
    """A run with nothing to do against the bare download and JSON decoding of the same pages. most: the ratio to stay below."""
    with steady_state(devices, latency_ms, kept=False) as state:
        state.note_requests()
        ours, baseline, ratio = cost_pair(state.run, state.download, pairs)
    return {
        "ours": round(ours.wall, 2),
        "baseline": round(baseline.wall, 2),
        "ratio": round(ratio.wall, 2),
        "unit": "s",
        "detail": f"{devices} devices, nothing to do, {latency_ms:.0f} ms an answer; processor {ours.cpu:.2f} s against "
        f"{baseline.cpu:.2f} s (ratio {ratio.cpu:.2f}); baseline: every request of the run repeated on one connection, and decoded; "
        f"the server makes each page when it is asked for it; goal: at most {most}",
    }


def cpu_per_device(devices: int) -> dict[str, Any]:
    """Processor time of a run with nothing to do, by device, imports and the start of Python included."""
    with steady_state(devices) as state:
        state.note_requests()
        ours, baseline, ratio = cost_pair(state.run, state.download, 1)
    return {
        "ours": round(ours.cpu / devices * 1e6, 1),
        "baseline": round(baseline.cpu / devices * 1e6, 1),
        "ratio": round(ratio.cpu, 2),
        "unit": "us/device",
        "detail": f"{devices} devices, nothing to do; baseline: the bare download and decoding; aim: 40 microseconds",
    }


def peak(devices: int, most: int) -> dict[str, Any]:
    """Peak memory of a process that does one run with nothing to do. most: MiB."""
    with steady_state(devices) as state:
        took = state.run()
    mib, before = took["peak_kib"] / 1024, took["before_kib"] / 1024
    return {
        "ours": round(mib),
        "baseline": most,
        "ratio": round(mib / most, 2),
        "unit": "MiB",
        "detail": f"{devices} devices; {before:.0f} MiB of it are Python and imports, {(mib - before) * 1024 / devices:.2f} KiB a device; "
        f"baseline: the goal of at most {most} MiB",
    }


def growth(few: int, many: int, pairs: int = 3) -> dict[str, Any]:
    """Time per device of a large fleet against that of a small one. What a run takes whatever the fleet is a part of both."""
    with steady_state(few) as small, steady_state(many) as large:
        costs: list[tuple[Cost, Cost]] = [(cost_of(large.run), cost_of(small.run)) for _each in range(pairs)]
    ratios = sorted((one.wall / many) / (other.wall / few) for one, other in costs)
    on_processor = sorted((one.cpu / many) / (other.cpu / few) for one, other in costs)
    one, other = costs[0]
    return {
        "ours": round(one.wall / many * 1e6, 1),
        "baseline": round(other.wall / few * 1e6, 1),
        "ratio": round(ratios[len(ratios) // 2], 2),
        "unit": "us/device",
        "detail": f"{many} devices against {few}, nothing to do; ratio of processor time {on_processor[len(on_processor) // 2]:.2f}; "
        "goal: at most 1.05",
    }
