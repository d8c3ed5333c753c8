# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pacman backend's decisions, on recorded answers. What the real tool does is proved in the lab."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.backend import BlockRequest, Package, RemovalRequest
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.pacman import Pacman
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.pacman_database import parse_packages, parse_provides
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.pacman_hook import hooked_names, render_hook
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.steps import CommandStep
from tests.unit.hosts.recorded_host import RecordedHost

CONF = b"[options]\nHoldPkg = pacman glibc\nArchitecture = auto\n\n[core]\nInclude = /etc/pacman.d/mirrorlist\n"
HOOK = "/etc/pacman.d/hooks/00-appban.hook"
APP = "tiktok-desktop"


def host(listing: str, conf: bytes = CONF, **more: str | tuple[int, str, str]) -> RecordedHost:
    commands: dict[tuple[str, ...], str | tuple[int, str, str]] = {
        ("pacman", "-Q"): listing,
        ("pacman", "-Si"): "",
        ("pacman", "-T"): (127, f"{APP}\n", ""),
        ("pacman-conf", "HoldPkg"): "pacman\nglibc\n",
    }
    commands.update({("pacman", f"-{name}"): answer for name, answer in more.items()})
    return RecordedHost(commands, {"/etc/pacman.conf": conf, "/etc/pacman.d/mirrorlist": b""})


def test_one_call_answers_everything_of_a_run_without_changes() -> None:
    request = BlockRequest((APP,), strong=frozenset({APP}))
    system = host("bash 5.2-1\n")
    first = Pacman(system).plan_block(request, {})
    assert [(change.kind, change.needs) for change in first.changes] == [
        ("file", ()),
        ("guard", ()),
        ("file", ("guard:pacman: appban-guard",)),
    ]
    system.files[HOOK] = first.changes[0].step.content
    system.files["/etc/pacman.conf"] = first.changes[2].step.content
    system.commands[("pacman", "-Q")] = f"bash 5.2-1\nappban-guard {first.owned['guard']['versions'][0]}\n"
    system.asked.clear()
    again = Pacman(system)
    assert again.installed(frozenset({APP})) == ()
    plan = again.plan_block(request, first.owned)
    assert (plan.changes, plan.owned, plan.drift) == ((), first.owned, ())
    assert system.asked == [("pacman", "-Q")]


def test_only_the_asked_names_leave() -> None:
    system = host("bash 5.2-1\nglibc 2.40-1\ntiktok-desktop 1:2.0-1\ntiktok-desktop-docs 1.0-1\n")
    assert Pacman(system).installed(frozenset({APP, "glibc"})) == (
        Package("glibc", "2.40-1", protected="hold_pkg"),
        Package(APP, "1:2.0-1"),
    )


@pytest.mark.parametrize("output", ["tiktok-desktop\n", "tiktok-desktop 1.0-1 x\n", " 1.0-1\n", "warning: some thing\n"])
def test_a_line_that_is_not_understood_is_never_skipped(output: str) -> None:
    with pytest.raises(AppbanError, match="can't be understood"):
        parse_packages("bash 5.2-1\n" + output)


def test_a_database_that_fails_is_no_empty_database() -> None:
    with pytest.raises(AppbanError, match="can't list"):
        Pacman(host("", Q=(1, "", "error: failed to initialize alpm library\n"))).installed(frozenset({APP}))
    assert Pacman(host("", Q=(1, "", ""))).installed(frozenset({APP})) == ()


def test_exactly_the_printed_packages_are_removed() -> None:
    system = host("media-suite 1.0-1\ntiktok-desktop 2.0-1\n", Rc="media-suite 1.0-1\ntiktok-desktop 2.0-1\n")
    found = Pacman(system).installed(frozenset({APP}))
    assert [each.reason for each in Pacman(system).plan_removal(RemovalRequest(found)).refusals] == ["dependents"]
    step = Pacman(system).plan_removal(RemovalRequest(found, allow_dependents=True)).changes[0].step
    assert isinstance(step, CommandStep)
    assert step.argv == ("pacman", "-Rn", "--noconfirm", "media-suite", APP)
    assert step.lock is not None
    assert step.lock.path == "/var/lib/pacman/db.lck"


def test_an_answer_without_the_asked_package_is_refused() -> None:
    system = host("tiktok-desktop 2.0-1\n", Rc=(1, "", "error: failed to prepare transaction\n"))
    found = Pacman(system).installed(frozenset({APP}))
    refused = Pacman(system).plan_removal(RemovalRequest(found))
    assert [each.reason for each in refused.refusals] == ["unsolvable"]
    assert refused.changes == ()


def test_a_ledger_without_a_host_lifts_to_nothing() -> None:
    system = host("bash 5.2-1\n")
    owned = Pacman(system).plan_block(BlockRequest((APP,), strong=frozenset({APP})), {}).owned
    plan = Pacman(system).plan_block(BlockRequest(), owned)
    assert (plan.changes, plan.owned, plan.unblocked) == ((), {}, (APP,))


def test_without_pacman_conf_no_hold_is_made() -> None:
    system = host("bash 5.2-1\n")
    del system.files["/etc/pacman.conf"]
    plan = Pacman(system).plan_block(BlockRequest((APP,), strong=frozenset({APP})), {})
    assert [change.kind for change in plan.changes] == ["file", "guard"]


DETAILS = """\
Name            : tiktok-rev
Version         : 1.0-1
Provides        : tiktok-desktop=2.0  libtok.so=1-64
Depends On      : None

Name            : tiktok-desktop
Provides        : tiktok-desktop  tok>=1
Optional Deps   : a: b : c
                  Provides : nothing
Name            : vlc
Provides        : None
"""


def test_provides_of_details() -> None:
    assert parse_provides(DETAILS) == {"tiktok-desktop": ["tiktok-rev"], "libtok.so": ["tiktok-rev"], "tok": ["tiktok-desktop"]}


@given(
    st.lists(st.from_regex(r"[a-z0-9@_+][a-z0-9@._+-]{0,20}", fullmatch=True), min_size=1, unique=True),
    st.lists(st.sampled_from(["a", "[Trigger]"])),
)
def test_the_hook_names_exactly_what_it_was_given(names: list[str], comment: list[str]) -> None:
    content = render_hook(names, comment)
    assert hooked_names(content) == tuple(sorted(names))
    assert render_hook(reversed(names), comment) == content
    lines = [line for line in content.decode().splitlines() if not line.startswith("#")]
    assert lines[:3] == ["[Trigger]", "Operation = Install", "Type = Package"]
    assert lines[-1] == "AbortOnFail"
