# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Jamf Pro server does to whoever writes to it, and what may go wrong on the way: the module lives through all of it."""

from __future__ import annotations

import plistlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.clock import SystemClock
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.transport import Transport
from tests.simulators.jamf_pro import groups as server_groups
from tests.simulators.jamf_pro import profiles as server_profiles
from tests.simulators.jamf_pro import tokens as server_tokens
from tests.simulators.jamf_pro.classic_xml import Leaf, Refs
from tests.simulators.jamf_pro.errors import Refusal
from tests.simulators.jamf_pro.privileges import EVERY_PRIVILEGE
from tests.simulators.jamf_pro.resources import RESOURCES

from .jamf_everything import (
    BLOCK,
    EXEMPT_GROUP,
    FILTER,
    GROUPS,
    LATER,
    MAC_PROFILES,
    NEXT_DAY,
    NOW,
    PHONE,
    PROFILES,
    RECORDS,
    SECOND_MAC,
    SECOND_PHONE,
    TABLET,
    JamfCity,
    everything,
    has,
    jamf_city,
    opens,
    picture,
    policy,
    sent_xml,
)
from .tenant import lifted

pytestmark = pytest.mark.usefixtures("no_waiting")

#: Writes of a first run, and of the one that lifts it all.
WRITES = 11
#: What a first run may write to.
KINDS = {
    "smart group": r"/smart-groups$",
    "static group": r"/static-groups$",
    "mobile profile": r"/mobiledeviceconfigurationprofiles/id/0$",
    "mac profile": r"/osxconfigurationprofiles/id/0$",
    "restricted software": r"/restrictedsoftware/id/0$",
}


@pytest.fixture
def city(tmp_path: Path) -> Iterator[JamfCity]:
    with jamf_city(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the bans make on a server where nothing goes wrong."""
    directory = tmp_path_factory.mktemp("undisturbed")
    with jamf_city(directory) as opened:
        run = opened.run(everything(directory), NOW)
        assert len(run.writes()) == WRITES
        return picture(opened)


def once_each(run: Any) -> None:
    """No write was sent twice."""
    sent = [(each["method"], each["path"], str(each.get("body"))) for each in run.writes()]
    assert len(sent) == len(set(sent))


def lift_leaves_nothing(city: JamfCity, directory: Path, before: list[str]) -> None:
    city.run([lifted(each) for each in everything(directory)], NOW)
    assert picture(city) == before
    assert city.run([lifted(each) for each in everything(directory)], NOW).writes() == []


# What the server makes of what it is sent.


@pytest.mark.parametrize("expand", [True, False])
def test_a_second_run_writes_nothing_although_the_server_rewrites_everything(city: JamfCity, tmp_path: Path, expand: bool) -> None:
    city.settings(expand_restrictions=expand)
    run = city.run(everything(tmp_path), NOW)
    assert len(run.writes()) == WRITES
    sent, kept = sent_xml(run, PROFILES)[1], city.raw(PROFILES, BLOCK)["general"]
    assert kept["payloads"] not in sent
    assert kept["uuid"] not in sent
    assert ("<key>allowCamera</key>" in kept["payloads"]) is expand
    assert "allowCamera" not in sent
    for path in (PROFILES, MAC_PROFILES):
        read = city.objects()[path][-1]["general"]
        assert read["redeploy_on_update"] == "Newly Assigned"
    for now in (NOW, LATER):
        again = city.run(everything(tmp_path), now)
        assert (again.writes(), again.changed, again.values["changes"], again.values["drift"]) == ([], False, [], [])


def test_names_and_texts_with_every_kind_of_sign_come_through(city: JamfCity, tmp_path: Path) -> None:
    odd = "BÄN + <&> \"x\" 'y' 100% /é"
    before = picture(city)
    policies = [policy(tmp_path, title='Ö & <Co> + "q" \' ]]>', contact="a+b@city.example <&>")]
    run = city.run(policies, NOW, name_prefix=odd)
    assert len(run.writes()) > 5
    assert {each["name"].startswith(odd) for each in run.values["changes"] if each["op"] == "create"} == {True}
    assert city.raw(PROFILES, f"{odd} city iOS blocked apps")
    record = next(each for each in city.vendor.stores[RECORDS] if each["general"]["name"].startswith(odd))
    assert 'Ö & <Co> + "q" \' ]]>. Questions: a+b@city.example <&>' in record["general"]["display_message"]
    assert city.run(policies, NOW, name_prefix=odd).writes() == []
    city.run([lifted(each) for each in policies], NOW, name_prefix=odd)
    assert picture(city) == before


def leaf(path: str, part: str, name: str, node: Any) -> Callable[[pytest.MonkeyPatch], None]:
    """A server that treats a field in its own way, by another schema."""
    branch = RESOURCES[path].schema
    for key in part.split("/"):
        branch = branch[key]

    def change(patch: pytest.MonkeyPatch) -> None:
        patch.setitem(branch, name, node)

    return change


class Deaf(Refs):
    """A list of which nothing is kept, whatever is written."""

    def read(self, element: Any, names: Any) -> list[Any]:
        return []


def dropping_payload_key(patch: pytest.MonkeyPatch) -> None:
    loaded = server_profiles.loaded

    def dropping(text: str) -> dict[str, Any]:
        profile = loaded(text)
        for payload in profile["PayloadContent"]:
            payload.pop("blockedAppBundleIDs", None)
            payload.pop("blacklistedAppBundleIDs", None)
        return profile

    patch.setattr(server_profiles, "loaded", dropping)


DEAF, DEAF_MACS = Deaf("mobile_device_group", "mobile_device_groups"), Deaf("computer", "computers")
FIXED = Leaf(True, server=True)
SELF_SERVICE = Leaf("Make Available in Self Service", ("Make Available in Self Service",))
DROPPED = {
    "exclusions": (leaf(PROFILES, "scope/exclusions", "mobile_device_groups", DEAF), BLOCK, "excluded groups are without"),
    "a scope": (leaf(PROFILES, "scope", "mobile_device_groups", DEAF), BLOCK, "the scope's groups are without"),
    "a choice": (leaf(PROFILES, "general", "deployment_method", SELF_SERVICE), BLOCK, "deployment is 'Make Available in Self Service'"),
    "a description": (leaf(PROFILES, "general", "description", Leaf(server=True)), BLOCK, "description is ''"),
    "a payload key": (dropping_payload_key, BLOCK, "blockedAppBundleIDs"),
    "kill": (leaf(RECORDS, "general", "kill_process", Leaf(False, server=True)), "TikTok.app", "kill_process is"),
    "exact": (leaf(RECORDS, "general", "match_exact_process_name", Leaf(False, server=True)), "TikTok.app", "match_exact_process_name is"),
    "all computers": (leaf(RECORDS, "scope", "all_computers", Leaf(False, server=True)), "TikTok.app", "not everything"),
    "exempt computers": (leaf(RECORDS, "scope/exclusions", "computers", DEAF_MACS), "TikTok.app", "excluded devices are without"),
    "a Mac choice": (leaf(MAC_PROFILES, "general", "user_removable", FIXED), "macOS URL blocklist", "users may remove it"),
}  # fmt: skip


@pytest.mark.parametrize("what", DROPPED)
def test_what_the_server_drops_or_replaces_with_201_fails_loudly_and_is_named(
    city: JamfCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, undisturbed: list[str]
) -> None:
    trick, name, said = DROPPED[what]
    with monkeypatch.context() as patch:
        trick(patch)
        run = city.run(everything(tmp_path), NOW, expect_failure=True)
        statuses = {each["status"] for each in run.writes() if "/JSSResource/" in each["path"]}
        assert statuses == {201}, "the server itself said that all was well"
    lines = [line for line in run.message.splitlines() if name in line]
    assert any("did not keep what was written" in line and said in line for line in lines), run.message
    once_each(run)
    # What has lost the text that says whose it is can only be taken over by somebody who says so.
    city.run(everything(tmp_path), NOW, adopt=what == "a description")
    assert picture(city) == undisturbed


@pytest.mark.parametrize(("criterion", "message"), [("Supervised", "Username is 'true'"), ("Model", "Username like 'iPhone'")])
def test_a_criterion_that_the_server_replaces_stops_what_would_go_by_the_group(
    city: JamfCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, criterion: str, message: str, undisturbed: list[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.delitem(server_groups.CRITERIA[GROUPS], criterion)
        run = city.run(everything(tmp_path), NOW, expect_failure=True)
    lines = [line for line in run.message.splitlines() if "BAN city supervised iPhone" in line]
    assert any("did not keep" in line and message in line for line in lines), run.message
    assert [each["name"] for each in city.objects()[GROUPS] if each["name"].startswith("BAN city supervised")], "it was made"
    profiles = {each["general"]["name"] for each in city.objects()[PROFILES]}
    assert BLOCK not in profiles
    assert FILTER not in profiles
    city.contact(LATER)
    assert [each["serial"] for each in city.devices() if BLOCK in each["profiles"]] == []
    city.run(everything(tmp_path), NOW)
    assert picture(city) == undisturbed


def test_criteria_that_mean_something_else_to_the_server_stop_the_profile(
    city: JamfCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(server_groups.TRUE_WORDS, "true", ("Unsupervised",))
        patch.setitem(server_groups.TRUE_WORDS, "false", ("Supervised",))
        run = city.run(everything(tmp_path), NOW, expect_failure=True)
    assert "has none of the" in run.message
    assert BLOCK not in {each["general"]["name"] for each in city.objects()[PROFILES]}


def test_a_409_is_shown_as_a_sentence(city: JamfCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: list[str]) -> None:
    with monkeypatch.context() as patch:
        leaf(RECORDS, "general", "new_in_this_version", Leaf(required=True))(patch)
        for record in city.vendor.stores[RECORDS]:
            record["general"]["new_in_this_version"] = "x"
        run = city.run(everything(tmp_path), NOW, expect_failure=True)
    line = next(line for line in run.message.splitlines() if "TikTok.app" in line)
    assert "409" in line
    assert "Problem with new_in_this_version" in line
    assert not re.search(r"<\w+>|technical details|Status page|Error: Problem", run.message)
    for record in city.vendor.stores[RECORDS]:
        record["general"].pop("new_in_this_version", None)
    assert BLOCK in {each["general"]["name"] for each in city.objects()[PROFILES]}, "the rest was made"
    city.run(everything(tmp_path), NOW)
    assert picture(city) == undisturbed


def test_a_write_of_ours_leaves_no_former_exclusion_in_force(city: JamfCity, tmp_path: Path) -> None:
    before = city.objects()
    city.run(everything(tmp_path), NOW)
    city.run([policy(tmp_path, exempt=()), everything(tmp_path)[1]], NOW)
    for path in (PROFILES, MAC_PROFILES, RECORDS):
        for each in city.objects()[path]:
            name = each["general"]["name"]
            if each not in before[path]:
                excluded = {key: value for key, value in each["scope"]["exclusions"].items() if value}
                # The devices of the other ban have a list of their own, and are in no other.
                assert excluded == {} or name == BLOCK, name
    city.contact(LATER)
    assert BLOCK in city.device(PHONE)["profiles"]
    every = "<name>%s</name>"
    parts = {
        "limitations": "<users><user><name>nobody</name></user></users>",
        "exclusions": f"<buildings><building>{every % 'City Hall'}</building></buildings>"
        f"<departments><department>{every % 'Police'}</department></departments><users><user>{every % 'user00009'}</user></users>"
        f"<jss_users><user>{every % 'user00009'}</user></jss_users>",
    }
    xml = "".join(f"<{name}>{inner}</{name}>" for name, inner in parts.items())
    city.edit(PROFILES, BLOCK, f"<configuration_profile><scope>{xml}</scope></configuration_profile>")
    run = city.run([policy(tmp_path, exempt=()), everything(tmp_path)[1]], LATER)
    [told] = [line for line in run.values["drift"] if BLOCK in line]
    for word in ("limitations.users: nobody", "exclusions.buildings: City Hall", "exclusions.departments: Police", "user00009"):
        assert word in told
    scope = city.raw(PROFILES, BLOCK)["scope"]
    assert not any(scope["limitations"].values())
    assert not any(value for name, value in scope["exclusions"].items() if name != "mobile_device_groups")


def test_an_update_keeps_the_servers_identifiers_so_that_no_device_gets_a_second_profile(city: JamfCity, tmp_path: Path) -> None:
    city.run(policy(tmp_path), NOW)
    city.contact(LATER)
    blocked = [each["key"] for each in city.devices() if BLOCK in each["profiles"]]
    assert len(blocked) > 5
    identifiers = {key: city.state()["volatile"]["devices"][key]["profile_identifiers"] for key in blocked}
    former = {name: plistlib.loads(city.raw(path, name)["general"]["payloads"].encode()) for path, name in OURS}
    run = city.run(policy(tmp_path, apps=["tiktok", "capcut"]), LATER)
    assert f"update configuration profile {BLOCK}" in run.changes()
    city.contact(NEXT_DAY)
    for path, name in OURS:
        now = plistlib.loads(city.raw(path, name)["general"]["payloads"].encode())
        assert identity(now) == identity(former[name]), name
    assert {key: city.state()["volatile"]["devices"][key]["profile_identifiers"] for key in blocked} == identifiers
    for key in blocked:
        device = city.device(key)
        assert device["profiles"].count(BLOCK) == 1
        assert not opens(device)
        assert not opens(device, "com.lemon.lvoverseas")
    assert not any(each["conflicts"] for each in city.devices())


OURS = [(PROFILES, BLOCK), (PROFILES, FILTER), (MAC_PROFILES, "BAN city macOS URL blocklist")]


def identity(profile: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["PayloadUUID"], each["PayloadIdentifier"]) for each in (profile, *profile["PayloadContent"])]


def test_a_profile_goes_to_every_device_again_only_if_its_payload_changed(city: JamfCity, tmp_path: Path) -> None:
    def flags(run: Any, path: str = PROFILES) -> list[str]:
        return [found[1] for xml in sent_xml(run, path) if (found := re.search("<redeploy_on_update>(.*?)</", xml))]

    assert set(flags(city.run(policy(tmp_path), NOW))) == {"Newly Assigned"}
    # Another scope, in Macs' profiles by their numbers, and in mobile ones by a group that comes.
    scope = city.run(policy(tmp_path, exempt=[SECOND_PHONE, SECOND_MAC]), NOW)
    assert set(flags(scope, MAC_PROFILES)) <= {"Newly Assigned"}
    assert not any("<payloads>" in xml for path in (PROFILES, MAC_PROFILES) for xml in sent_xml(scope, path))
    none = city.run(policy(tmp_path, exempt=()), NOW)
    assert flags(none) == ["Newly Assigned"] * 2
    assert {each["rounds"] for each in city.state()["volatile"]["objects"].values()} == {0}
    payload = city.run(policy(tmp_path, exempt=(), apps=["tiktok", "capcut"]), NOW)
    assert flags(payload) == ["All", "All"]
    assert [city.raw(path, name)["round"] for path, name in OURS] == [1, 1, 1]
    both = city.run(policy(tmp_path, exempt=[PHONE], apps=["capcut"], actions=["block"]), NOW)
    assert flags(both) == ["All"], "its payload and its scope"


# Writes whose answer is lost.


@pytest.mark.parametrize("kind", KINDS)
def test_a_write_whose_answer_is_lost_is_looked_up_and_not_made_twice(
    city: JamfCity, tmp_path: Path, kind: str, undisturbed: list[str]
) -> None:
    city.simulation.faults([{"match": {"method": "POST", "path": KINDS[kind]}, "nth": "all", "kind": "timeout_after_effect"}])
    run = city.run(everything(tmp_path), NOW)
    assert [each for each in run.exchanges if each["fault"]]
    once_each(run)
    assert len(run.writes()) == WRITES
    assert picture(city) == undisturbed
    city.simulation.faults([])
    assert city.run(everything(tmp_path), NOW).writes() == []


def test_504_after_every_write_was_done_costs_nothing(city: JamfCity, tmp_path: Path, undisturbed: list[str]) -> None:
    before = picture(city)
    city.settings(fan_out_seconds_per_device=10)
    run = city.run(everything(tmp_path), NOW)
    assert {each["status"] for each in run.writes()} == {504}
    once_each(run)
    assert (len(run.writes()), picture(city)) == (WRITES, undisturbed)
    assert city.run(everything(tmp_path), NOW).writes() == []
    changed = city.run(everything(tmp_path, exempt=[SECOND_PHONE, SECOND_MAC]), NOW)
    assert {each["status"] for each in changed.writes()} == {504}
    once_each(changed)
    assert city.run(everything(tmp_path, exempt=[SECOND_PHONE, SECOND_MAC]), NOW).writes() == []
    lift_leaves_nothing(city, tmp_path, before)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_changes_and_deletions_whose_answer_is_lost_are_not_repeated(city: JamfCity, tmp_path: Path, method: str) -> None:
    before = picture(city)
    city.run(everything(tmp_path), NOW)
    city.simulation.faults([{"match": {"method": method}, "nth": "all", "kind": "timeout_after_effect"}])
    changed = everything(tmp_path, apps=["tiktok", "capcut"], exempt=[TABLET, SECOND_PHONE, SECOND_MAC])
    for policies in (changed, [lifted(each) for each in changed]):
        run = city.run(policies, LATER)
        once_each(run)
        assert city.run(policies, LATER).writes() == []
    assert picture(city) == before
    struck = [each for each in city.exchanges if each["fault"]]
    assert {each["method"] for each in struck} == {method}


@pytest.mark.parametrize("kind", ["drop", "504", "html", "503"])
def test_a_write_that_fails_is_sent_once_and_the_next_run_makes_it(
    city: JamfCity, tmp_path: Path, kind: str, undisturbed: list[str]
) -> None:
    city.simulation.faults(
        [{"match": {"method": "POST", "path": r"/id/0$|-groups$"}, "nth": [1, 3, 7, 9, 11], "kind": kind, "retry_after": 1}]
    )
    run = city.run(everything(tmp_path), NOW, expect_failure=True)
    once_each(run)
    assert run.changed
    assert ("failed", "error") in run.outcomes().values()
    city.simulation.faults([])
    city.run(everything(tmp_path), NOW)
    assert picture(city) == undisturbed


@pytest.mark.parametrize("kind", ["429", "503"])
def test_a_server_that_asks_for_time_gets_it(city: JamfCity, tmp_path: Path, kind: str, undisturbed: list[str]) -> None:
    city.simulation.faults([{"match": {"method": "GET"}, "nth": [2, 3, 7, 15, 22], "kind": kind, "retry_after": 3}])
    run = city.run(everything(tmp_path), NOW)
    assert run.values["requests"]["retries"] >= 5
    assert picture(city) == undisturbed


# Being killed, and failing at each write in turn.


class Killed(BaseException):
    """The process is gone."""


Interrupt = Callable[[int], None]


@pytest.fixture
def kill_after(monkeypatch: pytest.MonkeyPatch) -> Interrupt:
    """The process ends right after the n-th write has reached the server, before anybody reads its answer; 0 for never."""
    exchange = Transport.exchange
    counted = last = 0

    def counting(self: Transport, request: Any, *arguments: Any, **options: Any) -> Any:
        nonlocal counted
        answer = exchange(self, request, *arguments, **options)
        if request.method != "GET" and "token" not in request.url:
            counted += 1
            if counted == last:
                raise Killed
        return answer

    def arm(number: int) -> None:
        nonlocal counted, last
        counted, last = 0, number

    monkeypatch.setattr(Transport, "exchange", counting)
    return arm


def test_a_run_that_is_killed_after_any_write_is_finished_by_the_next(
    city: JamfCity, tmp_path: Path, kill_after: Interrupt, undisturbed: list[str]
) -> None:
    first = city.snapshot()
    for write in (1, 3, 6, 8, WRITES):
        city.restore(first)
        kill_after(write)
        with pytest.raises(Killed):
            city.run(everything(tmp_path), NOW)
        kill_after(0)
        city.run(everything(tmp_path), NOW)
        assert picture(city) == undisturbed, write
    assert city.run(everything(tmp_path), NOW).writes() == []


@pytest.mark.parametrize("write", [1, 5, 8])
def test_a_ban_that_is_lifted_after_a_kill_leaves_nothing(city: JamfCity, tmp_path: Path, write: int, kill_after: Interrupt) -> None:
    before = picture(city)
    kill_after(write)
    with pytest.raises(Killed):
        city.run(everything(tmp_path), NOW)
    kill_after(0)
    lift_leaves_nothing(city, tmp_path, before)


def test_a_lift_that_is_killed_after_any_write_is_finished_by_the_next(city: JamfCity, tmp_path: Path, kill_after: Interrupt) -> None:
    before = picture(city)
    policies = everything(tmp_path)
    ended = [lifted(each) for each in policies]
    city.run(policies, NOW)
    whole = city.snapshot()
    for write in (1, 4, 6, 9, WRITES):
        city.restore(whole)
        kill_after(write)
        with pytest.raises(Killed):
            city.run(ended, NOW)
        kill_after(0)
        city.run(ended, NOW)
        assert picture(city) == before, write
    assert city.run(ended, NOW).writes() == []


def test_a_fault_at_any_write_stops_what_needs_it_and_nothing_else(city: JamfCity, tmp_path: Path, undisturbed: list[str]) -> None:
    first = city.snapshot()
    for number in range(1, WRITES + 1):
        city.restore(first)
        city.simulation.faults([{"match": {"method": "POST", "path": r"/id/0$|-groups$"}, "nth": number, "kind": "500"}])
        run = city.run(everything(tmp_path), NOW, expect_failure=True)
        struck = [each["path"] for each in run.exchanges if each["fault"]]
        assert len(struck) == 1
        assert "500" in run.message
        # A profile that needs a group is left out; whatever doesn't is made.
        waiting = [line for line in run.message.splitlines() if "not attempted" in line]
        assert all("groups" in struck[0] and "configuration profile" in line for line in waiting), run.message
        assert len(run.writes()) == WRITES - len(waiting)
        city.simulation.faults([])
        city.run(everything(tmp_path), NOW)
        assert picture(city) == undisturbed, number


# Logging in.


@pytest.mark.parametrize("paths", ["old", "new", "both"])
def test_both_addresses_for_tokens_are_known(city: JamfCity, tmp_path: Path, paths: str) -> None:
    city.settings(oauth_paths=paths)
    run = city.run(everything(tmp_path), NOW)
    asked = [each["path"] for each in run.exchanges if each["path"].endswith("/oauth/token")]
    assert asked == (["/api/v1/oauth/token", "/api/oauth/token"] if paths == "old" else ["/api/v1/oauth/token"])


def test_a_user_logs_in_and_leaves_no_token_behind(city: JamfCity, tmp_path: Path, undisturbed: list[str]) -> None:
    known = city.simulation.connection
    account = {"client_id": None, "client_secret": None, "username": known["username"], "password": known["password"]}
    run = city.run(everything(tmp_path), NOW, **account)
    assert picture(city) == undisturbed
    assert [each["path"] for each in run.exchanges if "oauth" in each["path"]] == []
    assert run.exchanges[-1]["path"].endswith("/invalidate-token")
    assert city.vendor.identities.tokens == {}
    wrong = city.run(everything(tmp_path), NOW, expect_failure=True, **{**account, "password": "not the password"})
    assert "401" in wrong.message
    assert "user name and password" in wrong.message
    assert "not the password" not in wrong.message


@pytest.mark.parametrize("account", [False, True])
def test_tokens_that_end_in_mid_run_are_replaced(
    city: JamfCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, account: bool, undisturbed: list[str]
) -> None:
    passed = 0.0

    def later() -> float:
        nonlocal passed
        passed += 4.0
        return time.time() + passed

    class ServersTime:
        time = staticmethod(later)

    # Four seconds for every look at the clock; the module can't know, so the server refuses some of its tokens.
    monkeypatch.setattr(server_tokens, "time", ServersTime)
    city.settings(client_token_lifetime=60, user_token_lifetime=60)
    known = city.simulation.connection
    more = {"client_id": None, "client_secret": None, "username": known["username"], "password": known["password"]} if account else {}
    run = city.run(everything(tmp_path), NOW, **more)
    assert picture(city) == undisturbed
    assert len([each for each in run.exchanges if each["status"] == 401]) >= 2
    assert len([each for each in run.exchanges if each["path"].endswith(("/token", "/keep-alive"))]) >= 3
    once = [(each["method"], each["path"], str(each.get("body"))) for each in run.writes() if each["status"] != 401]
    assert len(once) == len(set(once)) == WRITES


def test_tokens_of_sixty_seconds_are_renewed_before_they_end(
    city: JamfCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: list[str]
) -> None:
    passed = 0.0
    exchange = Transport.exchange
    monotonic = SystemClock.monotonic

    def slow(self: Transport, request: Any, *arguments: Any, **options: Any) -> Any:
        nonlocal passed
        passed += 5.0
        return exchange(self, request, *arguments, **options)

    class ServersTime:
        time = staticmethod(lambda: time.time() + passed)

    # Every request takes five seconds, for both sides.
    monkeypatch.setattr(server_tokens, "time", ServersTime)
    monkeypatch.setattr(Transport, "exchange", slow)
    monkeypatch.setattr(SystemClock, "monotonic", lambda clock: monotonic(clock) + passed)
    city.settings(client_token_lifetime=60)
    run = city.run(everything(tmp_path), NOW)
    assert picture(city) == undisturbed
    assert [each for each in run.exchanges if each["status"] == 401] == []
    assert len([each for each in run.exchanges if each["path"].endswith("/oauth/token")]) >= 4


@pytest.mark.parametrize("write", [1, 6, 11])
def test_a_token_that_is_revoked_at_any_moment_is_replaced(city: JamfCity, tmp_path: Path, write: int, undisturbed: list[str]) -> None:
    answer = city.vendor.answer
    seen = 0

    def revoking(request: Any, front: Any) -> Any:
        nonlocal seen
        if request.method == "POST" and "token" not in request.target:
            seen += 1
            if seen == write:
                city.vendor.identities.revoke_all()
        return answer(request, front)

    city.vendor.answer = revoking
    run = city.run(everything(tmp_path), NOW)
    assert len([each for each in run.exchanges if each["status"] == 401]) == 1
    assert picture(city) == undisturbed


def test_a_server_that_refuses_every_token_is_asked_for_one_more_and_no_third(city: JamfCity, tmp_path: Path) -> None:
    def refuse(_request: Any) -> None:
        raise Refusal(401, "INVALID_TOKEN", "Unauthorized")

    city.vendor.identities.require = refuse
    run = city.run(everything(tmp_path), NOW, expect_failure=True)
    assert len([each for each in run.exchanges if each["path"].endswith("oauth/token")]) == 2
    assert "401" in run.message
    assert run.writes() == []


def test_every_privilege_that_is_missing_is_named_and_no_other_is_needed(city: JamfCity, tmp_path: Path) -> None:
    first = everything(tmp_path)
    steps = [
        first,
        everything(tmp_path, exempt=[TABLET, SECOND_PHONE, SECOND_MAC], apps=["tiktok", "capcut"]),
        [lifted(each) for each in first],
    ]
    needed: dict[str, tuple[int, Any]] = {}
    for number, step in enumerate(steps):
        before = city.snapshot()
        for privilege in city.run(step, NOW).values["privileges"]:
            needed.setdefault(privilege, (number, before))
    assert set(needed) <= set(EVERY_PRIVILEGE)
    assert len(needed) > 15
    for missing, (number, before) in needed.items():
        city.restore(before)
        city.settings(privileges=sorted(set(needed) - {missing}))
        run = city.run(steps[number], NOW, expect_failure=True)
        lines = [line for line in run.message.splitlines() if "403" in line]
        assert lines, missing
        assert all(missing in line and "Give the API role" in line for line in lines), (missing, lines)
    # And nothing else is needed, as the last of them shows by succeeding.
    city.restore(before)
    city.settings(privileges=sorted(needed))
    city.run(steps[number], NOW)


# Between us and the server.


@pytest.mark.parametrize("cookie", ["APBALANCEID", "jpro-ingress"])
def test_a_run_stays_on_one_node_however_far_behind_the_others_are(
    city: JamfCity, tmp_path: Path, cookie: str, undisturbed: list[str]
) -> None:
    city.settings(nodes=3, node_lag=50, cookie=cookie)
    run = city.run(everything(tmp_path), NOW)
    assert picture(city) == undisturbed
    first, *others = run.exchanges
    assert "Cookie" not in first["headers"]
    assert {each["headers"]["Cookie"] for each in others} == {"%s=node%d" % (cookie, int(others[0]["headers"]["Cookie"][-1]))}


@pytest.mark.parametrize("gateway", [False, True])
def test_a_server_that_is_mounted_below_a_path_works_as_any(tmp_path: Path, gateway: bool, undisturbed: list[str]) -> None:
    base = "/api/proclassic/tenant/11111111-2222"
    with jamf_city(tmp_path, base_path=base, gateway=gateway) as city:
        before = picture(city)
        run = city.run(everything(tmp_path), NOW)
        assert {each["path"].startswith(base + "/") for each in run.exchanges} == {True}
        assert picture(city) == undisturbed
        assert city.run(everything(tmp_path), NOW).writes() == []
        lift_leaves_nothing(city, tmp_path, before)
        assert [each["path"] for each in city.exchanges if "/subset" in each["path"] or each["path"].endswith("/commands")] == []


# Devices.


def test_devices_that_are_not_managed_never_go_into_a_group(city: JamfCity, tmp_path: Path) -> None:
    away = city.devices(managed=False, platform="ios")[0]["serial"] or "JP00000019"
    assert not city.device(away)["managed"]
    run = city.run(policy(tmp_path, exempt=[PHONE, TABLET, away]), NOW)
    assert run.outcomes()[f"mobile:{city.device(away)['id']}"][0] == "exempt"
    [group] = [each for each in city.objects()[GROUPS] if each["name"] == EXEMPT_GROUP]
    assert {each["id"] for each in group["mobile_devices"]} == {city.device(PHONE)["id"], city.device(TABLET)["id"]}
    assert city.run(policy(tmp_path, exempt=[PHONE, TABLET, away]), NOW).writes() == []
    # One of the group isn't managed any more: the server would refuse any request that names it.
    city.simulation.devices([{"op": "patch", "device": PHONE, "set": {"managed": False}}])
    assert city.run(policy(tmp_path, exempt=[PHONE, TABLET, away]), NOW).writes() == []
    city.run(policy(tmp_path, exempt=[TABLET]), NOW)
    assert city.run(policy(tmp_path, exempt=[TABLET]), NOW).writes() == []
    city.contact(LATER)
    assert BLOCK not in city.device(TABLET)["profiles"]


def test_a_record_that_the_server_cannot_read_is_counted_and_never_lost(city: JamfCity, tmp_path: Path, undisturbed: list[str]) -> None:
    broken = [each["key"] for each in city.devices(kind="iphone_supervised", online=True, managed=True)[3:5]]
    city.simulation.devices([{"op": "patch", "device": each, "set": {"corrupt": True}} for each in broken])
    run = city.run(everything(tmp_path), NOW)
    assert run.values["record"]["devices"] == 40
    lost = [row for row in run.rows if row["row"] == "device" and "unreadable" in row["device"] and row["app"] == "tiktok"]
    assert [(row["outcome"], row["seen_at"]) for row in lost] == [("unclassified", None)] * 2
    assert any("can't read the record of 2 devices" in each for each in run.values["notes"])
    assert city.run(everything(tmp_path), NOW).writes() == []
    # The scope is one of whole platforms, so the device is covered nevertheless.
    city.contact(LATER)
    assert BLOCK in city.device(broken[0])["profiles"]
    city.simulation.devices([{"op": "patch", "device": each, "set": {"corrupt": False}} for each in broken])
    city.run(everything(tmp_path), NOW)
    assert picture(city) == undisturbed


def test_an_inventory_without_the_users_apps_never_makes_a_device_compliant(city: JamfCity, tmp_path: Path) -> None:
    city.settings(collect_unmanaged_apps=False)
    city.contact("2023-03-21T08:00:00Z")
    for now in (NEXT_DAY, "2023-03-22T09:00:00Z"):
        run = city.run(policy(tmp_path), now)
        phones = {outcome for device, (outcome, _reason) in run.outcomes().items() if device.startswith("mobile:")}
        assert not phones & {"compliant", "removed", "blocked_not_removed"}
        assert any("Inventory collection" in each for each in run.values["notes"])
        city.contact("2023-03-22T08:00:00Z")


def test_devices_with_version_27_are_told_of_once_and_are_still_blocked(city: JamfCity, tmp_path: Path) -> None:
    assert not any("version 27" in each for each in city.run(policy(tmp_path), NOW).values["notes"])
    new = city.devices(kind="iphone_supervised", online=True, managed=True)[:3]
    city.simulation.devices([{"op": "patch", "device": each["key"], "set": {"os_version": "27.0"}} for each in new])
    city.contact(LATER)
    run = city.run(policy(tmp_path), LATER)
    [note] = [each for each in run.values["notes"] if "version 27" in each]
    assert "3 devices have version 27 or later" in note
    assert run.writes() == []
    assert all(BLOCK in city.device(each["key"])["profiles"] for each in new if each["serial"] != PHONE)
    assert not any("version 27" in each for each in city.run(lifted(policy(tmp_path)), LATER).values["notes"])


def test_groups_that_report_are_as_old_as_the_inventory_and_no_list_of_apps_is_ever_read(city: JamfCity, tmp_path: Path) -> None:
    before = picture(city)
    city.run(everything(tmp_path), NOW, findings="groups")
    city.contact(LATER)
    clean = next(
        each for each in city.devices(kind="iphone_supervised", online=True, managed=True) if not has(each) and each["serial"] != PHONE
    )
    name = f"mobile:{clean['id']}"
    run = city.run(everything(tmp_path), LATER, findings="groups")
    assert run.writes() == []
    assert run.outcomes()[name][0] == "compliant"
    city.simulation.devices([{"op": "install", "device": clean["key"], "app": "tiktok"}])
    # Nothing tells of it before the device's next inventory; after it the app is found, and is blocked as it has been all the time.
    assert city.run(everything(tmp_path), LATER, findings="groups").outcomes()[name][0] == "compliant"
    assert not opens(city.device(clean["key"]))
    city.contact(NEXT_DAY)
    last = city.run(everything(tmp_path), NEXT_DAY, findings="groups")
    assert last.outcomes()[name] == ("blocked_not_removed", "user_installed")
    sections = [str(each["query"]) for each in city.exchanges if "section" in str(each.get("query"))]
    assert sections
    assert not any("APPLICATIONS" in each for each in sections)
    inventory = city.run(everything(tmp_path), NEXT_DAY)
    assert inventory.outcomes() == last.outcomes()
    # The way back to the inventory, and the end of both, leave no group behind.
    city.run(everything(tmp_path), NEXT_DAY, findings="groups")
    city.run([lifted(each) for each in everything(tmp_path)], NEXT_DAY)
    assert picture(city) == before


# What a run may do.


def test_limits_stop_a_run_before_any_write(city: JamfCity, tmp_path: Path) -> None:
    before = city.state()["objects"]
    for limits in ({"max_devices": 3}, {"max_percent": 5}):
        run = city.run(everything(tmp_path), NOW, limits=limits, expect_failure=True)
        assert (run.writes(), city.state()["objects"]) == ([], before)
        assert next(iter(limits)) in run.message
        assert list(city.evidence_dir.glob("*.notices.jsonl")) == []


TRANSITIONS: dict[str, dict[str, Any]] = {
    "first": {},
    "another app": {"apps": ["tiktok", "capcut"]},
    "another exemption": {"exempt": [TABLET, SECOND_PHONE, SECOND_MAC]},
    "no exemption": {"exempt": ()},
    "fewer actions": {"actions": ["block"]},
    "by name": {"when": {"department": ["Police", "Parks"]}},
    "back": {},
}


def test_a_check_shows_exactly_the_changes_that_an_apply_makes(city: JamfCity, tmp_path: Path) -> None:
    for name, changes in [*TRANSITIONS.items(), ("end", {})]:
        policies = everything(tmp_path, **changes)
        policies = [lifted(each) for each in policies] if name == "end" else policies
        before = city.state()
        check = city.run(policies, NOW, check=True)
        assert {each["method"] for each in check.exchanges if "token" not in each["path"]} == {"GET"}
        assert {**city.state(), "volatile": 0} == {**before, "volatile": 0}
        apply = city.run(policies, NOW)
        assert check.changes() == apply.changes() != [], name
        for part in ("changes", "diff", "drift", "summary"):
            assert check.values.get(part) == apply.values.get(part) or part == "summary", (name, part)
        assert city.run(policies, NOW).writes() == [], name
