# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The versions of ansible-core are the same wherever they are named, and none of them is let off a sanity test."""

from __future__ import annotations

import re
from pathlib import Path

import cores
import pytest
import working_copy
import yaml

CHECKOUT = working_copy.CHECKOUT
VERSIONS = [core.version for core in cores.CORES]


def read(path: str) -> str:
    return (CHECKOUT / path).read_text(encoding="utf-8")


def minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def test_cores_are_in_order_and_two_ends_are_named() -> None:
    assert sorted(VERSIONS, key=minor) == VERSIONS
    assert (cores.OLDEST.version, cores.NEWEST.version) == (VERSIONS[0], VERSIONS[-1])


def test_the_floor_is_the_oldest_core_everywhere() -> None:
    oldest = cores.OLDEST.version
    assert yaml.safe_load(read("meta/runtime.yml"))["requires_ansible"] == f">={oldest}.0"
    for role in CHECKOUT.glob("roles/*/meta/main.yml"):
        assert yaml.safe_load(role.read_text(encoding="utf-8"))["galaxy_info"]["min_ansible_version"] == oldest
    named = re.findall(r"ansible-core (\d+\.\d+) or later", read("README.md") + read("docs/running.md"))
    assert set(named) == {oldest}


def test_documentation_lists_every_core_with_its_python() -> None:
    section = read("docs/running.md").partition("## Versions")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+\.\d+)[^|]* \| (3\.\d+) \|", section, re.MULTILINE)
    assert rows == [(core.version, core.python) for core in cores.CORES]


def test_each_core_has_its_requirements_and_there_are_no_others() -> None:
    assert {path.stem for path in (CHECKOUT / "tools" / "cores").iterdir()} == set(VERSIONS)
    for core in cores.CORES:
        assert re.search(rf"^ansible-core=={re.escape(core.version)}\.", read(core.requirements), re.MULTILINE)


def test_most_tests_run_on_the_one_that_is_said_to_be_theirs() -> None:
    pinned, own = (
        re.search(r"^ansible-core==.+$", read(path), re.MULTILINE) for path in ("requirements-dev.txt", cores.DEVELOPMENT.requirements)
    )
    assert pinned
    assert own
    assert pinned[0] == own[0]


@pytest.mark.parametrize("core", cores.CORES, ids=lambda core: core.version)
def test_what_a_controller_needs_is_in_the_environment_of_each_core(core: cores.Core) -> None:
    needed = re.findall(r"^([\w-]+)>=", read("requirements.txt"), re.MULTILINE)
    assert needed
    assert [name for name in needed if not re.search(rf"^{name}==", read(core.requirements), re.MULTILINE)] == []


def test_nothing_that_users_get_has_an_upper_bound() -> None:
    for name in ("requirements.txt", "bindep.txt", "meta/runtime.yml"):
        lines = [line.partition("#")[0] for line in read(name).splitlines()]
        assert [line for line in lines if re.search(r"<|==|~=|!=", line)] == [], name


def test_no_sanity_test_is_ignored() -> None:
    ignored = [path for path in Path(CHECKOUT, "tests").glob("sanity/ignore*") if path.read_text(encoding="utf-8").strip()]
    assert ignored == []
