# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A throwaway PostgreSQL cluster from Debian's package, on loopback, gone when it is closed."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from functools import partial
from pathlib import Path

from tests.support.nanomdm.server_process import NotStarted, ServerProcess

#: Where distributions put the server's programs when they don't put them on PATH.
_ELSEWHERE = "/usr/lib/postgresql"
#: It holds nothing that has to outlive the tests.
_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "16MB", "max_connections": "100"}
_TEMPLATE = "nanomdm_template"


def find_programs() -> Path | None:
    """The folder with initdb and postgres, the newest there is."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path(_ELSEWHERE).glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


def missing_prerequisites() -> list[str]:
    """What keeps this machine from running PostgreSQL; empty when nothing does."""
    if find_programs() is None:
        return ["PostgreSQL's server was not found: on Debian install it with apt-get install postgresql"]
    if os.geteuid() == 0 and (_server_user() is None or shutil.which("setpriv") is None):
        return ["PostgreSQL refuses to run as root, and there is no user postgres, or no setpriv, to run it as somebody else"]
    return []


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class PostgresCluster:
    """One running server with NanoMDM's schema in a template, from which every test gets a database of its own."""

    def __init__(self, schema: str, log: Path) -> None:
        programs = find_programs()
        assert programs is not None
        self._programs = programs
        self._numbers = itertools.count(1)
        # A socket's path may have about a hundred letters only, so it is not below the checkout.
        self.folder = Path(tempfile.mkdtemp(prefix="appban-postgres-"))
        self._as_user: list[str] = []
        if os.geteuid() == 0:
            user = _server_user()
            assert user is not None
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            # Becoming another user clears the wish to die with the parent, so setpriv has to have it again.
            self._as_user = ["setpriv", "--pdeathsig=INT", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        try:
            self._create()
            self.port, self._server = self._start(log)
            self._sql(f"CREATE DATABASE {_TEMPLATE}")
            self._sql(schema, _TEMPLATE)
        except BaseException:
            self.close()
            raise

    def database(self) -> str:
        """Make a database with NanoMDM's tables and return its address."""
        name = f"nanomdm_{next(self._numbers)}"
        self._sql(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return f"postgres://appban@127.0.0.1:{self.port}/{name}?sslmode=disable"

    def rows(self, address: str, query: str) -> list[list[str]]:
        """What a query answers, as text; for a test that looks behind the server."""
        name = address.rsplit("/", 1)[1].partition("?")[0]
        return [line.split("\t") for line in self._sql(query, name).splitlines()]

    def close(self) -> None:
        server: ServerProcess | None = getattr(self, "_server", None)
        if server is not None:
            # It must not wait for clients that are still connected.
            server.stop(signal.SIGINT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _create(self) -> None:
        options = ["--username=appban", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
        self._run([str(self._programs / "initdb"), *options, f"--pgdata={self.folder / 'data'}"])

    def _start(self, log: Path) -> tuple[int, ServerProcess]:
        for attempts_left in (3, 2, 1, 0):
            port = free_port()
            settings = {**_SETTINGS, "listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": str(self.folder)}
            options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
            command = [*self._as_user, str(self._programs / "postgres"), "-D", str(self.folder / "data"), *options]
            server = ServerProcess(command, log, env=_environment(), cwd=self.folder)
            try:
                server.wait_until(partial(self._is_ready, port))
            except NotStarted:
                # Somebody else may have taken the port in between.
                if not attempts_left:
                    raise
                continue
            return port, server
        raise AssertionError("unreachable")

    def _is_ready(self, port: int) -> bool:
        command = [str(self._programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
        return subprocess.run(command, check=False, env=_environment()).returncode == 0

    def _sql(self, text: str, database: str = "postgres") -> str:
        command = [str(self._programs / "psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "appban", "-d", database]
        return self._run([*command, "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1"], text)

    def _run(self, command: list[str], given: str = "") -> str:
        done = subprocess.run(
            [*self._as_user, *command], input=given, capture_output=True, text=True, check=False, env=_environment(), cwd=self.folder
        )
        if done.returncode != 0:
            raise NotStarted(f"{command[0]} failed: {done.stderr.strip()}")
        return done.stdout


def _environment() -> dict[str, str]:
    """Nothing of the user's own PG settings."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}


def _server_user() -> pwd.struct_passwd | None:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None
