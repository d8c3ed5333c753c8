# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts what each test sends to simulators and servers, and compares two such counts.

    python -m pytest -p tests.scenarios.traffic --traffic before.json tests/scenarios tests/every_target
    python -m tests.scenarios.traffic before.json after.json

Counted is what the log of a simulator, or of a front before a real server, gets to hear: the run's requests and the few of the test's own,
but nothing of the control plane and nothing of devices. What a fixture sends counts for the test that asked for it first. The comparison
prints every test that sends more than before, and ends with status 1 if there is one. Counts of requests are compared exactly. Bytes may
differ by a few, as ids of runs, times and ports are of different length; ``--bytes`` says by how many in a hundred.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.simulators.exchange import Request, Response
from tests.simulators.exchange_log import ExchangeLog

#: A part of a path with a digit or a point names one object, unless it is a version of an API.
_ONE_OBJECT = re.compile(r"(?!v\d(?:\.\d)?$).*[\d.].*")


@dataclass
class Traffic:
    """What one test sent: how often which method and path, the items of its batches, and the bytes both ways."""

    methods: Counter[str] = field(default_factory=Counter)
    paths: Counter[str] = field(default_factory=Counter)
    batched: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    received: int = 0

    def add(self, request: Request, response: Response | None) -> None:
        self.methods[request.method] += 1
        self.paths[f"{request.method} {kind_of_path(request.path)}"] += 1
        self.sent += len(request.target) + len(request.body)
        self.received += 0 if response is None else len(response.payload())
        if request.path.endswith("/$batch"):
            self.batched.update(items_of(request.body))

    def plain(self) -> dict[str, Any]:
        counters = {name: dict(sorted(getattr(self, name).items())) for name in ("methods", "paths", "batched")}
        return {**counters, "request_bytes": self.sent, "response_bytes": self.received}


def kind_of_path(path: str) -> str:
    """A path without what names one object."""
    return "/".join("*" if _ONE_OBJECT.fullmatch(part) else part for part in path.split("/"))


def items_of(body: bytes) -> list[str]:
    """Method and path of what a batch asks for; none of what isn't one."""
    try:
        return [f"{item['method']} {kind_of_path(item['url'].partition('?')[0])}" for item in json.loads(body)["requests"]]
    except (KeyError, TypeError, ValueError):
        return []


class Counting:
    """The plugin: listens to every log while tests run, and writes the counts at the end."""

    def __init__(self, config: pytest.Config, file: Path) -> None:
        self.config = config
        self.file = file
        self.of_tests: dict[str, Traffic] = {}
        self.of_workers: dict[str, Any] = {}
        self.current = "none"
        self._lock = threading.Lock()
        self._add = ExchangeLog.add

    def pytest_sessionstart(self) -> None:
        counting, add = self, self._add

        def counted(log: ExchangeLog, request: Request, response: Response | None, fault: str | None) -> None:
            with counting._lock:
                counting.of_tests.setdefault(counting.current, Traffic()).add(request, response)
            add(log, request, response, fault)

        setattr(ExchangeLog, "add", counted)  # noqa: B010 - mypy refuses an assignment to a method

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.current = item.nodeid
        return (yield)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self.of_workers.update(getattr(node, "workeroutput", {}).get("traffic", {}))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        setattr(ExchangeLog, "add", self._add)  # noqa: B010
        counts = {name: traffic.plain() for name, traffic in self.of_tests.items()}
        if hasattr(self.config, "workeroutput"):
            self.config.workeroutput["traffic"] = counts
        else:
            whole = {**self.of_workers, **counts}
            self.file.write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--traffic", metavar="FILE", help="write to this file what each test sends")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("traffic"):
        config.pluginmanager.register(Counting(config, Path(config.getoption("traffic"))), "traffic of tests")


def paired(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Name of a test, its count before and after; None where there is none. One that moved is known by its own name, if only it has it."""
    gone, new = set(before) - set(after), set(after) - set(before)

    def own_names(tests: set[str]) -> dict[str, str]:
        often = Counter(test.partition("::")[2] for test in tests)
        return {test.partition("::")[2]: test for test in tests if often[test.partition("::")[2]] == 1}

    moved, came = own_names(gone), own_names(new)
    for name in sorted(before):
        there = name if name in after else came.get(name.partition("::")[2], "") if moved.get(name.partition("::")[2]) == name else ""
        yield name, before[name], after.get(there)
    taken = {came[own] for own in moved if own in came}
    for name in sorted(new - taken):
        yield name, None, after[name]


def differences(before: Mapping[str, Any], after: Mapping[str, Any], tolerance: float) -> Iterator[tuple[int, str]]:
    """What is different: 1 for more, -1 for fewer, and the words for it. Bytes differ beyond so many in a hundred, and 64."""
    for key in ("methods", "paths", "batched"):
        for name in sorted({*before[key], *after[key]}):
            was, now = before[key].get(name, 0), after[key].get(name, 0)
            if was != now:
                yield (1 if now > was else -1), f"{key} {name}: {was} -> {now}"
    for key in ("request_bytes", "response_bytes"):
        was, now = before[key], after[key]
        if abs(now - was) > max(64, was * tolerance / 100):
            yield (1 if now > was else -1), f"{key}: {was} -> {now}"


def main(arguments: list[str]) -> int:
    """Print what got more, what got fewer, and the sums; 1 if something got more."""
    parser = argparse.ArgumentParser(prog="python -m tests.scenarios.traffic", description="Compare two counts of tests' traffic.")
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--bytes", type=float, default=1.0, help="so many in a hundred may bytes differ (1)")
    parser.add_argument("--fewer", action="store_true", help="print what got fewer as well")
    options = parser.parse_args(arguments)
    old, new = (json.loads(path.read_text(encoding="utf-8")) for path in (options.before, options.after))
    more: list[str] = []
    fewer: list[str] = []
    unknown: list[str] = []
    for name, before, after in paired(old, new):
        if before is None or after is None:
            unknown.append(f"{name}: only {'after' if before is None else 'before'}")
            continue
        found = list(differences(before, after, options.bytes))
        for way, lines in ((1, more), (-1, fewer)):
            lines.extend(f"{name}: {text}" for each, text in found if each == way)
    for title, lines in (("MORE", more), *([("FEWER", fewer)] if options.fewer else []), ("WITHOUT A COUNTERPART", unknown)):
        print(f"{title}: {len(lines)}", *lines, sep="\n  ")
    for title, counts in (("before", old), ("after", new)):
        requests = sum(sum(each["methods"].values()) for each in counts.values())
        sent, received = (sum(each[key] for each in counts.values()) for key in ("request_bytes", "response_bytes"))
        print(f"{title}: {len(counts)} tests, {requests} requests, {sent} bytes sent, {received} bytes received")
    return 1 if more else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
