# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random policies over random fleets, on real servers: what must be true of every ban, whatever it is.

One pair of servers serves all examples. Each example has devices and a prefix of its own, so what the others left there is foreign to it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.policy.decide import Decider
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import PolicyError
from tests.support.mdm_samples import app, exemption, policy
from tests.support.nanomdm.api_client import NanoApi
from tests.support.nanomdm.device_facts import App
from tests.support.nanomdm.factory import NanoFactory
from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.nano_run import OTHER, Ban, lifted
from tests.support.nanomdm.servers import NanoServers

APPS = ("banned", "wechat")
RULES: tuple[dict[str, Any], ...] = (
    {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["remove", "block", "block_web"]},
    {"name": "Corporate blocked", "when": {"ownership": "corporate"}, "actions": ["block"]},
    {"name": "Supervised", "when": {"supervised": True}, "actions": ["block_web", "block"]},
    {"name": "iPads", "when": {"platform": ["ipados", "macos"]}, "actions": ["block"]},
    {"name": "Private", "when": {"ownership": "personal"}, "actions": ["advise"]},
)
#: By serial number, so they hold whatever the date; see ``drawn``.
EXEMPTIONS: tuple[dict[str, Any], ...] = (
    {"devices": ["D0"]},
    {"devices": ["D1"], "apps": ["wechat"]},
    {"devices": ["D2"], "domains": ["banned.example"], "apps": ["banned"]},
)
KINDS: tuple[dict[str, Any], ...] = (
    {"os_version": "27.0"},
    {"os_version": "27.0"},
    {"os_version": "26.1"},
    {"os_version": "26.1"},
    {"platform": "iPad", "os_version": "27.0"},
    {"platform": "iPad", "supervised": False, "os_version": "27.0"},
    {"enrollment": "user", "supervised": False},
    {"platform": "AppleTV", "os_version": "27.0"},
    {"platform": "Mac", "os_version": "27.0"},
    {"platform": "Mac", "os_version": "26.1"},
)
FLEETS = st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(("corporate", "corporate", "personal", ""))), min_size=1, max_size=5)
POLICIES = st.lists(
    st.tuples(
        st.lists(st.sampled_from(RULES), min_size=1, max_size=2, unique_by=lambda rule: str(rule["name"])),
        st.lists(st.sampled_from(EXEMPTIONS), max_size=2, unique_by=str),
        st.sampled_from((["banned"], ["banned", "wechat"], ["wechat"])),
    ),
    min_size=1,
    max_size=2,
)
_NUMBERS = itertools.count(1)
BUNDLES = {name: f"com.{name}.app" for name in APPS}


@pytest.fixture(scope="module")
def shared(nano_factory: NanoFactory) -> Iterator[NanoServers]:
    """Servers for all examples of a worker."""
    servers = nano_factory.start()
    yield servers
    nano_factory.finish(servers)


def start(nano: NanoServers, folder: Path, fleet: list[Any]) -> Ban:
    """A fleet of an example, enrolled, with both apps on every device."""
    number = next(_NUMBERS)
    made, owners = [], {}
    for position, (facts, ownership) in enumerate(fleet):
        apps = [App(name, name) for name in BUNDLES.values()]
        device = nano.device(udid=f"{number:08X}-0000-4000-8000-{position:012X}", serial=f"D{position}", apps=[*apps, OTHER], **facts)
        made.append(device)
        owners[device.id] = ownership
    ban = Ban(nano, folder / str(number), made, name_prefix=f"org.example.n{number}", inventory="never")
    ban.owners.update(owners)
    return ban


def drawn(ban: Ban, chosen: list[Any]) -> tuple[Policy, ...]:
    """Policies of an example."""
    made = []
    for name, (rules, exemptions, apps) in zip(("city", "school"), chosen, strict=False):
        fitting = [each for each in exemptions if set(each.get("apps", apps)) <= set(apps)]
        dated = {key: ban.exemption()[key] for key in ("granted", "expires")}
        listed = [exemption(f"EX-{number}", **{**each, **dated}) for number, each in enumerate(fitting)]
        banned = [app(each) for each in apps]
        try:
            made.append(policy(name, rules=rules, apps=banned, **({"exemptions": listed} if listed else {})))
        except PolicyError:
            # An exemption that covers its whole scope is refused; what is left is a policy all the same.
            made.append(policy(name, rules=rules, apps=banned))
    return tuple(made)


def spared(ban: Ban, policies: tuple[Policy, ...]) -> dict[str, set[str]]:
    """Name of an app -> ids of the devices on which nobody may block it."""
    decider = Decider(policies, ban.now)
    found: dict[str, set[str]] = {name: set() for name in APPS}
    for device in ban.devices:
        decision = decider.decide(ban.row(device))
        for name in APPS:
            asked = decision.apps.get(name)
            if asked is None or asked.verdict != "enforce" or "block" not in asked.actions:
                found[name].add(device.id)
    return found


def blocked(device: FakeDevice) -> set[str]:
    return {name for name, bundle in BUNDLES.items() if not device.can_open(bundle)}


def expected(ban: Ban, device: FakeDevice, nobody: dict[str, set[str]]) -> set[str]:
    """Apps that a device must hide: those that are to be blocked on it and that it can be made to hide."""
    able = device.facts.supervised and device.facts.system != "macOS"
    return {name for name in APPS if able and device.id not in nobody[name]}


def foreign(api: NanoApi, ban: Ban) -> dict[str, Any]:
    """All declarations of others, with the server's tokens, which any write would change."""
    prefix = str(ban.options["name_prefix"]) + "."
    names = [name for name in api.kmfddm("GET", "/declarations").json() or [] if not name.startswith(prefix)]
    return {name: api.kmfddm("GET", f"/declarations/{name}").json() for name in names}


def ours(api: NanoApi, ban: Ban) -> list[str]:
    """Every trace of an example's bans."""
    prefix = str(ban.options["name_prefix"]) + "."
    names = [*(api.kmfddm("GET", "/declarations").json() or []), *(api.kmfddm("GET", "/sets").json() or [])]
    for device in ban.devices:
        names += api.kmfddm("GET", f"/enrollment-sets/{device.id}").json() or []
        names += [*device.installed_profiles(), *device.declarations.held]
    return [name for name in names if name.startswith(prefix)]


def test_a_ban_converges_blocks_whom_it_means_and_nobody_else_and_lifts_without_a_trace(shared: NanoServers, tmp_path: Path) -> None:
    api = NanoApi(shared)

    @settings(max_examples=8)
    @given(FLEETS, POLICIES)
    def check(fleet: list[Any], chosen: list[Any]) -> None:
        ban = start(shared, tmp_path, fleet)
        made = drawn(ban, chosen)
        others = foreign(api, ban)
        ban.converge(*made)
        ban.connect()
        nobody = spared(ban, made)
        for device in ban.devices:
            assert blocked(device) == expected(ban, device, nobody), device
        # What devices have told meanwhile asks for nothing more.
        assert ban.run(*made).changes() == []
        ban.converge(*lifted(*made))
        ban.connect()
        assert [blocked(device) for device in ban.devices] == [set()] * len(fleet)
        assert ours(api, ban) == []
        assert foreign(api, ban) == others

    check()


def test_going_from_one_ban_to_another_spares_at_every_step_whom_both_spare(shared: NanoServers, tmp_path: Path) -> None:
    api = NanoApi(shared)

    @settings(max_examples=8)
    @given(FLEETS, POLICIES, POLICIES, st.booleans())
    def check(fleet: list[Any], before: list[Any], after: list[Any], connected: bool) -> None:
        ban = start(shared, tmp_path, fleet)
        first, second = drawn(ban, before), drawn(ban, after)
        ban.converge(*first)
        if connected:
            ban.connect()
        ids = {each.id for each in second}
        ended = tuple(replace(each, state="lifted") for each in first if each.id not in ids)
        ban.skip(minutes=10)
        ban.converge(*second, *ended)
        ban.connect()
        nobody = spared(ban, second)
        for device in ban.devices:
            assert blocked(device) == expected(ban, device, nobody), device
        ban.converge(*lifted(*second), *ended)
        ban.connect()
        assert ours(api, ban) == []

    check()
