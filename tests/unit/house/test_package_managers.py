# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package manager is one folder, one registration, and its names in lists that are kept for all: nothing else knows it."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import working_copy
import yaml

from ansible_collections.appban.endpoint.plugins.module_utils.hosts.package_manager import PackageManager
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.package_managers import BACKEND_NAMES, PACKAGE_KINDS, PACKAGE_MANAGERS
from ansible_collections.appban.endpoint.plugins.module_utils.policy.identifiers import KINDS
from ansible_collections.appban.endpoint.plugins.module_utils.policy.protected_packages import NEVER_NAMED, PROTECTED_PACKAGES

PLUGINS = working_copy.CHECKOUT / "plugins"
IN_HOSTS = "module_utils/hosts/"
HOSTS = PLUGINS / IN_HOSTS
#: Folders of hosts/ that are no package manager's, and who shares them.
SHARED = {"rpm": ("dnf4", "dnf5", "zypper")}
#: Files that name package managers, beside their folders; CONTRIBUTING.md lists them under "Adding a package manager".
LISTS = {
    "module_utils/hosts/package_managers.py": "the registration",
    "module_utils/policy/identifiers.py": "kinds of identifiers",
    "module_utils/policy/protected_packages.py": "what no ban may touch",
    "module_utils/policy/protected.py": "what no policy may name",
    "modules/host_app.py": "the documentation of the option backends, which Ansible reads as it stands",
}
#: Files that name one package manager because they are about what it and others share.
NAMED_IN = {
    "module_utils/hosts/home_scan.py": ("flatpak",),
    "module_utils/hosts/data_places.py": ("flatpak",),
    "module_utils/hosts/accounts.py": ("flatpak",),
    "module_utils/hosts/trust.py": ("snap",),
}


def words(path: Path) -> Iterator[str]:
    """What a file says to Python: names, and texts that are no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings:
            yield node.value
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.alias):
            yield node.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@functools.cache
def named() -> dict[str, frozenset[str]]:
    """File below plugins/ -> the package managers that it names."""
    any_name = re.compile(rf"(?<![\w-])(?:{'|'.join(BACKEND_NAMES)})(?![\w-])")
    return {
        path.relative_to(PLUGINS).as_posix(): frozenset(name for word in words(path) for name in any_name.findall(word))
        for path in PLUGINS.rglob("*.py")
    }


@pytest.mark.parametrize("manager", PACKAGE_MANAGERS, ids=lambda manager: manager.name)
def test_a_package_manager_is_a_folder(manager: PackageManager) -> None:
    for name in ("package_manager.py", "backend.py", "capability.py"):
        assert (HOSTS / manager.name / name).is_file()


def test_every_folder_is_registered() -> None:
    folders = {path.parent.name for path in HOSTS.glob("*/*.py")}
    assert folders == {*BACKEND_NAMES, *SHARED}
    assert len(set(BACKEND_NAMES)) == len(BACKEND_NAMES)


@pytest.mark.parametrize("name", BACKEND_NAMES)
def test_nothing_but_its_folder_the_registration_and_the_lists_knows_a_package_manager(name: str) -> None:
    own = tuple(f"{IN_HOSTS}{each}/" for each in (name, *(folder for folder, sharing in SHARED.items() if name in sharing)))
    elsewhere = {file for file, names in named().items() if name in names and not file.startswith(own)}
    assert elsewhere <= {*LISTS, *(file for file, names in NAMED_IN.items() if name in names)}


def test_every_file_that_may_name_a_package_manager_does() -> None:
    assert all(named()[file] for file in LISTS)
    assert {file: set(names) for file, names in NAMED_IN.items()} == {file: set(named()[file]) for file in NAMED_IN}


def test_the_lists_have_every_package_manager() -> None:
    assert set(PACKAGE_KINDS) <= set(KINDS)
    assert set(NEVER_NAMED) == set(PACKAGE_KINDS)
    assert set(PROTECTED_PACKAGES) == {each.database for each in PACKAGE_MANAGERS}


def test_the_documentation_offers_every_package_manager() -> None:
    module = PLUGINS / "modules" / "host_app.py"
    documentation = next(word for word in words(module) if word.lstrip().startswith("module:"))
    specs = yaml.safe_load((working_copy.CHECKOUT / "roles" / "host" / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    assert yaml.safe_load(documentation)["options"]["backends"]["choices"] == list(BACKEND_NAMES)
    assert specs["argument_specs"]["main"]["options"]["appban_host_backends"]["choices"] == list(BACKEND_NAMES)
