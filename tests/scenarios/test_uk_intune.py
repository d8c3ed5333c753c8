# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The UK's rules in a simulated Intune tenant."""

from __future__ import annotations

from pathlib import Path

import pytest

from .tenant import lifted, plain, tenant

NOW = "2023-03-20T09:00:00Z"

pytestmark = pytest.mark.usefixtures("graph_contract")


def test_U1_U2_the_whole_life_of_the_ban(tmp_path: Path) -> None:
    policy = plain("uk")
    with tenant(tmp_path, now=NOW) as city:
        before = city.state()
        check = city.run(policy, NOW, check=True)
        assert city.state() == before
        apply = city.run(policy, NOW)
        assert apply.changed()
        assert apply.changes() == check.changes()
        again = city.run(policy, NOW)
        assert not again.changed()
        assert again.writes() == []
        assert not city.run(policy, NOW, check=True).changed()
        assert city.run(lifted(policy), NOW).changed()
        last = city.run(lifted(policy), NOW)
        assert last.writes() == []
        assert city.state() == before
