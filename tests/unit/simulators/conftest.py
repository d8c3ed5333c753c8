# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant for every test, checked against the published description when the test is over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulators.intune import start
from tests.simulators.simulation import Simulation
from tests.support.intune.graph_client import Graph, strict_complaints


@pytest.fixture
def sim() -> Iterator[Simulation]:
    with start(devices=120, seed=1) as simulation:
        yield simulation
        assert strict_complaints(simulation) == []


@pytest.fixture
def graph(sim: Simulation) -> Graph:
    return Graph(sim)


@pytest.fixture
def eager(sim: Simulation, graph: Graph) -> Graph:
    """A client of a tenant whose reads never lag."""
    sim.objects({"settings": {"eventual_consistency": 0, "group_lag": 0}})
    return graph
