# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The apt backend's decisions, on recorded answers. What the real tools do is proved in the lab."""

from __future__ import annotations

from ansible_collections.appban.endpoint.plugins.module_utils.hosts.apt import Apt
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.backend import BlockRequest, Package, RemovalRequest
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.steps import CommandStep, Steps
from tests.unit.hosts.dpkg_output import DEPENDENTS, row
from tests.unit.hosts.recorded_host import RecordedHost

BASE = row("apt", version="2.6.1") + row("dpkg", version="1.21.22", marks=("yes", "no", "", "required")) + row("bash")
APP = row("tiktok-desktop")
PIN = "/etc/apt/preferences.d/appban"
PREFERENCES = {"/etc/apt/preferences.d/README": b""}


def host(listing: str, **more: str | tuple[int, str, str]) -> RecordedHost:
    commands: dict[tuple[str, ...], str | tuple[int, str, str]] = {
        ("dpkg-query",): listing,
        ("apt-get",): "",
        ("apt-cache",): "",
        ("dpkg",): "",
    }
    commands.update({(name.replace("_", "-"),): answer for name, answer in more.items()})
    return RecordedHost(commands, PREFERENCES)


def test_one_call_answers_everything_of_a_run_without_changes() -> None:
    system = host(BASE)
    apt = Apt(system)
    owned = apt.plan_block(BlockRequest(("tiktok-desktop",)), {}).owned
    system.files[PIN] = apt.plan_block(BlockRequest(("tiktok-desktop",)), {}).changes[0].step.content
    system.asked.clear()
    again = Apt(system)
    assert again.version() == "2.6.1"
    assert again.installed(frozenset({"tiktok-desktop"})) == ()
    plan = again.plan_block(BlockRequest(("tiktok-desktop",)), owned)
    assert (plan.changes, plan.owned, plan.drift) == ((), owned, ())
    assert [argv[0] for argv in system.asked] == ["dpkg-query"]


def test_only_the_asked_names_leave() -> None:
    apt = Apt(host(BASE + APP + row("diary-of-jana")))
    assert apt.installed(frozenset({"tiktok-desktop", "tiktok"})) == (Package("tiktok-desktop", "1.0"),)


def test_no_apt_on_a_host_where_dpkg_is_a_mere_tool() -> None:
    system = host("")
    system.commands[("dpkg-query",)] = (1, "", "dpkg-query: no packages found matching *\n")
    assert Apt(system).version() is None


def test_architectures_are_one_finding_and_all_go() -> None:
    listing = BASE + row("duo", unique="duo:amd64") + row("duo", unique="duo:i386", status="hi ") + row("duo-docs")
    apt = Apt(host(listing))
    found = apt.installed(frozenset({"duo"}))
    assert found == (Package("duo", "1.0"), Package("duo", "1.0", held="hold"))
    plan = apt.plan_removal(RemovalRequest(found))
    assert plan.changes[0].name == "apt: duo:amd64 1.0, duo:i386 1.0"
    steps = plan.changes[0].step
    assert isinstance(steps, Steps)
    assert [step.argv for step in steps.steps if isinstance(step, CommandStep)] == [
        ("dpkg", "--no-act", "--log=/dev/null", "--purge", "duo:amd64", "duo:i386"),
        ("dpkg", "--purge", "duo:amd64", "duo:i386"),
    ]


def test_the_closure_is_followed_to_its_end() -> None:
    listing = BASE + APP + row("media-suite") + row("libfoo", unique="libfoo:i386") + row("media-alt") + row("studio")
    system = host(listing)
    first = ("dpkg", "--no-act", "--log=/dev/null", "--purge", "tiktok-desktop")
    system.commands[first] = (1, "", DEPENDENTS)
    second = (*first, "media-suite", "libfoo:i386", "media-alt")
    system.commands[second] = (1, "", " studio depends on media-suite.\n")
    system.commands[(*second, "studio")] = ""
    found = Apt(system).installed(frozenset({"tiktok-desktop"}))
    refused = Apt(system).plan_removal(RemovalRequest(found))
    assert (refused.changes, refused.dependents) == ((), ("media-suite", "libfoo", "media-alt", "studio"))
    assert refused.refusals[0].reason == "dependents"
    assert "remove libfoo:i386 1.0" in refused.refusals[0].plan
    allowed = Apt(system).plan_removal(RemovalRequest(found, allow_dependents=True))
    assert allowed.changes[0].before == "libfoo:i386 1.0\nmedia-alt 1.0\nmedia-suite 1.0\nstudio 1.0\ntiktok-desktop 1.0\n"


def test_an_objection_that_is_no_dependent_is_told() -> None:
    system = host(BASE + row("tiktok-desktop", status="iHR"))
    system.commands[("dpkg", "--no-act")] = (
        1,
        "",
        "dpkg: error processing package tiktok-desktop (--purge):\n package is in a very bad state\n",
    )
    found = Apt(system).installed(frozenset({"tiktok-desktop"}))
    refused = Apt(system).plan_removal(RemovalRequest(found, allow_dependents=True))
    assert [each.reason for each in refused.refusals] == ["unsolvable"]
    assert "package is in a very bad state" in refused.refusals[0].plan


def test_a_name_many_packages_provide_is_a_role_and_not_an_app() -> None:
    offers = "Package: editor\nReverse Provides: \n" + "".join(f"ed{number} 1.0 (= )\n" for number in range(9))
    plan = Apt(host(BASE, apt_cache=offers)).plan_block(BlockRequest(("editor",)), {})
    assert plan.blocks[0].names == ("editor",)
    assert "9 packages offer themselves" in plan.notes[0]


def test_protected_and_installed_providers_are_not_blocked() -> None:
    offers = "Package: tiktok-desktop\nReverse Provides: \nsudo 1.0 (= )\nbash 1.0 (= )\ntiktok-rev 1.0 (= )\n"
    plan = Apt(host(BASE, apt_cache=offers)).plan_block(BlockRequest(("tiktok-desktop",)), {})
    assert plan.blocks[0].names == ("tiktok-desktop", "tiktok-rev")
    assert len(plan.notes) == 3
    without = Apt(host(BASE, apt_cache=offers)).plan_block(BlockRequest(("tiktok-desktop",), providers=False), {})
    assert (without.blocks[0].names, without.notes) == (("tiktok-desktop",), ())


def test_names_that_dpkg_can_not_have_are_unsupported() -> None:
    plan = Apt(host(BASE)).plan_block(BlockRequest(("TikTok", "tiktok-desktop", "tiktok*", "x")), {})
    assert sorted(plan.unsupported) == ["TikTok", "tiktok*", "x"]
    assert plan.blocks[0].names == ("tiktok-desktop",)


def test_an_interrupted_first_run_leaves_a_ledger_that_lifts() -> None:
    system = host(BASE)
    apt = Apt(system)
    first = apt.plan_block(BlockRequest(("tiktok-desktop",), strong=frozenset({"tiktok-desktop"})), {})
    # The ledger was written, nothing else happened.
    plan = Apt(system).plan_block(BlockRequest(), first.owned)
    assert (plan.changes, plan.owned, plan.unblocked) == ((), {}, ("tiktok-desktop",))


def test_a_lift_asks_dpkg_for_our_own_names_only() -> None:
    system = host(BASE)
    owned = Apt(system).plan_block(BlockRequest(("tiktok-desktop",)), {}).owned
    system.files[PIN] = Apt(system).plan_block(BlockRequest(("tiktok-desktop",)), {}).changes[0].step.content
    system.asked.clear()
    system.commands[("dpkg-query",)] = (1, "", "dpkg-query: no packages found matching appban-guard\n")
    assert [change.op for change in Apt(system).plan_block(BlockRequest(), owned).changes] == ["delete"]
    assert [argv[3:] for argv in system.asked] == [("appban-guard",), ("tiktok-desktop",)]
