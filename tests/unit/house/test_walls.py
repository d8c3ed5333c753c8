# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walls of the house: which room may import what, read from the source."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import host_code
import pytest
import working_copy

PLUGINS = working_copy.CHECKOUT / "plugins"
OURS = "ansible_collections.appban.endpoint.plugins."

#: Room -> what it may import besides the standard library and itself, as regular expressions over module names.
ROOMS = {
    "module_utils/policy": ("jmespath",),
    "module_utils/documents": ("yaml", r"OURS\.module_utils\.policy"),
    "module_utils/engine": (r"OURS\.module_utils\.policy\.model",),
    # The list of what no ban may touch is one for policies and for hosts; it is data.
    "module_utils/hosts": (r"OURS\.module_utils\.engine", r"OURS\.module_utils\.policy\.protected_packages"),
    "module_utils/mdm/http": ("requests", r"OURS\.module_utils\.(engine|policy)"),
    "module_utils/mdm/planning": (r"OURS\.module_utils\.(engine|policy)",),
    "module_utils/mdm/apple": (r"OURS\.module_utils\.(engine|policy|mdm\.planning)",),
    "module_utils/mdm/run": (r"OURS\.module_utils\.(engine|policy|documents|mdm\.(http|planning))",),
    "module_utils/targets": ("requests", "cryptography", r"OURS\.module_utils\.(engine|policy|documents|mdm)"),
    "plugin_utils": (r"ansible\.", "yaml", r"OURS\.module_utils"),
    "modules": (r"ansible\.module_utils\.", r"OURS\.module_utils"),
    "action": (r"ansible\.", r"OURS\.(module_utils|plugin_utils)"),
    "filter": (r"ansible\.", r"OURS\.(module_utils|plugin_utils)"),
    "lookup": (r"ansible\.", r"OURS\.(module_utils|plugin_utils)"),
    "doc_fragments": (),
}
BUILT = tuple(room for room in ROOMS if room.startswith("module_utils/")) + ("modules",)


def imports(source: str, module: str, is_package: bool = False) -> Iterator[tuple[int, str]]:
    """Yield the line and the full name of everything that a module imports, relative imports resolved.

    ``from a import b`` yields ``a.b``: b may be a module, and a prefix is all the walls need.
    """
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*start, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{name}.{alias.name}") for alias in node.names)


def breaches(room: str, source: str, module: str, is_package: bool = False) -> list[str]:
    """List the imports of one file that its room's walls forbid."""
    own = OURS + room.replace("/", ".")
    if room == "module_utils/targets":
        # Each target is a room of its own: targets never import each other.
        own = ".".join(module.split(".")[: own.count(".") + 2])
    allowed = [re.escape(own) + r"\."] + [pattern.replace(r"OURS\.", re.escape(OURS)) for pattern in ROOMS[room]]
    return [
        f"line {line}: {name}"
        for line, name in imports(source, module, is_package)
        if name.split(".")[0] not in sys.stdlib_module_names and not any(re.match(rf"(?:{pattern})(?:\b|$)", name) for pattern in allowed)
    ]


def files(room: str) -> list[Path]:
    return sorted((PLUGINS / room).rglob("*.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_room_imports_only_what_its_walls_allow(room: str) -> None:
    found = {}
    for path in files(room):
        module = host_code.module_name(path.relative_to(working_copy.CHECKOUT))
        found[str(path.relative_to(PLUGINS))] = breaches(room, path.read_text(encoding="utf-8"), module, path.name == "__init__.py")
    assert not {path: lines for path, lines in found.items() if lines}


@pytest.mark.parametrize("room", BUILT)
def test_room_is_where_the_walls_look_for_it(room: str) -> None:
    assert files(room), f"plugins/{room} has no Python file; if it moved, ROOMS has to follow"


def test_every_plugin_file_is_in_a_room() -> None:
    homeless = {
        str(path.relative_to(PLUGINS))
        for path in PLUGINS.rglob("*.py")
        if not any(path.is_relative_to(PLUGINS / room) for room in ROOMS) and path.read_text(encoding="utf-8").strip()
    }
    assert not homeless


def test_module_imports_at_most_one_target() -> None:
    for path in files("modules"):
        module = host_code.module_name(path.relative_to(working_copy.CHECKOUT))
        pattern = re.compile(re.escape(OURS) + r"module_utils\.targets\.(\w+)")
        targets = {match[1] for _line, name in imports(path.read_text(encoding="utf-8"), module) if (match := pattern.match(name))}
        assert len(targets) <= 1, f"{path.name} imports {sorted(targets)}"


def test_host_code_imports_nothing_but_the_standard_library_and_ansible_module_utils() -> None:
    reached = host_code.files()
    assert any(path.is_relative_to("plugins/module_utils/hosts") for path in reached)
    for path in reached:
        module = host_code.module_name(path)
        source = (working_copy.CHECKOUT / path).read_text(encoding="utf-8")
        for line, name in imports(source, module, path.name == "__init__.py"):
            at_hand = name.split(".")[0] in sys.stdlib_module_names or name.startswith((OURS, "ansible.module_utils."))
            assert at_hand, f"{path}:{line}: {name}"


@pytest.mark.parametrize(
    ("room", "module", "source", "breach"),
    [
        ("module_utils/policy", "module_utils.policy.parse", "import yaml", "line 1: yaml"),
        ("module_utils/policy", "module_utils.policy.parse", "from ..engine import plan", "engine.plan"),
        ("module_utils/policy", "module_utils.policy.parse", "from ..documents import load", "documents.load"),
        ("module_utils/documents", "module_utils.documents.load", "from ..engine.errors import AppbanError", "errors.AppbanError"),
        ("module_utils/engine", "module_utils.engine.plan", "from ..policy.decide import decide", "policy.decide.decide"),
        ("module_utils/engine", "module_utils.engine.plan", "from .. import hosts", "module_utils.hosts"),
        ("module_utils/hosts", "module_utils.hosts.apt.backend", "def f():\n    from ...policy import model", "line 2"),
        ("module_utils/hosts", "module_utils.hosts.apt.backend", f"import {OURS}module_utils.mdm.http.session", "mdm.http.session"),
        ("module_utils/targets", "module_utils.targets.intune.client", "from ..jamf import client", "targets.jamf.client"),
        ("module_utils/mdm/http", "module_utils.mdm.http.session", "from ..run.ledger import Ledger", "mdm.run.ledger"),
        ("module_utils/mdm/http", "module_utils.mdm.http.session", "from ..planning import ownership", "mdm.planning.ownership"),
        ("module_utils/mdm/planning", "module_utils.mdm.planning.notices", "from ..run.ledger import Ledger", "mdm.run.ledger"),
        ("module_utils/mdm/planning", "module_utils.mdm.planning.notices", "from ..http.session import Session", "mdm.http.session"),
        ("modules", "modules.host_app", "import requests", "requests"),
    ],
)
def test_walls_notice_a_breach(room: str, module: str, source: str, breach: str) -> None:
    found = breaches(room, source, OURS + module)
    assert len(found) == 1
    assert breach in found[0]


@pytest.mark.parametrize(
    ("room", "module", "source"),
    [
        ("module_utils/policy", "module_utils.policy.parse", "import json, jmespath\nfrom . import model\nfrom jmespath import exceptions"),
        ("module_utils/documents", "module_utils.documents.load", "import yaml\nfrom ..policy.problems import Problem"),
        ("module_utils/engine", "module_utils.engine.plan", "from ..policy.model import Policy\nfrom .errors import X"),
        ("module_utils/hosts", "module_utils.hosts.apt.backend", "from ...engine.plan import Change\nfrom ..system import System"),
        ("module_utils/targets", "module_utils.targets.intune.client", "from ...mdm.http import session\nfrom . import devices"),
        ("module_utils/mdm/run", "module_utils.mdm.run.options", "from ..http.session import Session\nfrom ..planning import ownership"),
    ],
)
def test_walls_let_the_right_imports_through(room: str, module: str, source: str) -> None:
    assert breaches(room, source, OURS + module) == []
