# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""H10: a program that a removal script leaves behind keeps the run neither waiting nor from its success."""

from __future__ import annotations

import pytest

from .support import APP, Machine, banned, install_built, seen

# Whole runs on hosts of the lab take seconds each.
pytestmark = [pytest.mark.fault_kind("H10", "children that hold pipes"), pytest.mark.long]

BACKENDS = {"deb": "apt", "rpm": "dnf4"}


@pytest.mark.parametrize("kind", BACKENDS)
def test_a_daemon_of_a_removal_script_is_left_alone(machine: Machine, kind: str) -> None:
    """Two of them: one that would end when asked, and one that wouldn't. Both hold what the script's output goes to."""
    script = "sleep 300 &\n(trap '' TERM HUP; exec sleep 300) &"
    install_built(machine.host, kind, APP, before_removal=script)
    result = machine.ban(banned(**{kind: APP}), backends=[BACKENDS[kind]], seconds=30)
    app = seen(result)
    assert (app["removal"], app["after"], app["block"], app["error"]) == ("done", False, "soft", "")
    assert result["verified"] is True
    # Whoever started it meant it to go on.
    assert len(machine.host.processes()) == 2
