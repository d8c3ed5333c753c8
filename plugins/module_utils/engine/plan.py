# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes and plans: what would be done, as data. Check mode prints a plan, apply executes that same plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Collection, Dict, FrozenSet, Iterable, List, Optional, Set, Tuple

OPS: Tuple[str, ...] = ("create", "update", "delete", "command")


@dataclass(frozen=True)
class Change:
    """One step from current to desired.

    Args:
        op: ``create``, ``update``, ``delete`` or ``command``.
        kind: what is changed, in the target's own terms (``package``, ``file``, ``lock``, ``profile``, ...).
        name: which one; ``kind:name`` is unique in a plan.
        before: text of the state before, for the diff; None where there was nothing.
        after: text of the state after, for the diff; None where nothing is left.
        diff: False where before and after are not worth showing (a command without text).
        needs: keys of the changes that must have succeeded first.
        apps: ids of the apps it is made for.
        reaches: positions of the devices on which it puts something, or makes something count, that was not there before.
        releases: positions of the devices from which it takes something of ours.
        step: what the edge executes; opaque to the engine.
    """

    op: str
    kind: str
    name: str
    before: Optional[str] = None
    after: Optional[str] = None
    diff: bool = True
    needs: Tuple[str, ...] = ()
    apps: Tuple[str, ...] = ()
    reaches: FrozenSet[int] = frozenset()
    releases: FrozenSet[int] = frozenset()
    step: Any = None

    @property
    def key(self) -> str:
        """The change's unique name in its plan."""
        return "%s:%s" % (self.kind, self.name)

    def summary(self) -> Dict[str, str]:
        """The change as a module returns it: ``{op, kind, name}``."""
        return {"op": self.op, "kind": self.kind, "name": self.name}


@dataclass(frozen=True)
class Plan:
    """The ordered list of changes of one target."""

    changes: Tuple[Change, ...] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        seen: Dict[str, Change] = {}
        for change in self.changes:
            if change.op not in OPS:
                raise ValueError("unknown op %r in change %s" % (change.op, change.key))
            if change.key in seen:
                raise ValueError("two changes share the key %s" % change.key)
            for needed in change.needs:
                if needed not in seen:
                    raise ValueError("change %s needs %s, which does not come before it" % (change.key, needed))
            seen[change.key] = change

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    def without(self, keys: Iterable[str]) -> Tuple["Plan", Tuple[Change, ...]]:
        """The plan without some changes and without those that need one of them, and what was left out."""
        left: Set[str] = set(keys)
        kept: List[Change] = []
        out: List[Change] = []
        for change in self.changes:
            if change.key in left or not left.isdisjoint(change.needs):
                left.add(change.key)
                out.append(change)
            else:
                kept.append(change)
        return Plan(tuple(kept)), tuple(out)

    def reached_by(self, keys: Collection[str]) -> FrozenSet[int]:
        """Positions of the devices that any of these changes reaches."""
        found: Set[int] = set()
        for change in self.changes:
            if change.key in keys:
                found |= change.reaches
        return frozenset(found)

    def released_by(self, keys: Collection[str]) -> FrozenSet[int]:
        """Positions of the devices that any of these changes releases."""
        found: Set[int] = set()
        for change in self.changes:
            if change.key in keys:
                found |= change.releases
        return frozenset(found)

    def summaries(self) -> List[Dict[str, str]]:
        """Every change as ``{op, kind, name}``, in order."""
        return [change.summary() for change in self.changes]

    def as_plain(self) -> List[Dict[str, Any]]:
        """Every change as a record keeps it: what, how many devices it reaches and releases, and the text before and after."""
        return [
            {
                **change.summary(),
                "apps": list(change.apps),
                "reaches": len(change.reaches),
                "releases": len(change.releases),
                "before": change.before if change.diff else None,
                "after": change.after if change.diff else None,
            }
            for change in self.changes
        ]

    def diff(self) -> List[Dict[str, str]]:
        """The plan as Ansible's diff: one before/after pair per change."""
        pairs = []
        for change in self.changes:
            if not change.diff:
                continue
            header = "%s %s" % (change.kind, change.name)
            pairs.append(
                {
                    "before_header": header,
                    "after_header": header,
                    "before": change.before or "",
                    "after": change.after or "",
                }
            )
        return pairs
