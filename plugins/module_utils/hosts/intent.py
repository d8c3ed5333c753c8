# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The note of what a run is about to write, on disk before the first write and gone after the last.

A run that was killed leaves it behind. The next run reads it and tidies up: temporary files, an edit that was torn, a package
manager's lock that nobody holds any more. What the note does not name is never touched.
"""

from __future__ import annotations

import base64
import json
import os
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Tuple

from ..engine.errors import AppbanError
from ..engine.plan import Change
from .ledger import LEDGER_PATH
from .locks import is_open_by_somebody
from .steps import CommandStep, FileStep, Step, Steps
from .system import System, temporary_path

INTENT_PATH = os.path.join(os.path.dirname(LEDGER_PATH), "intent.json")
_FORMAT = 1


class Intent(NamedTuple):
    """What a run was about to do.

    Args:
        files: paths that it was to write; each may have left a temporary file.
        edits: path -> content before and after of the files that are edited in place.
        locks: lock files that the package managers make by their mere existence.
        who: the run, for a person.
        removals: app id -> what the ledger is to remember of each package that was about to go, if it has gone.
    """

    files: Tuple[str, ...] = ()
    edits: Mapping[str, Tuple[bytes, bytes]] = {}
    locks: Tuple[str, ...] = ()
    who: str = ""
    removals: Mapping[str, Tuple[Mapping[str, str], ...]] = {}


def intent_of(changes: Iterable[Change], who: str, removals: Mapping[str, Tuple[Mapping[str, str], ...]]) -> Intent:
    """The note of a plan, and of the packages that it removes."""
    files: List[str] = [LEDGER_PATH]
    edits: Dict[str, Tuple[bytes, bytes]] = {}
    locks: List[str] = []
    for change in changes:
        for step in _flat(change.step):
            if isinstance(step, FileStep):
                if step.content is not None:
                    files.append(step.path)
                if step.shared and step.before is not None and step.content is not None:
                    edits[step.path] = (step.before, step.content)
            elif isinstance(step, CommandStep) and step.lock is not None and step.lock.is_mere_file():
                locks.append(step.lock.path)
    return Intent(tuple(dict.fromkeys(files)), edits, tuple(dict.fromkeys(locks)), who, removals)


def begin(system: System, intent: Intent) -> None:
    """Put the note on disk."""
    plain = {
        "about": "Kept by appban.endpoint while it changes this host; the next run tidies up after one that was interrupted.",
        "format": _FORMAT,
        "files": list(intent.files),
        "edits": {path: [_encoded(content) for content in pair] for path, pair in intent.edits.items()},
        "locks": list(intent.locks),
        "who": intent.who,
        "removals": {app: [dict(each) for each in entries] for app, entries in intent.removals.items()},
    }
    system.make_directory(os.path.dirname(INTENT_PATH), 0o755)
    system.write(INTENT_PATH, (json.dumps(plain, indent=1, sort_keys=True) + "\n").encode("utf-8"), 0o600)


def end(system: System) -> None:
    """Delete the note: everything that it names is done or in the report."""
    system.remove_file(INTENT_PATH)


def is_interrupted(system: System) -> bool:
    """Whether a run was killed on this host while it wrote. The host's lock must be held, so that no run is under way."""
    if system.exists(INTENT_PATH) or system.exists(temporary_path(INTENT_PATH)):
        return True
    if system.exists(LEDGER_PATH):
        # The names beside it are none of this look's business: what it remembers will be one of them.
        return False
    # The directory for ledger and note is made first of all.
    directory = os.path.dirname(INTENT_PATH)
    return system.exists(directory) and not system.names_in(directory)


def tidy_up(system: System) -> Tuple[List[str], Intent]:
    """Repair what an interrupted run left behind, and take its note away. The host's lock must be held.

    Returns:
        One sentence for each thing that was repaired, and the note; nothing where no run was interrupted.
    """
    if not is_interrupted(system):
        return [], Intent()
    intent = _read(system)
    told = ["an earlier run was interrupted%s" % (" (%s)" % intent.who if intent.who else "")]
    for path in intent.files:
        temporary = temporary_path(system.trust.place(path).path)
        if system.exists(temporary):
            system.remove_file(temporary)
    for path, (before, after) in intent.edits.items():
        current = system.read(path)
        if current is not None and is_torn(current, before, after):
            system.edit(path, current, before)
            told.append("%s was left half written and is as it was before" % path)
    for path in intent.locks:
        if system.exists(path) and not is_open_by_somebody(path):
            system.remove_file(path)
            told.append("%s was left by it, nobody held it any more, and it was deleted" % path)
    system.remove_file(temporary_path(INTENT_PATH))
    end(system)
    # The run may have been killed before it had a ledger.
    system.remove_empty_directory(os.path.dirname(INTENT_PATH))
    return told, intent


def is_torn(current: bytes, before: bytes, after: bytes) -> bool:
    """Whether a file was left by an interrupted edit in place: the beginning of the new content and the rest of the old."""
    if current in (before, after):
        return False
    same = next((at for at, (one, other) in enumerate(zip(current, after)) if one != other), min(len(current), len(after)))
    return current == after[:same] + before[same:]


def _read(system: System) -> Intent:
    content = system.read(INTENT_PATH)
    if content is None:
        return Intent()
    try:
        plain = json.loads(content.decode("utf-8"))
        edits = {path: (_decoded(pair[0]), _decoded(pair[1])) for path, pair in plain["edits"].items()}
        removals = {app: tuple(dict(each) for each in entries) for app, entries in plain["removals"].items()}
        return Intent(tuple(plain["files"]), edits, tuple(plain["locks"]), str(plain["who"]), removals)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise AppbanError(
            "the note of an interrupted run can't be understood: %s" % (str(error) or type(error).__name__),
            INTENT_PATH,
            "Look at it, delete it, and run again",
        ) from None


def _flat(step: Any) -> Tuple[Step, ...]:
    return tuple(step.steps) if isinstance(step, Steps) else (step,)


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii"), validate=True)
