# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outbox: each notice once, on disk before the ledger knows of it, whatever a killed run left behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import EvidenceError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.fleet import FleetDevice, ManagedDevice
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.notices import Notice
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.ledger import EVENTS, Ledger
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.outbox import Outbox
from tests.support.mdm_samples import fleet as decided
from tests.support.mdm_samples import policy

NOW = "2023-03-15T08:00:00Z"
PAGE = (Path(__file__).resolve().parents[3] / "docs" / "evidence.md").read_text(encoding="utf-8")


def fleet() -> list[FleetDevice]:
    record = {"id": "d1", "serial": "SN1", "user": "jane@city.example", "platform": "ios"}
    return decided([policy()], [ManagedDevice(record)])


def notice(apps: tuple[str, ...] = ("tiktok",), stage: str = "city/All/") -> Notice:
    return Notice("d1", 0, stage, apps, "Please remove TikTok", "City IT asks you to remove it.")


def lines(outbox: Outbox) -> list[dict[str, object]]:
    return [json.loads(line) for line in Path(outbox.path).read_text(encoding="utf-8").splitlines()]


def open_ledger(directory: Path) -> Ledger:
    return Ledger.open(str(directory), "jamf", writable=True)


def test_a_notice_says_whom_it_is_for_and_what_it_says(tmp_path: Path) -> None:
    outbox, ledger = Outbox(str(tmp_path), "jamf"), open_ledger(tmp_path)
    outbox.hand_over(ledger, NOW, [notice()], fleet())
    (line,) = lines(outbox)
    assert line.pop("id")
    assert line == {
        "at": NOW, "device": "d1", "serial": "SN1", "user": "jane@city.example", "stage": "city/All/", "apps": ["tiktok"],
        "title": "Please remove TikTok", "body": "City IT asks you to remove it.",
    }  # fmt: skip
    assert open_ledger(tmp_path).noticed_at("d1", "city/All/", "tiktok") == NOW


def test_a_run_killed_before_the_ledger_knew_does_not_hand_over_twice(tmp_path: Path) -> None:
    outbox = Outbox(str(tmp_path), "jamf")
    outbox.hand_over(open_ledger(tmp_path / "lost"), NOW, [notice()], fleet())
    outbox.hand_over(open_ledger(tmp_path), NOW, [notice(), notice(stage="city/All/2023-04-01T00:00:00Z")], fleet())
    assert [line["stage"] for line in lines(outbox)] == ["city/All/", "city/All/2023-04-01T00:00:00Z"]


def test_half_a_line_of_a_killed_run_is_handed_over_again(tmp_path: Path) -> None:
    outbox = Outbox(str(tmp_path), "jamf")
    outbox.hand_over(open_ledger(tmp_path), NOW, [notice()], fleet())
    whole = Path(outbox.path).read_bytes()
    Path(outbox.path).write_bytes(whole[:-1])
    outbox.hand_over(open_ledger(tmp_path), NOW, [notice()], fleet())
    assert Path(outbox.path).read_bytes() == whole


def test_lines_of_somebody_else_stay(tmp_path: Path) -> None:
    outbox = Outbox(str(tmp_path), "jamf")
    Path(outbox.path).write_text("a note of the help desk\n", encoding="utf-8")
    outbox.hand_over(open_ledger(tmp_path), NOW, [notice()], fleet())
    assert Path(outbox.path).read_text(encoding="utf-8").startswith("a note of the help desk\n{")


def test_an_outbox_that_cannot_be_written_to_stops_what_it_announces(tmp_path: Path) -> None:
    (tmp_path / "jamf.notices.jsonl").mkdir()
    ledger = open_ledger(tmp_path)
    with pytest.raises(EvidenceError, match="cannot write the outbox"):
        Outbox(str(tmp_path), "jamf").hand_over(ledger, NOW, [notice()], fleet())
    assert not ledger.noticed_at("d1", "city/All/", "tiktok")


def test_the_line_that_the_documentation_shows_is_one_that_is_written(tmp_path: Path) -> None:
    example = PAGE.split("## The outbox")[1].split("```json\n")[1].split("\n```")[0]
    shown = json.loads(example)
    record = {"id": shown["device"], "serial": shown["serial"], "user": shown["user"], "platform": "ios"}
    told = Notice(shown["device"], 0, shown["stage"], tuple(shown["apps"]), shown["title"], shown["body"])
    outbox = Outbox(str(tmp_path), "jamf")
    outbox.hand_over(open_ledger(tmp_path), shown["at"], [told], decided([policy()], [ManagedDevice(record)]))
    assert Path(outbox.path).read_text(encoding="utf-8") == example + "\n"


def test_every_event_of_the_ledger_is_documented() -> None:
    table = PAGE.split("## The ledger")[1].split("\n\n`at`")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(name.strip(" `") for row in rows for name in row.split(",")) == sorted(EVENTS)
