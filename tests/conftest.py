# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that several rooms of the tests share."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import hypothesis
import pytest

from tests.contract import ContractMissing, graph_contracts
from tests.contract.graph_files import contract_folder
from tests.contract.shapes import Contract
from tests.lab.hosts import Host, Lab
from tests.lab.prerequisites import missing_prerequisites
from tests.support.nanomdm.factory import CannotStart, NanoFactory
from tests.support.nanomdm.servers import NanoServers

# The same examples in every run: a red test is red for everybody, and a green one stays green until something changes.
# HYPOTHESIS_PROFILE=search looks for new ones.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None, database=None, print_blob=False)
hypothesis.settings.register_profile("search", deadline=None, database=None, print_blob=True, max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

# What was not tested -> why.
SKIPPED = pytest.StashKey[dict[str, list[str]]]()
Fleet = Callable[..., list[Host]]


# Fixtures of tests that make test-unit leaves out. What modules call a server is a simulated Jamf Pro with a fleet; servers and clients are
# NanoMDM's, in each of its storages in turn; judged is a whole product of what can be seen and decided.
HEAVY = frozenset({"lab", "nano_factory", "server", "servers", "clients", "judged"})


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a lab host, a whole server or a whole product of cases."""
    for item in items:
        if not HEAVY.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.heavy)


def is_ci() -> bool:
    """Whether a skip for want of a tool must be a failure."""
    return os.environ.get("CI", "").lower() in {"true", "1", "yes"}


def skip_loudly(config: pytest.Config, subject: str, demand: str, reasons: list[str]) -> NoReturn:
    """Skip, and have it said at the end of the output; with CI=true fail instead."""
    if is_ci():
        pytest.fail(f"CI must prove {subject}, but: {'; '.join(reasons)}", pytrace=False)
    config.stash.setdefault(SKIPPED, {})[subject] = reasons
    # A worker of pytest-xdist has no terminal of its own.
    getattr(config, "workeroutput", {})["not_tested"] = config.stash[SKIPPED]
    pytest.skip(f"{demand}: {'; '.join(reasons)}")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Take over what a worker of pytest-xdist skipped."""
    config: pytest.Config = node.config  # type: ignore[attr-defined]
    config.stash.setdefault(SKIPPED, {}).update(getattr(node, "workeroutput", {}).get("not_tested", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Skips loudly: what was not proved stands at the end of the output, with what to do about it."""
    for subject, reasons in config.stash.get(SKIPPED, {}).items():
        terminalreporter.section(f"NOT TESTED: {subject}", sep="!", red=True, bold=True)
        for reason in reasons:
            terminalreporter.line(f"- {reason}")


@pytest.fixture(scope="session")
def graph_contract(request: pytest.FixtureRequest) -> Mapping[str, Contract]:
    """Microsoft's description of Graph, without which nothing can be held against it. Skips where it isn't at hand."""
    try:
        return graph_contracts()
    except ContractMissing as error:
        skip_loudly(request.config, "the vendor's contract", "Microsoft's description of Graph is needed", [str(error)])


@pytest.fixture(scope="session")
def vendor_file(request: pytest.FixtureRequest) -> Callable[[str], Path]:
    """Finds a file that a vendor publishes, by its path below the contracts. Skips where it isn't at hand."""

    def find(name: str) -> Path:
        path = contract_folder() / name
        if not path.exists():
            skip_loudly(request.config, f"the vendor's {path.name}", "a file that the vendor publishes is needed", [f"{path} is missing"])
        return path

    return find


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The lab, its root built on first use. Skips where the machine can't be one; with CI=true that is a failure."""
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")

    def progress(line: str) -> None:
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(f"lab: {line}")

    problems = missing_prerequisites(progress)
    if problems:
        skip_loudly(request.config, "real package managers", "the lab needs root on Debian", problems)
    opened = Lab.open(progress)
    yield opened
    opened.close()


@pytest.fixture
def lab_fleet(lab: Lab) -> Iterator[Fleet]:
    """Makes fresh hosts: lab_fleet(3) returns h01, h02, h03; they are gone after the test."""
    made: list[Host] = []
    numbers = itertools.count(1)

    def create(count: int) -> list[Host]:
        hosts = [lab.create(f"h{next(numbers):02d}") for _unused in range(count)]
        made.extend(hosts)
        return hosts

    yield create
    for host in made:
        lab.destroy(host)


@pytest.fixture(scope="module")
def module_hosts(lab: Lab) -> Iterator[Callable[[], Host]]:
    """Makes hosts that the tests of a module share, for what leaves a host as it is; they are gone after the module."""
    made: list[Host] = []

    def create() -> Host:
        made.append(lab.create(f"m{len(made) + 1:02d}"))
        return made[-1]

    yield create
    for host in made:
        lab.destroy(host)


@pytest.fixture
def lab_host(lab_fleet: Fleet) -> Host:
    """One fresh host, gone after the test."""
    return lab_fleet(1)[0]


@pytest.fixture(scope="session")
def nano_factory(request: pytest.FixtureRequest) -> Iterator[NanoFactory]:
    """Starts real NanoMDM and KMFDDM servers. Skips where they can't be built; with CI=true that is a failure."""
    try:
        factory = NanoFactory(os.environ.get("PYTEST_XDIST_WORKER", "main"))
    except CannotStart as problem:
        skip_loudly(request.config, "real NanoMDM and KMFDDM servers", "Go is needed", problem.reasons)
    yield factory
    factory.close()


@pytest.fixture
def nano(nano_factory: NanoFactory) -> Iterator[NanoServers]:
    """Fresh servers with nothing in them, NanoMDM's storage in memory; afterwards what passed is held against the contract."""
    servers = nano_factory.start()
    yield servers
    nano_factory.finish(servers)


@pytest.fixture(scope="session")
def nano_postgres(request: pytest.FixtureRequest, nano_factory: NanoFactory) -> NanoFactory:
    """The factory, where it can start NanoMDM with PostgreSQL. Skips where that is missing; with CI=true that is a failure."""
    try:
        nano_factory.cluster()
    except CannotStart as problem:
        skip_loudly(request.config, "NanoMDM with PostgreSQL", "PostgreSQL is needed", problem.reasons)
    return nano_factory


@pytest.fixture
def nano_pgsql(nano_postgres: NanoFactory) -> Iterator[NanoServers]:
    """Fresh servers as nano, with NanoMDM's storage in PostgreSQL."""
    servers = nano_postgres.start("pgsql")
    yield servers
    nano_postgres.finish(servers)


@pytest.fixture(scope="session")
def nanohub_factory(request: pytest.FixtureRequest, nano_factory: NanoFactory) -> NanoFactory:
    """The factory, where it can start NanoHUB. Skips where that can't be built; with CI=true that is a failure."""
    try:
        nano_factory.need_hub()
    except CannotStart as problem:
        skip_loudly(request.config, "a real NanoHUB server", "Go is needed", problem.reasons)
    return nano_factory


@pytest.fixture
def nanohub(nanohub_factory: NanoFactory) -> Iterator[NanoServers]:
    """A fresh NanoHUB server in the place of NanoMDM and KMFDDM."""
    servers = nanohub_factory.start("nanohub")
    yield servers
    nanohub_factory.finish(servers)
