# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dnf and zypper share, on recorded output of rpm; and dnf 5, which the lab has not got."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError, ChangeFailed
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.backend import BlockPlan, BlockRequest, Package, RemovalRequest
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.dnf5.backend import DROP_IN, Dnf5, render_drop_in
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.guard_version import guard_version
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.locks import Lock, waiting_for
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.owned_file import written_content
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.process import CommandResult
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.rpm.database import installed_packages, plan_rpm_removal, query_packages
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.rpm.guard import PROTECTED_FILE
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.steps import CommandStep
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.system import System

APP = "tiktok-desktop"
ASKED = ("rpm", "-q", "--qf", r"%{NAME}\t%{EPOCHNUM}\t%{VERSION}-%{RELEASE}\t%{ARCH}\n", "--")
PROVIDES = (*ASKED[:2], "--whatprovides", *ASKED[2:])
DNF5_PROVIDERS = ("dnf5", "--quiet", "--cacheonly", "--setopt=disable_excludes=*", "repoquery", "--available", "--whatprovides")


class Recorded(System):
    """A host made of files and of recorded answers; a command that is not recorded is a defect of the test."""

    def __init__(self, files: Mapping[str, bytes] | None = None, answers: Mapping[Sequence[str], object] | None = None) -> None:
        super().__init__(check_mode=True)
        self.files = dict(files or {})
        self.answers = dict(answers or {})
        self.asked: list[tuple[str, ...]] = []

    def which(self, program: str) -> str | None:
        return f"/usr/bin/{program}"

    def query(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        run_as: str | None = None,
        rests_on: Sequence[tuple[str, str]] | None = None,
    ) -> CommandResult:
        if "--showrc" in argv:
            # Where the database is: of no matter here, and nobody vouches for it (tests/lab/test_rpm_place.py has the real one).
            return CommandResult(tuple(argv), 1, "", "")
        self.asked.append(tuple(argv))
        answer = self.answers[tuple(argv)]
        rc, stdout, stderr = answer if isinstance(answer, tuple) else (0, answer, "")
        return CommandResult(tuple(argv), rc, str(stdout), stderr)

    def read(self, path: str, limit: int | None = None) -> bytes | None:
        return self.files.get(path)

    def names_in(self, directory: str) -> list[str]:
        return sorted(path.rsplit("/", 1)[1] for path in self.files if path.rsplit("/", 1)[0] == directory)

    def exists(self, path: str) -> bool:
        return any(file == path or file.startswith(path + "/") for file in self.files)

    def status(self, path: str) -> os.stat_result | None:
        return None

    def is_link(self, path: str) -> bool:
        return False


def test_names_versions_epochs_and_architectures() -> None:
    lines = "foo\t0\t1.0-1\tx86_64\nfoo\t0\t1.0-1\ti686\nbar\t2\t3-4.fc40\tnoarch\npackage nope is not installed\n"
    system = Recorded(answers={(*ASKED, "bar", "foo", "nope"): (1, lines, "")})
    found = installed_packages(system, frozenset(("foo", "nope", "bar")))
    assert [(each.name, each.version) for each in found] == [("bar", "2:3-4.fc40.noarch"), ("foo", "1.0-1.i686"), ("foo", "1.0-1.x86_64")]
    assert len(system.asked) == 1


def test_no_name_no_question() -> None:
    system = Recorded()
    assert installed_packages(system, frozenset()) == ()
    assert system.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        (1, "package foo is not installed\n", "error: cannot open Packages database in /var/lib/rpm\n"),
        (1, "", ""),
        (127, "", "rpm: No such file or directory"),
        (1, "foo\t0\n", ""),
        (0, "Paket foo ist nicht installiert\n", ""),
    ],
)
def test_an_answer_that_is_no_answer_is_an_error(answer: tuple[int, str, str]) -> None:
    with pytest.raises(AppbanError, match="cannot read the rpm database"):
        query_packages(Recorded(answers={(*ASKED, "foo"): answer}), (), ("foo",))


@pytest.mark.parametrize(
    ("name", "version", "files", "reason"),
    [
        ("foo", "1-1", {}, ""),
        ("foo", "1-1", {"/etc/dnf/protected.d/x.conf": b"# bar\nbaz, foo\n"}, "protected"),
        ("foo", "1-1", {"/etc/yum/protected.d/x.conf": b"foo"}, "protected"),
        ("foo", "1-1", {"/etc/dnf/protected.d/x.conf.rpmsave": b"foo", "/etc/dnf/protected.d/y.conf": b"#foo\nfoo-bar\n"}, ""),
        ("foo", "1-1", {"/etc/zypp/systemCheck": b"requires:foo\n"}, "protected"),
        ("foo", "1-1", {"/etc/zypp/systemCheck.d/a": b"conflicts:foo\n"}, ""),
        ("dnf", "4-1", {}, "protected"),
        ("kernel-core", "0.0.1-1", {}, ""),
    ],
)
def test_what_must_stay(name: str, version: str, files: dict[str, bytes], reason: str) -> None:
    system = Recorded(files, {(*ASKED, name): f"{name}\t0\t{version}\tnoarch\n"})
    assert [each.protected for each in installed_packages(system, frozenset((name,)))] == [reason]


def test_the_running_kernel_must_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    class Uname:
        release = "5.14.21-150400.24.100-default"

    monkeypatch.setattr("os.uname", lambda: Uname)
    lines = "kernel-default\t0\t5.14.21-150400.24.100.2\tx86_64\nkernel-default\t0\t5.3.18-1\tx86_64\n"
    system = Recorded(answers={(*ASKED, "kernel-default"): lines})
    assert [each.protected for each in installed_packages(system, frozenset(("kernel-default",)))] == ["running_kernel", ""]


@pytest.mark.parametrize(
    ("files", "held"),
    [
        ({"/etc/dnf/dnf.conf": b"[main]\nexclude=tiktok*\n"}, "excluded"),
        ({"/etc/dnf/dnf.conf": b"[main]\nexcludepkgs=tiktok-desktop-1.0-1.noarch\n"}, "excluded"),
        ({"/etc/dnf/dnf.conf": b"[main]\nexclude=tiktok-desktop\nexcludepkgs=\n"}, ""),
        ({"/etc/zypp/locks": b"type: package\nmatch_type: glob\nsolvable_name: tiktok-*\n\n"}, "lock"),
        ({"/etc/zypp/locks": b"type: pattern\nmatch_type: glob\nsolvable_name: tiktok-*\n\n"}, ""),
    ],
)
def test_what_is_in_the_way(files: dict[str, bytes], held: str) -> None:
    system = Recorded(files, {(*ASKED, APP): f"{APP}\t0\t1.0-1\tnoarch\n"})
    assert [each.held for each in installed_packages(system, frozenset((APP,)))] == [held]


def needed(*pairs: tuple[str, str]) -> tuple[int, str, str]:
    lines = "".join(f"\t{what} is needed by (installed) {who}\n" for what, who in pairs)
    return 1, "", f"error: Failed dependencies:\n{lines}"


def removal_host(extra: Mapping[Sequence[str], object] | None = None) -> Recorded:
    test = ("rpm", "-e", "--test", "--")
    app, suite = f"{APP}-1.0-1.noarch", "media-suite-1.0-1.noarch"
    answers: dict[Sequence[str], object] = {
        (*test, app): needed((APP, suite), ("libtk.so.1()(64bit)", suite)),
        (*test, suite, app): needed(("media-suite >= 1", "studio-3-1.x86_64")),
        (*ASKED, suite): "media-suite\t0\t1.0-1\tnoarch\n",
        (*ASKED, "studio-3-1.x86_64"): "studio\t2\t3-1\tx86_64\n",
        (*test, suite, "studio-3-1.x86_64", app): "",
        ("rpm", "--eval", "%{_rpmlock_path}"): "/var/lib/rpm/.rpm.lock\n",
    }
    return Recorded(answers={**answers, **(extra or {})})


def test_the_whole_closure_of_dependents_is_named_before_anything_goes() -> None:
    request = RemovalRequest((Package(APP, "1.0-1.noarch"),))
    plan = plan_rpm_removal(removal_host(), "dnf4", request)
    assert plan.changes == ()
    assert plan.dependents == ("media-suite", "studio")
    assert [refusal.reason for refusal in plan.refusals] == ["dependents"]
    assert plan.refusals[0].plan == ("remove media-suite 1.0-1.noarch", "remove studio 2:3-1.x86_64", f"remove {APP} 1.0-1.noarch")


def test_with_leave_exactly_the_closure_goes() -> None:
    request = RemovalRequest((Package(APP, "1.0-1.noarch"),), allow_dependents=True, lock_timeout=7)
    (change,) = plan_rpm_removal(removal_host(), "dnf4", request).changes
    assert isinstance(change.step, CommandStep)
    assert change.step.argv == ("rpm", "-e", "--", "media-suite-1.0-1.noarch", "studio-3-1.x86_64", f"{APP}-1.0-1.noarch")
    assert change.before == f"media-suite 1.0-1.noarch\nstudio 2:3-1.x86_64\n{APP} 1.0-1.noarch\n"
    lock = change.step.lock
    assert lock is not None
    assert (lock.path, lock.timeout, lock.first and lock.first.path) == ("/var/lib/rpm/.rpm.lock", 7, "/run/zypp.pid")


def test_what_rpm_refuses_for_another_reason_is_told() -> None:
    system = Recorded(answers={("rpm", "-e", "--test", "--", f"{APP}-1.0-1.noarch"): (1, "", "error: can't create transaction lock\n")})
    plan = plan_rpm_removal(system, "zypper", RemovalRequest((Package(APP, "1.0-1.noarch"),)))
    assert [refusal.reason for refusal in plan.refusals] == ["unsolvable"]
    assert "can't create transaction lock" in plan.refusals[0].message


# -- dnf 5 -------------------------------------------------------------------------------------------------------------


DNF5_INSTALL = ("dnf5", "--cacheonly", "--assumeno", "install")


def dnf5_refuses(name: str) -> tuple[int, str, str]:
    return 1, "", f"Failed to resolve the transaction:\nArgument '{name}' matches only excluded packages.\n"


def dnf5_installs(*packages: str) -> tuple[int, str, str]:
    rows = "".join(f" {name}  noarch 2.0-1 lab  6.4 KiB\n" for name in packages)
    table = f"Package         Arch   Version Repository Size\nInstalling:\n{rows}\nTransaction Summary:\n Installing: 1 package\n"
    return 1, table, "Operation aborted by the user.\n"


def dnf5_host(files: Mapping[str, bytes], guard: str = "", providers: object = "tiktok-desktop\ntiktok-rev\n") -> Recorded:
    answers: dict[Sequence[str], object] = {
        (*DNF5_INSTALL, APP): dnf5_refuses(APP),
        (*DNF5_INSTALL, "tiktok-rev"): (1, "", "No match for argument: tiktok-rev\n"),
        (*PROVIDES, "appban-guard"): (0 if guard else 1, guard or "no package provides appban-guard\n", ""),
        (*DNF5_PROVIDERS, APP, "--queryformat", "%{name}\\n"): providers,
        (*ASKED, "tiktok-rev"): (1, "package tiktok-rev is not installed\n", ""),
        (*PROVIDES, "appban-guard", APP): (0 if guard else 2, guard or "no package provides appban-guard\nno package provides x\n", ""),
        ("rpm", "--eval", "%{_rpmlock_path}"): "/var/lib/rpm/.rpm.lock\n",
        ("dnf5", "--version"): "dnf5 version 5.2.6.2\ndnf5 plugin API version 2.0\nlibdnf5 version 5.2.6.2\n",
    }
    return Recorded(files, answers)


def applied(host: Recorded, plan: BlockPlan) -> Recorded:
    files = dict(host.files)
    for change in plan.changes:
        if change.kind == "file":
            content = written_content(change)
            files.pop(change.name, None)
            if content is not None:
                files[change.name] = content
    return dnf5_host(files, f"appban-guard\t0\t{guard_version([APP])}-1\tnoarch\n" if plan.owned.get("guard") else "")


def test_dnf5_blocks_by_a_drop_in_and_lifts_it() -> None:
    host = dnf5_host({"/etc/dnf/dnf.conf": b"[main]\n"})
    assert Dnf5(host).version() == "5.2.6.2"
    request = BlockRequest(names=(APP,), strong=frozenset((APP,)), comment=("city-tiktok",))
    first = Dnf5(host).plan_block(request, {})
    assert [(change.op, change.kind, change.name) for change in first.changes] == [
        ("create", "file", DROP_IN),
        ("create", "guard", "appban-guard"),
        ("create", "file", PROTECTED_FILE),
    ]
    assert first.changes[0].after is not None
    assert first.changes[0].after.endswith("[main]\nexcludepkgs=tiktok-desktop,tiktok-rev\n")
    assert "# Policy: city-tiktok\n" in first.changes[0].after
    assert [(block.mechanism, block.strength, block.names) for block in first.blocks] == [
        ("excludes", "soft", (APP, "tiktok-rev")),
        ("guard", "strong", (APP,)),
    ]
    after = applied(host, first)
    after.answers[("rpm", "-q", "--conflicts", "--", "appban-guard")] = f"{APP}\n"
    second = Dnf5(after).plan_block(request, first.owned)
    assert (second.changes, second.drift, second.notes, second.owned) == ((), (), (), first.owned)
    # The no-op run asks rpm what is there and what the guard stops, and dnf once for each name whether it would come in.
    assert [argv[0] for argv in after.asked] == ["rpm", "rpm", "dnf5", "dnf5"]
    assert (second.proof, second.overridden) == ("asked", {})

    lifted = Dnf5(after).plan_block(BlockRequest(), second.owned)
    assert [(change.op, change.kind, change.name) for change in lifted.changes] == [
        ("delete", "file", DROP_IN),
        ("delete", "file", PROTECTED_FILE),
        ("delete", "guard", "appban-guard"),
    ]
    assert (lifted.owned, lifted.unblocked, lifted.blocks) == ({}, (APP,), ())


def test_dnf5_says_when_its_cache_is_missing() -> None:
    host = dnf5_host({"/etc/dnf/dnf.conf": b"[main]\n"}, providers=(1, "", 'Cache-only enabled but no cache for repository "fedora"\n'))
    plan = Dnf5(host).plan_block(BlockRequest(names=(APP,)), {})
    assert [block.names for block in plan.blocks] == [(APP,)]
    assert any("no metadata" in note for note in plan.notes)


def test_dnf5_tells_what_it_would_install_in_spite_of_the_block() -> None:
    request = BlockRequest(names=(APP,), providers=False)
    host = dnf5_host({})
    first = Dnf5(host).plan_block(request, {})
    after = applied(host, first)
    after.answers[(*DNF5_INSTALL, APP)] = dnf5_installs(APP)
    plan = Dnf5(after).plan_block(request, first.owned)
    assert (plan.changes, plan.blocks, list(plan.overridden)) == ((), (), [APP])
    assert plan.drift == (plan.overridden[APP],)
    assert f"dnf5 would install {APP} in spite of {DROP_IN}" in plan.overridden[APP]


def test_dnf5_blocks_a_provider_that_was_not_there_before() -> None:
    request = BlockRequest(names=(APP,))
    host = dnf5_host({}, providers=f"{APP}\n")
    first = Dnf5(host).plan_block(request, {})
    after = applied(host, first)
    assert Dnf5(after).plan_block(request, first.owned).drift == ()
    after.answers[(*DNF5_INSTALL, APP)] = dnf5_installs("tiktok-rev")
    plan = Dnf5(after).plan_block(request, first.owned)
    assert [change.op for change in plan.changes] == ["update"]
    assert plan.blocks[0].names == (APP, "tiktok-rev")
    assert plan.drift == (f"tiktok-rev, which no block held, offers itself as {APP}",)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"/etc/dnf/dnf.conf": b"[main]\nexcludepkgs=\n"}, "/etc/dnf/dnf.conf begin with an empty element"),
        ({"/etc/dnf/dnf.conf": b"[main]\nexcludepkgs=,mine\n"}, "begin with an empty element"),
        ({"/etc/dnf/libdnf5.conf.d/99-x.conf": b"[main]\nexclude=,\n"}, "99-x.conf begin with an empty element"),
        ({"/usr/share/dnf5/libdnf.conf.d/99-x.conf": b"[main]\ndisable_excludes=*\n"}, "disable_excludes in /usr/share"),
        ({"/etc/dnf/dnf.conf": b"[main]\ndisable_excludes=main\n"}, "disable_excludes in /etc/dnf/dnf.conf"),
        ({"/etc/dnf/libdnf5.conf.d/10-x.conf": b"[main]\nexcludepkgs=\n"}, ""),
        (
            {"/etc/dnf/libdnf5.conf.d/99-x.conf": b"[main]\nbest=1\n", "/usr/share/dnf5/libdnf.conf.d/99-x.conf": b"[main]\nexclude=,\n"},
            "",
        ),
    ],
)
def test_without_an_answer_of_dnf5_its_configuration_is_read(files: dict[str, bytes], said: str) -> None:
    request = BlockRequest(names=(APP,), providers=False)
    host = dnf5_host(files)
    first = Dnf5(host).plan_block(request, {})
    after = applied(host, first)
    after.answers[(*DNF5_INSTALL, APP)] = (1, "", 'Cache-only enabled but no cache for repository "fedora"\n')
    plan = Dnf5(after).plan_block(request, first.owned)
    assert any("could not be asked" in note for note in plan.notes)
    if said:
        assert (plan.blocks, plan.proof) == ((), "")
        assert said in plan.overridden[APP]
    else:
        assert ([block.names for block in plan.blocks], plan.proof, plan.overridden) == ([(APP,)], "read", {})


def test_a_guard_that_a_lost_ledger_told_of_is_taken_away() -> None:
    host = dnf5_host({"/etc/dnf/dnf.conf": b""})
    first = Dnf5(host).plan_block(BlockRequest(names=(APP,), strong=frozenset((APP,))), {})
    after = applied(host, first)
    after.answers[("rpm", "-q", "--conflicts", "--", "appban-guard")] = f"{APP}\n"
    lifted = Dnf5(after).plan_block(BlockRequest(), {})
    assert [(change.op, change.name) for change in lifted.changes] == [
        ("delete", DROP_IN),
        ("delete", PROTECTED_FILE),
        ("delete", "appban-guard"),
    ]


def test_dnf5_leaves_somebody_elses_file_in_its_place() -> None:
    host = dnf5_host({DROP_IN: b"[main]\nexcludepkgs=mine\n"})
    plan = Dnf5(host).plan_block(BlockRequest(names=(APP,), providers=False), {})
    assert (plan.changes, plan.blocks, list(plan.unsupported)) == ((), (), [APP])


def test_dnf5_names_and_repairs_drift() -> None:
    request = BlockRequest(names=(APP,), providers=False)
    host = dnf5_host({"/etc/dnf/dnf.conf": b""})
    first = Dnf5(host).plan_block(request, {})
    after = applied(host, first)
    after.files[DROP_IN] = b"[main]\n"
    repaired = Dnf5(after).plan_block(request, first.owned)
    assert repaired.drift == (f"{DROP_IN} was edited",)
    assert [change.op for change in repaired.changes] == ["update"]
    del after.files[DROP_IN]
    assert Dnf5(after).plan_block(request, first.owned).drift == (f"{DROP_IN} was deleted",)


def test_the_drop_in_is_what_dnf4_too_would_read() -> None:
    from ansible_collections.appban.endpoint.plugins.module_utils.hosts.rpm.dnf_conf import effective_excludes

    assert effective_excludes(render_drop_in(("a", "b"), ("policy: [x]",))) == ("a", "b")


# -- locks -------------------------------------------------------------------------------------------------------------


class Clock:
    """Time that passes only when somebody sleeps; what is due then is done."""

    def __init__(self, due: dict[int, object] | None = None) -> None:
        self.now = 0.0
        self.due = dict(due or {})

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for when in [when for when in self.due if when <= self.now]:
            action = self.due.pop(when)
            assert callable(action)
            action()


def test_a_process_lock_is_free_when_its_process_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "zypp.pid"
    path.write_text(f"{os.getpid()}\n")
    clock = Clock({3: lambda: path.write_text("")})
    with waiting_for(Lock(str(path), 10, process=True), clock, clock.sleep) as env:
        assert env == {}
    assert 3 <= clock.now < 4
    path.write_text(f"{os.getpid()}\n")
    with pytest.raises(ChangeFailed, match="after 2 seconds"), waiting_for(Lock(str(path), 2, process=True), clock, clock.sleep):
        pass
    assert path.read_text() == f"{os.getpid()}\n"


def test_a_record_lock_that_the_command_takes_is_waited_for_and_left_free(tmp_path: Path) -> None:
    path = tmp_path / ".rpm.lock"
    path.touch()
    # Record locks belong to a process, so another one has to hold it.
    script = "import fcntl,sys;f=open(sys.argv[1],'r+');fcntl.lockf(f,fcntl.LOCK_EX);print(1,flush=True);sys.stdin.read()"
    argv = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline()
        clock = Clock()
        lock = Lock(str(path), 2, taken_by_command=True)
        with pytest.raises(ChangeFailed, match="still uses the package manager"), waiting_for(lock, clock, clock.sleep):
            pass
        clock = Clock({1: lambda: other.communicate("")})
        with waiting_for(lock, clock, clock.sleep), path.open("r+") as handle:
            # rpm itself can take it now.
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_no_lock_file_is_no_lock_and_none_is_made(tmp_path: Path) -> None:
    path = tmp_path / "none"
    first = Lock(str(tmp_path / "zypp.pid"), 0, process=True)
    with waiting_for(Lock(str(path), 0, taken_by_command=True, first=first)):
        pass
    assert list(tmp_path.iterdir()) == []
