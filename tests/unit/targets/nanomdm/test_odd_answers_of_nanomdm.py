# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KMFDDM answers of an odd shape, and a KMFDDM that is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import RequestFailed, UncertainWrite
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.api.kmfddm import Kmfddm
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.api.nanomdm import NanoMdm
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.command_uuids import command_mark
from tests.support.loopback import Answer, Rig, rig

CALLS: dict[str, tuple[Callable[[Kmfddm], Any], str]] = {
    "declarations": (lambda server: server.declarations(), "list the declarations"),
    "sets": (lambda server: server.sets(), "list the sets"),
    "set": (lambda server: server.set_declarations("s"), "read the set s"),
    "enrolment": (lambda server: server.enrollment_sets("e"), "read the sets of the enrolment e"),
}


def kmfddm(r: Rig) -> Kmfddm:
    return Kmfddm(r.server.url, "key", r.connection, False)


@pytest.mark.fault_kind("T7", "lists of KMFDDM of an odd shape")
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("body", ["text", {"a": 1}, [None], [{"a": 1}], [""], 7, {"error": "later"}])
def test_an_odd_list_of_names_is_one_error(call: str, body: Any) -> None:
    ask, what = CALLS[call]
    with rig(Answer(200, body)) as r, pytest.raises(RequestFailed, match=f"Failed to {what}: "):
        ask(kmfddm(r))


@pytest.mark.parametrize("body", [None, []])
def test_no_names_are_no_fault(body: Any) -> None:
    with rig(Answer(200, body)) as r:
        assert kmfddm(r).sets() == []


@pytest.mark.fault_kind("T7", "a declaration of an odd shape")
@pytest.mark.parametrize("body", [None, "text", [], {}, {"Identifier": "other"}])
def test_an_odd_declaration_is_one_error(body: Any) -> None:
    with rig(Answer(200, body)) as r, pytest.raises(RequestFailed, match="Failed to read the declaration d: "):
        kmfddm(r).declaration("d")


@pytest.mark.fault_kind("T7", "a status of an odd shape")
@pytest.mark.parametrize(
    "body",
    ["text", [], {"e": {}}, {"e": "x"}, {"e": [None]}, {"e": [{"valid": "valid"}]}, {"e": [{"identifier": None}]}, {"error": "later"}],
)
def test_an_odd_status_is_one_error(body: Any) -> None:
    with rig(Answer(200, body)) as r, pytest.raises(RequestFailed, match="Failed to read the status of declarations of 1 devices: "):
        kmfddm(r).statuses(["e"])


@pytest.mark.parametrize("body", [None, {}, {"e": []}, {"e": None}])
def test_a_device_that_never_reported_is_no_fault(body: Any) -> None:
    with rig(Answer(200, body)) as r:
        assert kmfddm(r).statuses(["e"]) == {"e": ()}


@pytest.mark.fault_kind("T7", "an answer of NanoMDM of an odd shape")
@pytest.mark.parametrize("body", [None, "text", [], 7])
def test_an_odd_answer_to_a_command_is_no_queued_command(body: Any) -> None:
    with rig(Answer(200, body)) as r:
        server = NanoMdm(r.server.url, "key", r.connection, False)
        outcome = server.enqueue({"RequestType": "ProfileList"}, ["e"], command_mark("query", {}), "occasion")
        assert not outcome.queued
        assert "nobody knows whether it is queued" in outcome.failed["e"]


@pytest.mark.fault_kind("T9", "a KMFDDM that is not there is not asked once per device")
def test_waking_up_ends_soon_where_the_server_is_gone() -> None:
    with rig() as r:
        server = Kmfddm("http://127.0.0.1:1", "key", r.connection, False)
        warnings = server.notify([], [f"e{number}" for number in range(200)]).warnings
        assert len(warnings) == 1
        assert "no connection" in warnings[0]
        assert r.clock.passed <= 1


@pytest.mark.fault_kind("T10", "a delete of KMFDDM that is throttled for long")
def test_a_throttled_delete_is_made_in_the_end() -> None:
    with rig(*[Answer(429)] * 14, Answer(204), deadline=3600) as r:
        assert kmfddm(r).delete_set_declaration("s", "d")
    with rig(*[Answer(503)] * 14, Answer(304), deadline=3600) as r:
        assert not kmfddm(r).delete_declaration("d")


def test_other_writes_are_still_sent_once() -> None:
    with rig(Answer(503)) as r:
        with pytest.raises((UncertainWrite, RequestFailed)):
            kmfddm(r).put_set_declaration("s", "d")
        assert sum(seen.method == "PUT" for seen in r.seen) == 1
