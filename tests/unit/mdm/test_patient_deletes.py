# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deletes of what is ours go on as long as the run may last; a throttle must not leave half a lift behind."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import OutOfTime, RequestFailed, UncertainWrite
from tests.support.loopback import Answer, rig

THROTTLES = [Answer(429), Answer(429, headers={"Retry-After": "30"}), Answer(503), Answer(503, headers={"Retry-After": "30"})]


@pytest.mark.fault_kind("T10", "a delete that is throttled for long")
@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize("throttle", THROTTLES, ids=repr)
@pytest.mark.parametrize("end", [Answer(204), Answer(404)], ids=["done", "gone"])
def test_a_throttled_delete_is_made_in_the_end(repeatable: bool, throttle: Answer, end: Answer) -> None:
    with rig(*[throttle] * 14, end, deadline=3600) as r:
        assert r.session.delete("x", what="delete x", repeatable=repeatable).status == end.status
        assert r.counts == {"reads": 0, "writes": 1, "retries": 14}


@pytest.mark.fault_kind("T10", "a delete that is throttled beyond the deadline")
@pytest.mark.parametrize("throttle", THROTTLES, ids=repr)
def test_a_delete_that_is_throttled_to_the_end_says_which(throttle: Answer) -> None:
    with rig(throttle, deadline=600) as r, pytest.raises(OutOfTime, match="Failed to delete the group BAN tiktok: "):
        r.session.delete("x", what="delete the group BAN tiktok")
    assert r.clock.passed < 600
    assert len(r.seen) > 6


@pytest.mark.fault_kind("T10", "throttles don't use up the attempts for what breaks")
def test_a_broken_connection_after_many_throttles_is_no_end() -> None:
    with rig(*[Answer(429)] * 10, Answer(drop=True), Answer(404), deadline=3600) as r:
        assert r.session.delete("x", what="delete x").status == 404


@pytest.mark.fault_kind("T10", "what is not a throttle ends a delete as before")
@pytest.mark.parametrize(("repeatable", "kind", "sent"), [(True, RequestFailed, 6), (False, UncertainWrite, 1)])
def test_other_trouble_keeps_its_bound(repeatable: bool, kind: Any, sent: int) -> None:
    with rig(Answer(504)) as r:
        with pytest.raises(kind):
            r.session.delete("x", what="delete x", repeatable=repeatable)
        assert len(r.seen) == sent


def test_other_writes_keep_their_bound() -> None:
    with rig(Answer(429)) as r:
        with pytest.raises(RequestFailed):
            r.session.put("x", what="write x", body={})
        assert len(r.seen) == 6
