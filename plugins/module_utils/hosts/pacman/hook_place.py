# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where our hook has to lie so that pacman runs it, and what keeps pacman from it (alpm-hooks(5), HookDir in pacman.conf(5)).

pacman reads its own directory, then every HookDir; of files with one name only the one in the last directory counts, whatever it
holds. A directory of that name does not count. Seen with pacman 6.0.2.
"""

from __future__ import annotations

import hashlib
import os
import stat
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ...engine.plan import Change
from ..owned_file import MARKER, OwnedFilePlan, plan_owned_file
from ..system import System, Unreadable
from .hook import HOOK_NAME, hooked_names, made_directories, render_hook
from .settings import CONF, HOOKS


class HookPlan(NamedTuple):
    """The plan of our hook.

    Args:
        path: its place.
        changes: what is to be done.
        owned: what to remember; empty when it is to be gone.
        drift: what somebody did to it, or to where pacman looks, since we made it.
        foreign: a file that is not ours is in its place, so there is no hook.
        overridden: why pacman does not run the hook though it is in place; empty if it does.
        before: the names that the hook stopped so far.
    """

    path: str
    changes: Tuple[Change, ...]
    owned: Mapping[str, Any]
    drift: Tuple[str, ...]
    foreign: bool
    overridden: str
    before: Tuple[str, ...]


def plan_hook(
    system: System,
    directories: Sequence[str],
    names: Sequence[str],
    comment: Sequence[str],
    owned: Mapping[str, Any],
    claimed: bool = False,
) -> HookPlan:
    """Plan the hook.

    Args:
        system: the host, only read.
        directories: the values of HookDir, in order.
        names: what it shall stop; empty to take it away.
        comment: lines for its header.
        owned: what an earlier plan asked to remember.
        claimed: that plan was perhaps not carried out, so what is missing of it was not taken away by anybody.
    """
    remembered = dict(owned)
    old = str(remembered.pop("path", os.path.join(directories[-1], HOOK_NAME))) if remembered else ""
    path, drift, overridden = _place(system, directories, old)
    before: List[str] = []
    moved: List[Change] = []
    others = [os.path.join(each, HOOK_NAME) for each in [*directories, HOOKS]] + ([old] if old else [])
    for other in dict.fromkeys(others):
        if other == path or _same(system, path, other):
            continue
        # Where an earlier run put it: HookDir was changed since, or our memory was lost.
        known = remembered if other == old else _known_by_mark(system, other)
        if known:
            before += hooked_names(_content(system, other) or b"")
            moved += plan_owned_file(system, other, None, known).changes
    here = remembered if path == old else {}
    here = here or _known_by_mark(system, path)
    before += hooked_names((_content(system, path) or b"") if here else b"")
    plan = _plan_here(system, path, names, comment, here)
    remember = dict(plan.owned)
    if remember:
        remember["path"] = path
    told = (drift if names and old else ()) + (() if claimed else plan.drift)
    return HookPlan(
        path, tuple(moved) + plan.changes, remember, told, plan.foreign, overridden if names else "", tuple(dict.fromkeys(before))
    )


def shows_our_hook(system: System, directories: Sequence[str]) -> bool:
    """Whether a hook of ours lies where pacman looks, or where it would look by default."""
    return any(_known_by_mark(system, os.path.join(each, HOOK_NAME)) for each in dict.fromkeys([*directories, HOOKS]))


def _plan_here(system: System, path: str, names: Sequence[str], comment: Sequence[str], owned: Mapping[str, Any]) -> OwnedFilePlan:
    plain = render_hook(names, comment) if names else None
    try:
        plan = plan_owned_file(system, path, plain, owned)
    except Unreadable:
        # No file at all, so certainly not ours.
        return OwnedFilePlan(foreign=bool(names))
    made = plan.owned.get("made_directories", ())
    if not names or not made or _content(system, path) == plain:
        # An earlier release wrote it without the line about directories, and it need not be written again for that.
        return plan
    return plan_owned_file(system, path, render_hook(names, comment, made), owned)


def _place(system: System, directories: Sequence[str], old: str) -> Tuple[str, Tuple[str, ...], str]:
    """Where the hook goes, what happened to where it was, and what keeps pacman from reading it; each of both empty for nothing."""
    last = os.path.join(directories[-1], HOOK_NAME)
    if not old or old == last:
        return last, (), ""
    directory = os.path.dirname(old)
    if directory in directories:
        after = len(directories) - list(reversed(directories)).index(directory)
        later = [os.path.join(each, HOOK_NAME) for each in directories[after:]]
        masks = [each for each in later if _masks(system, each, old)]
        if not masks:
            return old, (), ""
        drift = "%s has the name of our hook and lies in a later HookDir, so pacman reads it instead of %s" % (masks[-1], old)
    else:
        masks = [last] if _masks(system, last, old) else []
        drift = "HookDir in %s was changed, so pacman did not read %s any more" % (CONF, old)
    if last in masks and not _known_by_mark(system, last):
        overridden = "pacman reads %s instead of our hook %s. Delete it, or take %s out of HookDir in %s"
        return old, (drift,), overridden % (last, old, directories[-1], CONF)
    return last, (drift,), ""


def _masks(system: System, path: str, ours: str) -> bool:
    """Whether a file in a later directory stands in for our hook."""
    if _same(system, path, ours):
        return False
    try:
        status = system.status(path)
        if status is not None and stat.S_ISLNK(status.st_mode):
            status = system.status(system.trust.place(path).path) or status
    except Unreadable:
        return True
    return status is not None and not stat.S_ISDIR(status.st_mode)


def _same(system: System, path: str, other: str) -> bool:
    """Whether two paths lead to one file by links of their directories."""
    return _resolved(system, path) == _resolved(system, other)


def _resolved(system: System, path: str) -> str:
    directory, name = os.path.split(path)
    return os.path.join(system.trust.place(directory).path, name)


def _known_by_mark(system: System, path: str) -> Dict[str, Any]:
    """What would be remembered of a hook that lies there and carries our mark; empty for none."""
    content = _content(system, path)
    if content is None or MARKER.encode("ascii") not in content.split(b"\n", 1)[0]:
        return {}
    known: Dict[str, Any] = {"sha256": [hashlib.sha256(content).hexdigest()]}
    made = [each for each in made_directories(content) if path.startswith(each + "/")]
    if made:
        known["made_directories"] = made
    return known


def _content(system: System, path: str) -> Optional[bytes]:
    try:
        return None if system.is_link(path) else system.read(path)
    except Unreadable:
        return None
