# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for every file of the repository."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import working_copy

CHECKOUT = working_copy.CHECKOUT
HEADER = (
    "# Copyright (c) 2026 appban contributors\n"
    "# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)\n"
    "# SPDX-License-Identifier: GPL-3.0-or-later\n"
)
# Written in pieces, so that this file doesn't name what it forbids.
REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in (
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
        ("archive", "ubuntu", "com"),
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("proxy", "golang", "org"),
        ("dl", "flathub", "org"),
        ("galaxy", "ansible", "com/api"),
    )
]
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "misc", "shared"}


def text_files() -> dict[str, str]:
    """Map every file of ours that is text to its content."""
    found = {}
    for path in working_copy.our_files():
        try:
            found[path.as_posix()] = (CHECKOUT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return found


FILES = text_files()


def occurrences(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path}:{number}: {line.strip()[:120]}"
        for path, content in FILES.items()
        for number, line in enumerate(content.splitlines(), 1)
        if pattern.search(line)
    ]


def test_files_are_found() -> None:
    assert {"galaxy.yml", "LICENSE", "Makefile", "plugins/module_utils/engine/plan.py"} <= set(FILES)


def test_no_file_names_a_place_on_the_machine_it_was_written_on() -> None:
    places = [r"(?<![\w.)}$*-])/" + r"work/(?!\*)"]
    # A path of one part may be anything, "/src" for example; from two parts on it is this checkout's own.
    if len(CHECKOUT.parts) > 2:
        places.append(re.escape(str(CHECKOUT)) + r"(?![\w-])")
    assert occurrences(re.compile("|".join(places))) == []


@pytest.mark.parametrize("host", REGISTRY_HOSTS)
def test_no_file_names_a_package_registry(host: str) -> None:
    assert occurrences(re.compile(rf"(?<![\w-]){re.escape(host)}")) == []


def test_no_file_speaks_of_how_the_work_was_organised() -> None:
    words = [r"\bissue" + r" #?\d", r"shared/" + r"(DESIGN|STYLE|TOOLCHAIN|scenarios|hosts_linux|catalog_facts|directives)"]
    assert occurrences(re.compile("|".join(words))) == []


def test_every_program_carries_the_licence() -> None:
    missing = []
    for path, content in FILES.items():
        first, _newline, rest = content.partition("\n")
        is_program = path.endswith((".py", ".sh")) or path == "Makefile" or first.startswith("#!")
        if is_program and content.strip() and not (rest if first.startswith("#!") else content).startswith(HEADER):
            missing.append(path)
    assert missing == []


def test_every_python_file_postpones_annotations() -> None:
    missing = [
        path
        for path, content in FILES.items()
        if path.endswith(".py") and Path(path).name != "__init__.py" and "from __future__ import annotations\n" not in content
    ]
    assert missing == []


def test_no_file_or_folder_has_a_name_that_says_nothing() -> None:
    vague = [path for path in FILES if path.endswith(".py") and {Path(part).stem for part in Path(path).parts} & VAGUE_NAMES]
    assert vague == []


def test_packages_of_the_collection_have_empty_faces() -> None:
    # The sanity of ansible-core 2.16 wants it, and AnsiballZ ships them on the way to any module below.
    faces = {path: content for path, content in FILES.items() if path.endswith("__init__.py")}
    assert [path for path, content in faces.items() if path.startswith("plugins/") and content] == []
    assert [path for path, content in faces.items() if len(content.splitlines()) > 40] == []


def test_scripts_can_be_executed() -> None:
    # Modules carry "#!" too, but Ansible runs them from copies and wants them without the bit.
    scripts = [path for path, content in FILES.items() if content.startswith("#!") and not path.startswith("plugins/modules/")]
    assert ".ci/run" in scripts
    refused = [path for path in scripts if not os.access(CHECKOUT / path, os.X_OK)]
    assert refused == []


def test_no_sanity_test_is_ignored() -> None:
    assert [path for path, content in FILES.items() if re.fullmatch(r"tests/sanity/ignore.*\.txt", path) and content.strip()] == []
