# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that are not there end a run within seconds; servers that throttle deletes are waited for."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any, cast

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.clock import SystemClock
from tests.support.target_runs import lifted

from .intune_world import IntuneWorld
from .jamf_world import JamfWorld
from .nano_world import NanoWorld
from .toy_world import ToyWorld
from .world import World

NOBODY = "tenant.invalid"
#: Real and skipped seconds together.
SECONDS = 10.0


def addresses(world: World, old: str, new: str) -> dict[str, Any]:
    """The options of a world's connection with its servers at another address."""
    connection = cast(NanoWorld, world).nano.connection if world.name == "nanomdm" else cast(IntuneWorld, world).simulation.connection
    found = {}
    for name, value in connection.items():
        if isinstance(value, str) and value.startswith("http"):
            scheme, _slashes, rest = value.partition("://")
            host, slash, path = rest.partition("/")
            found[name] = f"{scheme}://{new}{slash}{path}"
            assert host.startswith(old)
    assert found
    return found


@pytest.fixture
def closed_port() -> str:
    """An address of this machine on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % listener.getsockname()[1]


@pytest.mark.fault_kind("T9", "connection refused, every target")
def test_a_refused_connection_ends_within_seconds(world: World, closed_port: str, skipped_waits: Callable[[], float]) -> None:
    _ends_soon(world, closed_port, skipped_waits)


@pytest.mark.fault_kind("T9", "a name that nobody knows, every target")
def test_an_unknown_host_ends_within_seconds(world: World, skipped_waits: Callable[[], float], monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        if host == NOBODY:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    _ends_soon(world, f"{NOBODY}:8080", skipped_waits)


def _ends_soon(world: World, place: str, skipped_waits: Callable[[], float]) -> None:
    before, skipped = time.monotonic(), skipped_waits()
    run = world.run(world.policy(), may_fail=True, **addresses(world, "127.0.0.1", place))
    assert run.failed
    assert place.partition(":")[0] in run.message
    assert time.monotonic() - before + skipped_waits() - skipped < SECONDS


@pytest.mark.fault_kind("T10", "deletes that are throttled for long, every target")
def test_throttled_deletes_are_finished(world: World, skipped_waits: Callable[[], float], monkeypatch: pytest.MonkeyPatch) -> None:
    start = world.objects()
    policy = world.policy(exempt=[world.serial(world.blockable()[0])], actions=("remove", "block", "block_web"))
    world.ban(policy)
    _throttle(world, monkeypatch)
    before = skipped_waits()
    run = world.run(lifted(policy))
    assert skipped_waits() > before
    assert not run.failed
    assert world.objects() == start


def _throttle(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on one delete passes at a time, and the next one has to wait half a minute."""
    if world.name == "jamf_pro":
        orders = {"throttle_methods": ["DELETE"], "throttle_after": 1, "throttle_refusals": 3, "throttle_retry_after": 30}
        cast(JamfWorld, world).simulation.objects({"settings": orders})
    elif world.name == "nanomdm":
        numbers = [number for number in range(1, 400) if number % 4]
        for front in (cast(NanoWorld, world).nano.kmfddm, cast(NanoWorld, world).nano.nanomdm):
            front.faults([{"match": {"method": "DELETE", "path": "/v1/"}, "nth": numbers, "kind": "429", "retry_after": 30}])
    elif world.name == "tiny_mdm":
        numbers = [number for number in range(1, 400) if number % 4]
        order = {"match": {"method": "DELETE"}, "nth": numbers, "kind": "429", "retry_after": 30}
        cast(ToyWorld, world).simulation.faults([order])
    else:
        tenant = cast(IntuneWorld, world).simulation
        tenant.objects({"settings": {"deletes_per_window": 1, "delete_window_seconds": 30, "throttle_clock": "tenant"}})
        skip = SystemClock.sleep

        def sleep(clock: SystemClock, seconds: float) -> None:
            skip(clock, seconds)
            tenant.clock(advance=seconds)

        monkeypatch.setattr(SystemClock, "sleep", sleep)
