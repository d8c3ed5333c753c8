# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person reads of a run while it runs."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.plugin_utils.progress_display import Tail, progress_shown
from ansible_collections.appban.endpoint.plugins.plugin_utils.progress_lines import IN_A_LOG, ON_A_TERMINAL, Pace, Talk, waits_lines


def line(**event: Any) -> bytes:
    return json.dumps(event).encode()


def wait(**facts: Any) -> bytes:
    event = {"event": "wait", "seconds": 30.0, "asked_by": "server", "why": "HTTP 429", "attempt": 2, "of": 6, "request": "GET /beta/x"}
    return line(**{**event, **facts})


def read(done: int, of: int | None = 20000) -> bytes:
    return line(event="read", things="devices", done=done, of=of)


def said_of(event: bytes) -> str:
    talk = Talk("city-intune", ON_A_TERMINAL, 0.0)
    talk.hear(event)
    return talk.say(2.0)


@pytest.mark.fault_kind("T9", "waits are told")
@pytest.mark.parametrize(
    ("event", "said"),
    [
        (wait(), "the server asked to wait 30 s (HTTP 429, attempt 2 of 6, GET /beta/x)"),
        (wait(of=None), "the server asked to wait 30 s (HTTP 429, attempt 2, GET /beta/x)"),
        (wait(asked_by="back_off", seconds=0.42, why="no route"), "trying again in 0.4 s (no route, attempt 2 of 6, GET /beta/x)"),
        (line(event="wait", seconds=8, asked_by="settle", why="the group BAN exists"), "waiting 8 s until it shows: the group BAN exists"),
        (wait(seconds=125), "the server asked to wait 2 min 5 s (HTTP 429, attempt 2 of 6, GET /beta/x)"),
        (read(4000), "read 4,000 of about 20,000 devices"),
        (read(20000), "read 20,000 of 20,000 devices"),
        (read(4000, None), "read 4,000 devices"),
        (line(event="write", things="members of a group", done=40, of=60), "wrote 40 of 60 members of a group"),
        (line(event="changed", things="changes", done=12, of=340), "12 of 340 changes made"),
        (line(event="changed", things="changes", done=16, of=20, failed=0, skipped=0), "16 of 20 changes made"),
        (line(event="changed", things="changes", done=16, of=20, failed=12, skipped=0), "16 of 20 changes tried, 12 failed"),
        (line(event="changed", done=1600, of=2000, failed=1, skipped=3), "1,597 of 2,000 changes tried, 1 failed, 3 left out"),
    ],
)
def test_events_in_words(event: bytes, said: str) -> None:
    assert said_of(event) == "city-intune: " + said


ODD = [b"", b"[]", b"{", b"\xff", b'{"event": "x"}', b'{"event": "read", "done": "x"}', b"null", b'{"event": "wait"}']


@pytest.mark.parametrize("event", ODD)
def test_what_cannot_be_read_is_passed_over(event: bytes) -> None:
    assert said_of(event) == ""


def test_a_line_cannot_drive_the_terminal() -> None:
    assert "\x1b" not in said_of(wait(why="\x1b[2J\r\n"))
    assert len(said_of(wait(why="x" * 1000))) < 300


def said_at(pace: Pace, heard: dict[int, bytes], until: int) -> dict[int, str]:
    """What is said in which second, of a run that is looked at every second."""
    talk = Talk("t", pace, 0.0)
    said = {}
    for second in range(until):
        if second in heard:
            talk.hear(heard[second])
        text = talk.say(float(second))
        if text:
            said[second] = text
    return said


def test_on_a_terminal_a_wait_is_told_when_it_begins() -> None:
    said = said_at(ON_A_TERMINAL, {2: wait(attempt=1), 32: wait()}, 60)
    assert said == {
        2: "t: the server asked to wait 30 s (HTTP 429, attempt 1 of 6, GET /beta/x)",
        32: "t: the server asked to wait 30 s (HTTP 429, attempt 2 of 6, GET /beta/x); 2 waits so far, 60 s together",
    }


def test_on_a_terminal_nothing_is_said_more_often_than_once_a_second() -> None:
    talk = Talk("t", ON_A_TERMINAL, 0.0)
    said = 0
    for tenth in range(100):
        talk.hear(read(tenth))
        said += bool(talk.say(tenth / 10))
    assert said == 9


def test_a_short_run_is_silent_in_a_log() -> None:
    assert said_at(IN_A_LOG, {second: wait() for second in range(60)}, 60) == {}


def test_in_a_log_there_is_a_line_a_minute() -> None:
    said = said_at(IN_A_LOG, {second: read(second * 100) for second in range(1, 200)}, 200)
    assert said == {
        60: "t: read 6,000 of about 20,000 devices",
        120: "t: read 12,000 of about 20,000 devices",
        180: "t: read 18,000 of about 20,000 devices",
    }


def test_a_run_of_which_nothing_is_heard_is_said_to_be_running() -> None:
    assert said_at(IN_A_LOG, {30: read(3000)}, 130) == {
        60: "t: read 3,000 of about 20,000 devices",
        120: "t: still running after 2 min; read 3,000 of about 20,000 devices so far",
    }
    assert said_at(ON_A_TERMINAL, {}, 31) == {30: "t: still running after 30 s"}


def test_half_a_line_is_read_when_it_is_whole(tmp_path: Path) -> None:
    said: list[str] = []
    now = [0.0]
    path = tmp_path / "file"
    path.touch()
    tail = Tail(str(path), Talk("t", ON_A_TERMINAL, 0.0), said.append, lambda: now[0])
    whole = read(5, 5) + b"\n"
    for second, part in enumerate((whole[:10], whole[10:]), 2):
        with path.open("ab") as file:
            file.write(part)
        now[0] = float(second)
        tail.look()
        assert len(said) == second - 2
    assert said == ["t: read 5 of 5 devices"]


def test_what_is_written_is_shown_while_the_block_runs(tmp_path: Path) -> None:
    shown: list[str] = []
    heard = threading.Event()

    def show(text: str) -> None:
        shown.append(text)
        heard.set()

    with progress_shown("t", show, Pace(0.0, 0.0, 1e9), str(tmp_path), poll=0.001) as path:
        Path(path).write_bytes(read(5, 5) + b"\n")
        assert heard.wait(10)
    assert (shown, list(tmp_path.iterdir())) == (["t: read 5 of 5 devices"], [])


def test_without_a_place_for_the_file_nothing_is_shown_and_nothing_fails(tmp_path: Path) -> None:
    with progress_shown("t", lambda _text: None, ON_A_TERMINAL, str(tmp_path / "gone")) as path:
        assert path == ""


def test_a_file_that_somebody_takes_away_costs_the_run_nothing(tmp_path: Path) -> None:
    with progress_shown("t", lambda _text: None, ON_A_TERMINAL, str(tmp_path), poll=0.001) as path:
        Path(path).unlink()
    assert list(tmp_path.iterdir()) == []


def test_the_summary_says_how_often_how_long_and_who_asked() -> None:
    kind = {"asked_by": "server", "why": "HTTP 429", "request": "GET /beta/x", "waits": 3, "waited": 90, "attempt": 3, "of": 6}
    assert waits_lines([kind, {**kind, "asked_by": "settle", "why": "y", "request": None, "waits": 1, "attempt": 0, "of": None}]) == [
        "3 times, 90 s in all, as the server asked (HTTP 429, GET /beta/x, last at attempt 3 of 6)",
        "once, 90 s in all, as it settles (y)",
    ]
    assert waits_lines([{**kind, "asked_by": "back_off"}]) == [
        "3 times, 90 s in all, of our own accord (HTTP 429, GET /beta/x, last at attempt 3 of 6)"
    ]
    assert waits_lines(None) == []
    assert waits_lines([kind] * 7)[-1] == "and 2 other kinds of waits, see `waits` of the result"


def lines_of(pace: Pace, heard: dict[int, list[bytes]], until: int) -> dict[int, str]:
    """What is said in which second, heard when it was written."""
    talk = Talk("t", pace, 0.0)
    said = {}
    for second in range(until):
        for event in heard.get(second, ()):
            talk.hear(event, float(second))
        text = talk.say(float(second))
        if text:
            said[second] = text
    return said


def unanswered(key: int, request: str = "GET /beta/x") -> bytes:
    return line(event="unanswered", key=key, seconds=5, request=request, attempt=3, of=6)


@pytest.mark.fault_kind("T9", "still running doesn't say what for")
def test_a_wait_under_way_says_how_much_is_left_and_one_that_is_over_nothing() -> None:
    said = lines_of(ON_A_TERMINAL, {2: [wait(seconds=1800)], 70: [wait(seconds=40, asked_by="back_off")]}, 160)
    assert said == {
        2: "t: the server asked to wait 30 min (HTTP 429, attempt 2 of 6, GET /beta/x)",
        32: "t: still waiting as the server asked, 29 min 30 s left (HTTP 429, attempt 2 of 6, GET /beta/x)",
        62: "t: still waiting as the server asked, 29 min left (HTTP 429, attempt 2 of 6, GET /beta/x)",
        70: "t: trying again in 40 s (HTTP 429, attempt 2 of 6, GET /beta/x); 2 waits so far, 30 min 40 s together",
        100: "t: still waiting to try again, 10 s left (HTTP 429, attempt 2 of 6, GET /beta/x)",
        130: "t: still running after 2 min 10 s",
    }


@pytest.mark.fault_kind("T9", "a wait that is over is told as if it began")
def test_a_wait_that_is_over_is_not_told_in_the_present_tense() -> None:
    settles = wait(seconds=2, asked_by="settle", why="the group exists")
    events = {5: [wait(seconds=20)], 70: [wait(seconds=3, asked_by="back_off")], 130: [settles]}
    assert lines_of(IN_A_LOG, events, 190) == {
        60: "t: waited 20 s as the server asked (HTTP 429, attempt 2 of 6, GET /beta/x)",
        120: "t: waited 3 s before trying again (HTTP 429, attempt 2 of 6, GET /beta/x); 2 waits so far, 23 s together",
        180: "t: waited 2 s until it shows: the group exists; 3 waits so far, 25 s together",
    }


@pytest.mark.fault_kind("T9", "still running doesn't say what for")
def test_a_request_without_an_answer_is_told_with_its_seconds() -> None:
    events = {10: [unanswered(1), unanswered(2, "GET /beta/y")], 50: [line(event="answered", key=1)], 80: [line(event="answered", key=2)]}
    assert lines_of(ON_A_TERMINAL, events, 100) == {
        30: "t: no answer yet to GET /beta/x for 25 s, attempt 3 of 6",
        60: "t: no answer yet to GET /beta/y for 55 s, attempt 3 of 6",
        90: "t: still running after 90 s",
    }


@pytest.mark.fault_kind("T9", "an answer that did not come is waiting, too")
def test_the_summary_says_how_long_answers_did_not_come() -> None:
    counts = {"waits": 6, "waited": 180, "attempt": 6, "of": 6}
    kind = {"asked_by": "no_answer", "why": "x gave no answer within 30 s", "request": "GET /y", **counts}
    assert waits_lines([kind]) == [
        "6 times, 3 min in all, for an answer that did not come (x gave no answer within 30 s, GET /y, last at attempt 6 of 6)"
    ]
