# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""H9: a run that is killed at any moment is finished by the next one, which finds nothing strange and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from tests.lab.hosts import Host
from tests.lab.snapshot import snapshot

from .support import APP, FILTER, FLATPAK, INTENT, PIN, Machine, banned, install_built, module_process, seen, told, wait_for

# Whole runs on hosts of the lab take seconds each.
pytestmark = [pytest.mark.fault_kind("H9", "interrupted"), pytest.mark.long]

LOCK = "/var/lib/pacman/db.lck"
# A removal script that waits until the test lets it go on.
SLOW = "touch /tmp/removing; while [ ! -e /tmp/go ]; do sleep 0.05; done"


def ours_left(host: Host) -> list[str]:
    """Files that only an unfinished run of ours has."""
    tops = [host.path(top) for top in ("/etc", "/var/lib/appban", "/var/lib/flatpak", "/tmp", "/run", "/usr/share/libalpm")]
    found = [path for top in tops if top.exists() for path in top.rglob("*appban*") if path.name.startswith((".appban-", "appban-"))]
    return ["/" + str(path.relative_to(host.root)) for path in [*found, *(each for each in [host.path(INTENT)] if each.exists())]]


@contextmanager
def run_in_the_background(machine: Machine, app: Mapping[str, Any], **options: Any) -> Iterator[None]:
    """A run that goes on while the test does something else; it ends before this does."""
    run = threading.Thread(target=lambda: machine.play(app, seconds=120, **options))
    run.start()
    try:
        yield
    finally:
        machine.host.write("/tmp/go", "")
        run.join()


@pytest.fixture
def removing(machine: Machine) -> Callable[[], None]:
    """Begins a ban of the app in pacman, waits until pacman removes, and kills all of it."""
    install_built(machine.host, "pacman", APP, before_removal=SLOW)

    def begin_and_kill() -> None:
        with run_in_the_background(machine, banned(pacman=APP), backends=["pacman"]):
            wait_for("pacman removes", machine.host.path("/tmp/removing").exists)
            # What a power cut leaves: no process, every file.
            machine.host.kill_all()
            wait_for("all have ended", lambda: not machine.host.processes())

    return begin_and_kill


def test_a_lock_that_our_killed_removal_left_is_taken_away(machine: Machine, removing: Callable[[], None]) -> None:
    removing()
    assert machine.host.path(LOCK).exists()
    assert machine.host.run(["pacman", "-Q", APP]).returncode == 0
    result = machine.ban(banned(pacman=APP), backends=["pacman"], lock_timeout=1)
    assert not machine.host.path(LOCK).exists()
    app = seen(result)
    assert (app["removal"], app["block"], app["error"], result["drift"]) == ("done", "soft", "", []), told(result)
    assert ours_left(machine.host) == []


def test_a_lift_after_a_killed_removal_leaves_nothing_behind(machine: Machine, removing: Callable[[], None]) -> None:
    before = snapshot(machine.host)
    removing()
    lifted = machine.lift(banned(pacman=APP), backends=["pacman"], lock_timeout=1)
    assert (lifted.get("failed", False), lifted["verified"]) == (False, True), told(lifted)
    assert before.difference(snapshot(machine.host)) == []
    assert ours_left(machine.host) == []
    # Nobody else has to clean up after us either.
    assert not machine.host.path(LOCK).exists()


def test_a_lock_of_a_stranger_stays_and_is_told_with_what_to_look_at(machine: Machine) -> None:
    machine.host.install_file("pacman", APP)
    machine.host.write(LOCK, "")
    result = machine.ban(banned(pacman=APP), backends=["pacman"], lock_timeout=1)
    assert machine.host.path(LOCK).exists()
    assert machine.host.run(["pacman", "-Q", APP]).returncode == 0
    assert LOCK in told(result)
    # A command to see whether anybody has it open, and no accusation of a program that nobody has seen.
    assert "fuser" in told(result)
    assert "another program still uses" not in told(result)


def test_a_stranger_who_has_our_old_lock_open_keeps_it(machine: Machine, removing: Callable[[], None]) -> None:
    """The note names the lock, but somebody works with the package manager now."""
    removing()
    script = f"import time; handle = open('{LOCK}'); open('/tmp/opened', 'w'); time.sleep(600)"
    holder = threading.Thread(target=lambda: machine.host.run(["python3", "-c", script]))
    holder.start()
    try:
        wait_for("the lock is open", machine.host.path("/tmp/opened").exists)
        result = machine.ban(banned(pacman=APP), backends=["pacman"], lock_timeout=1)
        assert machine.host.path(LOCK).exists()
        assert machine.host.run(["pacman", "-Q", APP]).returncode == 0
        assert LOCK in told(result)
    finally:
        machine.host.kill_all()
        holder.join()


def test_a_removal_ends_with_its_module_or_outlives_it_cleanly(machine: Machine) -> None:
    """Only the module is killed; the package manager is in the middle of its work."""
    install_built(machine.host, "deb", APP, before_removal=SLOW)
    with run_in_the_background(machine, banned(deb=APP), backends=["apt"]):
        wait_for("dpkg removes", machine.host.path("/tmp/removing").exists)
        os.kill(module_process(machine.host), signal.SIGKILL)
    wait_for("all have ended", lambda: not machine.host.processes())
    assert machine.as_root("dpkg --audit").strip() == ""
    result = machine.ban(banned(deb=APP), backends=["apt"], lock_timeout=1)
    app = seen(result)
    assert (app["after"], app["block"], app["error"], result["drift"]) == (False, "soft", "", []), told(result)
    assert ours_left(machine.host) == []


# Ends the interpreter at the moment when it would write a file or put a new one in its place: Python itself tells of it (PEP 578).
KILLER = """
import os, signal, sys
def look(event, arguments):
    if event == "os.rename":
        path = arguments[1]
    elif event == "open" and isinstance(arguments[0], (str, bytes)) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
        path = arguments[0]
    else:
        return
    if os.fsdecode(path).endswith({target!r}):
        os.mkdir("/srv/killer/did")
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(look)
"""


def ban_cut_off(machine: Machine, apps: Mapping[str, Any], target: str) -> None:
    """A ban that is killed when it would write a file."""
    machine.host.write("/srv/killer/sitecustomize.py", KILLER.format(target=target))
    machine.preparation = "PYTHONPATH=/srv/killer exec"
    machine.play(apps)
    machine.preparation = ""
    assert machine.host.path("/srv/killer/did").exists(), f"the run was not killed at {target}"
    machine.host.path("/srv/killer/did").rmdir()


# In the order in which a ban writes them: what is noted first, then each package manager's block.
WRITTEN = ["ledger.json", PIN, "/etc/dnf/dnf.conf", "/etc/zypp/locks", "/etc/pacman.d/hooks/00-appban.hook", FILTER]


def test_a_ban_that_was_cut_off_at_every_file_leaves_none_behind_and_no_false_drift(machine: Machine) -> None:
    apps = banned(deb=APP, rpm=APP, pacman=APP, flatpak=FLATPAK)
    before = snapshot(machine.host)
    for target in WRITTEN:
        ban_cut_off(machine, apps, target)
    again = machine.ban(apps, lock_timeout=1)
    assert (again.get("failed", False), again["verified"], again["drift"]) == (False, True, []), told(again)
    assert ours_left(machine.host) == []
    lifted = machine.lift(apps)
    assert lifted["verified"] is True
    assert before.difference(snapshot(machine.host)) == []
    assert ours_left(machine.host) == []


def test_a_lift_cleans_up_after_a_ban_that_was_cut_off(machine: Machine) -> None:
    apps = banned(deb=APP, rpm=APP, pacman=APP, flatpak=FLATPAK)
    before = snapshot(machine.host)
    ban_cut_off(machine, apps, FILTER)
    lifted = machine.lift(apps)
    assert (lifted.get("failed", False), lifted["verified"]) == (False, True), told(lifted)
    assert before.difference(snapshot(machine.host)) == []
    assert ours_left(machine.host) == []
