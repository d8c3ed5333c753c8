# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The apt backend's decisions, on recorded answers. What the real tools do is proved in the lab."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.hosts.apt.backend import Apt
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.apt.places import ASKS_ONLY, apt_places
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.backend import BlockRequest, Package, RemovalRequest
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.steps import CommandStep, Steps
from tests.support.hosts.dpkg_output import DEPENDENTS, row
from tests.support.hosts.recorded_host import RecordedHost

NO_FORCE = "--no-force-depends,depends-version"
BASE = row("apt", version="2.6.1") + row("dpkg", version="1.21.22", marks=("yes", "no", "", "required")) + row("bash")
APP = row("tiktok-desktop")
PIN = "/etc/apt/preferences.d/appban"
PREFERENCES = {"/etc/apt/preferences.d/README": b""}
PLACES = """MAIN='/etc/apt/apt.conf'
PARTS='/etc/apt/apt.conf.d/'
PREFERENCES='/etc/apt/preferences'
PREFERENCESPARTS='/etc/apt/preferences.d/'
SOURCELIST='/etc/apt/sources.list'
SOURCEPARTS='/etc/apt/sources.list.d/'
LISTS='/var/lib/apt/lists/'
STATUS='/var/lib/dpkg/status'
"""
NOTHING = "E: Unable to locate package appban-asks-for-nothing\n"
NONE_OF_IT = NOTHING + "E: Package 'tiktok-desktop' has no installation candidate\n"
ALONE: tuple[str, ...] = ("apt-get", "-s", "-qq", *ASKS_ONLY, "-o", "Dir::Log::Planner=", "-o", "Dir::Log::Solver=")
ALONE += ("--allow-change-held-packages", "--allow-downgrades", "install", "tiktok-desktop:native")


class Recorded(RecordedHost):
    """The recorded host with directories."""

    def names_in(self, directory: str) -> list[str]:
        """The recorded files' names."""
        return sorted(path[len(directory) + 1 :] for path in self.files if path.rpartition("/")[0] == directory)

    def status(self, path: str) -> None:
        """Nothing has the mode of a directory here."""
        return


def host(listing: str, **more: str | tuple[int, str, str]) -> Recorded:
    commands: dict[tuple[str, ...], str | tuple[int, str, str]] = {
        ("dpkg-query",): listing,
        ("dpkg-query", "-W", "-f=${binary:Package}\\t${db:Status-Abbrev}\\n"): "",
        ("apt-config",): PLACES,
        ("apt-get",): (100, "", NONE_OF_IT),
        ("apt-cache",): "",
        ("dpkg",): "",
    }
    commands.update({(name.replace("_", "-"),): answer for name, answer in more.items()})
    return Recorded(commands, PREFERENCES)


def blocked(listing: str = BASE, strong: bool = False, **more: str | tuple[int, str, str]) -> tuple[Recorded, dict[str, Any]]:
    """A host on which the pin of the app stands, and what it remembers."""
    system = host(listing, **more)
    plan = Apt(system).plan_block(request(strong), {})
    system.files[PIN] = plan.changes[0].step.content
    system.asked.clear()
    return system, json.loads(json.dumps(plan.owned))


def request(strong: bool = False) -> BlockRequest:
    return BlockRequest(("tiktok-desktop",), strong=frozenset({"tiktok-desktop"} if strong else ()))


def test_a_run_without_changes_asks_apt_once() -> None:
    system, owned = blocked()
    again = Apt(system)
    assert again.version() == "2.6.1"
    assert again.installed(frozenset({"tiktok-desktop"})) == ()
    plan = again.plan_block(request(), owned)
    assert (plan.changes, plan.owned, plan.drift, plan.proof, plan.overridden) == ((), owned, (), "asked", {})
    assert [argv[0] for argv in system.asked] == ["dpkg-query", "apt-config", "apt-cache", "apt-get"]
    assert system.asked[-1][-2:] == ("appban-asks-for-nothing", "tiktok-desktop:native")


def test_a_name_that_apt_would_install_is_no_block_and_says_why() -> None:
    system, owned = blocked()
    system.files["/etc/apt/preferences.d/00-admin"] = b"Package: tik*\nPin: release *\nPin-Priority: 990\n"
    # After ours, so it changes nothing.
    system.files["/etc/apt/preferences.d/zz"] = b"Package: tiktok-desktop\nPin: release *\nPin-Priority: 1001\n"
    system.commands[("apt-get",)] = (100, "", NOTHING)
    system.commands[ALONE] = "Inst tiktok-desktop (2.0 localhost [all])\nConf tiktok-desktop (2.0 localhost [all])\n"
    plan = Apt(system).plan_block(request(), owned)
    assert (plan.changes, plan.blocks, plan.proof, list(plan.overridden)) == ((), (), "asked", ["tiktok-desktop"])
    assert "/etc/apt/preferences.d/00-admin gives it the priority 990" in plan.drift[0]
    assert plan.drift == (plan.overridden["tiktok-desktop"],)


def test_an_upgrade_of_what_is_there_is_no_hole() -> None:
    """The installed provider that apt takes for the name stays out of the block, and newer versions of it are its own affair."""
    system, owned = blocked()
    system.commands[("apt-get",)] = (100, "", NOTHING)
    system.commands[ALONE] = "Inst tiktok-rev [1.0] (2.0 localhost [all])\n"
    plan = Apt(system).plan_block(request(), owned)
    assert (plan.overridden, plan.drift, plan.proof) == ({}, (), "asked")


@pytest.mark.parametrize(
    "broken",
    [
        "E: The list of sources could not be read.\n",
        NONE_OF_IT + "E: The package lists or status file could not be parsed or opened.\n",
        "",
    ],
)
def test_where_apt_can_not_answer_its_preferences_are_read(broken: str) -> None:
    system, owned = blocked()
    system.commands[("apt-get",)] = (100, "", broken)
    plan = Apt(system).plan_block(request(), owned)
    assert (plan.proof, plan.overridden, plan.blocks[0].names) == ("read", {}, ("tiktok-desktop",))
    assert "apt could not say whether the block holds" in plan.notes[0]
    # Nobody knows whether that was of the moment.
    assert not system.basis.holds()
    system.files["/etc/apt/preferences"] = b"Package: tiktok-desktop\nPin: release *\nPin-Priority: 1\n"
    plan = Apt(system).plan_block(request(), owned)
    assert (plan.proof, list(plan.overridden), plan.blocks) == ("read", ["tiktok-desktop"], ())


def test_an_apt_that_speaks_like_apt_3_is_understood() -> None:
    system, owned = blocked()
    system.commands[("apt-get",)] = (100, "", NONE_OF_IT.replace("E: ", "Error: "))
    assert Apt(system).plan_block(request(), owned).proof == "asked"
    system.commands[("apt-get",)] = (100, "", NONE_OF_IT.replace("E: ", "Error: ") + "Error: The list of sources could not be read.\n")
    assert Apt(system).plan_block(request(), owned).proof == "read"


def test_an_apt_that_refuses_nothing_has_not_answered() -> None:
    """The name that nobody has is refused by every apt; where it is not, the others' silence says nothing."""
    system, owned = blocked()
    system.commands[("apt-get",)] = (0, "", "")
    plan = Apt(system).plan_block(request(), owned)
    assert (plan.proof, plan.overridden) == ("read", {})


def test_a_configuration_that_includes_others_is_asked_every_time() -> None:
    system, owned = blocked()
    assert apt_places(system).inputs is not None
    system.files["/etc/apt/apt.conf.d/99"] = b'#include "/srv/apt.conf";\n'
    assert apt_places(system).inputs is None
    assert Apt(system).plan_block(request(), owned).proof == "asked"


def test_what_the_previous_release_remembers_is_kept_as_it_is() -> None:
    """An upgrade in the middle of a ban writes nothing, says nothing, and lifts what is there."""
    system, _owned = blocked()
    digest = hashlib.sha256(system.files[PIN]).hexdigest()
    owned = {"names": ["tiktok-desktop"], "pin": {"sha256": [digest]}, "providers": {}}
    plan = Apt(system).plan_block(request(), owned)
    assert (plan.changes, json.loads(json.dumps(plan.owned)), plan.drift, plan.proof) == ((), owned, (), "asked")
    assert [change.op for change in Apt(system).plan_block(BlockRequest(), owned).changes] == ["delete"]


def test_an_interrupted_run_claims_no_drift() -> None:
    system = host(BASE)
    owned = dict(Apt(system).plan_block(request(True), {}).owned)
    missing = Apt(system).plan_block(request(True), owned)
    assert len(missing.drift) == 2
    assert Apt(system).plan_block(request(True), {**owned, "claimed": True}).drift == ()
    assert Apt(system).plan_block(BlockRequest(), {**owned, "claimed": True}).drift == ()
    assert "claimed" not in missing.owned


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
        ("dpkg", "--no-act", "--log=/dev/null", NO_FORCE, "--purge", "duo:amd64", "duo:i386"),
        ("dpkg", NO_FORCE, "--purge", "duo:amd64", "duo:i386"),
    ]


def test_the_closure_is_followed_to_its_end() -> None:
    listing = BASE + APP + row("media-suite") + row("libfoo", unique="libfoo:i386") + row("media-alt") + row("studio")
    system = host(listing)
    first = ("dpkg", "--no-act", "--log=/dev/null", NO_FORCE, "--purge", "tiktok-desktop")
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
    assert "tiktok-desktop (--purge): package is in a very bad state" in refused.refusals[0].message
    assert refused.refusals[0].plan == ("remove tiktok-desktop 1.0",)


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
