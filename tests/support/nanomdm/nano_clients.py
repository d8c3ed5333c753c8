# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapter's clients of real servers."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.connection import Connection, open_connection
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.api.enrollment_database import EnrollmentDatabase
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.api.kmfddm import Kmfddm
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.api.nanomdm import NanoMdm
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.module import servers_of
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.server_options import OF_HUB, OF_PAIR
from tests.support.loopback import FakeClock
from tests.support.nanomdm.servers import NanoServers

PREFIX = "org.example.ban"
CONFIGURATION = "org.example.ban.tiktok.cfg"
ACTIVATION = "org.example.ban.tiktok.act"
SET = "org.example.ban.tiktok"


@dataclass
class Clients:
    """Clients of both servers, over one connection whose clock never sleeps."""

    servers: NanoServers
    connection: Connection
    nanomdm: NanoMdm
    kmfddm: Kmfddm


@contextlib.contextmanager
def clients_of(servers: NanoServers, check_mode: bool = False) -> Iterator[Clients]:
    """Open clients as the module does."""
    known = servers.connection
    with open_connection({}, timeout=20, deadline=300, clock=FakeClock(), source=random.Random(1)) as connection:
        unused = dict.fromkeys((*OF_PAIR, *OF_HUB))
        nanomdm, kmfddm = servers_of({**unused, **known}, connection, check_mode)
        assert kmfddm is not None
        yield Clients(servers, connection, nanomdm, kmfddm)


def run_command(words: list[str], environ: Mapping[str, str]) -> tuple[int, str, str]:
    """Run a command as Ansible's run_command does, without the user's own PG settings."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    done = subprocess.run(words, env={**env, **environ}, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def open_database(clients: Clients) -> EnrollmentDatabase:
    """Open the database behind NanoMDM."""
    assert clients.servers.dsn is not None
    return EnrollmentDatabase(clients.servers.dsn, run_command, clients.connection.redactor)


def block_document(app: str = "com.zhiliaoapp.musically") -> dict[str, object]:
    """A configuration that denies an app."""
    return {"Type": "com.apple.configuration.app.settings", "Identifier": CONFIGURATION, "Payload": {"Allowed": {"DeniedApps": [app]}}}


def activation_document() -> dict[str, object]:
    """What puts it in force."""
    return {"Type": "com.apple.activation.simple", "Identifier": ACTIVATION, "Payload": {"StandardConfigurations": [CONFIGURATION]}}
