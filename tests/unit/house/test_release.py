# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a release: one version everywhere, exact pins, and roles that say what they take."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import working_copy
import yaml

from ansible_collections.appban.endpoint.plugins.module_utils.engine.version import VERSION

CHECKOUT = working_copy.CHECKOUT
ROLES = sorted(path.name for path in (CHECKOUT / "roles").glob("*") if path.is_dir())
PINNED = sorted(str(path.relative_to(CHECKOUT)) for path in (*CHECKOUT.glob("requirements-*.txt"), *CHECKOUT.glob("tools/cores/*.txt")))


def load(path: str | Path) -> Any:
    return yaml.safe_load((CHECKOUT / path).read_text(encoding="utf-8"))


def version_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def test_version_is_the_newest_release_or_a_coming_one_with_fragments() -> None:
    version = load("galaxy.yml")["version"]
    newest = max(load("changelogs/changelog.yaml")["releases"], key=version_key)
    fragments = [path.name for path in (CHECKOUT / "changelogs" / "fragments").glob("*.y*ml")]
    assert version_key(version) >= version_key(newest)
    assert version == newest or fragments, f"galaxy.yml says {version}, the changelog {newest}, and there is no fragment for what is new"
    assert f"v{newest}" in (CHECKOUT / "CHANGELOG.rst").read_text(encoding="utf-8")


def test_code_that_cannot_read_the_version_has_the_same() -> None:
    assert load("galaxy.yml")["version"] == VERSION


def test_nothing_says_it_came_with_a_later_version() -> None:
    version = version_key(load("galaxy.yml")["version"])
    documents = [path for path in (CHECKOUT / "plugins").rglob("*") if path.suffix in {".py", ".yml"}]
    documents += (CHECKOUT / "roles").glob("*/meta/argument_specs.yml")
    said = {
        str(path.relative_to(CHECKOUT)): found
        for path in documents
        for found in re.findall(r"^ *version_added: *[\"']?([\d.]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert said
    assert {path: found for path, found in said.items() if version_key(found) > version} == {}


def test_collection_depends_on_no_other() -> None:
    assert load("galaxy.yml")["dependencies"] == {}


@pytest.mark.parametrize("name", PINNED)
def test_development_requirements_are_exact(name: str) -> None:
    lines = (CHECKOUT / name).read_text(encoding="utf-8").splitlines()
    requirements = [line for line in lines if line.strip() and not line.startswith("#")]
    assert requirements
    assert [line for line in requirements if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)] == []


def test_requirements_of_a_controller_hold_in_the_development_environment() -> None:
    exact = (CHECKOUT / "requirements-dev.txt").read_text(encoding="utf-8")
    runtime = [line for line in (CHECKOUT / "requirements.txt").read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert runtime
    for line in runtime:
        # No upper bound: certification forbids it, and a controller's other collections may need a newer one.
        name, lowest = re.fullmatch(r"([\w-]+)>=([\d.]+)", line).groups()  # type: ignore[union-attr]
        pinned = re.search(rf"^{name}==([\d.]+)$", exact, re.MULTILINE)
        assert pinned, f"{name} is not pinned in requirements-dev.txt"
        assert version_key(lowest) <= version_key(pinned[1])


def test_execution_environment_names_files_that_exist() -> None:
    dependencies = load("meta/execution-environment.yml")["dependencies"]
    assert set(dependencies) == {"python", "system"}
    assert [name for name in dependencies.values() if not (CHECKOUT / name).is_file()] == []


@pytest.mark.parametrize("role", ROLES)
def test_role_has_a_readme_and_says_what_it_takes(role: str) -> None:
    room = CHECKOUT / "roles" / role
    assert (room / "README.md").is_file()
    specs = load(room / "meta" / "argument_specs.yml")["argument_specs"]
    assert specs["main"]["short_description"]
    for entry_point in specs:
        assert (room / "tasks" / f"{entry_point}.yml").is_file()


@pytest.mark.parametrize("role", ROLES)
def test_role_defaults_are_those_it_documents(role: str) -> None:
    defaults_file = CHECKOUT / "roles" / role / "defaults" / "main.yml"
    defaults = (load(defaults_file) or {}) if defaults_file.is_file() else {}
    options: dict[str, Any] = {}
    for spec in load(CHECKOUT / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"].values():
        options.update(spec.get("options", {}))
    assert set(defaults) <= set(options), "defaults/main.yml sets what argument_specs.yml doesn't name"
    documented = {name: option["default"] for name, option in options.items() if "default" in option}
    literal = {name: value for name, value in defaults.items() if "{{" not in str(value)}
    assert {name: documented.get(name) for name in literal} == literal
