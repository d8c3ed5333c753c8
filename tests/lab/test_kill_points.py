# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed at any of its writes, on real package managers: the next run finishes it, and a lift takes all of it away.

Every point of a ban and of a lift is tried, each on a fresh host that an administrator has used: files that we edit have permissions,
attributes, ACLs and hard links of their own, and packages are held.
"""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.lab.hosts import Host, Lab
from tests.lab.kill_points import HostApp, prepared, put_code
from tests.lab.packages import BANNED
from tests.lab.snapshot import Snapshot, layer, snapshot

pytestmark = pytest.mark.long

LEDGER = "/var/lib/appban/ledger.json"
# What a run may leave for good: its memory, and where the next one looks whether it may reuse an answer.
KEPT = ("/var/lib/appban", LEDGER, "/var/lib/appban/looked.json")
FLATPAK = "com.tiktok.Desktop"
# What an undisturbed next run may not say: nobody but the killed run itself changed anything.
FALSE_DRIFT = ("was deleted", "was removed", "was taken out", "lost its filter", "was changed")
NO_ID = 0xFFFFFFFF
ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *entry) for entry in ((0x01, 6, NO_ID), (0x02, 4, 1001), (0x04, 4, NO_ID), (0x10, 4, NO_ID), (0x20, 4, NO_ID))
)


@dataclass(frozen=True)
class Manager:
    """Package managers of one host, what is installed there, and the files that a ban edits or makes, of which some are a person's."""

    name: str
    backends: tuple[str, ...]
    installed: tuple[tuple[str, str], ...]
    edited: tuple[str, ...] = ()
    # Written before, where a fresh host has no such file.
    written: tuple[tuple[str, str], ...] = ()


LOCKS = "\ntype: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: their-own-lock\n"
MANAGERS = (
    Manager("apt", ("apt",), (("deb", BANNED),), ("/etc/apt/preferences.d/theirs",), (("/etc/apt/preferences.d/theirs", "# theirs\n"),)),
    Manager(
        "dnf4-zypper",
        ("dnf4", "zypper"),
        (("rpm", BANNED),),
        ("/etc/dnf/dnf.conf", "/etc/zypp/locks"),
        (("/etc/dnf/dnf.conf", "[main]\n# theirs\nexcludepkgs=vlc-lab\n"), ("/etc/zypp/locks", LOCKS)),
    ),
    Manager("pacman", ("pacman",), (("pacman", BANNED),), ("/etc/pacman.conf",)),
    # The file of its remotes is written by flatpak itself, which makes it anew each time, whoever asks.
    Manager("flatpak", ("flatpak",), (("flatpak", FLATPAK),)),
)

BAN = {
    "apps": [{"id": "tiktok", "identifiers": {**{kind: [BANNED] for kind in ("deb", "rpm", "pacman")}, "flatpak": [FLATPAK]}}],
    "block": "strong",
    "comment": ["city-tiktok"],
}
LIFT = {**BAN, "state": "lifted"}


def make_it_a_persons(host: Host, manager: Manager) -> None:
    """Gives the files that we edit what only a person gives them, and holds two packages."""
    for path, content in manager.written:
        host.write(path, content)
    for path in manager.edited:
        outside = host.path(path)
        outside.chmod(0o640)
        os.chown(outside, 0, 1001)
        os.setxattr(outside, "trusted.note", b"reviewed")
        os.setxattr(outside, "system.posix_acl_access", ACL)
        os.link(outside, f"{outside}.second-name")
    host.run(["dpkg", "--set-selections"], stdin="vlc-lab hold\napt hold\n", check=True)


@dataclass(frozen=True)
class Stage:
    """Where the runs of one manager begin, and what uninterrupted ones lead to."""

    manager: Manager
    ban: dict[str, Any]
    lift: dict[str, Any]
    lab: Lab
    installed_host: Host
    banned_host: Host
    banned: Snapshot
    lifted: Snapshot
    ban_points: tuple[str, ...]
    lift_points: tuple[str, ...]


@pytest.fixture(scope="module", params=MANAGERS, ids=lambda manager: manager.name)
def stage(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Stage]:
    manager: Manager = request.param
    ban, lift = ({**options, "backends": list(manager.backends)} for options in (BAN, LIFT))
    with ExitStack() as opened:

        def install(host: Host) -> None:
            put_code(host)
            for kind, name in manager.installed:
                host.install(kind, name)
            make_it_a_persons(host, manager)

        def install_and_ban(host: Host) -> None:
            install(host)
            succeed(HostApp(host).run(ban))

        installed_host = opened.enter_context(prepared(lab, "installed", install))
        banned_host = opened.enter_context(prepared(lab, "banned", install_and_ban))
        host = lab.create("uninterrupted", like=installed_host)
        before = snapshot(host)
        first = succeed(HostApp(host).run(ban))
        banned = snapshot(host)
        last = succeed(HostApp(host).run(lift))
        lifted = snapshot(host)
        lab.destroy(host)
        assert {line for line in before.difference(lifted) if not is_the_apps(line)} == set(), "an uninterrupted lift is not exact"
        assert banned.difference(lifted), "the ban changed nothing"
        points = (tuple(first["points"]), tuple(last["points"]))
        yield Stage(manager, ban, lift, lab, installed_host, banned_host, banned, lifted, *points)


def succeed(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer of a run that must end well."""
    assert answer["error"] == ""
    assert answer["verified"]
    assert answer["refused"] == []
    return answer


def is_the_apps(line: str) -> bool:
    """Whether a line of a difference is the removal of the app itself."""
    kind, _blank, rest = line.partition(" ")
    if kind == "gone":
        return "tiktok" in rest or rest in ("/opt", "/etc/opt") or rest.startswith(("/opt/", "/etc/opt/"))
    return rest.startswith("gone ") and "tiktok" in rest.lower()


def without_ledger(taken: Snapshot) -> Snapshot:
    """The snapshot without what we remember: a removal is noted only by the run that saw it."""
    return replace(taken, files={path: entry for path, entry in taken.files.items() if path not in KEPT})


def left_over(host: Host) -> list[str]:
    """Files of ours beside the blocks and the ledger, anywhere on the host: temporary ones, a note of what is under way."""
    found = [path for path in layer(host) if path.startswith("/var/lib/appban/") or is_temporary(path)]
    found = [path for path in found if os.path.lexists(host.path(path))]
    for top in ("/tmp", "/run"):
        found += [f"{top}/{path.name}" for path in host.path(top).iterdir() if "appban" in path.name]
    return sorted(set(found).difference(KEPT, {"/run/appban.lock"}))


def is_temporary(path: str) -> bool:
    """Whether a path is named as what we make for a moment. The guard's files in a package manager's database are not."""
    name = path.rpartition("/")[2]
    return name.startswith(".appban") or (name.startswith("appban-") and path.startswith("/var/tmp/"))


def told(answer: dict[str, Any]) -> list[str]:
    """Lines that say that somebody touched our blocks."""
    return [line for line in answer["drift"] if any(word in line for word in FALSE_DRIFT)]


def problems_after(host: Host, again: dict[str, Any], stage: Stage, expected: Snapshot) -> Iterator[str]:
    """What is wrong after the run that followed a killed one."""
    if again["error"] or not again["verified"]:
        yield f"the next run failed: {again['error'] or 'not verified'}"
    yield from (f"left over: {path}" for path in left_over(host))
    yield from (f"false drift: {line}" for line in told(again))
    yield from (f"not converged: {line}" for line in without_ledger(expected).difference(without_ledger(snapshot(host))))


def try_every_point(
    stage: Stage, start: Host, options: dict[str, Any], points: tuple[str, ...], finish: Callable[[Host], Iterator[str]]
) -> None:
    """Kills a run at each point; finish yields what is wrong afterwards. Fails with all of it, a line each."""
    assert len(points) > 5, points
    problems = []
    for number, point in enumerate(points, 1):
        host = stage.lab.create("killed", like=start)
        try:
            HostApp(host).kill(options, number)
            problems += [f"{number} {point}: {problem}" for problem in finish(host)]
        except subprocess.CalledProcessError as error:
            problems.append(f"{number} {point}: the next run ended with a traceback: {error.stderr.strip().splitlines()[-1]}")
        finally:
            stage.lab.destroy(host)
    bad = {line.split(" ", 1)[0] for line in problems}
    assert problems == [], f"{len(bad)} of {len(points)} points of {stage.manager.name} end badly:\n" + "\n".join(problems)


def test_a_ban_killed_at_any_point_is_finished_by_the_next_run_and_lifted_exactly(stage: Stage) -> None:
    def finish(host: Host) -> Iterator[str]:
        yield from problems_after(host, HostApp(host).run(stage.ban), stage, stage.banned)
        idle = HostApp(host).run(stage.ban, check=True)
        yield from (f"a third run would still change {change['name']}" for change in idle["changes"])
        lifted = HostApp(host).run(stage.lift)
        if lifted["error"]:
            yield f"the lift failed: {lifted['error']}"
        yield from (f"not lifted: {line}" for line in stage.lifted.difference(snapshot(host)))
        yield from (f"left over after the lift: {path}" for path in left_over(host))

    try_every_point(stage, stage.installed_host, stage.ban, stage.ban_points, finish)


def test_a_ban_killed_at_any_point_is_lifted_exactly_without_being_finished(stage: Stage) -> None:
    def finish(host: Host) -> Iterator[str]:
        lifted = HostApp(host).run(stage.lift)
        if lifted["error"]:
            yield f"the lift failed: {lifted['error']}"
        yield from (f"false drift: {line}" for line in told(lifted))
        # The app itself may still be there: the ban did not get to it.
        different = stage.lifted.difference(snapshot(host))
        yield from (f"not lifted: {line}" for line in different if not is_back(line))
        yield from (f"left over: {path}" for path in left_over(host))

    try_every_point(stage, stage.installed_host, stage.ban, stage.ban_points, finish)


def test_a_lift_killed_at_any_point_is_finished_by_the_next(stage: Stage) -> None:
    def finish(host: Host) -> Iterator[str]:
        yield from problems_after(host, HostApp(host).run(stage.lift), stage, stage.lifted)
        yield from (f"kept: {path}" for path in KEPT if host.path(path).exists())

    try_every_point(stage, stage.banned_host, stage.lift, stage.lift_points, finish)


def is_back(line: str) -> bool:
    """Whether a line of a difference is the app, which a lift does not remove."""
    kind, _blank, rest = line.partition(" ")
    if kind == "added":
        return "tiktok" in rest or rest in ("/opt", "/etc/opt") or rest.startswith(("/opt/", "/etc/opt/"))
    return rest.startswith("added ") and "tiktok" in rest.lower()
