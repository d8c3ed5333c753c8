# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal and a record: notes are whole lines on disk, and one that can't be made stops the write."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import EvidenceError
from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import EvidenceRecord, read_rows, verify_record
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.journal import Journal
from tests.support.records import HEADER


def opened(directory: Path) -> EvidenceRecord:
    return EvidenceRecord(str(directory), "20230315T000000Z", "tenant", HEADER)


def test_without_a_record_nothing_is_noted() -> None:
    journal = Journal()
    journal.note("POST", "https://tenant.example/token", "log in")
    assert journal.count == 0


@pytest.mark.fault_kind("R1", "writes to a tenant, many at once")
def test_many_threads_note_whole_lines(tmp_path: Path) -> None:
    record = opened(tmp_path)
    journal = Journal(record)

    def note(name: int) -> None:
        for number in range(20):
            journal.note("PATCH", f"https://tenant.example/{name}/{number}", "change")

    threads = [threading.Thread(target=note, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    record.close(0, 0)
    assert verify_record(record.path)["writes"] == 160
    places = [line["place"] for line in read_rows(record.path) if line["row"] == "write"]
    assert sorted(places) == sorted(f"https://tenant.example/{name}/{number}" for name in range(8) for number in range(20))


@pytest.mark.fault_kind("R1", "a write to a tenant that can't be noted")
def test_what_can_not_be_noted_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = opened(tmp_path)
    journal = Journal(record)

    def full(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EvidenceError, match="No space left on device"):
        journal.note("POST", "https://tenant.example/groups", "create a group")
    record.abandon()
