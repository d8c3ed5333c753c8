# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What exemptions name in a whole run: nothing is claimed where a record doesn't say whom they name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.plugin_utils.run_exemptions import unmatched_exemptions

TARGETS = ("city", "hosts")


def exemption(devices: int, *unmatched: str) -> str:
    return json.dumps(
        {"row": "exemption", "policy": "uk", "exemption": "EX-1", "state": "active", "devices": devices, "unmatched": unmatched}
    )  # fmt: skip


def written(directory: Path, target: str, rows: Sequence[str], fleet: str = "complete") -> None:
    last: dict[str, Any] = {"row": "totals", "fleet": fleet}
    lines = [json.dumps({"row": "header"}), *rows, json.dumps({"row": "class"}), json.dumps(last)]
    (directory / f"{target}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def test_a_name_is_matched_by_a_device_of_any_target(tmp_path: Path) -> None:
    written(tmp_path, "city", [exemption(1, "devices[1]", "devices[2]")])
    written(tmp_path, "hosts", [exemption(1, "devices[0]", "devices[2]")])
    assert unmatched_exemptions(str(tmp_path), TARGETS) == ["uk/EX-1 (devices[2])"]


@pytest.mark.fault_kind("D1", "a record that can't be read, or whose fleet was not read whole, makes no exemption one that matches nothing")
@pytest.mark.parametrize("harm", ["a damaged row", "a row without its kind", "no record", "a fleet in doubt"])
def test_nothing_is_claimed_where_one_target_does_not_tell(tmp_path: Path, harm: str) -> None:
    written(tmp_path, "city", [exemption(0, "devices[0]")])
    assert unmatched_exemptions(str(tmp_path), ["city"]) == ["uk/EX-1 (devices[0])"]
    if harm == "a fleet in doubt":
        written(tmp_path, "hosts", [exemption(0, "devices[0]")], "doubted")
    elif harm != "no record":
        written(tmp_path, "hosts", ["{\"row\": \"exemp" if harm == "a damaged row" else "{}"])
    assert unmatched_exemptions(str(tmp_path), TARGETS) == []
