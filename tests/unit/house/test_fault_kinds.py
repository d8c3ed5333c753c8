# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of kinds of fault is whole: each has tests, and each test's file says in which commit it failed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.faults.kinds import KINDS, Kind, problems, red_commit, red_commits
from tests.lab.root import CHECKOUT

KIND = Kind("X1", "something breaks", "it does not")


# All tests have to be collected for it.
@pytest.mark.long
def test_every_kind_has_tests_that_failed_before() -> None:
    """What ``make fault-kinds`` prints and ends with, over all tests that there are."""
    done = subprocess.run([sys.executable, "-m", "tests.faults"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for kind in KINDS:
        assert f"{kind.name}  {kind.fault}\n    rule: {kind.rule}\n    tests/" in done.stdout


@pytest.mark.parametrize(
    ("held", "commits", "problem"),
    [
        ({}, {}, "X1 (something breaks) has no test"),
        ({"X1": ["tests/a.py::test_a"]}, {}, "X1 (something breaks) has no test of which a commit says that it failed"),
        ({"X1": ["tests/a.py::test_a"]}, {"tests/a.py": "1234567", "tests/a.py::test_a": ""}, "has no test of which a commit says"),
        (
            {"X1": ["tests/a.py::test_a"], "X2": ["tests/b.py::test_b"]},
            {"tests/a.py": "1234567"},
            "no kind is called X2: tests/b.py::test_b",
        ),
    ],
)
def test_what_is_missing_is_named(held: dict[str, list[str]], commits: dict[str, str], problem: str) -> None:
    (found,) = problems(held, commits, [KIND])
    assert problem in found


def test_a_whole_list_has_no_problem() -> None:
    assert problems({"X1": ["tests/a.py::test_a[deb]"]}, {"tests/a.py": "1234567"}, [KIND]) == []


def test_a_test_has_its_own_commit_or_its_files() -> None:
    commits = {"tests/a.py": "1234567", "tests/a.py::test_b": "7654321"}
    assert [red_commit(f"tests/a.py::{test}", commits) for test in ("test_a[deb]", "test_b[rpm]")] == ["1234567", "7654321"]


def test_every_entry_of_the_table_is_about_a_test_that_is_there() -> None:
    for entry in red_commits():
        path, _colons, test = entry.partition("::")
        assert (CHECKOUT / path).is_file(), entry
        assert not test or f"def {test}(" in (CHECKOUT / path).read_text(encoding="utf-8"), entry
