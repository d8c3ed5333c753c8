# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The capability table says what the backends do."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.hosts import backend
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.capabilities import CAPABILITIES, render_bypasses, render_markdown
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.capability import LAB, RECORDED
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.package_managers import BACKEND_NAMES, DATABASES, PACKAGE_MANAGERS
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.system import System

HOSTS = "ansible_collections.appban.endpoint.plugins.module_utils.hosts"
LAB_TESTS = Path(__file__).resolve().parents[2] / "lab"


def blocks_in(name: str) -> set[tuple[str, str]]:
    """Mechanism and strength of every Block that a backend's file makes, read from its source."""
    module = importlib.import_module(f"{HOSTS}.{name}")

    def value(node: ast.expr) -> str:
        return node.value if isinstance(node, ast.Constant) else getattr(module, node.id)

    found = set()
    for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "Block":
                found.add((value(node.args[2]), value(node.args[4])))
            elif node.func.id == "guard_block":
                found |= blocks_in("rpm.block")
    return found


def test_the_table_has_every_backend_in_the_order_they_are_asked():
    assert tuple(capability.backend for capability in CAPABILITIES) == BACKEND_NAMES


@pytest.mark.parametrize("capability", CAPABILITIES, ids=lambda capability: capability.backend)
def test_the_table_says_what_the_backend_does(capability):
    assert {(each.name, each.strength) for each in capability.mechanisms} == blocks_in(f"{capability.backend}.backend")
    assert [each.strength for each in capability.mechanisms] in ([], ["soft"], ["soft", "strong"])
    assert {each.strength for each in capability.mechanisms} <= set(backend.STRENGTHS)
    assert bool(capability.why_not_strong) is not any(each.strength == "strong" for each in capability.mechanisms)
    assert all(each.bypasses for each in capability.mechanisms)


@pytest.mark.parametrize("manager", PACKAGE_MANAGERS, ids=lambda manager: manager.name)
def test_the_backend_is_what_the_registration_says(manager):
    made = manager.load(System(check_mode=True), True)
    assert (made.name, made.kinds, made.database) == (manager.name, manager.kinds, manager.database)
    assert made.database == DATABASES[manager.name]
    assert {DATABASES[kind] for kind in made.kinds} == {made.database}


@pytest.mark.parametrize("capability", CAPABILITIES, ids=lambda capability: capability.backend)
def test_only_what_has_a_test_on_the_real_tool_is_called_proved(capability):
    assert capability.proved in (LAB, RECORDED)
    assert (LAB_TESTS / f"test_{capability.backend}_backend.py").exists() is (capability.proved == LAB)


def test_the_matrix_is_one_table_with_a_row_each():
    rows = render_markdown().splitlines()
    assert len(rows) == len(CAPABILITIES) + 2
    assert len({line.replace("\\|", "").count("|") for line in rows}) == 1


def test_every_block_is_listed_with_all_that_gets_past_it():
    entries = [re.sub(r"\\(.)", r"\1", line) for line in render_bypasses().splitlines()]
    blocks = [each for capability in CAPABILITIES for each in capability.mechanisms]
    assert len(entries) == len(blocks)
    assert [block.name for entry, block in zip(entries, blocks) if not entry.endswith(f"**: {'; '.join(block.bypasses)}.")] == []
