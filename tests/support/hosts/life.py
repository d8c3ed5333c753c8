# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a ban on a fleet (check, apply, apply, check, lift, lift) and what must be true of every one, wherever it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from tests.lab.packages import package
from tests.lab.snapshot import Snapshot
from tests.support.hosts.fleet import APP, APPLY, HOST_APP, LEDGER, RPM_READS, SIMULATIONS, Fleet, Step

# A filter is part of a remote, and the remote's file is named in no plan.
FLATPAK_REMOTES = ("/var/lib/flatpak/repo/config",)


@dataclass(frozen=True)
class Life:
    """Six runs over one fleet."""

    fleet: Fleet
    # Hosts where the app is banned, hosts where it is only looked for, and hosts that must not be touched in any way.
    enforced: tuple[str, ...]
    looked_at: tuple[str, ...]
    left_alone: tuple[str, ...]
    # Of those left alone, the ones that may not even be contacted.
    unclassified: tuple[str, ...]
    before: Mapping[str, Snapshot]
    check: Step
    apply: Step
    again: Step
    check_again: Step
    lift: Step
    lift_again: Step

    def steps(self) -> Iterator[tuple[str, Step]]:
        """Every run by its name, in order."""
        for name in ("check", "apply", "again", "check_again", "lift", "lift_again"):
            yield name, getattr(self, name)


def live(
    fleet: Fleet,
    policies: Sequence[Path | str],
    lifted: Sequence[Path | str],
    now: str,
    *,
    enforced: Sequence[str],
    looked_at: Sequence[str] = (),
    unclassified: Sequence[str] = (),
    **options: Any,
) -> Life:
    """Runs a whole life.

    lifted: the same policies when the ban has ended. enforced, looked_at: names of hosts; all others must be left alone.
    options: extra variables of every run.
    """
    fleet.watched = tuple(fleet.hosts)
    before = fleet.snapshots()
    check = fleet.step(before, policies, now, check=True, diff=True, **options)
    apply = fleet.step(check.after, policies, now, **options)
    again = fleet.step(apply.after, policies, now, **options)
    check_again = fleet.step(again.after, policies, now, check=True, diff=True, **options)
    lift = fleet.step(check_again.after, lifted, now, **options)
    lift_again = fleet.step(lift.after, lifted, now, **options)
    steps = (check, apply, again, check_again, lift, lift_again)
    left_alone = tuple(name for name in fleet.hosts if name not in (*enforced, *looked_at))
    return Life(fleet, tuple(enforced), tuple(looked_at), left_alone, tuple(unclassified), before, *steps)


# -- what holds for every life of a ban -----------------------------------------------------------------------------------


def check_mode_changes_nothing(life: Life) -> None:
    for step in (life.check, life.check_again):
        assert step.different == {name: [] for name in life.fleet.hosts}


def check_mode_writes_nothing_but_logs_and_caches_of_simulations(life: Life) -> None:
    assert unexpected(life.check, SIMULATIONS) == {}


def check_names_exactly_the_changes_that_apply_then_makes(life: Life) -> None:
    for name in life.enforced:
        planned = life.check.run.changes(name)
        assert planned, name
        assert life.apply.run.changes(name) == planned
        assert life.apply.run.changes(name, APPLY) == planned
        result = life.apply.run.host_app(name, APPLY)
        assert result["verified"], name
        assert result["removed"] == life.check.run.host_app(name)["would_remove"]


def apply_changes_nothing_that_the_plan_does_not_name(life: Life) -> None:
    for name in life.enforced:
        named = [each["name"] for each in life.check.run.changes(name) if each["kind"] != "package"]
        allowed = {line.partition(" ")[2] for line in life.lift_again.after[name].difference(life.before[name])}
        for line in life.apply.different[name]:
            path = line.partition(" ")[2].split(" (")[0]
            expected = path in named or path in FLATPAK_REMOTES or LEDGER.startswith(path) or path in allowed or "tiktok" in line
            expected = expected or any(text.startswith(path + "/") for text in named)
            # What the last look rests on is kept beside the ledger.
            expected = expected or path == LEDGER.replace("ledger.json", "looked.json")
            # The strong form of a block.
            expected = expected or (": added appban-guard " in line and any(text.endswith("appban-guard") for text in named))
            assert expected, f"{name}: {line}, and the plan says {named}"


def the_second_apply_changes_nothing(life: Life) -> None:
    assert life.again.run.changed == 0
    assert life.again.different == {name: [] for name in life.fleet.hosts}
    assert all(life.again.run.changes(name) == [] for name in life.fleet.hosts)


def the_second_apply_writes_not_even_an_identical_file(life: Life) -> None:
    assert unexpected(life.again, RPM_READS) == {}
    assert unexpected(life.check_again, RPM_READS) == {}


def a_check_after_apply_plans_nothing(life: Life) -> None:
    assert life.check_again.run.changed == 0
    assert all(life.check_again.run.changes(name) == [] for name in life.fleet.hosts)
    assert life.check_again.run.totals["totals"] == life.again.run.totals["totals"]


def lift_restores_everything_but_the_removed_app(life: Life) -> None:
    for name in life.enforced:
        left = life.before[name].difference(life.lift.after[name])
        assert [line for line in left if not of_the_app(line)] == [], name
        assert any("gone" in line for line in left), f"{name}: the app must not have come back by itself"


def the_second_lift_does_nothing(life: Life) -> None:
    assert life.lift_again.run.changed == 0
    assert life.lift_again.different == {name: [] for name in life.fleet.hosts}
    # Nothing is asked of any package manager any more, so there is nothing to allow.
    assert unexpected(life.lift_again, ()) == {}


def hosts_without_a_ban_are_left_alone(life: Life) -> None:
    for moment, step in life.steps():
        for name in life.left_alone:
            assert (step.different[name], step.written[name]) == ([], []), (moment, name)
            assert step.run.changes(name) == [], (moment, name)


def hosts_without_a_ban_are_not_even_looked_at(life: Life) -> None:
    for moment, step in life.steps():
        assert {name: looked_into(step, name) for name in life.left_alone} == {name: set() for name in life.left_alone}, moment
    # The proof of the proof: where the ban holds, the same watch sees the databases being opened.
    assert all(life.check.opened[name] for name in life.enforced)
    # And once it is lifted, nobody's are.
    assert {name: looked_into(life.lift_again, name) for name in life.lift_again.opened} == {name: set() for name in life.lift_again.opened}


def looked_into(step: Step, name: str) -> set[str]:
    """What of the package databases a step opened, beside the place where a mark of ours would be on a host without a ledger."""
    return set(step.opened[name]) - set(FLATPAK_REMOTES)


def hosts_where_the_app_is_only_looked_for_are_not_changed(life: Life) -> None:
    for moment, step in life.steps():
        for name in life.looked_at:
            assert step.different[name] == [], (moment, name)
            assert step.run.changes(name) == [], (moment, name)
            assert set(step.written[name]) <= set(RPM_READS), (moment, name)


def unclassified_hosts_are_not_contacted(life: Life) -> None:
    for moment, step in life.steps():
        for name in life.unclassified:
            tried = {each.status for each in step.run.play.of(name, HOST_APP)}
            # A lifted ban is lifted for everybody, so then their ledgers are read; see the test of what was opened.
            assert "lift" in moment or tried == {"skipped"}, (moment, name)


def every_host_is_in_the_evidence_of_every_run(life: Life) -> None:
    # Fleet.enforce verified each record's hash, its chain and its totals.
    for moment, step in life.steps():
        assert {row["device"] for row in step.run.rows} == set(life.fleet.hosts), moment
        assert json.loads(step.run.path.read_text(encoding="utf-8").splitlines()[-1])["hash"]


# A situation runs each of these over its own life: @pytest.mark.parametrize("law", LAWS, ids=name_of).
LAWS = (
    check_mode_changes_nothing,
    check_mode_writes_nothing_but_logs_and_caches_of_simulations,
    check_names_exactly_the_changes_that_apply_then_makes,
    apply_changes_nothing_that_the_plan_does_not_name,
    the_second_apply_changes_nothing,
    the_second_apply_writes_not_even_an_identical_file,
    a_check_after_apply_plans_nothing,
    lift_restores_everything_but_the_removed_app,
    the_second_lift_does_nothing,
    hosts_without_a_ban_are_left_alone,
    hosts_without_a_ban_are_not_even_looked_at,
    hosts_where_the_app_is_only_looked_for_are_not_changed,
    unclassified_hosts_are_not_contacted,
    every_host_is_in_the_evidence_of_every_run,
)


def name_of(law: Callable[[Life], None]) -> str:
    """A law's name, for the id of a test."""
    return law.__name__


def unexpected(step: Step, allow: Sequence[str]) -> dict[str, list[str]]:
    """Host -> what it wrote in a step beyond what is allowed; hosts that wrote nothing else are left out."""
    found = {name: [path for path in paths if not any(fnmatchcase(path, each) for each in allow)] for name, paths in step.written.items()}
    return {name: paths for name, paths in found.items() if paths}


def of_the_app(line: str) -> bool:
    """Whether a difference is the removed app itself: its package, its files, and directories that were there for it alone."""
    verb, _space, rest = line.partition(" ")
    if verb == "gone":
        return rest in _app_paths()
    return " gone " in line and ("tiktok-desktop " in line or "com.tiktok." in line)


def _app_paths() -> set[str]:
    files = {path for kind in ("deb", "rpm", "pacman") for path in package(APP, "2.0").files(kind)}
    return files | {str(above) for path in files for above in PurePosixPath(path).parents if len(above.parts) > 2}
