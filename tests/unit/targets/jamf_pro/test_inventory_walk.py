# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walk over an inventory, whatever the cap, the corrupt records and the pages that are too slow: every row once, in few requests."""

from __future__ import annotations

import json
import random
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.counters import Counters
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import RequestFailed
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.response import Request, Response
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.retry import Safety
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.api import inventory_walk
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.inventory import MOBILE_DEVICES


class Shelf(inventory_walk.Walk):
    """Answers itself, as a server would: pages of its own size, 500 for a page with a corrupt record, nothing for one that is too slow."""

    def __init__(self, rows: int, cap: int, corrupt: frozenset[int], slow: int) -> None:
        jamf: Any = SimpleNamespace(counters=Counters())
        super().__init__(jamf, MOBILE_DEVICES, ("GENERAL",))
        self.count, self.limit, self.corrupt, self.slow = rows, cap, corrupt, slow
        self.asked: list[int] = []

    def ask(self, offset: int, safety: Safety) -> Response | None:
        size = min(self.size, self.limit)
        start = offset // self.size * size
        given = range(start, min(start + size, self.count))
        self.asked.append(self.size)
        if len(given) > self.slow:
            return None
        status = 500 if self.corrupt & set(given) else 200
        body = {"totalCount": self.count, "results": [{"mobileDeviceId": str(number)} for number in given]}
        return Response(Request("GET", "https://jamf.example", "read"), status, {}, json.dumps(body).encode())


def test_every_row_is_read_once() -> None:
    for seed in range(300):
        source = random.Random(seed)
        rows = source.choice([0, 1, 7, 64, 300, 1100])
        cap = source.choice([1, 3, 25, 100, 300, 2000])
        slow = source.choice([1, 10, 100, 2000])
        corrupt = frozenset(number for number in range(rows) if source.random() < 0.01)
        shelf = Shelf(rows, cap, corrupt, slow)
        found = list(shelf.rows())
        expected = [None if number in corrupt else number for number in range(rows)]
        assert [None if row is None else int(row["mobileDeviceId"]) for row in found] == expected, f"seed {seed}"


def test_a_corrupt_record_makes_few_pages_small() -> None:
    shelf = Shelf(4096, 2000, frozenset({700}), 2000)
    assert len(list(shelf.rows())) == 4096
    # Eight pages, and the halves down to the record and up again.
    assert len(shelf.asked) < 30
    assert shelf.asked[-1] == 512


def test_a_fleet_of_one_corrupt_record_ends() -> None:
    assert list(Shelf(1, 2000, frozenset({0}), 2000).rows()) == [None]


def test_rows_that_come_twice_in_the_place_of_others_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf(1000, 2000, frozenset(), 2000)
    honest = shelf.ask
    monkeypatch.setattr(shelf, "ask", lambda offset, safety: honest(0, safety) if len(shelf.asked) == 1 else honest(offset, safety))
    with pytest.raises(RequestFailed, match="says that there are 1000"):
        list(shelf.rows())
