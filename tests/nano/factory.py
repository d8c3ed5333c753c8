# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts servers for tests: what they have in common is made once, and whatever was started is checked and closed at the end."""

from __future__ import annotations

import itertools
import os
import shutil
from pathlib import Path

from . import postgres
from .binaries import CHECKOUT, missing_servers, nanomdm_schema
from .contract import contract_violations, missing_contracts
from .device_identity import Authority
from .postgres import PostgresCluster
from .servers import NanoServers

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

    def start(self, storage: str = "inmem", webhook_key: str | None = None) -> NanoServers:
        """Start fresh servers with nothing in them (a twentieth of a second).

        Args:
            storage: NanoMDM's storage, ``inmem`` or ``pgsql``. KMFDDM has none in SQL but MySQL's, so its own is always in memory.
            webhook_key: sign webhook events with it.

        Raises:
            CannotStart: where PostgreSQL is wanted and missing.
        """
        if storage not in ("inmem", "pgsql"):
            raise ValueError(f"unknown storage {storage!r}; known: inmem, pgsql")
        dsn = self.cluster().database() if storage == "pgsql" else None
        started = NanoServers.start(self.folder / f"{next(self._numbers):03d}-{storage}", dsn, webhook_key, self.authority)
        self._running.append(started)
        return started

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
