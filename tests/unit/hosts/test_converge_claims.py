# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run claims of a host and what it may do there: plans that were approved, blocks that don't hold, places nobody saw."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from tests.support.hosts.fake_host import LATER, LEDGER_PATH, Killed, State, app, request, run

TIKTOK = app("tiktok")


def installed(*names: str) -> State:
    state = State()
    for name in names:
        state.packages["dpkg" if name.endswith("deb") else "rpm"][name] = "1.0"
    return state


def test_a_plan_changes_nothing_and_says_what_an_apply_then_does() -> None:
    state = installed("tiktok-deb")
    before = state.copy()
    planned, _system = run(state, request(TIKTOK, plan_only=True))
    assert state == before
    assert planned.changed
    assert not planned.verified
    done, _system = run(state, request(TIKTOK, approved=planned.to_plain()["changes"]))
    assert done.message() == ""
    assert done.to_plain()["changes"] == planned.to_plain()["changes"]
    assert done.to_plain()["removed"] == planned.to_plain()["would_remove"]


def test_what_the_plan_did_not_show_is_not_done() -> None:
    state = State()
    planned, _system = run(state, request(TIKTOK, plan_only=True))
    # Somebody installs the app between the plan and the apply.
    state.packages["dpkg"]["tiktok-deb"] = "1.0"
    before = state.copy()
    with pytest.raises(AppbanError, match="delete package apt: tiktok-deb"):
        run(state, request(TIKTOK, approved=planned.to_plain()["changes"]))
    assert state == before


def test_less_to_do_than_the_plan_showed_is_no_reason_to_stop() -> None:
    state = installed("tiktok-deb", "tiktok-rpm")
    planned, _system = run(state, request(TIKTOK, plan_only=True))
    del state.packages["dpkg"]["tiktok-deb"]
    done, _system = run(state, request(TIKTOK, approved=planned.to_plain()["changes"]))
    assert done.message() == ""
    assert done.to_plain()["removed"] == ["dnf4: tiktok-rpm 1.0"]


def test_a_block_says_how_it_is_known_to_hold() -> None:
    state = State()
    first, _system = run(state, request(TIKTOK))
    again, _system = run(state, request(TIKTOK))
    for report in (first, again):
        assert report.apps["tiktok"].block_proof == "asked"
        assert report.apps["tiktok"].mechanism == ["apt lock (asked)", "dnf4 lock (asked)", "zypper lock (asked)"]
    planned, _system = run(State(), request(TIKTOK), check=True)
    assert planned.apps["tiktok"].block_proof == "", "what is yet to be made is known by nothing"


@pytest.mark.parametrize("begun", [False, True])
def test_a_block_that_does_not_hold_is_no_block(begun: bool) -> None:
    state = State()
    if begun:
        run(state, request(TIKTOK))
    state.overridden = {"tiktok-deb"}
    report, _system = run(state, request(TIKTOK))
    seen = report.apps["tiktok"]
    assert (seen.block, seen.why_not_blocked, seen.block_proof) == ("none", "block_overridden", "")
    assert report.message() == "", "nothing failed: all that is ours is in place"
    assert [each["backend"] for each in report.to_plain()["blocked"]] == ["dnf4", "zypper"]
    assert begun or "apt: a setting of somebody else's wins" in report.to_plain()["notes"]
    if begun:
        assert "apt: tiktok-deb would be installed all the same" in report.to_plain()["drift"]


def test_a_place_that_nobody_saw_is_no_absence() -> None:
    state = State(unreadable="/home/jana")
    report, _system = run(state, request(TIKTOK))
    seen = report.apps["tiktok"]
    assert (seen.before, seen.why_not_seen, seen.unseen) == (None, "home_unreadable", "home_unreadable")
    assert "/home/jana could not be looked into" in report.to_plain()["notes"]
    assert report.apps["tiktok"].block == "soft", "the block stands all the same"


def test_an_app_that_went_from_where_it_was_seen_may_be_where_nobody_saw() -> None:
    state = installed("tiktok-deb")
    state.unreadable = "/home/jana"
    report, _system = run(state, request(TIKTOK))
    seen = report.apps["tiktok"]
    assert (seen.before, seen.after, seen.removal, seen.unseen) == (True, False, "done", "home_unreadable")


def test_a_package_manager_that_was_left_out_was_not_looked_at() -> None:
    report, _system = run(State(), request(TIKTOK, backends=["apt"]))
    seen = report.apps["tiktok"]
    assert (seen.before, seen.why_not_seen) == (None, "backend_left_out")
    only_deb = {"id": "tiktok", "identifiers": {"deb": ["tiktok-deb"]}}
    report, _system = run(State(), request(only_deb, backends=["apt"]))
    assert report.apps["tiktok"].before is False, "a package manager that could not have it was rightly left out"


@pytest.mark.parametrize("writes", range(1, 9))
def test_nobody_is_accused_after_a_run_that_was_killed(writes: int) -> None:
    state = installed("tiktok-deb")
    with pytest.raises(Killed):
        run(state, request(app("tiktok", block="strong")), killed_after=writes)
    looked, _system = run(state, request(app("tiktok", block="strong")), check=True)
    assert looked.to_plain()["drift"] == []
    assert looked.changed
    report, _system = run(state, request(app("tiktok", block="strong")))
    assert report.message() == ""
    assert report.to_plain()["drift"] == []
    assert not [path for path in state.files if "intent" in path]
    again, system = run(state, request(app("tiktok", block="strong")))
    assert (again.changed, system.writes) == (False, 0)


def test_apps_are_removed_each_by_itself_unless_one_needs_the_other() -> None:
    state = installed("tiktok-deb", "capcut-deb", "wechat-deb")
    state.needs = {"capcut-deb": "tiktok-deb"}
    planned, _system = run(state, request(TIKTOK, app("capcut"), app("wechat")), check=True)
    packages = [each["name"] for each in planned.to_plain()["changes"] if each["kind"] == "package"]
    assert packages == ["apt: capcut-deb tiktok-deb", "apt: wechat-deb"]


def test_a_failing_removal_is_its_own_apps_affair() -> None:
    state = installed("tiktok-deb", "capcut-deb")
    state.failing = {"tiktok-deb"}
    report, _system = run(state, request(TIKTOK, app("capcut")))
    assert report.changed
    assert report.apps["tiktok"].error == "error"
    seen = report.apps["capcut"]
    assert (seen.error, seen.removal, seen.block) == ("", "done", "soft")


def test_what_went_out_of_sight_during_its_removal_was_not_removed() -> None:
    state = installed("tiktok-deb")
    state.failing, state.hides = {"tiktok-deb"}, True
    report, _system = run(state, request(TIKTOK))
    seen = report.apps["tiktok"]
    assert (seen.error, seen.removal, seen.after) == ("error", "none", True)
    assert report.to_plain()["removed"] == []
    assert not ledger_of(state).get("removed")


def ledger_of(state: State) -> dict[str, Any]:
    """The host's ledger as it is in its file."""
    plain: dict[str, Any] = json.loads(state.files[LEDGER_PATH].decode())
    return plain


def test_what_a_killed_run_had_removed_is_remembered() -> None:
    state = installed("tiktok-deb")
    before = state.copy()
    for writes in range(1, 20):
        state = before.copy()
        try:
            run(state, request(TIKTOK), killed_after=writes)
        except Killed:
            gone = "tiktok-deb" not in state.packages["dpkg"]
            run(state, request(TIKTOK, now=LATER))
            assert [each["name"] for each in ledger_of(state)["removed"]["tiktok"]] == ["tiktok-deb"], writes
            state.packages["dpkg"]["tiktok-deb"] = "1.0"
            report, _system = run(state, request(TIKTOK, now=LATER))
            assert report.apps["tiktok"].removed_earlier, (writes, gone)
        else:
            return
    raise AssertionError("the run never came to its end")


def test_a_database_that_can_t_be_read_costs_its_own_managers_and_no_others() -> None:
    state = installed("tiktok-deb", "capcut-rpm")
    state.locked = {"rpm"}
    only_deb = {"id": "wechat", "identifiers": {"deb": ["wechat-deb"]}}
    report, _system = run(state, request(TIKTOK, app("capcut"), only_deb))
    assert "dnf4: cannot read the database: it is locked" in report.message()
    assert report.to_plain()["removed"] == ["apt: tiktok-deb 1.0"]
    assert [block["backend"] for block in report.to_plain()["blocked"]] == ["apt"]
    assert not report.verified
    assert (report.apps["tiktok"].error, report.apps["capcut"].error, report.apps["wechat"].error) == ("error", "error", "")
    assert (report.apps["capcut"].before, report.apps["capcut"].why_not_seen) == (None, "error"), "it may be there"
    state.locked = set()
    report, _system = run(state, request(TIKTOK, app("capcut"), only_deb))
    assert report.message() == ""
    assert report.to_plain()["removed"] == ["dnf4: capcut-rpm 1.0"]


def test_a_lock_on_a_database_loses_nothing_of_what_stands_there() -> None:
    state = State()
    run(state, request(TIKTOK))
    before = state.copy()
    state.locked = {"rpm"}
    for options in ({}, {"others": "lift"}):
        report, _system = run(state, request(TIKTOK, **options))
        assert report.failures
    state.locked = set()
    assert state == before
