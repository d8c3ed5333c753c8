# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make fault-kinds``: every kind of fault, its rule, and the tests that hold it, with the commit in which they failed.

Ends with 1 when a kind has no test.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Mapping

import pytest

from tests.lab.root import CHECKOUT

from .kinds import KINDS, MARKER, problems, red_commit, red_commits


class _Collector:
    """A plugin of pytest that notes which tests carry the marker."""

    def __init__(self) -> None:
        self.held: dict[str, list[str]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            test = item.nodeid.partition("[")[0]
            for marker in item.iter_markers(MARKER):
                tests = self.held.setdefault(marker.args[0], [])
                if test not in tests:
                    tests.append(test)


def collect() -> Mapping[str, list[str]]:
    """Name of a kind -> ids of the tests that hold it, over all tests.

    Raises SystemExit with pytest's words when they can't be collected.
    """
    collector = _Collector()
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        # Nothing is run, so that no assertion has to explain itself.
        code = pytest.main(["--collect-only", "-q", "--assert=plain", str(CHECKOUT / "tests")], plugins=[collector])
    if code != pytest.ExitCode.OK:
        raise SystemExit(said.getvalue())
    return collector.held


def render(held: Mapping[str, list[str]], commits: Mapping[str, str]) -> str:
    """The list for people."""
    lines = []
    for kind in KINDS:
        lines.append(f"{kind.name}  {kind.fault}\n    rule: {kind.rule}")
        for test in held.get(kind.name, ()):
            commit = red_commit(test, commits)
            lines.append(f"    {test}  ({f'red in {commit}' if commit else 'a guard: it held from the start'})")
    return "\n".join(lines)


def main() -> int:
    held, commits = collect(), red_commits()
    print(render(held, commits))
    found = problems(held, commits)
    for problem in found:
        print(f"fault-kinds: {problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
