# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host remembers of us: which blocks are ours, and what we removed. Lift takes exactly what is written here.

The ledger is one small JSON file, readable by root only. It holds names of banned packages and the bookkeeping of our own
edits, never the content of an administrator's file.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..engine.errors import AppbanError
from .system import System, Unreadable

LEDGER_PATH = "/var/lib/appban/ledger.json"
_FORMAT = 1
# What else of ours may lie beside the ledger: it is no reason to think that the directory was there before us.
_OURS = frozenset(("intent.json", ".appban-new-intent.json", ".appban-new-ledger.json", "looked.json", ".appban-new-looked.json"))


@dataclass(frozen=True)
class Ledger:
    """The ledger's content.

    Args:
        owned: backend -> what that backend remembers of its block.
        apps: app id -> ``{"since": instant, "blocks": {backend: {"names": [...], "strong": bool, "unproved": [...]}}}``; ``unproved``
            are the names that were not seen absent under their block: it was begun and not finished, or the app was there.
        removed: app id -> ``[{"backend", "name", "version", "scope", "at"}]``, oldest first.
        made_directory: the ledger's directory did not exist before us.
        remains: app id -> files of removed packages that were still there after the removal; each look checks them until they are gone.
        running: app id -> ``DEVICE INODE PATH`` of programs of removed packages that were still running.
    """

    owned: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    apps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    removed: Mapping[str, Tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    made_directory: bool = True
    remains: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    running: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.owned or self.apps or self.removed or self.remains or self.running)

    def knows(self, app: str) -> bool:
        """Whether this host was affected by us for this app before."""
        return app in self.apps or app in self.removed

    def block_of(self, app: str, backend: str) -> Optional[Mapping[str, Any]]:
        """What stands for an app in a backend; None for nothing."""
        entry: Optional[Mapping[str, Any]] = self.apps.get(app, {}).get("blocks", {}).get(backend)
        return entry

    def has_blocked(self, app: str, backend: str, name: str) -> bool:
        """Whether this name was blocked and seen absent, so that finding it now means that it got past the block."""
        entry = self.block_of(app, backend) or {}
        return name in entry.get("names", ()) and name not in entry.get("unproved", ())


def read_ledger(system: System) -> Ledger:
    """The host's ledger; an empty one where there is none.

    Raises:
        AppbanError: when the file is there and can't be read or understood. Guessing would lose track of what is ours.
    """
    try:
        data = system.read(LEDGER_PATH)
    except Unreadable:
        if system.is_root():
            raise
        raise AppbanError(
            "this host is under a ban of ours already, and only root may read what is ours here", LEDGER_PATH, "Run with become: true"
        ) from None
    if data is None:
        # An empty directory of this name is what a run leaves that was killed right before its first write or after its last.
        return Ledger(made_directory=not set(system.names_in(os.path.dirname(LEDGER_PATH))).difference(_OURS))
    try:
        plain = json.loads(data.decode("utf-8"))
        if plain["format"] != _FORMAT:
            raise ValueError("format %r is not %d" % (plain["format"], _FORMAT))
        return Ledger(
            owned={name: dict(owned) for name, owned in plain["owned"].items()},
            apps={app: _read_app(entry) for app, entry in plain["apps"].items()},
            removed={app: tuple(dict(each) for each in entries) for app, entries in plain["removed"].items()},
            made_directory=bool(plain["made_directory"]),
            remains={app: tuple(_read_names(paths)) for app, paths in plain.get("remains", {}).items()},
            running={app: tuple(_read_names(programs)) for app, programs in plain.get("running", {}).items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise AppbanError(
            "the ledger of this host is damaged: %s" % ("%s is missing" % error if isinstance(error, KeyError) else error),
            LEDGER_PATH,
            "Restore it from a backup, or delete it and run again: what is ours is then found by its marks, and what is forgotten is "
            "which apps were removed here before",
        ) from None


def _read_app(entry: Mapping[str, Any]) -> Dict[str, Any]:
    blocks: Dict[str, Any] = {}
    for backend, block in entry["blocks"].items():
        blocks[backend] = {"names": _read_names(block["names"]), "strong": bool(block["strong"])}
        if block.get("unproved"):
            blocks[backend]["unproved"] = _read_names(block["unproved"])
    return {"since": str(entry["since"]), "blocks": blocks}


def _read_names(names: Any) -> List[str]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("found %.40r, expected a list of names" % (names,))
    return names


def write_ledger(system: System, ledger: Ledger, current: Ledger) -> None:
    """Bring the file to ``ledger``; nothing is written when that is what it says already, and an empty ledger leaves no file."""
    directory = os.path.dirname(LEDGER_PATH)
    if not ledger:
        if current:
            system.remove_file(LEDGER_PATH)
        # A run that was killed between the two left the directory, or a file that had not taken its place yet.
        for name in system.names_in(directory):
            if name in _OURS:
                system.remove_file(os.path.join(directory, name))
        if ledger.made_directory and system.exists(directory):
            system.remove_empty_directory(directory)
        return
    if says_the_same(ledger, current):
        return
    system.make_directory(directory, 0o755)
    system.write(LEDGER_PATH, render_ledger(ledger), 0o600)


def render_ledger(ledger: Ledger) -> bytes:
    """The ledger as bytes: sorted keys, so that equal ledgers are equal files."""
    return (json.dumps(_plain(ledger), indent=1, sort_keys=True) + "\n").encode("utf-8")


def says_the_same(one: Ledger, other: Ledger) -> bool:
    """Whether two ledgers would be the same file. Without indentation json's fast encoder tells, on every run of every host."""
    return json.dumps(_plain(one), sort_keys=True) == json.dumps(_plain(other), sort_keys=True)


def _plain(ledger: Ledger) -> Dict[str, Any]:
    plain = {
        "about": "Kept by appban.endpoint: which blocks on this host are ours, so that ending a ban takes exactly those. Do not edit.",
        "format": _FORMAT,
        "owned": ledger.owned,
        "apps": ledger.apps,
        "removed": {app: list(entries) for app, entries in ledger.removed.items()},
        "made_directory": ledger.made_directory,
    }
    # Left out where there is nothing to say: an earlier release writes the same bytes then.
    for name, noted in (("remains", ledger.remains), ("running", ledger.running)):
        if noted:
            plain[name] = {app: list(each) for app, each in noted.items()}
    return plain


def claim(before: Ledger, after: Ledger) -> Ledger:
    """What the ledger says while changes are under way: everything that is or may become ours.

    Killed at any moment, the next run still knows it. What the changes are yet to bring about is marked as unproved, and a
    removal is noted only once it was seen to have happened.
    """
    apps: Dict[str, Any] = both(before.apps, after.apps)
    for app, entry in apps.items():
        for backend, block in entry["blocks"].items():
            earlier = before.block_of(app, backend) or {}
            proved = set(earlier.get("names", ())) - set(earlier.get("unproved", ()))
            unproved = sorted(set(block["names"]) - proved)
            entry["blocks"][backend] = {"names": sorted(set(block["names"])), "strong": block["strong"]}
            if unproved:
                entry["blocks"][backend]["unproved"] = unproved
    owned: Dict[str, Any] = both(before.owned, after.owned)
    for name, value in owned.items():
        if before.owned.get(name) != after.owned.get(name):
            # Left behind by a run that was killed: what is missing may never have been made, or be taken away already.
            value["claimed"] = True
    return Ledger(owned, apps, before.removed, before.made_directory, before.remains, before.running)


def both(old: Any, new: Any) -> Any:
    """The union of what two ``owned`` mappings claim; where they differ in a plain value, the new one. A deep copy."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        merged: Dict[str, Any] = {key: both(value, value) for key, value in old.items()}
        for key, value in new.items():
            merged[key] = both(old.get(key, value), value)
        return merged
    if isinstance(old, (list, tuple)) and isinstance(new, (list, tuple)):
        united: List[Any] = [both(item, item) for item in new]
        united.extend(both(item, item) for item in old if item not in united)
        return united
    return new
