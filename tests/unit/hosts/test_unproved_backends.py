# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""apk, snap and Homebrew on recorded output and with stand-ins for their programs; the text edits on any input."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.hosts import rails
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.apk import backend as apk_module
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.apk.backend import (
    Apk,
    parse_files,
    parse_installed,
    parse_kept,
    parse_simulation,
)
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.apk.world import (
    add_conflicts,
    conflicts,
    drop_conflicts,
    marked_names,
    with_marks,
)
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.backend import BlockRequest, Package, RemovalRequest, package_name
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.homebrew import backend as homebrew_module
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.homebrew import prefixes as homebrew_prefixes
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.homebrew.backend import Homebrew
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.homebrew.brew_env import (
    CASKS,
    FORMULAE,
    add_forbidden,
    drop_forbidden,
    forbidden,
    owned_by_marks,
)
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.snap import backend as snap_module
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.snap.backend import Snap, parse_list
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.steps import perform
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.system import System


class StandIn(System):
    """A host whose programs are scripts of the test's, in a directory of its own."""

    def __init__(self, directory, check_mode=False):
        super().__init__(check_mode)
        self.directory = directory
        self.directory.mkdir(exist_ok=True)
        self.log = directory / "log"

    def program(self, name, script):
        path = self.directory / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> {self.log}\n{script}\n')
        path.chmod(0o755)
        return str(path)

    def which(self, program):
        path = self.directory / program
        return str(path) if path.exists() else None

    def calls(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    def _program(self, name):
        # The trust rule is tried elsewhere; no directory of a test is trusted.
        return name if "/" in name else self.which(name) or shutil.which(name)

    def _run(self, argv, env, run_as):
        self.run_as = run_as
        return super()._run(argv, env, None)


def carry_out(backend, system, changes):
    problems = []
    for change in changes:
        try:
            perform(change.step, system)
            problems.append(backend.verify(change))
        except AppbanError as error:
            problems.append(str(error))
    return [problem for problem in problems if problem]


def removal(*names, version="1.0-r0", allow=False, scope="system"):
    return RemovalRequest(tuple(Package(name, version, scope) for name in names), allow)


# -- apk: texts --------------------------------------------------------------------------------------------------------

INSTALLED = b"""C:Q1abc=
P:musl
V:1.2.5-r0
A:x86_64

C:Q1def=
P:tiktok
V:1.0-r0
D:so:libc.musl-x86_64.so.1
F:usr/bin
R:tiktok

P:tiktok-docs
V:1.0-r0

"""


def test_the_installed_database_is_read_by_exact_name():
    assert parse_installed(INSTALLED) == [("musl", "1.2.5-r0"), ("tiktok", "1.0-r0"), ("tiktok-docs", "1.0-r0")]
    assert parse_installed(INSTALLED[:-1]) == parse_installed(INSTALLED)
    assert parse_installed(b"") == []
    assert parse_installed(b"V:1\n\nP:half") == [("half", "")]


@given(st.binary(max_size=200))
def test_no_database_breaks_the_reader(content):
    parse_installed(content)
    parse_files(content)


def test_the_files_of_installed_packages():
    database = INSTALLED.replace(b"P:tiktok-docs\nV:1.0-r0\n", b"P:tiktok-docs\nF:usr/bin\nR:tiktok\nF:\nR:top\nM:0:0:755\n")
    assert parse_files(INSTALLED) == {"/usr/bin/tiktok": ["tiktok"]}
    assert parse_files(database) == {"/usr/bin/tiktok": ["tiktok", "tiktok-docs"], "/top": ["tiktok-docs"]}


SIMULATED = """World updated, but the following packages are not removed due to:
  tiktok: media-suite media-extra
          media-more

( 1/12) Purging other (2.0-r1)
(12/12) Upgrading musl (1.2.5-r0 -> 1.2.5-r1)
OK: 60.3 MiB in 224 packages
"""


def test_a_simulation_is_read_whole():
    assert parse_simulation(SIMULATED) == ([("other", "2.0-r1")], ["upgrading musl 1.2.5-r0 -> 1.2.5-r1"])
    assert parse_kept(SIMULATED) == {"tiktok": ["media-suite", "media-extra", "media-more"]}


NAMES = st.lists(st.sampled_from(["tiktok", "tiktok-lite", "a+b", "x_1.2"]), min_size=1, unique=True)


@given(
    content=st.one_of(st.binary(max_size=80), st.sampled_from([b"", b"alpine-base\nbash", b"a\r\n!b\r\n", b"\n\n", b"!tiktok-lite\n"])),
    names=NAMES,
)
def test_the_world_file_comes_back_byte_for_byte(content, names):
    there = conflicts(content)
    ours = [name for name in names if name not in there]
    edited, newline = add_conflicts(content, ours)
    assert conflicts(edited) >= set(ours)
    assert drop_conflicts(edited, ours, newline) == content


def test_the_world_file_after_apk_rewrote_it():
    edited, newline = add_conflicts(b"bash\nalpine-base", ["tiktok"])
    assert (edited, newline) == (b"bash\nalpine-base\n!tiktok\n", True)
    assert drop_conflicts(b"!tiktok\nalpine-base\nbash\nvim\n", ["tiktok"], newline) == b"alpine-base\nbash\nvim\n"
    assert conflicts(b"!tiktok !other<2 name@edge !x@edge") == {"tiktok"}
    # Only spaces and newlines part words for apk.
    assert conflicts(b"a\t!b\n!c\r\n") == {"c\r"}


@given(
    content=st.one_of(st.binary(max_size=80), st.sampled_from([b"", b"alpine-base\nbash", b"!tiktok-lite\n", b"!appban.tiktok\n"])),
    names=NAMES,
)
def test_what_is_ours_in_the_world_file_is_known_by_its_mark(content, names):
    before = set(marked_names(content))
    ours = [name for name in names if name not in conflicts(content)]
    edited, _newline = add_conflicts(content, with_marks(ours))
    assert set(marked_names(edited)) >= before.union(ours)
    assert set(marked_names(b"".join(sorted(edited.splitlines(keepends=True)))) if edited.endswith(b"\n") else ours) >= set(ours)


# -- apk: the backend --------------------------------------------------------------------------------------------------


@pytest.fixture
def alpine(tmp_path, monkeypatch):
    system = StandIn(tmp_path / "bin")
    database, world = tmp_path / "installed", tmp_path / "world"
    database.write_bytes(INSTALLED)
    world.write_bytes(b"alpine-base\ntiktok\n")
    monkeypatch.setattr(apk_module, "DATABASE_PATHS", (str(tmp_path / "none"), str(database)))
    monkeypatch.setattr(apk_module, "WORLD_PATH", str(world))
    system.database, system.world = database, world
    return system


def apk_says(system, *lines, rc=0):
    text = "\n".join(lines)
    shrunk = INSTALLED.replace(b"P:tiktok\n", b"P:gone\n")
    (system.directory / "shrunk").write_bytes(shrunk)
    system.program(
        "apk",
        f"cat <<'END'\n{text}\nEND\ncase \"$*\" in *--simulate*) ;; *) cp {system.directory}/shrunk {system.database} ;; esac\nexit {rc}",
    )


def test_apk_removes_just_what_was_asked(alpine):
    apk_says(alpine, "(1/1) Purging tiktok (1.0-r0)", "OK: 8 MiB in 15 packages")
    backend = Apk(alpine)
    assert backend.installed(frozenset(("tiktok", "tik"))) == (Package("tiktok", "1.0-r0"),)
    assert alpine.calls() == []
    plan = backend.plan_removal(removal("tiktok"))
    assert (plan.refusals, plan.dependents, [change.name for change in plan.changes]) == ((), (), ["apk: tiktok 1.0-r0"])
    assert backend.verify(plan.changes[0]) == "still installed: tiktok"
    assert carry_out(backend, alpine, plan.changes) == []
    assert alpine.calls() == ["apk --no-network --simulate del tiktok", "apk --no-network --wait 60 del tiktok"]
    assert backend.installed(frozenset(("tiktok",))) == ()


@pytest.mark.parametrize(
    ("lines", "rc", "reason", "plan"),
    [
        (
            ("World updated, but the following packages are not removed due to:", "  tiktok: media-suite", "", "OK: 8 MiB"),
            0,
            "dependents",
            ("remove media-suite",),
        ),
        (
            ("(1/2) Purging tiktok (1.0-r0)", "(2/2) Purging libtok (3-r0)"),
            0,
            "dependents",
            ("remove tiktok 1.0-r0", "remove libtok 3-r0"),
        ),
        (
            ("(1/2) Purging tiktok (1.0-r0)", "(2/2) Installing tiktok-rev (1-r0)"),
            0,
            "replacement",
            ("remove tiktok 1.0-r0", "installing tiktok-rev 1-r0"),
        ),
        (("ERROR: unable to select packages:",), 1, "unsolvable", ()),
    ],
)
def test_apk_refuses_whatever_is_more_than_asked(alpine, lines, rc, reason, plan):
    apk_says(alpine, *lines, rc=rc)
    answer = Apk(alpine).plan_removal(removal("tiktok"))
    assert (answer.changes, [refusal.reason for refusal in answer.refusals], answer.refusals[0].plan) == ((), [reason], plan)


def test_apk_takes_dependents_along_when_allowed(alpine):
    apk_says(alpine, "(1/2) Purging media-suite (1-r0)", "(2/2) Purging tiktok (1.0-r0)")
    plan = Apk(alpine).plan_removal(removal("tiktok", allow=True))
    assert (plan.dependents, plan.refusals) == (("media-suite",), ())
    assert plan.changes[0].step.argv[-3:] == ("del", "-r", "tiktok")


def test_the_life_of_apks_block(alpine):
    backend = Apk(alpine)
    original = b"bash\n!other\nalpine-base"
    alpine.world.write_bytes(original)
    first = backend.plan_block(BlockRequest(("other", "tiktok")), {})
    assert (first.owned, first.blocks[0].names, first.blocks[0].strength) == (
        {"names": ["tiktok"], "newline": True},
        ("other", "tiktok"),
        "soft",
    )
    assert carry_out(backend, alpine, first.changes) == []
    assert alpine.world.read_bytes() == original + b"\n!appban.tiktok\n!tiktok\n"
    second = backend.plan_block(BlockRequest(("other", "tiktok")), first.owned)
    assert (second.changes, second.owned, first.proof, second.proof) == ((), first.owned, "", "read")
    # apk sorts the file when it writes it: no reason to write again.
    alpine.world.write_bytes(b"!appban.tiktok\n!other\n!tiktok\nalpine-base\nbash\n")
    assert backend.plan_block(BlockRequest(("other", "tiktok")), first.owned).changes == ()
    # `apk add tiktok` puts the name in the place of the conflict.
    alpine.world.write_bytes(b"!appban.tiktok\n!other\nalpine-base\nbash\ntiktok\n")
    drifted = backend.plan_block(BlockRequest(("other", "tiktok")), first.owned)
    assert (len(drifted.drift), len(drifted.changes)) == (1, 1)
    # A run that was killed had perhaps not written it yet.
    assert backend.plan_block(BlockRequest(("other", "tiktok")), {**first.owned, "claimed": True}).drift == ()
    alpine.world.write_bytes(original + b"\n!appban.tiktok\n!tiktok\n")
    lifted = backend.plan_block(BlockRequest(), first.owned)
    assert carry_out(backend, alpine, lifted.changes) == []
    assert (alpine.world.read_bytes(), lifted.owned, lifted.unblocked) == (original, {}, ("tiktok",))
    assert backend.plan_block(BlockRequest(), {}).changes == ()
    assert alpine.calls() == []


def test_apks_block_is_known_without_a_ledger(alpine):
    backend = Apk(alpine)
    original = b"!other\nalpine-base\n"
    alpine.world.write_bytes(original)
    assert backend.plan_block(BlockRequest(), {}) == apk_module.BlockPlan()
    first = backend.plan_block(BlockRequest(("other", "tiktok")), {})
    assert carry_out(backend, alpine, first.changes) == []
    again = backend.plan_block(BlockRequest(("other", "tiktok")), {})
    assert (again.changes, again.owned, again.drift) == ((), first.owned, ())
    lifted = backend.plan_block(BlockRequest(), {})
    assert carry_out(backend, alpine, lifted.changes) == []
    assert (alpine.world.read_bytes(), lifted.unblocked) == (original, ("tiktok",))


def test_apks_block_of_an_earlier_release_has_no_mark_and_is_lifted_all_the_same(alpine):
    backend = Apk(alpine)
    alpine.world.write_bytes(b"bash\n!tiktok\n")
    owned = {"names": ["tiktok"], "newline": True}
    stands = backend.plan_block(BlockRequest(("tiktok",)), owned)
    assert (stands.changes, stands.owned, stands.proof) == ((), owned, "read")
    grown = backend.plan_block(BlockRequest(("tik", "tiktok")), owned)
    assert carry_out(backend, alpine, grown.changes) == []
    assert alpine.world.read_bytes() == b"bash\n!appban.tik\n!appban.tiktok\n!tik\n!tiktok\n"
    lifted = backend.plan_block(BlockRequest(), grown.owned)
    assert carry_out(backend, alpine, lifted.changes) == []
    assert alpine.world.read_bytes() == b"bash"


def test_apk_never_blocks_what_stays_installed(alpine):
    plan = Apk(alpine).plan_block(BlockRequest(("tiktok",), present=frozenset(("tiktok",)), strong=frozenset(("tiktok",))), {})
    assert (plan.changes, plan.blocks, list(plan.unsupported)) == ((), (), ["tiktok"])


# -- snap --------------------------------------------------------------------------------------------------------------

LISTED = """Name      Version        Rev    Tracking         Publisher   Notes
core22    20240111       1122   latest/stable    canonical** base
tiktok    1.0            7      latest/stable    someone     -
cut       2
"""


@pytest.fixture
def snapd(tmp_path, monkeypatch):
    system = StandIn(tmp_path / "bin")
    snaps = tmp_path / "snaps"
    snaps.mkdir()
    for name in ("core22_1122", "tiktok_6", "tiktok_7", "tiktok-docs_x1", "tiktok_work_3", "partial"):
        (snaps / f"{name}.snap").touch()
    monkeypatch.setattr(snap_module, "SNAPS_DIRECTORY", str(snaps))
    system.program("snap", f'case "$1" in list) cat <<\'END\'\n{LISTED}END\n;; remove) rm {snaps}/"$2"_[0-9]*.snap ;; esac')
    return system


def test_the_table_of_snap_list():
    assert parse_list(LISTED) == {"core22": ("20240111", "base"), "tiktok": ("1.0", "-")}
    assert parse_list("No snaps are installed yet. Try 'snap install hello-world'.\n") == {}
    assert parse_list("") == {}


def test_a_snap_is_found_removed_and_looked_for_again(snapd):
    backend = Snap(snapd)
    assert backend.installed(frozenset(("nothing",))) == ()
    assert snapd.calls() == []
    packages = backend.installed(frozenset(("tiktok",)))
    assert packages == (Package("tiktok", "1.0"), Package("tiktok", "revision 3", "system:work"))
    files = [f"{snap_module.SNAPS_DIRECTORY}/tiktok_{each}.snap" for each in ("6", "7", "work_3")]
    assert backend.files(packages) == tuple(files)
    assert backend.files(packages[:1]) == tuple(files[:2])
    plan = backend.plan_removal(RemovalRequest(packages))
    assert [backend.verify(change) for change in plan.changes] == [
        "snap tiktok is still installed",
        "snap tiktok_work is still installed",
    ]
    assert carry_out(backend, snapd, plan.changes) == []
    assert snapd.calls()[-2:] == ["snap remove tiktok", "snap remove tiktok_work"]
    assert [os.path.exists(path) for path in files] == [False, False, False]
    assert backend.installed(frozenset(("tiktok",))) == ()
    assert backend.installed(frozenset(("tiktok-docs",))) == (Package("tiktok-docs", "revision x1"),)


def test_a_base_snap_is_refused(snapd):
    packages = Snap(snapd).installed(frozenset(("core22",)))
    assert packages[0].protected == "base"
    plan = Snap(snapd).plan_removal(RemovalRequest(packages))
    assert (plan.changes, plan.refusals[0].reason) == ((), "protected")


def test_snap_says_that_it_cannot_block(snapd):
    plan = Snap(snapd).plan_block(BlockRequest(("tiktok",)), {})
    assert (plan.changes, plan.blocks, dict(plan.unsupported)) == ((), (), {"tiktok": "no_block_mechanism"})
    assert Snap(snapd).plan_block(BlockRequest(), {}) == snap_module.BlockPlan()


# -- Homebrew: texts ---------------------------------------------------------------------------------------------------

LINE = st.sampled_from(
    [
        b"",
        b"# comment",
        b"HOMEBREW_NO_ANALYTICS=1",
        b"HOMEBREW_FORBIDDEN_CASKS=other",
        b"  HOMEBREW_FORBIDDEN_CASKS=  a  b ",
        b"HOMEBREW_FORBIDDEN_CASKS=",
        b"HOMEBREW_FORBIDDEN_CASKS=tiktok",
        b'HOMEBREW_FORBIDDEN_FORMULAE="x y"',
        b"HOMEBREW_FORBIDDEN_FORMULAE=\ttok",
        b"HOMEBREW_SYSTEM_ENV_TAKES_PRIORITY=1",
        b"HOMEBREW_SYSTEM_ENV_TAKES_PRIORITY=",
        b"HOMEBREW_FORBIDDEN_CASKS_X=tiktok",
        b"\xff\xfe\x00binary",
    ]
)
FILES = st.one_of(
    st.none(),
    st.binary(max_size=60),
    st.tuples(st.lists(st.tuples(LINE, st.sampled_from([b"\n", b"\r\n"])), max_size=6), st.one_of(st.just(b""), LINE)).map(
        lambda parts: b"".join(line + end for line, end in parts[0]) + parts[1]
    ),
)
WANTED = st.fixed_dictionaries(
    {
        CASKS: st.lists(st.sampled_from(["tiktok", "tiktok-lite", "acme/tap/tiktok", "a"]), unique=True),
        FORMULAE: st.lists(st.sampled_from(["tok", "x@2", "c++"]), unique=True),
    }
)


@given(content=FILES, wanted=WANTED)
def test_brew_env_comes_back_byte_for_byte_and_a_second_time_changes_nothing(content, wanted):
    edit = add_forbidden(content, wanted)
    for key, names in wanted.items():
        assert set(names) <= set(forbidden(edit.content or b"", key))
    assert drop_forbidden(edit.content, edit.owned).content == content
    again = add_forbidden(drop_forbidden(edit.content, edit.owned).content, wanted)
    assert again == edit


@given(content=FILES, wanted=WANTED)
def test_what_is_ours_is_known_without_the_ledger(content, wanted):
    edit = add_forbidden(content, wanted)
    if edit.owned:
        assert owned_by_marks(edit.content) == edit.owned
    earlier = add_forbidden(content, wanted, marked=False)
    again = drop_forbidden(earlier.content, earlier.owned).content
    assert again == content
    if earlier.owned and owned_by_marks(earlier.content):
        # A whole line of ours is found by the comment before it.
        left = drop_forbidden(earlier.content, owned_by_marks(earlier.content)).content
        for key, entry in earlier.owned["lists"].items():
            assert not entry["line"] or not set(entry["names"]) & set(forbidden(left or b"", key))


@given(content=FILES, wanted=WANTED, line=st.sampled_from([b"HOMEBREW_NO_EMOJI=1\n", b"# later\n"]), front=st.booleans())
def test_foreign_edits_in_between_stay(content, wanted, line, front):
    edit = add_forbidden(content, wanted)
    if edit.content is None or not edit.owned:
        return
    edited = line + edit.content if front else edit.content + (b"" if edit.content.endswith(b"\n") else b"\n") + line
    left = drop_forbidden(edited, edit.owned).content
    assert left.startswith(line) if front else left.endswith(line)
    for key, names in edit.owned["lists"].items():
        assert not set(names["names"]) & set(forbidden(left, key))


def test_brew_reads_what_we_write():
    edit = add_forbidden(b"HOMEBREW_FORBIDDEN_CASKS=old\r\nHOMEBREW_NO_EMOJI=1", {CASKS: ["tiktok"], FORMULAE: ["tok"]})
    assert edit.content is not None
    lines = edit.content.split(b"\n")
    assert lines[0] == b"HOMEBREW_FORBIDDEN_CASKS=tiktok old\r"
    assert lines[1] == b"HOMEBREW_NO_EMOJI=1"
    assert lines[3].startswith(b"# appban.endpoint owns here: {")
    assert lines[4:] == [b"HOMEBREW_FORBIDDEN_FORMULAE=tok", b"HOMEBREW_SYSTEM_ENV_TAKES_PRIORITY=1", b""]


# -- Homebrew: the backend ---------------------------------------------------------------------------------------------


@pytest.fixture
def brewed(tmp_path, monkeypatch):
    system = StandIn(tmp_path / "bin")
    prefix = tmp_path / "homebrew"
    for keg in ("Cellar/tok/1.0", "Cellar/suite/2.0", "Cellar/tok-docs/1.0", "Caskroom/tiktok/3.1", "Caskroom/tiktok/.metadata", "bin"):
        (prefix / keg).mkdir(parents=True)
    (prefix / "Cellar/suite/2.0/INSTALL_RECEIPT.json").write_text(json.dumps({"runtime_dependencies": [{"full_name": "acme/tap/tok"}]}))
    (prefix / "Cellar/tok/1.0/INSTALL_RECEIPT.json").write_text(json.dumps({"source": {"tap": "acme/tap"}, "runtime_dependencies": None}))
    (prefix / "Caskroom/tiktok/.metadata/INSTALL_RECEIPT.json").write_text("not json")
    brew = prefix / "bin" / "brew"
    brew.write_text(
        f'#!/bin/sh\necho "brew $* $HOMEBREW_NO_AUTOREMOVE" >> {system.log}\nfor last; do :; done\n'
        f'case "$2" in --cask) rm -r {prefix}/Caskroom/"$last" ;; *) rm -r {prefix}/Cellar/"$last" ;; esac\n'
    )
    brew.chmod(0o755)
    monkeypatch.setattr(homebrew_prefixes, "PREFIXES", (str(tmp_path / "none"), str(prefix)))
    # Whose the prefix is, is tried out in the lab with accounts of its own.
    monkeypatch.setattr(homebrew_prefixes, "_judge", lambda system, path: ("jana", ""))
    monkeypatch.setattr(homebrew_module, "ENV_PATH", str(tmp_path / "etc" / "homebrew" / "brew.env"))
    system.prefix = prefix
    system.env = tmp_path / "etc" / "homebrew" / "brew.env"
    return system


def test_a_formula_and_a_cask_of_one_name_are_two(brewed):
    (brewed.prefix / "Cellar/tiktok/9").mkdir(parents=True)
    backend = Homebrew(brewed)
    assert backend.installed(frozenset(("cask:tiktok",))) == (Package("cask:tiktok", "3.1"),)
    assert backend.installed(frozenset(("formula:tiktok",))) == (Package("formula:tiktok", "9"),)
    assert [package_name(kind, "x") for kind in ("brew_cask", "brew_formula", "deb")] == ["cask:x", "formula:x", "x"]
    assert rails.check_name("homebrew", "cask:tiktok") is None
    assert rails.check_name("homebrew", "cask:*") is not None
    assert rails.protected_reason("homebrew", "cask:google-chrome") is not None


def test_a_name_with_its_tap_means_that_tap(brewed):
    backend = Homebrew(brewed)
    names = frozenset(("formula:acme/tap/tok", "formula:other/tap/tok", "cask:acme/tap/tiktok"))
    assert backend.installed(names) == (Package("formula:acme/tap/tok", "1.0"),)
    assert brewed.calls() == []


def test_homebrew_removes_as_the_owner_and_nothing_more(brewed):
    backend = Homebrew(brewed)
    plan = backend.plan_removal(RemovalRequest(backend.installed(frozenset(("cask:tiktok",)))))
    assert backend.verify(plan.changes[0]) == "cask:tiktok is still installed"
    assert carry_out(backend, brewed, plan.changes) == []
    assert brewed.calls() == ["brew uninstall --cask --force tiktok 1"]
    assert brewed.run_as == "jana"
    assert sorted(os.listdir(brewed.prefix / "Cellar")) == ["suite", "tok", "tok-docs"]


def test_homebrew_refuses_dependents_and_takes_them_first_when_allowed(brewed):
    backend = Homebrew(brewed)
    packages = backend.installed(frozenset(("formula:tok",)))
    (refusal,) = backend.plan_removal(RemovalRequest(packages)).refusals
    assert (refusal.reason, refusal.plan) == ("dependents", ("remove formula:tok", "remove formula:suite"))
    plan = backend.plan_removal(RemovalRequest(packages, True))
    assert (plan.dependents, carry_out(backend, brewed, plan.changes)) == (("formula:suite",), [])
    assert brewed.calls() == ["brew uninstall --formula suite 1", "brew uninstall --formula tok 1"]


def test_the_life_of_homebrews_block(brewed):
    backend = Homebrew(brewed)
    request = BlockRequest(("cask:tiktok", "formula:tok"), strong=frozenset(("cask:tiktok",)))
    first = backend.plan_block(request, {})
    assert [change.op for change in first.changes] == ["create"]
    assert (first.blocks[0].mechanism, first.blocks[0].strength, len(first.notes)) == ("environment", "soft", 1)
    assert carry_out(backend, brewed, first.changes) == []
    assert set(forbidden(brewed.env.read_bytes(), CASKS) + forbidden(brewed.env.read_bytes(), FORMULAE)) == {"tiktok", "tok"}
    assert backend.plan_block(request, first.owned).changes == ()
    brewed.env.write_bytes(brewed.env.read_bytes().replace(b"CASKS=tiktok", b"CASKS="))
    drifted = backend.plan_block(request, first.owned)
    assert len(drifted.drift) == 1
    assert carry_out(backend, brewed, drifted.changes) == []
    assert forbidden(brewed.env.read_bytes(), CASKS) == ("tiktok",)
    lifted = backend.plan_block(BlockRequest(), drifted.owned)
    assert carry_out(backend, brewed, lifted.changes) == []
    assert (brewed.env.parent.exists(), lifted.owned, lifted.unblocked) == (False, {}, ("cask:tiktok", "formula:tok"))


def test_an_administrators_file_keeps_its_secrets_and_its_bytes(brewed):
    brewed.env.parent.mkdir(parents=True)
    original = b"HOMEBREW_GITHUB_API_TOKEN=s3cret\n# password: s3cret\nHOMEBREW_FORBIDDEN_CASKS=other"
    brewed.env.write_bytes(original)
    backend = Homebrew(brewed)
    first = backend.plan_block(BlockRequest(("cask:tiktok",)), {})
    assert "s3cret" not in json.dumps([first.changes[0].before, first.changes[0].after, first.owned])
    assert carry_out(backend, brewed, first.changes) == []
    assert b"HOMEBREW_FORBIDDEN_CASKS=tiktok other\n" in brewed.env.read_bytes()
    lifted = backend.plan_block(BlockRequest(), first.owned)
    assert carry_out(backend, brewed, lifted.changes) == []
    assert brewed.env.read_bytes() == original


def test_what_a_prefix_forbids_by_itself_stays_forbidden(brewed):
    own = brewed.prefix / "etc/homebrew"
    own.mkdir(parents=True)
    (own / "brew.env").write_bytes(b"HOMEBREW_FORBIDDEN_CASKS=theirs\n")
    plan = Homebrew(brewed).plan_block(BlockRequest(("cask:tiktok",)), {})
    assert plan.changes[0].after is not None
    assert "HOMEBREW_FORBIDDEN_CASKS=theirs tiktok\n" in plan.changes[0].after
    assert plan.blocks[0].names == ("cask:tiktok",)
    assert len(plan.notes) == 1
