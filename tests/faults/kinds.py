# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of fault, each closed by a rule that holds everywhere, and the commits in which their tests failed.

A kind is closed when a test per place that failed before holds its rule. Tests say which kind they hold with the marker
``fault_kind``, wherever they stand; a new kind is a new line of KINDS.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

RED_COMMITS = Path(__file__).with_name("red_commits.json")
MARKER = "fault_kind"


@dataclass(frozen=True)
class Kind:
    """One kind: its short name, what happened, and the rule that closes it."""

    name: str
    fault: str
    rule: str


KINDS = (
    Kind("H1", "root runs what a person wrote", "programs only from places of root's; a person's tool only as that person"),
    Kind(
        "H2",
        "a person's trouble stops the system's block",
        "each account is a part of its own; its trouble is told and stops nothing else",
    ),
    Kind("H3", "files that don't end", "regular files only, opened without blocking, bounded in size; every wait has a bound"),
    Kind("H4", "umask and metadata", "modes are set, edits keep inode, xattr, ACL and links, and a lift puts everything back"),
    Kind("H5", "once looked, never again", "every run asks or reads whether the block holds, and says which of both"),
    Kind("H6", "removal that isn't", "a file that is still there, or a process that still runs from it, is told"),
    Kind("H7", "compliant without having looked", "what was not looked at is not_observable, with the reason"),
    Kind("H8", "one failure holds back another app", "apps are independent, and changed follows from what was done"),
    Kind("H9", "interrupted", "the next run finishes what a killed one began, leaves nothing behind and accuses nobody"),
    Kind("H10", "children that hold pipes", "the wait is for the process, never for its output"),
    Kind("H11", "lost ledger", "a lift without a ledger finds what is ours by its marks"),
    Kind("H12", "wrong line shown", "a message shows the error's own lines"),
    Kind(
        "H13",
        "a tool's own configuration decides what our question means",
        "a question and a removal say themselves how strict they are, and what a tool reads besides is part of what its answer rests on",
    ),
    Kind("H14", "one host's variable decides for all", "what may differ between hosts is read for each of them"),
    Kind(
        "T1",
        "a list is short, doubled or empty and passes for the fleet",
        "distinct ids, the service's count and the last record; what a list leaves out is looked up alone before it loses anything",
    ),
    Kind("T1b", "a lost source of facts is taken for news", "unknown is not a change: what was known counts until a source says otherwise"),
    Kind(
        "T2",
        "an empty answer to who has it is taken for proof",
        "what a source counts it must list; a removal is confirmed by a newer look that could have shown the app",
    ),
    Kind(
        "T3",
        "names differ by marks nobody sees",
        "NFKC, case-folded, without format characters; a row that can't be read is not absence",
    ),
    Kind("T4", "a device that no control reaches counts as managed", "capability is judged by what manages the device now"),
    Kind(
        "T5",
        "one word for several things",
        "a control covers an app only where it carries its name, and every demanded action waits for the device's contact",
    ),
    Kind(
        "T6",
        "who was affected is guessed from words",
        "a change names whom it reaches and releases, and outcomes follow device by device",
    ),
    Kind("T7", "odd but valid bodies", "one reader wherever a page is read; an odd shape is one message with the call's name"),
    Kind("T8", "a refusal looks like waiting", "whatever a device or server says against a control is a refusal with its words"),
    Kind(
        "T8b",
        "done is not arrived",
        "lifted and exempt say that they are pending until the device has confirmed; what may still arrive is taken back again",
    ),
    Kind("T8c", "the same order twice", "keys of idempotence hold what makes an order new: enrolment, period, content"),
    Kind("T8d", "when was it seen", "seen_at is the instant of the look, and freshness is its age"),
    Kind("T8e", "a stranger under our name", "only what carries our mark is ours; a clash is refused, in our own containers too"),
    Kind("T9", "waiting without a word", "refused, unknown and untrusted servers end within seconds; waits are told and counted"),
    Kind("T10", "throttled deletes", "deletes of ours are repeated within the deadline, gone is done, and the next run finishes the rest"),
    Kind(
        "R1",
        "written before recorded",
        "header, plan and each write are on disk before they are done; changed is true when anything was sent",
    ),
    Kind("R2", "relative paths", "every path is made absolute once, on the controller, from the caller's directory"),
    Kind("R3", "two at once", "one run at a time; who comes second is told who runs, and since when"),
    Kind(
        "R4",
        "claims in the wrong mood",
        "compliant counts only where a ban is in force and the app was looked for; where an app does not exist it does not count",
    ),
    Kind("R5", "stopped runs show nothing", "the plan is always shown and recorded, and a stopped run names the smallest next step"),
    Kind("R6", "what the record doesn't know", "who ran it, from what, when, and on whose authority is in the header"),
    Kind(
        "D1",
        "a name in a policy or asset file matches nothing, or too much",
        "names are compared without case and invisible marks; what could only match by guess is refused or told with the nearest name",
    ),
    Kind("D2", "nothing selected is success", "nothing to do in any group fails, and unknown groups and variables are named"),
    Kind("D3", "quadratic or absurd input", "cost grows with size, and expressions are tried with typed devices when they are read"),
    Kind("D4", "a message that helps nobody", "one message once, with file, line, column and path, and with what to type next"),
    Kind("D5", "a schema weaker than the parser", "whatever a schema can express it expresses; the rest is listed"),
)


def red_commits(path: Path = RED_COMMITS) -> Mapping[str, str]:
    """Path of a test file, or a test's id -> the commit in which it failed; empty for a test that held from the start."""
    commits: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return commits


def red_commit(test: str, commits: Mapping[str, str]) -> str:
    """The commit in which a test failed: its own if there is one, else its file's; empty if it never did."""
    bare = test.partition("[")[0]
    return commits.get(bare, commits.get(bare.partition("::")[0], ""))


def problems(held: Mapping[str, Iterable[str]], commits: Mapping[str, str], kinds: Iterable[Kind] = KINDS) -> list[str]:
    """What keeps the list from being whole.

    Args:
        held: name of a kind -> ids of the tests that carry its marker.
        commits: from red_commits.
        kinds: the kinds that there are.
    """
    names = {kind.name for kind in kinds}
    found = [f"no kind is called {name}: {', '.join(sorted(tests))}" for name, tests in sorted(held.items()) if name not in names]
    for kind in kinds:
        tests = list(held.get(kind.name, ()))
        if not tests:
            found.append(f"{kind.name} ({kind.fault}) has no test")
        elif not any(red_commit(test, commits) for test in tests):
            found.append(f"{kind.name} ({kind.fault}) has no test of which a commit says that it failed")
    return found
