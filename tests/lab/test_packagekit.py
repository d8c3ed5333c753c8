# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real PackageKit with its apt back end against our blocks: the pin lets it pass by name, the guard stops it.

GNOME Software and KDE Discover call the same daemon with the same package ids as pkcon does.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import skip_loudly
from tests.lab.apt_sources import NoArchive
from tests.lab.hosts import Host, Lab
from tests.lab.inside import Inside
from tests.lab.packagekit import ensure_packages, install_packagekit, start_packagekit
from tests.lab.packages import package_path
from tests.lab.root import RootNotBuilt

pytestmark = pytest.mark.long

APP = "tiktok-desktop"
NAMES = (APP, "tiktok-rev", "media-suite")

BY_NAME = pytest.param(("install", APP), APP, id="by-name")
# What GNOME Software sends: name;version;architecture;origin.
BY_ID = pytest.param(("install", f"{APP};2.0;all;local"), APP, id="by-id")
PROVIDER = pytest.param(("install", "tiktok-rev"), "tiktok-rev", id="provider")
BY_FILE = pytest.param(("install-local", package_path("deb", APP, "1.0")), APP, id="by-file")
DEPENDENCY = pytest.param(("install", "media-suite"), "media-suite", id="dependency")
EVERY_WAY = (BY_NAME, BY_ID, PROVIDER, BY_FILE, DEPENDENCY)


@pytest.fixture(scope="module")
def with_packagekit(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Host]:
    """A host with PackageKit and pkcon, for others to begin like."""
    try:
        packages = ensure_packages(lab)
    except (RootNotBuilt, NoArchive) as error:
        skip_loudly(request.config, "PackageKit", "PackageKit's Debian packages are needed", [str(error)])
    host = lab.create("packagekit")
    install_packagekit(host, packages)
    yield host
    lab.destroy(host)


@pytest.fixture
def desktop(lab: Lab, with_packagekit: Host) -> Iterator[Host]:
    """A host on which PackageKit runs."""
    host = lab.create("desk", like=with_packagekit)
    start_packagekit(host)
    yield host
    lab.destroy(host)


def pkcon(host: Host, *arguments: str, user: str = "root") -> tuple[int, str]:
    """pkcon's exit code and what it said."""
    done = host.run(["pkcon", "--noninteractive", "--plain", *arguments], user=user, timeout=120)
    return done.returncode, done.stdout + done.stderr


def installed(host: Host) -> set[str]:
    """Which of the app and its traps dpkg has installed."""
    lines = host.run(["dpkg-query", "-W", "-f=${db:Status-Status} ${Package}\\n"], check=True).stdout.splitlines()
    return {line.split()[1] for line in lines if line.startswith("installed ")}.intersection(NAMES)


@pytest.mark.parametrize(("arguments", "name"), EVERY_WAY)
def test_without_a_block_packagekit_installs(desktop: Host, arguments: tuple[str, ...], name: str) -> None:
    code, said = pkcon(desktop, *arguments)
    assert (code, name in installed(desktop)) == (0, True), said


@pytest.mark.parametrize(("arguments", "name"), [BY_NAME, BY_ID, PROVIDER, BY_FILE])
def test_the_pin_lets_packagekit_pass_and_says_so(desktop: Host, arguments: tuple[str, ...], name: str) -> None:
    answer = Inside(desktop, "apt.backend", "Apt").block([APP])
    assert answer["problems"] == []
    (pin,) = answer["blocks"]
    assert {APP, "tiktok-rev"} <= set(pin["names"])
    code, said = pkcon(desktop, *arguments)
    assert (code, installed(desktop)) == (0, {name}), said
    assert [line for line in pin["bypasses"] if line.startswith("PackageKit (pkcon install NAME, pkcon install-local FILE.deb)")]


def test_the_pin_stops_packagekit_where_another_package_needs_the_app(desktop: Host) -> None:
    Inside(desktop, "apt.backend", "Apt").block([APP])
    code, said = pkcon(desktop, "install", "media-suite")
    assert code != 0
    assert "media-suite: Depends: tiktok-desktop" in said
    assert installed(desktop) == set()


@pytest.mark.parametrize(("arguments", "name"), EVERY_WAY)
def test_the_guard_stops_packagekit(desktop: Host, arguments: tuple[str, ...], name: str) -> None:
    answer = Inside(desktop, "apt.backend", "Apt").block([APP], strong=[APP])
    assert answer["problems"] == []
    code, said = pkcon(desktop, *arguments)
    assert code != 0
    assert "unmet dependencies" in said
    assert installed(desktop) == set()
    guard = next(block for block in answer["blocks"] if block["mechanism"] == "guard")
    assert not [line for line in guard["bypasses"] if "PackageKit" in line], name


def test_packagekit_does_not_take_the_guard_away(desktop: Host) -> None:
    assert Inside(desktop, "apt.backend", "Apt").block([APP], strong=[APP])["problems"] == []
    code, said = pkcon(desktop, "remove", "appban-guard")
    assert code != 0
    assert "essential packages: appban-guard" in said
    assert desktop.run(["dpkg-query", "-W", "-f=${db:Status-Status}", "appban-guard"], check=True).stdout == "installed"


def test_a_person_without_an_administrators_password_installs_nothing(desktop: Host) -> None:
    code, said = pkcon(desktop, "install", APP, user="jana")
    assert code != 0
    assert "Failed to obtain authentication" in said
    assert installed(desktop) == set()
