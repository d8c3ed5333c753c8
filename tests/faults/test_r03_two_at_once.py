# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""R3 for hosts: one run at a time on a host; who comes second is told who runs, and since when."""

from __future__ import annotations

import re
import stat
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from .support import APP, INTENT, PIN, Machine, banned, install_built, module_process, seen, told, wait_for

# Whole runs on hosts of the lab take seconds each.
pytestmark = [pytest.mark.fault_kind("R3", "two at once"), pytest.mark.long]

LOCK = "/run/appban.lock"
SLOW = "touch /tmp/removing; while [ ! -e /tmp/go ]; do sleep 0.05; done"


@contextmanager
def in_the_middle(machine: Machine) -> Iterator[dict[str, Any]]:
    """A first run that stands in the middle of its removal; what it returned in the end is in the mapping afterwards."""
    install_built(machine.host, "deb", APP, before_removal=SLOW)
    result: dict[str, Any] = {}
    first = Machine(machine.host, machine.directory / "first")
    first.directory.mkdir()
    run = threading.Thread(target=lambda: result.update(first.ban(banned(deb=APP), backends=["apt"], seconds=120)))
    run.start()
    try:
        wait_for("the first run removes", machine.host.path("/tmp/removing").exists)
        yield result
    finally:
        machine.host.write("/tmp/go", "")
        run.join()


OTHER: Mapping[str, Any] = banned("other", rpm="vlc-lab")


WAYS: Mapping[str, Mapping[str, Any]] = {"apply": {}, "look": {"check": True}, "lift": {"state": "lifted"}}


def test_who_comes_second_is_told_who_runs_and_since_when(machine: Machine) -> None:
    with in_the_middle(machine) as first:
        process = module_process(machine.host)
        for way, options in WAYS.items():
            second = machine.ban(OTHER, backends=["dnf4"], lock_timeout=1, **options)
            assert second.get("failed") is True, way
            assert re.search(rf"\b{process}\b", told(second)), told(second)
            assert re.search(r"since \d{4}-\d\d-\d\d[T ]\d\d:\d\d", told(second)), told(second)
            assert not second.get("changed"), way
        assert "vlc-lab" not in machine.host.path("/etc/dnf/dnf.conf").read_text(encoding="utf-8")
    assert (first["verified"], seen(first)["removal"], seen(first)["block"]) == (True, "done", "soft")
    # Once more, and now there is room for it; neither has lost anything of the other's.
    assert machine.ban(OTHER, backends=["dnf4"])["verified"] is True
    assert machine.lift(banned(deb=APP), OTHER)["verified"] is True
    assert not machine.host.path(PIN).exists()


def test_the_lock_is_roots_alone_and_dies_with_its_holder(machine: Machine) -> None:
    machine.ban(banned(deb=APP), backends=["apt"])
    status = machine.host.path(LOCK).lstat()
    assert (stat.filemode(status.st_mode), status.st_uid, status.st_gid) == ("-rw-------", 0, 0)
    # Nobody but root can keep a run waiting by it.
    assert machine.host.run(["flock", "-n", LOCK, "true"], user="jana").returncode != 0
    assert machine.host.run(["flock", "-n", LOCK, "true"]).returncode == 0
    assert not machine.host.path(INTENT).exists()


def test_looks_share_the_lock(machine: Machine) -> None:
    """Somebody else looks at the same time; that is no reason to wait."""
    machine.ban(banned(deb=APP), backends=["apt"])
    holding = "flock -s 9; touch /tmp/held; while [ ! -e /tmp/go ]; do sleep 0.05; done"
    holder = threading.Thread(target=lambda: machine.host.run(["sh", "-c", f"({holding}) 9<>{LOCK}"]))
    holder.start()
    try:
        wait_for("the lock is held", machine.host.path("/tmp/held").exists)
        looked = machine.ban(OTHER, backends=["dnf4"], check=True, lock_timeout=1)
        refused = machine.ban(OTHER, backends=["dnf4"], lock_timeout=1)
    finally:
        machine.host.write("/tmp/go", "")
        holder.join()
    assert not looked.get("failed"), told(looked)
    assert refused.get("failed") is True, told(refused)
    assert machine.ban(OTHER, backends=["dnf4"])["verified"] is True
