# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pacman backend's decisions, on recorded answers. What the real tool does is proved in the lab."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.backend import BlockRequest, Package, RemovalRequest
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.pacman.backend import Pacman
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.pacman.database import (
    parse_conflicts,
    parse_mtree,
    parse_owners,
    parse_packages,
    parse_provides,
)
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.pacman.hook import hooked_names, made_directories, render_hook
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.pacman.settings import PacmanSettings
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.process import CommandResult
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.steps import CommandStep
from tests.support.hosts.recorded_host import RecordedHost

CONF = b"[options]\nHoldPkg = pacman glibc\nArchitecture = auto\n\n[core]\nInclude = /etc/pacman.d/mirrorlist\n"
HOOK = "/etc/pacman.d/hooks/00-appban.hook"
APP = "tiktok-desktop"
SEARCH = ("pacman", "-Ssq", f"^({APP})$")


class PacmanHost(RecordedHost):
    """Notes which questions don't say what they rest on; directories and what is at a path come from the recorded files."""

    undeclared: list[tuple[str, ...]]

    def query(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        run_as: str | None = None,
        rests_on: Sequence[tuple[str, str]] | None = None,
    ) -> CommandResult:
        self.undeclared = [*getattr(self, "undeclared", []), *([] if rests_on is not None else [tuple(argv)])]
        return super().query(argv, env, run_as, rests_on)

    def names_in(self, directory: str) -> list[str]:
        return sorted({path[len(directory) + 1 :].split("/")[0] for path in self.files if path.startswith(directory + "/")})


def host(listing: str, conf: bytes = CONF, **more: str | tuple[int, str, str]) -> PacmanHost:
    commands: dict[tuple[str, ...], str | tuple[int, str, str]] = {
        ("pacman", "-Q"): listing,
        SEARCH: (1, "", ""),
        ("pacman", "-T"): (127, f"{APP}\n", ""),
        ("pacman-conf", "HoldPkg"): "pacman\nglibc\n",
    }
    commands.update({("pacman", f"-{name}"): answer for name, answer in more.items()})
    return PacmanHost(commands, {"/etc/pacman.conf": conf, "/etc/pacman.d/mirrorlist": b""})


def test_two_calls_answer_everything_of_a_run_without_changes() -> None:
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
    version = first.owned["guard"]["versions"][0]
    system.commands[("pacman", "-Q")] = f"bash 5.2-1\nappban-guard {version}\n"
    system.files[f"/var/lib/pacman/local/appban-guard-{version}/desc"] = f"%NAME%\nappban-guard\n\n%CONFLICTS%\n{APP}\n\n".encode()
    system.asked.clear()
    again = Pacman(system)
    assert again.installed(frozenset({APP})) == ()
    plan = again.plan_block(request, first.owned)
    assert (plan.changes, plan.owned, plan.drift, first.proof, plan.proof) == ((), first.owned, (), "", "read")
    assert system.asked == [("pacman", "-Q"), SEARCH]
    # Every question says what its answer rests on.
    assert system.undeclared == []


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


def test_the_hook_remembers_the_directories_made_for_it() -> None:
    made = ("/etc/pacman.d", "/etc/pacman.d/hooks")
    assert made_directories(render_hook([APP], ["Directories made for this file: /"], made)) == made
    assert made_directories(render_hook([APP], ["Directories made for this file: /"])) == ()


# -- settings ----------------------------------------------------------------------------------------------------------


def test_settings_that_nobody_changes_need_no_process() -> None:
    system = host("")
    settings = PacmanSettings(system)
    assert (settings.hook_directories(), settings.database(), settings.problems) == (("/etc/pacman.d/hooks",), "/var/lib/pacman", [])
    assert settings.rests_on() == [("content", "/etc/pacman.conf"), ("content", "/etc/pacman.d/mirrorlist")]
    assert system.asked == []


@pytest.mark.parametrize("include", ["/etc/pacman.d/mirrorlist", "/etc/pacman.d/*list", "etc/pacman.d/mirrorlist"])
def test_an_included_file_may_set_anything(include: str) -> None:
    system = host("", conf=f"[core]\nInclude = {include}\n".encode())
    system.files["/etc/pacman.d/mirrorlist"] = b"[options]\nInclude = /etc/pacman.conf\nRootDir = /mnt\nHookDir = /a/\n"
    system.commands.update({("pacman-conf", "HookDir"): "/a/\n/b\n", ("pacman-conf", "DBPath"): "/mnt/var/lib/pacman/\n"})
    settings = PacmanSettings(system)
    assert (settings.hook_directories(), settings.database()) == (("/a", "/b"), "/mnt/var/lib/pacman")
    assert system.undeclared == []


def test_files_that_cannot_be_known_are_said_to_be_unknown() -> None:
    system = host("", conf=b"[core]\nInclude = /etc/*/mirrorlist\n")
    system.commands[("pacman-conf", "HookDir")] = (1, "", "error: config file could not be read\n")
    settings = PacmanSettings(system)
    assert settings.hook_directories() == ("/etc/pacman.d/hooks",)
    assert settings.rests_on() is None
    assert ["could not be read" in each for each in settings.problems] == [True]


def test_many_files_that_include_each_other_come_to_an_end() -> None:
    system = host("", conf=b"[core]\nInclude = /srv/0\n")
    system.files.update({f"/srv/{number}": f"Include = /srv/{number + 1}\n".encode() for number in range(1000)})
    assert PacmanSettings(system).rests_on() is None


# -- providers ---------------------------------------------------------------------------------------------------------


def test_a_provider_that_is_new_in_the_lists_is_blocked_and_told() -> None:
    system = host("bash 5.2-1\n", Si="Name            : tiktok-rev\nProvides        : tiktok-desktop\n")
    first = Pacman(system).plan_block(BlockRequest((APP,)), {})
    system.files[HOOK] = first.changes[0].step.content
    system.commands[SEARCH] = f"{APP}\ntiktok-rev\n"
    second = Pacman(system).plan_block(BlockRequest((APP,)), first.owned)
    assert (second.owned["providers"], len(second.drift)) == ({"tiktok-rev": [APP]}, 1)
    assert ("pacman", "-Si", "tiktok-rev") in system.asked
    system.files[HOOK] = second.changes[0].step.content
    system.asked.clear()
    third = Pacman(system).plan_block(BlockRequest((APP,)), second.owned)
    assert (third.owned, third.drift) == (second.owned, ())
    assert ("pacman", "-Si", "tiktok-rev") not in system.asked


def test_a_name_is_no_pattern() -> None:
    system = host("bash 5.2-1\n")
    system.commands[("pacman", "-Ssq", r"^(gtk\+|lib\.so)$")] = (1, "", "")
    assert Pacman(system).plan_block(BlockRequest(("gtk+", "lib.so")), {}).notes == ()


def test_lists_that_cannot_be_read_are_told() -> None:
    system = host("bash 5.2-1\n")
    system.commands[SEARCH] = (1, "", "error: could not open file /var/lib/pacman/sync/core.db: Unrecognized archive format\n")
    (note,) = Pacman(system).plan_block(BlockRequest((APP,)), {}).notes
    assert "core.db: Unrecognized archive format" in note


# -- what the database holds -------------------------------------------------------------------------------------------


def test_owners_are_all_that_list_a_path() -> None:
    listing = "a /opt/\na /opt/app with space\nb /opt/app with space\nb /opt/other\n"
    assert parse_owners(listing) == {"/opt/app with space": ["a", "b"], "/opt/other": ["b"]}


def test_conflicts_of_an_installed_package() -> None:
    assert parse_conflicts(b"%NAME%\nx\n\n%CONFLICTS%\na\nb\n\n%PROVIDES%\nc\n") == ("a", "b")
    assert parse_conflicts(b"%CONFLICTS%\na") == ("a",)
    assert parse_conflicts(b"") == ()


TREE = b"""#mtree
/set type=file uid=0 gid=0 mode=644
./.PKGINFO time=1.0 size=1
./opt time=1.0 mode=755 type=dir
./opt/a\\040name time=1.0 size=1
./opt/link time=1.0 mode=777 type=link link=app
/set type=dir
./usr time=1.0
./usr/app type=file
"""


def packed(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


def test_files_of_an_mtree() -> None:
    assert parse_mtree(packed(TREE)) == ("opt/a name", "opt/link", "usr/app")
    assert parse_mtree(packed(TREE)[:-12])[:1] == ("opt/a name",)


@given(st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(packed)))
def test_no_mtree_breaks_the_reader(content: bytes) -> None:
    parse_mtree(content)


@pytest.mark.parametrize(
    ("stdout", "stderr", "said"),
    [
        (
            "checking dependencies...\n:: Running pre-transaction hooks...\n(1/1) 50-refuse.hook\nthe profile is locked\n",
            "error: command failed to execute correctly\nerror: failed to commit transaction (failed to run transaction hooks)\n",
            (
                "the profile is locked; error: command failed to execute correctly; "
                "error: failed to commit transaction (failed to run transaction hooks)"
            ),
        ),
        (
            (
                ":: Proceed with installation? [Y/n] \napp: /opt/a exists in filesystem\napp: /opt/b exists in filesystem\n"
                "Errors occurred, no packages were upgraded.\n"
            ),
            "error: failed to commit transaction (conflicting files)\n",
            "app: /opt/a exists in filesystem; app: /opt/b exists in filesystem; error: failed to commit transaction (conflicting files)",
        ),
        ("checking dependencies...\n", "error: target not found: x\n", "error: target not found: x"),
    ],
    ids=["hook", "conflict", "plain"],
)
def test_a_failure_is_explained_by_what_went_wrong(stdout: str, stderr: str, said: str) -> None:
    explained = CommandResult(("pacman",), 1, stdout, stderr).explain()
    assert explained.endswith(said)
    assert len(explained) <= len("rc 1: checking dependencies...; ") + len(said)
