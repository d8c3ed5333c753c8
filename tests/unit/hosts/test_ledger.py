# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger: what is written is read again, what is damaged is said, and nothing that may be ours is ever lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.ledger import (
    LEDGER_PATH,
    Ledger,
    both,
    claim,
    read_ledger,
    render_ledger,
    write_ledger,
)
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.system import Unreadable
from tests.support.hosts.fake_host import LIFT, MemorySystem, State, app, request, run

NAMES = st.sampled_from(["tiktok-deb", "capcut-deb", "wechat-deb"])
BACKENDS = st.sampled_from(["apt", "dnf4", "flatpak"])
APPS = st.sampled_from(["tiktok", "capcut"])
names = st.lists(NAMES, unique=True, max_size=3).map(sorted)
# What backends remember has one shape each: mappings, lists that mean sets, and plain values.
bookkeeping = st.dictionaries(
    BACKENDS,
    st.fixed_dictionaries({}, optional={"lines": names, "made": st.booleans(), "files": st.dictionaries(NAMES, names)}).filter(bool),
)
blocks = st.dictionaries(BACKENDS, st.fixed_dictionaries({"names": names.filter(bool), "strong": st.booleans()}), min_size=1)
ledgers = st.builds(
    Ledger,
    owned=bookkeeping,
    apps=st.dictionaries(APPS, st.fixed_dictionaries({"since": st.just("2026-11-22T00:00:00Z"), "blocks": blocks})),
    removed=st.dictionaries(APPS, st.lists(st.fixed_dictionaries({"name": NAMES}), min_size=1, max_size=3).map(tuple)),
    made_directory=st.booleans(),
)


def covers(more: Any, less: Any) -> bool:
    """Whether one bookkeeping claims at least what another does; a plain value claims nothing by itself."""
    if isinstance(less, dict):
        return isinstance(more, dict) and all(key in more and covers(more[key], value) for key, value in less.items())
    if isinstance(less, (list, tuple)):
        return all(item in more for item in less)
    return True


@given(ledgers)
def test_round_trip(ledger: Ledger) -> None:
    system = MemorySystem(State())
    write_ledger(system, ledger, Ledger())
    if ledger:
        assert read_ledger(system) == ledger
        writes = system.writes
        write_ledger(system, read_ledger(system), ledger)
        assert system.writes == writes, "what it says already is not written again"
    else:
        assert system.state == State()


@given(ledgers)
def test_an_empty_ledger_leaves_no_file_and_only_a_directory_that_was_there(ledger: Ledger) -> None:
    state = State()
    if not ledger.made_directory:
        state.directories.add("/var/lib/appban")
    before = state.copy()
    system = MemorySystem(state)
    write_ledger(system, ledger, Ledger(made_directory=ledger.made_directory))
    write_ledger(system, Ledger(made_directory=ledger.made_directory), ledger)
    assert state == before


@given(bookkeeping, bookkeeping)
def test_both_claims_all_that_either_does(old: Any, new: Any) -> None:
    result = both(old, new)
    assert covers(result, old)
    assert covers(result, new)
    assert both(old, old) == old
    before = json.dumps([old, new])
    for value in result.values():
        value["lines"] = None
    assert json.dumps([old, new]) == before, "the result shares nothing with what it was made of"


@given(ledgers, ledgers)
def test_a_claim_forgets_nothing_and_proves_nothing(before: Ledger, after: Ledger) -> None:
    claimed = claim(before, after)
    for ledger in (before, after):
        assert covers(claimed.owned, ledger.owned)
        for app_id, entry in ledger.apps.items():
            for backend, block in entry["blocks"].items():
                assert set(block["names"]) <= set(claimed.apps[app_id]["blocks"][backend]["names"])
    assert claimed.removed == before.removed, "a removal is noted when it was seen"
    for app_id, entry in claimed.apps.items():
        for backend, block in entry["blocks"].items():
            for name in block["names"]:
                assert claimed.has_blocked(app_id, backend, name) == before.has_blocked(app_id, backend, name)


@st.composite
def damaged(draw: Any) -> bytes:
    """A real ledger with something else at a random place, or cut."""
    state = State()
    state.packages["dpkg"]["tiktok-deb"] = "1.0"
    run(state, request(app("tiktok", block="strong"), app("capcut")))
    content = state.files[LEDGER_PATH]
    if draw(st.booleans()):
        return content[: draw(st.integers(0, len(content) - 3))]
    plain: Any = json.loads(content)
    spot = plain
    while True:
        keys = sorted(spot) if isinstance(spot, dict) else list(range(len(spot)))
        if not keys:
            return content
        key = draw(st.sampled_from(keys))
        if isinstance(spot[key], (dict, list)) and draw(st.booleans()):
            spot = spot[key]
            continue
        spot[key] = draw(st.sampled_from([None, 7, "x", [], [1], {}, {"x": 1}, True]))
        return json.dumps(plain).encode()


@given(damaged())
def test_a_damaged_ledger_is_said_or_can_be_worked_with(content: bytes) -> None:
    """Never a traceback from what the engine itself keeps in it; what a backend keeps is that backend's matter."""
    state = State()
    state.files[LEDGER_PATH] = content
    try:
        ledger = read_ledger(MemorySystem(state))
    except AppbanError as error:
        assert "the ledger of this host is damaged: " in str(error)
        assert LEDGER_PATH in str(error)
        assert "Restore it from a backup" in str(error)
        return
    if all(set(owned) <= {"lines", "made_file", "made_directory", "guard"} and well_formed(owned) for owned in ledger.owned.values()):
        run(state, request(app("tiktok")))
        run(state, LIFT)
        assert LEDGER_PATH not in state.files


def well_formed(owned: Any) -> bool:
    lists = [owned.get("lines", []), owned.get("guard", [])]
    return all(isinstance(each, list) and all(isinstance(name, str) for name in each) for each in lists)


def test_the_ledger_holds_names_of_banned_packages_and_nothing_of_the_administrator() -> None:
    state = State()
    state.files["/etc/dnf.conf"] = b"proxy_password=secret\n"
    run(state, request(app("tiktok")))
    text = render_ledger(read_ledger(MemorySystem(state))).decode()
    assert "tiktok-rpm" in text
    assert "secret" not in text


@pytest.mark.parametrize("there", [True, False])
def test_an_empty_directory_that_a_killed_run_left_is_ours(there: bool) -> None:
    state = State()
    if there:
        state.directories.add("/var/lib/appban")
    assert read_ledger(MemorySystem(state)).made_directory
    state.directories.add("/var/lib/appban")
    state.files["/var/lib/appban/README"] = b""
    assert not read_ledger(MemorySystem(state)).made_directory


def test_a_look_without_root_at_a_host_under_a_ban_says_what_it_needs() -> None:
    class OfAPerson(MemorySystem):
        def is_root(self) -> bool:
            return False

        def read(self, path: str) -> bytes | None:
            raise Unreadable("cannot look at a file: Permission denied", path, "Look at it on the host, as root")

    with pytest.raises(AppbanError, match="Run with become: true") as caught:
        read_ledger(OfAPerson(State()))
    assert "only root may read what is ours here" in str(caught.value)
    assert not isinstance(caught.value, Unreadable)
