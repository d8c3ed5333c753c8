# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies, catalogs and asset facts checked in one go, without any device: what is wrong, what is good, what is worth a look."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..module_utils.policy.model import Exemption, Policy
from ..module_utils.policy.notes import notes_of
from ..module_utils.policy.policy_phase import policy_notes
from ..module_utils.policy.problems import PolicyError, Problem
from .documents import places_in_file, read_asset_facts, read_policy, read_whole_catalog, repeated_ids
from .shown_lines import visible

# Exemptions that a line names one by one; of more it names those that end first.
MOST_NAMED = 5
ENDINGS = (".yml", ".yaml", ".json")


@dataclass(frozen=True)
class Checked:
    """What a check came to.

    problems: every one, each once. good: a line or two for each document that can be used. notes: what is allowed and still worth a look.
    """

    problems: tuple[Problem, ...]
    good: tuple[str, ...]
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """All of it as lines for a terminal; the last one is the sum."""
        last = "all documents can be used"
        if self.problems:
            files = {problem.file for problem in self.problems}
            last = f"{_counted(len(self.problems), 'problem')} in {_counted(len(files), 'document')}"
        return [visible(line) for line in (*map(str, self.problems), *self.good, *self.notes, last)]


def check_documents(policies: Iterable[str], catalog_dirs: Iterable[str], assets: Iterable[str], now: datetime) -> Checked:
    """Check files. Nothing but files is read.

    Args:
        policies: paths of policy files, and of directories of them.
        catalog_dirs: the organisation's own catalog directories, the last one on top.
        assets: paths of files of asset facts.
        now: the instant that ends are compared with.
    """
    catalog_dirs = list(catalog_dirs)
    catalog, problems = read_whole_catalog(catalog_dirs)
    # Each line with the file that it is about.
    good: list[tuple[str, str]] = []
    notes: list[str] = []
    if catalog_dirs and not problems:
        good.append(("", f"{', '.join(catalog_dirs)}: good, {_counted(len(catalog.apps), 'app')} with the collection's own"))
    read: list[tuple[str, Policy]] = []
    for path in _files(policies, problems):
        policy, found = read_policy(path, catalog)
        problems.extend(found)
        if policy is not None:
            read.append((path, policy))
            good.extend((path, line) for line in _good(path, policy, now))
            notes.extend(_notes(path, policy, now))
    problems.extend(repeated_ids(read))
    for path in assets:
        try:
            good.append((path, f"{path}: good, asset facts of {_counted(len(read_asset_facts(path)), 'device')}"))
        except PolicyError as error:
            problems.extend(error.problems)
    wrong = {problem.file for problem in problems}
    sound = tuple(line for path, line in good if path not in wrong)
    return Checked(tuple(dict.fromkeys(problems)), sound, tuple(dict.fromkeys(notes)))


def _files(paths: Iterable[str], problems: list[Problem]) -> list[str]:
    """The files that are named, and those with the ending of a document in directories that are named."""
    files: list[str] = []
    for path in paths:
        if not os.path.isdir(path):
            files.append(path)
            continue
        try:
            names = sorted(name for name in os.listdir(path) if name.endswith(ENDINGS) and not name.startswith("."))
        except OSError as error:
            problems.append(Problem(path, "", error.strerror or str(error), "a directory that can be read"))
            continue
        if not names:
            problems.append(Problem(path, "", "no file that ends with " + ", ".join(ENDINGS), "a directory of policy files"))
        files.extend(os.path.join(path, name) for name in names)
    return files


def _good(path: str, policy: Policy, now: datetime) -> list[str]:
    counts = [_counted(len(policy.apps), "app"), _counted(len(policy.rules), "rule"), _counted(len(policy.exemptions), "exemption")]
    if policy.review:
        counts.insert(1, f"{len(policy.review)} under review")
    lines = [f"{path}: good, {policy.id} ({policy.state}) with {', '.join(counts)}"]
    if policy.exemptions:
        lines.append(f"{path}: {_ends(policy.exemptions, now)}")
    return lines


def _ends(exemptions: Sequence[Exemption], now: datetime) -> str:
    ordered = sorted(exemptions, key=lambda exemption: (exemption.expires.at, exemption.id))
    running = [exemption for exemption in ordered if exemption.expires.at > now]
    ended = [exemption for exemption in ordered if exemption.expires.at <= now]
    begins = {each.id: f"begins {each.granted.written} and " for each in running if each.granted.at > now}
    named = [f"{each.id} {begins.get(each.id, '')}ends {each.expires.written}" for each in running[:MOST_NAMED]]
    named += [f"{len(running) - MOST_NAMED} more end later"] if len(running) > MOST_NAMED else []
    named += [f"{each.id} has ended {each.expires.written}" for each in ended[-MOST_NAMED:]]
    named += [f"{len(ended) - MOST_NAMED} more have ended"] if len(ended) > MOST_NAMED else []
    return "exemptions: " + ", ".join(named)


def _notes(path: str, policy: Policy, now: datetime) -> list[str]:
    found = notes_of(policy)
    # A note stands at its place like a problem, so an editor can follow it.
    places = places_in_file([Problem(path, note.path, note.text, "") for note in found], path)
    lines = [f"{path}:{place.line}:{place.column}: {place.path}: note: {place.found}" for place in places]
    return lines + [f"{path}: note: {text}" for text in policy_notes(policy, now)]


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
