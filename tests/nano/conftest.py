# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two storages side by side, and clients of the servers' APIs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.nanomdm.api_client import NanoApi
from tests.support.nanomdm.servers import NanoServers


@pytest.fixture
def api(nano: NanoServers) -> Iterator[NanoApi]:
    """A client of fresh servers, NanoMDM's storage in memory."""
    client = NanoApi(nano)
    yield client
    client.close()


@pytest.fixture(params=["inmem", "pgsql", "nanohub"])
def either(request: pytest.FixtureRequest) -> Iterator[NanoApi]:
    """A client of fresh servers, with each of the storages in turn, and of a NanoHUB."""
    client = NanoApi(request.getfixturevalue({"inmem": "nano", "pgsql": "nano_pgsql"}.get(request.param, request.param)))
    yield client
    client.close()


@pytest.fixture
def pgsql(nano_pgsql: NanoServers) -> Iterator[NanoApi]:
    """A client of fresh servers, NanoMDM's storage in PostgreSQL."""
    client = NanoApi(nano_pgsql)
    yield client
    client.close()
