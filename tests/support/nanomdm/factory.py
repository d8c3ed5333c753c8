# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts servers for tests: what they have in common is made once, and whatever was started is checked and closed at the end."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.support.nanomdm import postgres
from tests.support.nanomdm.binaries import CHECKOUT, HUB, missing_servers, nanomdm_schema
from tests.support.nanomdm.contract import contract_violations, missing_contracts
from tests.support.nanomdm.device_identity import Authority
from tests.support.nanomdm.postgres import PostgresCluster
from tests.support.nanomdm.servers import NanoServers

#: What can be started.
KINDS = ("inmem", "pgsql", "nanohub")
FOLDER = CHECKOUT / ".build" / "nano"


class CannotStart(Exception):
    """Something is missing on this machine; ``reasons`` say what and how to get it."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class NanoFactory:
    """One for a process that tests. Logs stay below ``.build/nano`` until the next one starts."""

    def __init__(self, worker: str = "main") -> None:
        problems = missing_servers()
        if problems:
            raise CannotStart(problems)
        for left in FOLDER.glob("*-*"):
            # Another session may be at work in this checkout.
            if not Path("/proc", left.name.rpartition("-")[2]).exists():
                shutil.rmtree(left, ignore_errors=True)
        self.folder = FOLDER / f"{worker}-{os.getpid()}"
        self.folder.mkdir(parents=True)
        self.authority = Authority.create()
        self._numbers = itertools.count(1)
        self._running: list[NanoServers] = []
        self._cluster: PostgresCluster | None = None
        self._has_hub = False

    def start(self, storage: str = "inmem", webhook_key: str | None = None, options: Sequence[str] = ()) -> NanoServers:
        """Start fresh servers with nothing in them (a twentieth of a second).

        Args:
            storage: NanoMDM's storage, ``inmem`` or ``pgsql``. KMFDDM has none in SQL but MySQL's, so its own is always in memory.
                ``nanohub`` is NanoHUB in the place of both, in memory.
            webhook_key: sign webhook events with it, which NanoHUB can't.
            options: what NanoHUB is started with besides.

        Raises:
            CannotStart: where PostgreSQL or NanoHUB is wanted and missing.
        """
        if storage not in KINDS:
            raise ValueError(f"unknown storage {storage!r}; known: {', '.join(KINDS)}")
        hub = tuple(options) if storage == "nanohub" else None
        if (options and hub is None) or (webhook_key is not None and hub is not None):
            raise ValueError("only NanoHUB is started with options of a test's own, and only NanoMDM signs")
        if hub is not None:
            self.need_hub()
        dsn = self.cluster().database() if storage == "pgsql" else None
        started = NanoServers.start(self.folder / f"{next(self._numbers):03d}-{storage}", dsn, webhook_key, self.authority, hub)
        self._running.append(started)
        return started

    def need_hub(self) -> None:
        """Build NanoHUB on first use. Raises CannotStart."""
        if not self._has_hub:
            problems = missing_servers(HUB)
            if problems:
                raise CannotStart(problems)
            self._has_hub = True

    def cluster(self) -> PostgresCluster:
        """The session's PostgreSQL, started on first use. Raises CannotStart."""
        if self._cluster is None:
            problems = postgres.missing_prerequisites()
            if problems:
                raise CannotStart(problems)
            self._cluster = PostgresCluster(nanomdm_schema(), self.folder / "postgres.log")
        return self._cluster

    def finish(self, servers: NanoServers) -> None:
        """Hold what passed over the APIs against the contract, assert that nothing was pushed, and close the servers."""
        self._running.remove(servers)
        try:
            servers.assert_nothing_was_pushed()
            if not missing_contracts():
                found = contract_violations(servers)
                assert found == [], "the servers' contract is violated:\n" + "\n".join(found)
        finally:
            servers.close()

    def close(self) -> None:
        try:
            for servers in list(self._running):
                self.finish(servers)
        finally:
            for servers in self._running:
                servers.close()
            if self._cluster is not None:
                self._cluster.close()
