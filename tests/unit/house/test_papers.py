# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""README and docs: what is generated is current, the README is short and answers in order, and every link leads somewhere."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
import working_copy
import yaml

from ansible_collections.appban.endpoint.plugins.module_utils.hosts.capabilities import CAPABILITIES
from tools.write_capabilities import DOCS, PAGES, with_part

CHECKOUT = working_copy.CHECKOUT
BLOB = "https://github.com/appban/endpoint/blob/main/"
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
PARTS = [(page, name) for page, parts in PAGES.items() for name in parts]
BEGIN, END = "<!-- part: begin -->", "<!-- part: end -->"
#: The sections that certification asks for, in the order of a reader's questions.
SECTIONS = [
    "Description",
    "Requirements",
    "Try it",
    "Installation",
    "Use cases",
    "What it does not do",
    "Documentation",
    "Testing",
    "Support",
    "License",
]
PAPERS = sorted(str(path) for path in working_copy.our_files() if path.suffix == ".md" and path.parts[0] not in ("tests", "evidence"))


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def links(text: str) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", without_code(text))


@cache
def anchors(path: Path) -> set[str]:
    """The anchors that the headings of a page have on GitHub."""
    headings = re.findall(r"^#+ (.+)$", without_code(path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_nowhere(target: str, page: Path) -> bool:
    """Whether a link of a page into the repository has no file or no heading."""
    inside = target.startswith(BLOB)
    if not inside and re.match(r"[a-z]+:", target):
        return False
    name, _hash, anchor = target.removeprefix(BLOB).partition("#")
    path = ((CHECKOUT if inside else page.parent) / name).resolve() if name else page
    return not path.exists() or (bool(anchor) and anchor not in anchors(path))


@pytest.mark.parametrize(("page", "name"), PARTS)
def test_what_the_code_says_stands_on_the_page(page: str, name: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert with_part(text, name, PAGES[page][name]()) == text, "run: PYTHONPATH=.build/c .venv/bin/python tools/write_capabilities.py"


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{END}{END}"])
def test_a_page_without_its_markers_is_noticed(text: str) -> None:
    with pytest.raises(ValueError, match="expected one line"):
        with_part(text, "part", "x")
    assert with_part(f"a\n{BEGIN}\nold\n{END}\nb\n", "part", "new\n") == f"a\n{BEGIN}\n\nnew\n\n{END}\nb\n"


def test_every_target_has_its_matrix() -> None:
    group = yaml.safe_load((CHECKOUT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]["tenants"]
    assert set(PAGES["capabilities.md"]) == {f"capabilities of {name}" for name in (*group, "hosts")}


def test_the_readme_is_short_and_answers_in_order() -> None:
    assert len(README.splitlines()) <= 150
    assert re.findall(r"^## (.+)$", README, re.MULTILINE) == SECTIONS


def test_the_readme_names_every_package_manager() -> None:
    requirements = README.partition("\n## Requirements\n")[2].partition("\n## ")[0]
    names = [name for capability in CAPABILITIES for name in re.findall(r"[\w][\w ]*\w", re.sub(r"\(.*\)", "", capability.label))]
    assert len(names) >= len(CAPABILITIES)
    assert [name for name in names if name not in requirements] == []


def test_links_of_the_readme_are_whole_addresses() -> None:
    # Galaxy shows the README where no other file is.
    assert [target for target in links(README) if not target.startswith("https://")] == []


@pytest.mark.parametrize("name", PAPERS)
def test_links_into_the_repository_lead_to_a_file_and_a_heading(name: str) -> None:
    page = CHECKOUT / name
    assert [target for target in links(page.read_text(encoding="utf-8")) if leads_nowhere(target, page)] == []


def test_galaxy_points_to_what_is_there() -> None:
    addresses = [value for value in yaml.safe_load((CHECKOUT / "galaxy.yml").read_text(encoding="utf-8")).values() if BLOB in str(value)]
    assert addresses
    assert [address for address in addresses if leads_nowhere(address, CHECKOUT / "README.md")] == []
