# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""H6: a removal counts when the files are gone and nothing of them runs; what a package manager says is not enough."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tests.lab import mounts
from tests.support.hosts.fleet import APPLY, ARCH, DEB, RPM, Fleet, Run

from .support import APP, add_host, install_built, start_app

# Whole runs on hosts of the lab take seconds each.
pytestmark = [pytest.mark.fault_kind("H6", "removal that isn't"), pytest.mark.long]

CITY = "inventories/demo/city-tiktok.yml"
INSTANTS = [f"2023-03-{day}T09:00:00+01:00" for day in (20, 21, 22, 23)]
BACKENDS = {"deb": DEB, "rpm": RPM, "pacman": ARCH}
# dpkg itself fails there; the others say that all went well.
HELD = ("rpm", "pacman")
RUNNING = ("deb", "rpm", "pacman")
# A host whose ban has no block.
NO_BLOCK = {"\nrules:\n": "\nrules:\n  - name: Machines that get no block\n    when: {ownership: shared}\n    actions: [remove]\n"}


def program(kind: str) -> str:
    """The one program of the app."""
    return f"/opt/{kind}/{APP}/app"


@dataclass(frozen=True)
class Story:
    """The first run, the next one, one after the administrator ended what was in the way, and one more."""

    fleet: Fleet
    first: Run
    second: Run
    cleared: Run
    last: Run


@pytest.fixture(scope="module")
def story(fleet: Fleet) -> Story:
    """held-KIND: something is mounted on the app's file. running-KIND: jana has the app open."""
    running: list[subprocess.Popen[bytes]] = []
    held = {**{f"held-{kind}": kind for kind in HELD}, "open-rpm": "rpm"}
    for name, kind in held.items():
        host = add_host(fleet, name, BACKENDS[kind])
        host.install_file(kind, APP)
        path = host.path(program(kind))
        mounts.mount(str(path), path, flags=mounts.MS_BIND)
    fleet.variables["open-rpm"]["ownership"] = "shared"
    for kind in RUNNING:
        host = add_host(fleet, f"running-{kind}", BACKENDS[kind])
        install_built(host, kind, APP, program="/usr/bin/sleep")
        running.append(start_app(host, program(kind), "600"))
    policy = fleet.policy(CITY, replace=NO_BLOCK)
    try:
        first, second = (fleet.enforce(policy, now, must_succeed=False) for now in INSTANTS[:2])
    finally:
        for process in running:
            process.kill()
            process.wait()
    for name, kind in held.items():
        path = fleet.hosts[name].path(program(kind))
        mounts.detach(path)
        path.unlink(missing_ok=True)
    cleared, last = (fleet.enforce(policy, now, must_succeed=False) for now in INSTANTS[2:])
    return Story(fleet, first, second, cleared, last)


def applied(run: Run, host: str) -> Mapping[str, object]:
    """What the module said of the app."""
    apps: Mapping[str, Mapping[str, object]] = (run.host_app(host, APPLY) or run.host_app(host))["apps"]
    return apps["tiktok"]


@pytest.mark.parametrize("kind", HELD)
def test_a_file_that_is_still_there_is_no_removal(story: Story, kind: str) -> None:
    name = f"held-{kind}"
    assert not story.fleet.installed(name, kind)
    assert story.first.outcome(name) == "blocked_not_removed: files_remain"
    assert applied(story.first, name)["remains"] == [program(kind)]
    # The database has forgotten the package; what is left of it is not forgotten with it.
    assert story.second.outcome(name) == "blocked_not_removed: files_remain"


def test_a_file_that_is_still_there_without_a_block_is_a_violation(story: Story) -> None:
    assert not story.fleet.installed("open-rpm", "rpm")
    assert story.first.outcome("open-rpm") == "violating: files_remain"
    assert story.second.outcome("open-rpm") == "violating: files_remain"


@pytest.mark.parametrize("kind", RUNNING)
def test_a_program_that_still_runs_is_no_removal(story: Story, kind: str) -> None:
    name = f"running-{kind}"
    assert not story.fleet.installed(name, kind)
    assert story.first.outcome(name) == "blocked_not_removed: still_running"
    assert applied(story.first, name)["running"]
    assert story.second.outcome(name) == "blocked_not_removed: still_running"


@pytest.mark.parametrize("name", [*(f"held-{kind}" for kind in HELD), *(f"running-{kind}" for kind in RUNNING)])
def test_what_was_in_the_way_is_not_told_for_ever(story: Story, name: str) -> None:
    assert story.cleared.outcome(name) in ("removed", "compliant")
    assert story.last.outcome(name) == "compliant"
    assert story.last.row(name)["drift"] == []
    assert not applied(story.last, name)["remains"]
    assert not applied(story.last, name)["running"]
