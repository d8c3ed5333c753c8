# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown on a terminal by an action plugin can do nothing to it, and one line of a server is one line."""

from __future__ import annotations

import ast
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.plugin_utils import tenant_module
from ansible_collections.appban.endpoint.plugins.plugin_utils.action_refusal import refusal
from ansible_collections.appban.endpoint.plugins.plugin_utils.progress_lines import printable
from ansible_collections.appban.endpoint.plugins.plugin_utils.tenant_results import tenant_text

PLUGINS = Path(__file__).parents[3] / "plugins"
#: Clears the screen, sets the title in two ways, turns the direction, and begins a line in five ways.
EVIL = "OK\x1b[2J\x1b]0;own\x07\x9b2J\u202egnirts\u2066\r\x0b\x1c\x85\u2028fatal: none"
SHOWN = r"OK\x1b[2J\x1b]0;own\x07\x9b2J\u202egnirts\u2066\x0d\x0b\x1c\x85\u2028fatal: none"
LONG = "x" * 3000


def action() -> Any:
    shown: list[str] = []

    def display(text: str, color: str | None = None) -> None:
        shown.append(text)

    return SimpleNamespace(_display=SimpleNamespace(display=display), shown=shown)


@pytest.mark.fault_kind("D4", "what a server says reaches the terminal as it is")
def test_problems_in_lines_of_their_own_do_nothing_to_a_terminal() -> None:
    plugin = action()
    error = refusal(plugin, "two failed:\nfirst: %s\nsecond: %s" % (EVIL, LONG))
    assert plugin.shown == ["first: %s\nsecond: %s" % (SHOWN, LONG)]
    assert str(error) == "two failed: 2 problems, each in a line of its own above"


@pytest.mark.fault_kind("D4", "what a server says reaches the terminal as it is")
def test_one_problem_does_nothing_to_a_terminal() -> None:
    plugin = action()
    assert str(refusal(plugin, "failed: " + EVIL)) == "failed: " + SHOWN
    assert str(refusal(plugin, "failed:\n" + EVIL)) == "failed: " + SHOWN
    assert plugin.shown == []


@pytest.mark.fault_kind("D4", "what a server says reaches the terminal as it is")
def test_a_plan_and_the_progress_do_nothing_to_a_terminal() -> None:
    plugin = action()
    tenant_module.show_diff(plugin, [{"before": "", "after": EVIL, "before_header": EVIL}])
    assert plugin.shown == ["--- before: %s\n+++ after: %s\n@@ -0,0 +1 @@\n+%s\n" % (SHOWN, SHOWN, SHOWN)]
    assert printable("city: " + EVIL) == "city: " + SHOWN


@pytest.mark.fault_kind("D4", "what a server says reaches the terminal as it is")
def test_a_summary_does_nothing_to_a_terminal() -> None:
    record = {"totals": {}, "unenforceable": {}, "devices": 0, "in_scope": 0}
    result: dict[str, Any] = {"record": record, "evidence": "e", "notes": [EVIL], "drift": [EVIL], "conflicts": [], "changes": []}
    lines = tenant_text(result, {"policies": [], "now": "now"}, False)
    assert "note: " + SHOWN in lines
    assert "drift: " + SHOWN in lines


@pytest.mark.fault_kind("D4", "what a server says reaches the terminal as it is")
def test_one_place_writes_to_the_terminal() -> None:
    found = [
        path.relative_to(PLUGINS).as_posix()
        for path in sorted(PLUGINS.rglob("*.py"))
        if any(isinstance(node, ast.Attribute) and node.attr == "_display" for node in ast.walk(ast.parse(path.read_text())))
    ]
    assert found == ["plugin_utils/shown_lines.py"]
