# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that the previous release banned an app on, and this one takes over: recognised, not made twice, and lifted exactly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import skip_loudly
from tests.lab.hosts import Host, Lab
from tests.lab.kill_points import HostApp, prepared, put_code
from tests.lab.playbook import run_module, write_inventory
from tests.lab.previous_release import NotInHistory, environment_of, unpack_previous_release
from tests.lab.snapshot import Snapshot, snapshot
from tests.support.hosts.fleet import APP, FLATPAK, HOST_APP, LEDGER

pytestmark = pytest.mark.long

MANAGERS: Mapping[str, tuple[str, str]] = {
    "apt": ("deb", APP),
    "dnf4": ("rpm", APP),
    "zypper": ("zypper", APP),
    "pacman": ("pacman", APP),
    "flatpak": ("flatpak", FLATPAK),
}
BLOCKS = {"soft": "true", "strong": "strong"}
HOSTS = tuple(f"{manager}-{block}" for manager in MANAGERS for block in BLOCKS)
APPS = [{"id": "tiktok", "identifiers": {"deb": [APP], "rpm": [APP], "pacman": [APP], "flatpak": [FLATPAK]}}]
ARGUMENTS = {"apps": APPS, "backends": "{{ managers }}", "block": "{{ strength }}", "comment": ["city-tiktok"]}
# Where this release remembers what its last look saw.
LOOKED = "/var/lib/appban/looked.json"
# What the first run of this release writes on a host of the previous one, and nothing else: path -> what of it is different.
# There is nothing in a block that has to be written anew; what is added here needs a reason.
REWRITES: Mapping[str, Mapping[str, str]] = {}
# Empty directories that only the ledger knew to be made by us. Without a ledger they stay.
EMPTY = ("added /etc/flatpak", "added /etc/pacman.d", "added /etc/pacman.d/hooks", "added /etc/dnf/protected.d")
# Names that the previous release put into files of the administrator's, without a mark: only its ledger tells them from theirs.
UNMARKED = ("changed /etc/dnf/dnf.conf (content)", "added /etc/zypp/locks")


@pytest.fixture(scope="module")
def previous(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The previous release's collection."""
    try:
        return unpack_previous_release(tmp_path_factory.mktemp("previous"))
    except NotInHistory as reason:
        skip_loudly(request.config, "the upgrade from the previous release", "the previous release is needed", [str(reason)])


@dataclass
class Fleet:
    """One host per package manager and strength of the block, with the app on it."""

    lab: Lab
    directory: Path
    previous: Path
    hosts: dict[str, Host]
    before: dict[str, Snapshot]

    def previously(self, **options: Any) -> dict[str, Mapping[str, Any]]:
        """What the previous release's module returns on every host."""
        return self._run(environment_of(self.previous), options)

    def now(self, **options: Any) -> dict[str, Mapping[str, Any]]:
        """What this checkout's module returns on every host."""
        return self._run({}, options)

    def snapshots(self) -> dict[str, Snapshot]:
        """What every host looks like."""
        return {name: snapshot(host) for name, host in self.hosts.items()}

    def _run(self, environment: Mapping[str, str], options: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        variables = {name: {"managers": [name.partition("-")[0]], "strength": BLOCKS[name.partition("-")[2]]} for name in self.hosts}
        inventory = write_inventory(self.directory / "inventory.json", self.hosts.values(), host_variables=variables)
        done = run_module("all", HOST_APP, inventory, arguments={**ARGUMENTS, **options}, env=environment)
        return {name: done.of(name, HOST_APP)[0].result for name in self.hosts}


@contextmanager
def make_fleet(lab: Lab, directory: Path, previous: Path) -> Iterator[Fleet]:
    hosts: dict[str, Host] = {}
    try:
        for name in HOSTS:
            hosts[name] = lab.create(name)
            hosts[name].install(*MANAGERS[name.partition("-")[0]])
        yield Fleet(lab, directory, previous, hosts, {name: snapshot(host) for name, host in hosts.items()})
    finally:
        for host in hosts.values():
            lab.destroy(host)


@dataclass(frozen=True)
class Upgrade:
    """Four runs: the ban of the previous release, the same by this one, once more, and the lift; with what the hosts looked like."""

    before: Mapping[str, Snapshot]
    ban: Mapping[str, Mapping[str, Any]]
    banned: Mapping[str, Snapshot]
    takeover: Mapping[str, Mapping[str, Any]]
    taken_over: Mapping[str, Snapshot]
    again: Mapping[str, Mapping[str, Any]]
    lift: Mapping[str, Mapping[str, Any]]
    lifted: Mapping[str, Snapshot]


@pytest.fixture(scope="module")
def upgrade(lab: Lab, previous: Path, tmp_path_factory: pytest.TempPathFactory) -> Upgrade:
    with make_fleet(lab, tmp_path_factory.mktemp("upgrade"), previous) as fleet:
        ban = fleet.previously()
        banned = fleet.snapshots()
        takeover = fleet.now()
        taken_over = fleet.snapshots()
        again = fleet.now()
        lift = fleet.now(state="lifted")
        return Upgrade(fleet.before, ban, banned, takeover, taken_over, again, lift, fleet.snapshots())


def but_the_app(lines: Iterable[str]) -> list[str]:
    """The lines of a difference that are not the removal of the app, which no lift brings back."""
    left = []
    for line in lines:
        kind, _blank, rest = line.partition(" ")
        its_own = "tiktok" in rest.lower() or rest in ("/opt", "/etc/opt") or rest.startswith(("/opt/", "/etc/opt/"))
        if not (its_own and (kind == "gone" or rest.startswith("gone ") or " gone " in line)):
            left.append(line)
    return left


def is_told_as_unmarked(line: str, notes: Iterable[str]) -> bool:
    """Whether a line of a difference is what bears no mark, and the run named its file in a note."""
    return line in UNMARKED and any(line.split(" ")[1] in note for note in notes)


def holds_a_file(directory: Path) -> bool:
    """Whether anything but directories is below."""
    return any(not path.is_dir() for path in directory.rglob("*"))


@pytest.mark.parametrize("name", HOSTS)
def test_the_previous_release_banned_the_app(upgrade: Upgrade, name: str) -> None:
    assert upgrade.ban[name]["changed"]
    assert upgrade.ban[name]["verified"]
    assert any(line.startswith("added /") for line in upgrade.before[name].difference(upgrade.banned[name])) or name.startswith("pacman")
    assert f"added {LEDGER}" in upgrade.before[name].difference(upgrade.banned[name])


@pytest.mark.parametrize("name", HOSTS)
def test_the_first_run_of_this_release_recognises_everything(upgrade: Upgrade, name: str) -> None:
    seen = upgrade.takeover[name]
    assert (seen["drift"], seen["verified"], seen["newly_affected"], seen["removed"]) == ([], True, False, [])
    manager = name.partition("-")[0]
    different = [line for line in upgrade.banned[name].difference(upgrade.taken_over[name]) if not line.endswith(LOOKED)]
    assert different == list(REWRITES.get(manager, {}).values())
    assert [change["name"] for change in seen["changes"]] == list(REWRITES.get(manager, {}))
    # What stands is as strong as before, and held by the same means.
    support = [
        {(each["backend"], each["mechanism"], each["strength"], each["path"]) for each in run["blocked"]}
        for run in (upgrade.ban[name], seen)
    ]
    assert support[0] == support[1]


@pytest.mark.parametrize("name", HOSTS)
def test_the_second_run_of_this_release_changes_nothing(upgrade: Upgrade, name: str) -> None:
    assert (upgrade.again[name]["changed"], upgrade.again[name]["changes"], upgrade.again[name]["drift"]) == (False, [], [])


@pytest.mark.parametrize("name", HOSTS)
def test_the_lift_of_this_release_takes_all_of_it_away(upgrade: Upgrade, name: str) -> None:
    assert upgrade.lift[name]["verified"]
    assert upgrade.lift[name]["unblocked"]
    assert but_the_app(upgrade.before[name].difference(upgrade.lifted[name])) == []


@pytest.mark.parametrize("ledger", ["kept", "deleted"])
def test_this_release_lifts_what_the_previous_one_set_without_a_run_between(lab: Lab, previous: Path, tmp_path: Path, ledger: str) -> None:
    """With the ledger exactly; without it what bears our marks, and what bears none is told."""
    with make_fleet(lab, tmp_path, previous) as fleet:
        fleet.previously()
        if ledger == "deleted":
            for host in fleet.hosts.values():
                host.path(LEDGER).unlink()
        lifted = fleet.now(state="lifted")
        left = {}
        for name, host in fleet.hosts.items():
            lines = but_the_app(fleet.before[name].difference(snapshot(host)))
            if ledger == "deleted":
                lines = [line for line in lines if line not in EMPTY or holds_a_file(host.path(line.partition(" ")[2]))]
                lines = [line for line in lines if not is_told_as_unmarked(line, lifted[name]["notes"])]
            left[name] = lines
        assert {name: lines for name, lines in left.items() if lines} == {}
        assert [result["drift"] for result in lifted.values() if result["drift"]] == []
        # Where all that there was bears no mark, there is nothing to lift and something to tell.
        assert all(result["changed"] or any("without a mark of ours" in note for note in result["notes"]) for result in lifted.values())


# The verbs of the previous release's door to a host: between two of them nothing is half written.
BETWEEN_WRITES = ("before write ", "before make_directory ", "before remove_file ", "before command ")


@pytest.mark.parametrize("manager", MANAGERS)
def test_an_upgrade_in_the_middle_of_a_ban(lab: Lab, previous: Path, manager: str) -> None:
    """The previous release was stopped between any two writes of a ban; this one finishes it, and lifts exactly.

    What the ban had not come to is told as drift, because the previous release's ledger claims all of it beforehand.
    """
    ban = {**ARGUMENTS, "backends": [manager], "block": "strong"}
    old_code = previous / "plugins" / "module_utils"

    def prepare(host: Host) -> None:
        put_code(host, old_code)
        host.install(*MANAGERS[manager])

    problems: list[str] = []
    with prepared(lab, "old", prepare) as start:
        host = lab.create("uninterrupted", like=start)
        before = snapshot(host)
        points = HostApp(host).run(ban)["points"]
        lab.destroy(host)
        chosen = [number for number, point in enumerate(points, 1) if point.startswith(BETWEEN_WRITES)]
        assert len(chosen) > 3, points
        for number in chosen:
            host = lab.create("stopped", like=start)
            HostApp(host).kill(ban, number)
            put_code(host)
            finished, lifted = HostApp(host).run(ban), HostApp(host).run({**ban, "state": "lifted"})
            lines = [
                *([finished["error"]] if finished["error"] else []),
                *(["not verified"] if not finished["verified"] else []),
                *([lifted["error"]] if lifted["error"] else []),
                *but_the_app(before.difference(snapshot(host))),
            ]
            problems += [f"{number} {points[number - 1]}: {line}" for line in lines]
            lab.destroy(host)
    assert problems == []
