# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What groups of mobile devices and groups of computers have in common: how a smart group is compared, and how members are changed."""

from __future__ import annotations

from collections.abc import Iterator

from ..objects import COMPUTER, Criterion, Group

#: Members in one request. One that is unknown or not managed fails the whole request, so it fails for few at a time.
CHUNK = 200


def differences(wanted: Group, found: Group) -> list[str]:
    """What of a group the server doesn't have, in words; members only if they are wanted and were read."""
    problems = []
    for name in ("name",) if wanted.family == COMPUTER else ("name", "description"):
        if getattr(wanted, name).strip() != getattr(found, name):
            problems.append("the %s is %r" % (name, getattr(found, name)))
    if wanted.smart != found.smart:
        problems.append("it is a %s group" % ("smart" if found.smart else "static"))
    if wanted.smart and wanted.criteria != found.criteria:
        problems.append("the criteria are %s" % (written(found.criteria) or "none"))
    if not wanted.smart and wanted.members is not None and found.members is not None:
        missing, extra = wanted.members - found.members, found.members - wanted.members
        problems += ["%d members are missing" % len(missing)] if missing else []
        problems += ["%d members are there besides" % len(extra)] if extra else []
    return problems


def written(criteria: tuple[Criterion, ...]) -> str:
    """Criteria in one line, as the product shows them."""
    words = []
    for index, each in enumerate(criteria):
        words += [each.and_or] if index else []
        text = "%s %s %r" % (each.name, each.search_type, each.value)
        words.append("%s%s%s" % ("(" if each.opening_paren else "", text, ")" if each.closing_paren else ""))
    return " ".join(words)


def member_changes(
    current: frozenset[int], wanted: frozenset[int], managed: frozenset[int] | None
) -> Iterator[tuple[list[int], list[int]]]:
    """What to add and what to take away, in pieces.

    Only what differs, because taking away a computer that is no member is an error. And only devices that are managed: the server refuses a
    request that names any other, even to take it out.
    """
    added, removed = wanted - current, current - wanted
    if managed is not None:
        added, removed = added & managed, removed & managed
    changes = [(True, number) for number in sorted(added)] + [(False, number) for number in sorted(removed)]
    for start in range(0, len(changes), CHUNK):
        piece = changes[start : start + CHUNK]
        yield [number for added, number in piece if added], [number for added, number in piece if not added]
