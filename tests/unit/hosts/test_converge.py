# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run on a host: properties over hosts and requests of all kinds, and the traps one by one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError, WriteInCheckMode
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.request import HostRequest
from tests.support.hosts.fake_host import LATER, LEDGER_PATH, LIFT, Killed, MemorySystem, State, app, path_of, request, run

APPS = ("tiktok", "capcut", "wechat")
NAMES = {"dpkg": [name + "-deb" for name in APPS], "rpm": [name + "-rpm" for name in APPS]}
patiently = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
)


@st.composite
def hosts(draw: Any, trouble: bool = False) -> State:
    """A host with some of the apps, innocent packages, and an administrator's own lines in the files that hold our blocks."""
    state = State()
    for database, names in NAMES.items():
        state.packages[database] = dict.fromkeys(draw(st.sets(st.sampled_from(names))), "1.0")
        state.packages[database]["innocent"] = "2.0"
    for manager in ("dnf4", "zypper"):
        if draw(st.booleans()):
            own = draw(st.lists(st.sampled_from(["kernel-lock", "tiktok-rpm", "[main]"]), unique=True, max_size=3))
            state.files[path_of(manager)] = "".join(line + "\n" for line in own).encode()
    if draw(st.booleans()):
        state.directories.add("/var/lib/appban")
        state.files["/var/lib/appban/README"] = b"somebody else's\n"
    if trouble:
        everything = NAMES["dpkg"] + NAMES["rpm"]
        state.protected = draw(st.sets(st.sampled_from(everything), max_size=1))
        state.failing = draw(st.sets(st.sampled_from(everything), max_size=2))
        if draw(st.booleans()):
            state.needs = {"innocent": draw(st.sampled_from(everything))}
    return state


@st.composite
def requests(draw: Any) -> HostRequest:
    listed = [
        app(
            name,
            detect_only=draw(st.sets(st.sampled_from(["deb", "rpm"]))),
            state=draw(st.sampled_from(["absent", "absent", "absent", "lifted"])),
            remove=draw(st.booleans()),
            block=draw(st.sampled_from(["true", "false", "strong"])),
        )
        for name in sorted(draw(st.sets(st.sampled_from(APPS))))
    ]
    return request(
        *listed,
        others=draw(st.sampled_from(["keep", "lift"])),
        backends=draw(st.sampled_from([[], [], ["apt"], ["dnf4"], ["zypper", "apt"]])),
        allow_dependents=draw(st.booleans()),
        max_removals=draw(st.sampled_from([1, 5])),
        on_unsupported="report",
    )


def first_files(state: State) -> dict[str, bytes]:
    """The host's files but our ledger. An administrator's empty file and none at all are two things."""
    return {path: content for path, content in state.files.items() if path != LEDGER_PATH}


@patiently
@given(state=hosts(trouble=True), sequence=st.lists(requests(), max_size=3), asked=requests())
def test_check_names_the_changes_and_writes_nothing(state: State, sequence: list[HostRequest], asked: HostRequest) -> None:
    for earlier in sequence:
        run(state, earlier)
    before = state.copy()
    checked, system = run(state, asked, check=True)
    assert system.writes == 0
    assert state == before

    applied, system = run(state, asked)
    if not applied.failures:
        assert checked.to_plain()["changes"] == applied.to_plain()["changes"]
        assert checked.to_plain()["would_remove"] == (applied.to_plain()["removed"] or applied.to_plain()["would_remove"])
        assert checked.changed == applied.changed
        assert checked.message() == applied.message()
    assert applied.changed or system.writes == 0 or applied.failures


@patiently
@given(state=hosts(), sequence=st.lists(requests(), max_size=2), asked=requests())
def test_the_second_run_is_empty(state: State, sequence: list[HostRequest], asked: HostRequest) -> None:
    for earlier in sequence:
        run(state, earlier)
    first, _unused = run(state, asked)
    assume(not first.message())
    after = state.copy()
    checked, _unused = run(state, asked, check=True)
    assert not checked.changed
    assert checked.verified
    assert checked.to_plain()["changes"] == []
    second, system = run(state, asked)
    assert system.writes == 0
    assert state == after
    assert not second.changed
    assert not second.newly_affected
    assert second.to_plain()["drift"] == []


# Few of the requests that are drawn are refused.
@pytest.mark.heavy
@settings(patiently, max_examples=8)
@given(state=hosts(trouble=True), sequence=st.lists(requests(), max_size=2), asked=requests())
def test_a_refusal_leaves_everything_untouched(state: State, sequence: list[HostRequest], asked: HostRequest) -> None:
    is_untouched_when_refused(state, sequence, asked)


@pytest.mark.long
@patiently
@given(state=hosts(trouble=True), sequence=st.lists(requests(), max_size=2), asked=requests())
def test_many_refusals_leave_everything_untouched(state: State, sequence: list[HostRequest], asked: HostRequest) -> None:
    is_untouched_when_refused(state, sequence, asked)


def is_untouched_when_refused(state: State, sequence: list[HostRequest], asked: HostRequest) -> None:
    for earlier in sequence:
        run(state, earlier)
    before = state.copy()
    report, system = run(state, asked)
    plain = report.to_plain()
    assume(plain["refused"])
    assert system.writes == 0
    assert state == before
    assert plain["changes"] == plain["removed"] == plain["blocked"] == plain["unblocked"] == []
    assert not plain["changed"]
    assert not plain["newly_affected"], "a host that is not changed doesn't count against the limits"
    assert "nothing was changed" in report.message()
    assert any(seen.error.startswith("refused_") for seen in report.apps.values())


@patiently
@given(state=hosts(trouble=True), sequence=st.lists(requests(), max_size=4))
def test_lift_brings_everything_back_but_the_removed_apps(state: State, sequence: list[HostRequest]) -> None:
    before = state.copy()
    for asked in sequence:
        run(state, asked)
    report, _unused = run(state, LIFT)
    assert report.message() == ""
    assert state.without_packages() == before.without_packages()
    assert LEDGER_PATH not in state.files, "a lifted host has forgotten us"
    assert state.packages["dpkg"].items() <= before.packages["dpkg"].items()
    assert state.packages["rpm"].items() <= before.packages["rpm"].items()
    _unused, system = run(state, LIFT)
    assert system.writes == 0


@patiently
@given(state=hosts(trouble=True), sequence=st.lists(requests(), min_size=1, max_size=4))
def test_nothing_goes_but_what_was_asked_for(state: State, sequence: list[HostRequest]) -> None:
    for asked in sequence:
        before = state.copy()
        report, _unused = run(state, asked)
        plain = report.to_plain()
        may_go = {name for each in asked.apps if each.state == "absent" and each.remove for names in each.names.values() for name in names}
        if asked.allow_dependents:
            may_go.update(name for name, needed in state.needs.items() if needed in may_go)
        gone = {name for database in before.packages for name in set(before.packages[database]) - set(state.packages[database])}
        assert gone <= may_go - state.protected
        assert gone == {line.split()[1] for line in plain["removed"]}, "what is said to be removed is what is gone"
        assert len(gone) <= asked.max_removals


@patiently
@given(state=hosts(trouble=True), sequence=st.lists(requests(), min_size=1, max_size=4))
def test_what_is_said_to_be_blocked_is_blocked(state: State, sequence: list[HostRequest]) -> None:
    for asked in sequence:
        report, _unused = run(state, asked)
        plain = report.to_plain()
        for block in plain["blocked"]:
            if block["mechanism"] == "guard":
                assert block["names"] == list(state.guards["dpkg" if block["backend"] == "apt" else "rpm"])
            else:
                assert set(block["names"]) <= set(state.files[path_of(block["backend"])].decode().splitlines())
        for name, seen in plain["apps"].items():
            if seen["block"] != "none":
                names = {each for each in report_names(asked, name) if not asked.backends or applies(each, asked.backends)}
                assert names
                assert all(is_blocked(state, each, asked.backends) for each in names)
            assert seen["mechanism"] or seen["block"] == "none"


def report_names(asked: HostRequest, name: str) -> set[str]:
    return {each for found in asked.apps if found.id == name for names in found.names.values() for each in names}


def applies(name: str, backends: tuple[str, ...]) -> bool:
    return ("apt" in backends) if name.endswith("-deb") else bool({"dnf4", "zypper"}.intersection(backends))


def is_blocked(state: State, name: str, backends: tuple[str, ...]) -> bool:
    asked = ["apt"] if name.endswith("-deb") else [each for each in ("dnf4", "zypper") if not backends or each in backends]
    return all(name in state.files.get(path_of(each), b"").decode().splitlines() for each in asked)


@patiently
@given(state=hosts(), earlier=st.lists(requests(), max_size=1), asked=requests(), killed_after=st.integers(0, 12))
def test_killed_at_any_write_the_next_runs_end_where_they_should(
    state: State, earlier: list[HostRequest], asked: HostRequest, killed_after: int
) -> None:
    before = state.copy()
    for each in earlier:
        run(state, each)
    undisturbed = state.copy()
    report, _unused = run(undisturbed, asked)
    assume(not report.message())
    try:
        run(state, asked, killed_after=killed_after)
    except Killed:
        pass
    again, _unused = run(state, asked)
    assert again.message() == ""
    assert state.without_packages()[0] == undisturbed.without_packages()[0]
    assert first_files(state) == first_files(undisturbed)
    assert state.packages == undisturbed.packages
    run(state, LIFT)
    assert state.without_packages() == before.without_packages()


@patiently
@given(state=hosts(), asked=requests(), first=st.integers(0, 12), second=st.integers(0, 12))
def test_killed_in_the_ban_and_in_its_lift_nothing_of_ours_stays(state: State, asked: HostRequest, first: int, second: int) -> None:
    before = state.copy()
    for each, writes in ((asked, first), (LIFT, second)):
        try:
            run(state, each, killed_after=writes)
        except Killed:
            pass
    run(state, LIFT)
    if not state.files.get(LEDGER_PATH) and "/var/lib/appban" not in before.directories:
        # Killed between the last two writes of a lift, an empty directory is left. It is ours to the next run that needs it.
        state.directories.discard("/var/lib/appban")
    assert state.without_packages() == before.without_packages()


@patiently
@given(state=hosts(trouble=True), sequence=st.lists(requests(), min_size=1, max_size=3))
def test_detect_only_names_are_found_and_never_touched(state: State, sequence: list[HostRequest]) -> None:
    sure = {name for asked in sequence for each in asked.apps for names in each.names.values() for name in names}
    before = state.copy()
    for asked in sequence:
        present = {name for installed in state.packages.values() for name in installed}
        report, _unused = run(state, asked)
        for each in asked.apps:
            for kind, names in each.detect_only.items():
                for name in names:
                    looked = not asked.backends or bool({"deb": {"apt"}, "rpm": {"dnf4", "zypper"}}[kind].intersection(asked.backends))
                    found = [finding for finding in report.apps[each.id].findings if finding["name"] == name]
                    assert bool(found) == (looked and name in present)
                    assert all(finding["confidence"] == "detect_only" for finding in found)
    for database, names in before.packages.items():
        for name in set(names) - sure - {"innocent"}:
            assert name in state.packages[database]
    for path, content in state.files.items():
        if path != LEDGER_PATH:
            lines = set(content.decode().splitlines()) - set(before.files.get(path, b"").decode().splitlines())
            assert lines <= sure


def installed(*names: str) -> State:
    state = State()
    for name in names:
        state.packages["dpkg" if name.endswith("-deb") else "rpm"][name] = "1.0"
    return state


def ledger(state: State) -> dict[str, Any]:
    return dict(json.loads(state.files[LEDGER_PATH]))


def test_the_system_refuses_writes_in_check_mode() -> None:
    system = MemorySystem(State(), check_mode=True)
    for write in (
        lambda: system.write("/etc/x", b""),
        lambda: system.make_directory("/etc/x"),
        lambda: system.remove_file("/etc/x"),
        lambda: system.remove_empty_directory("/etc"),
        lambda: system.command(["apt", "remove", "x"]),
    ):
        with pytest.raises(WriteInCheckMode):
            write()


def test_the_removal_comes_before_the_block_that_would_hide_the_app() -> None:
    state = installed("tiktok-rpm")
    report, _unused = run(state, request(app("tiktok")))
    assert report.message() == ""
    assert state.packages["rpm"] == {}
    assert next(change["kind"] for change in report.to_plain()["changes"]) == "package"


def test_an_exit_code_is_not_believed() -> None:
    # The command reports success, the database says no.
    state = installed("tiktok-rpm")
    state.stuck = {"tiktok-rpm"}
    report, _unused = run(state, request(app("tiktok")))
    assert "still installed" in report.message()
    assert report.apps["tiktok"].error == "error"
    assert report.to_plain()["removed"] == []
    assert state.packages["rpm"] == {"tiktok-rpm": "1.0"}


def test_P2_an_app_that_comes_back_is_a_recurrence() -> None:
    state = installed("tiktok-deb")
    asked = request(app("tiktok"))
    first, _unused = run(state, asked)
    assert not first.apps["tiktok"].removed_earlier
    assert first.newly_affected
    state.files[path_of("apt")] = b""
    state.packages["dpkg"]["tiktok-deb"] = "1.1"
    second, _unused = run(state, request(app("tiktok"), now=LATER))
    seen = second.apps["tiktok"]
    assert (seen.removed_earlier, seen.removal, seen.after) == (True, "done", False)
    assert not second.newly_affected
    drift = second.to_plain()["drift"]
    assert "apt: tiktok-deb 1.1 is installed although it was blocked" in drift
    assert "apt: tiktok-deb is no longer blocked" in drift
    assert [note["at"] for note in ledger(state)["removed"]["tiktok"]] == ["2026-11-22T00:00:00Z", LATER]


def test_others_keep_leaves_the_blocks_of_apps_that_are_not_listed() -> None:
    state = State()
    run(state, request(app("tiktok"), app("capcut")))
    run(state, request(app("wechat"), others="keep"))
    assert state.files[path_of("apt")] == b"capcut-deb\ntiktok-deb\nwechat-deb\n"
    run(state, request(app("wechat"), others="lift"))
    assert state.files[path_of("apt")] == b"wechat-deb\n"
    assert sorted(ledger(state)["apps"]) == ["wechat"]


def test_a_listed_app_is_lifted_by_name_and_the_others_stay() -> None:
    state = State()
    run(state, request(app("tiktok"), app("capcut")))
    report, _unused = run(state, request({"id": "tiktok", "identifiers": {}, "state": "lifted"}, others="keep"))
    assert state.files[path_of("apt")] == b"capcut-deb\n"
    assert report.to_plain()["unblocked"] == ["apt: tiktok-deb", "dnf4: tiktok-rpm", "zypper: tiktok-rpm"]
    assert sorted(ledger(state)["apps"]) == ["capcut"]


def test_a_failed_removal_keeps_no_block_from_being_made_and_the_next_run_finishes() -> None:
    state = installed("tiktok-deb", "tiktok-rpm")
    state.failing = {"tiktok-rpm"}
    asked = request(app("tiktok"))
    report, _unused = run(state, asked)
    plain = report.to_plain()
    assert plain["removed"] == ["apt: tiktok-deb 1.0"]
    assert [block["backend"] for block in plain["blocked"]] == ["apt", "dnf4", "zypper"]
    assert not plain["verified"]
    assert plain["changed"]
    assert plain["apps"]["tiktok"]["error"] == "error"
    assert plain["apps"]["tiktok"]["block"] == "soft"
    blocks = ledger(state)["apps"]["tiktok"]["blocks"]
    assert "unproved" not in blocks["apt"]
    assert blocks["dnf4"]["unproved"] == ["tiktok-rpm"], "an app that is there under its block did not get through it"
    assert "tiktok" not in ledger(state)["removed"], "an app that is still there was not removed"

    state.failing = set()
    report, _unused = run(state, asked)
    assert report.message() == ""
    assert report.to_plain()["drift"] == [], "what never stood was not taken away by anybody"
    assert state.packages["rpm"] == {}
    assert sorted(ledger(state)["apps"]["tiktok"]["blocks"]) == ["apt", "dnf4", "zypper"]


def test_a_block_that_is_half_made_is_remembered_and_lifted() -> None:
    state = State()
    before = state.copy()
    state.failing = {"tiktok-deb"}
    report, _unused = run(state, request(app("tiktok", block="strong")))
    plain = report.to_plain()
    assert path_of("apt") in state.files
    assert "dpkg" not in state.guards
    assert {block["backend"] for block in plain["blocked"]} == {"dnf4", "zypper"}, "half a block is not called one"
    assert plain["apps"]["tiktok"]["block"] == "none"
    assert ledger(state)["owned"]["apt"]["lines"] == ["tiktok-deb"]
    assert ledger(state)["apps"]["tiktok"]["blocks"]["apt"]["unproved"] == ["tiktok-deb"]
    state.failing = set()
    before.failing = set()
    run(state, LIFT)
    assert state == before


def test_a_failure_does_not_forget_what_was_removed_for_an_app_that_is_not_listed() -> None:
    state = installed("tiktok-deb")
    run(state, request(app("tiktok")))
    state.packages["dpkg"]["capcut-deb"] = "1.0"
    state.failing = {"capcut-deb"}
    report, _unused = run(state, request(app("capcut")))
    assert report.failures
    assert sorted(ledger(state)["removed"]) == ["tiktok"]


def test_the_guard_never_throws_out_an_app_that_is_not_listed() -> None:
    state = State()
    run(state, request(app("tiktok", block="strong")))
    # Somebody takes the guard away and installs the app; then a task for another app sets the guard again.
    state.guards.clear()
    state.packages["dpkg"]["tiktok-deb"] = "2.0"
    report, _unused = run(state, request(app("capcut", block="strong", remove=False)))
    assert report.message() == ""
    assert state.packages["dpkg"] == {"tiktok-deb": "2.0"}
    assert state.guards["dpkg"] == ("capcut-deb",)
    assert "tiktok" not in json.dumps(report.to_plain()["apps"]), "an app that is not asked for is not reported"


def test_a_removal_without_a_block_is_forgotten_when_the_ban_is_lifted() -> None:
    state = installed("tiktok-deb")
    before = State()
    run(state, request(app("tiktok"), block="false"))
    assert ledger(state)["removed"]
    checked, _unused = run(state, LIFT, check=True)
    assert checked.changed
    assert checked.to_plain()["changes"] == [{"op": "delete", "kind": "ledger", "name": LEDGER_PATH}]
    lifted, _unused = run(state, LIFT)
    assert lifted.to_plain()["changes"] == checked.to_plain()["changes"]
    assert lifted.changed
    assert not lifted.newly_affected
    assert state == before


def test_a_block_of_some_package_managers_only_leaves_the_others_as_they_are() -> None:
    state = State()
    run(state, request(app("tiktok")))
    run(state, request({"id": "tiktok", "identifiers": {}, "state": "lifted"}, backends=["apt"]))
    assert path_of("apt") not in state.files
    assert sorted(ledger(state)["apps"]["tiktok"]["blocks"]) == ["dnf4", "zypper"]
    run(state, request(app("capcut"), others="keep"))
    assert state.files[path_of("zypper")] == b"capcut-rpm\ntiktok-rpm\n", "the block that was left alone is still known as kept"


def test_an_app_that_shares_a_file_with_another_is_not_called_pending() -> None:
    state = State()
    run(state, request(app("tiktok")))
    checked, _unused = run(state, request(app("tiktok"), app("capcut")), check=True)
    assert checked.changed
    assert not checked.apps["tiktok"].pending
    assert checked.apps["capcut"].pending


def test_a_newly_named_package_was_not_blocked_before() -> None:
    state = installed("tiktok-rpm")
    known = {"id": "tiktok", "identifiers": {"deb": ["tiktok-deb"], "rpm": ["tiktok-old"]}}
    run(state, request(known))
    report, _unused = run(state, request(app("tiktok")))
    assert report.apps["tiktok"].findings == [
        {"app": "tiktok", "backend": "dnf4", "name": "tiktok-rpm", "version": "1.0", "scope": "system", "confidence": "actionable"}
    ]


def test_an_app_that_stays_under_its_block_is_no_drift_until_it_comes_back() -> None:
    state = installed("tiktok-deb")
    only_block = request(app("tiktok"), remove=False)
    run(state, only_block)
    report, system = run(state, only_block)
    assert report.to_plain()["drift"] == []
    assert system.writes == 0
    # Its user removes it; the ledger notes that, and now finding it again means that something got through.
    state.packages["dpkg"].clear()
    run(state, only_block)
    state.packages["dpkg"]["tiktok-deb"] = "2.0"
    report, _unused = run(state, only_block)
    assert report.to_plain()["drift"] == ["apt: tiktok-deb 2.0 is installed although it was blocked"]


def test_a_killed_run_accuses_nobody() -> None:
    asked = request(app("tiktok"))
    state = installed("tiktok-deb")
    with pytest.raises(Killed):
        # The ledger's directory, the note and the ledger: then the end, before anything was removed or blocked.
        run(state, asked, killed_after=3)
    assert ledger(state)["apps"]["tiktok"]["blocks"]["apt"]["unproved"] == ["tiktok-deb"]
    report, _unused = run(state, asked)
    assert report.message() == ""
    assert "blocked_before" not in report.apps["tiktok"].findings[0]
    assert "unproved" not in state.files[LEDGER_PATH].decode()


def test_a_refused_host_says_failed_for_every_app_it_did_nothing_about() -> None:
    state = installed("tiktok-deb")
    run(state, request(app("capcut")))
    state.needs = {"innocent": "tiktok-deb"}
    state.packages["dpkg"]["innocent"] = "1"
    report, _unused = run(state, request(app("tiktok"), app("capcut"), app("wechat", remove=False, block="false")))
    assert {name: seen.error for name, seen in report.apps.items()} == {
        "tiktok": "refused_dependents",
        "capcut": "refused_dependents",
        "wechat": "",
    }
    assert report.to_plain()["would_remove"] == ["apt: innocent 1", "apt: tiktok-deb 1.0"]


def test_an_app_that_only_package_managers_this_host_lacks_could_have_is_not_observable() -> None:
    elsewhere = {"id": "tiktok", "identifiers": {"flatpak": ["com.tiktok.Desktop"]}}
    nowhere = {"id": "capcut", "identifiers": {"ios_bundle_id": ["com.lemon.lvoverseas"]}}
    report, _unused = run(State(), request(elsewhere, nowhere), check=True)
    assert (report.apps["tiktok"].before, report.apps["tiktok"].why_not_seen) == (None, "no_backend")
    assert (report.apps["capcut"].before, report.apps["capcut"].why_not_seen) == (None, "no_identifier")


def test_a_block_of_names_that_are_only_looked_for_is_not_a_missing_identifier() -> None:
    report, _unused = run(State(), request(app("tiktok", detect_only=["deb", "rpm"])))
    assert report.apps["tiktok"].why_not_blocked == "detect_only"


def test_not_root_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemorySystem, "is_root", lambda self: False)
    state = installed("tiktok-deb")
    before = state.copy()
    with pytest.raises(AppbanError, match=r"needs root.*become"):
        run(state, request(app("tiktok")))
    assert state == before
    run(state, request(app("tiktok")), check=True)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"format": 2}', b'{"format": 1, "owned": [], "apps": {}, "removed": {}}'])
def test_a_damaged_ledger_stops_the_run_with_the_way_on(content: bytes) -> None:
    state = installed("tiktok-deb")
    state.files[LEDGER_PATH] = content
    before = state.copy()
    with pytest.raises(AppbanError, match=r"the ledger of this host is damaged: .+ledger\.json.+Restore it from a backup"):
        run(state, request(app("tiktok")))
    assert state == before
