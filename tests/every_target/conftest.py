# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worlds of the suite: each test that asks for one runs on every target."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.clock import SystemClock

from .intune_world import intune_world
from .jamf_world import jamf_world
from .nano_world import nano_world
from .toy_world import toy_world
from .wire import Wire
from .world import World

#: Tiny MDM is imaginary; its target (toy_target.py) shows what a target needs.
TARGETS = ("intune", "jamf_pro", "nanomdm", "tiny_mdm")
#: How many devices are enough for what is done many times.
FEW_DEVICES = {"intune": 26, "jamf_pro": 16, "nanomdm": 7, "tiny_mdm": 12}
#: With NanoHUB, which the module for NanoMDM serves too, for tests where its servers' ways matter.
SERVERS = (*TARGETS, "nanohub")
MakeWorld = Callable[..., World]


@pytest.fixture(autouse=True)
def skipped_waits(monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """Waits of a run in this process take no time; for the run they have passed all the same. Called, it says how long all were."""
    skipped = 0.0
    monotonic = SystemClock.monotonic

    def sleep(_clock: SystemClock, seconds: float) -> None:
        nonlocal skipped
        skipped += seconds

    monkeypatch.setattr(SystemClock, "sleep", sleep)
    monkeypatch.setattr(SystemClock, "monotonic", lambda clock: monotonic(clock) + skipped)
    return lambda: skipped


@pytest.fixture
def make_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeWorld]:
    """Makes the world of a target by its name; options go to the one who makes it."""
    with ExitStack() as stack:

        def make(name: str, **options: Any) -> World:
            if name in ("nanomdm", "nanohub"):
                servers = request.getfixturevalue({"nanomdm": "nano"}.get(name, name))
                return stack.enter_context(nano_world(servers, tmp_path, **options))
            worlds = {"intune": intune_world, "jamf_pro": jamf_world, "tiny_mdm": toy_world}
            return stack.enter_context(worlds[name](tmp_path, **options))

        yield make


@pytest.fixture(params=TARGETS)
def world(request: pytest.FixtureRequest, make_world: MakeWorld) -> World:
    """Each target's world in turn."""
    return make_world(str(request.param))


@pytest.fixture(params=TARGETS)
def small_world(request: pytest.FixtureRequest, make_world: MakeWorld) -> World:
    """The same with few devices, for what is done many times; where each name of an app is written by itself, with few names."""
    made = make_world(str(request.param), devices=FEW_DEVICES[str(request.param)])
    made.few_names = request.param == "intune"
    return made


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Sees every write of a run, and does with it what a test wants."""
    return Wire(monkeypatch)
