# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mechanisms of a target as one table: what each is called, whom it can reach, which actions it carries out and what it goes by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Mechanism:
    """One mechanism.

    Args:
        name: as capability tables, records and ledgers have it.
        title: what a reader calls it.
        words: what its controls are called in the target.
        platforms: whom an object of it can reach; the platform is a part of the object's type.
        actions: what it carries out.
        kind: the identifiers that it goes by.
        per_app: an object for each app; all others hold every app of a scope in one object.
        armed_ahead: it is set up ahead of the instant of its effect; all others are wanted from it on.
        reports_only: it may name what is too doubtful to act on.
        by_user: it is assigned to users.
        native: ownerships that a native scope of it may name; None for all.
    """

    name: str
    title: str
    words: str = ""
    platforms: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    kind: str = ""
    per_app: bool = False
    armed_ahead: bool = False
    reports_only: bool = False
    by_user: bool = False
    native: frozenset[str | None] | None = None

    @property
    def blocks_sites(self) -> bool:
        """Whether it blocks sites; those share what an exemption leaves open."""
        return "block_web" in self.actions


class Mechanisms(Mapping[str, Mechanism]):
    """The table of a target, by name, in the order of its plans."""

    def __init__(self, rows: Iterable[Mechanism]) -> None:
        self._rows = {row.name: row for row in rows}

    def __getitem__(self, name: str) -> Mechanism:
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def titles(self) -> dict[str, str]:
        """What a reader calls each mechanism."""
        return {name: row.title for name, row in self._rows.items()}

    def for_action(self, platform: str, action: str) -> Sequence[Mechanism]:
        """What carries an action out on a platform."""
        return [row for row in self._rows.values() if platform in row.platforms and action in row.actions]

    def without(self, names: Iterable[str]) -> Mechanisms:
        """The table without some of its rows."""
        left_out = set(names)
        return Mechanisms(row for row in self._rows.values() if row.name not in left_out)
