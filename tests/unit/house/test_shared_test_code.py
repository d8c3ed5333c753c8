# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where tests keep what they share: in no test, and in tests/support unless a reason is given here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest
import working_copy

#: (who imports, what it imports), both as paths.
Imports = set[tuple[str, str]]
#: Files and folders that tests of other folders may import, and why they are where they are.
SHARED = {
    "tests/support": "what several tests share",
    "tests/contract": "vendors' API descriptions, which simulators and real servers are held against",
    "tests/simulators": "the servers that tests, benchmarks and the demo talk to",
    "tests/lab": "throwaway hosts, which are a program of their own too",
    "tests/benchmarks/decisions.py": "a policy as large as the one that is measured",
    "tests/faults/kinds.py": "the list of the kinds of fault, which is a program of its own too",
}


def imported(path: str, source: str) -> Iterator[str]:
    """What a file imports, as names from the checkout's root: ``from a import b`` is both a and a.b, because b may be a module."""
    folder = PurePosixPath(path).parts[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = folder[: len(folder) - node.level + 1] if node.level else ()
            name = ".".join([*start, *([node.module] if node.module else [])])
            yield from (name, *(f"{name}.{alias.name}" for alias in node.names))


def imports_of(sources: dict[str, str]) -> Imports:
    """Who imports what of all these files."""
    names = {path.removesuffix(".py").replace("/", "."): path for path in sources}
    # From beside itself a test can be imported by its bare name.
    names.update({PurePosixPath(path).stem: path for path in sources if is_test(path)})
    return {(path, names[name]) for path, source in sources.items() for name in imported(path, source) if name in names}


def is_test(path: str) -> bool:
    return PurePosixPath(path).name.startswith("test_")


def of_tests(imports: Imports) -> Imports:
    """Those of a test."""
    return {(user, used) for user, used in imports if is_test(used)}


def rooms_of(path: str) -> set[str]:
    """Those of SHARED that a file is, or is in."""
    return {str(each) for each in (PurePosixPath(path), *PurePosixPath(path).parents)} & set(SHARED)


def from_elsewhere(imports: Imports) -> Imports:
    """Those of tests' code by a file that is neither in the same folder nor below it."""
    found = {(user, PurePosixPath(used).parent, used) for user, used in imports if used.startswith("tests/")}
    return {(user, used) for user, folder, used in found if not PurePosixPath(user).is_relative_to(folder)}


@pytest.fixture(scope="module")
def imports() -> Imports:
    """Those of all tests and tools."""
    paths = [path for path in working_copy.our_files() if path.parts[0] in ("tests", "tools") and path.suffix == ".py"]
    found = imports_of({str(path): (working_copy.CHECKOUT / path).read_text(encoding="utf-8") for path in paths})
    assert len(found) > 1000, "the imports were read"
    return found


def test_nothing_is_imported_from_a_test(imports: Imports) -> None:
    assert sorted(of_tests(imports)) == []


def test_what_folders_share_is_where_shared_code_is(imports: Imports) -> None:
    shared = from_elsewhere(imports)
    assert sorted((user, used) for user, used in shared if not rooms_of(used)) == []
    assert set().union(*(rooms_of(used) for _user, used in shared)) == set(SHARED), "nobody else imports it any more"


@pytest.mark.parametrize(
    "line",
    ["from tests.lab.test_a import X", "from tests.lab import test_a", "from .test_a import X", "from . import test_a", "import test_a"],
)
def test_an_import_of_a_test_is_seen(line: str) -> None:
    sources = {"tests/lab/test_a.py": "", "tests/lab/b.py": f"def f():\n    {line}"}
    assert of_tests(imports_of(sources)) == {("tests/lab/b.py", "tests/lab/test_a.py")}


def test_an_import_from_another_folder_is_seen() -> None:
    sources = {"tests/nano/a.py": "", "tests/nano/b.py": "from .a import X", "tests/unit/c.py": "from tests.nano import a"}
    assert from_elsewhere(imports_of(sources)) == {("tests/unit/c.py", "tests/nano/a.py")}
    assert rooms_of("tests/nano/a.py") == set()
    assert rooms_of("tests/lab/hosts.py") == {"tests/lab"}
