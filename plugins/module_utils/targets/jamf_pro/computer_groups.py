# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read and write groups of computers, through the Classic API. They have no description, so only their name can tell whose they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from xml.etree import ElementTree

from ...engine.errors import ChangeFailed
from .classic import COMPUTER_GROUPS, Classic
from .classic_xml import Pair, flag_of, number_of, text_of
from .group_changes import CHUNK, differences, member_changes
from .jamf import Jamf
from .objects import COMPUTER, Criterion, Group, Listed
from .written_objects import delete_and_look, write_and_look


class ComputerGroups:
    """The groups of computers of one server."""

    def __init__(self, jamf: Jamf) -> None:
        self.jamf = jamf
        self.classic = Classic(jamf, COMPUTER_GROUPS)

    def list_all(self) -> list[Listed]:
        """All groups, by id, name and kind.

        Raises:
            RequestFailed, OutOfTime
        """
        return self.classic.list_all()

    def read(self, number: int, smart: bool) -> Group | None:
        """One group with its members; None if it isn't there. Raises as ``list_all``."""
        document = self.classic.read(number, smart)
        return None if document is None else parse(document)

    def create(self, wanted: Group) -> Group:
        """Make a group, a static one with its members, and return it as the server has it.

        Raises:
            ChangeFailed: if the server doesn't keep what was written; nothing is taken back.
            WriteInCheckMode, RequestFailed, OutOfTime, AppbanError
        """
        members = sorted(wanted.members or ())
        first = content(wanted)
        if not wanted.smart:
            first.append(("computers", entries(members[:CHUNK])))
        begun = frozenset(members[:CHUNK])
        made = self.write(wanted, lambda: self.classic.create(first, wanted.name, wanted.smart), None if wanted.smart else begun)
        return made if wanted.smart or wanted.members is None else self.change_members(made, wanted.members)

    def update(self, wanted: Group) -> Group:
        """Give a group name and criteria of the wanted one, whose id it has; members stay. Raises as ``create``."""

        def send() -> int:
            self.classic.update(wanted.id, content(wanted), wanted.name, wanted.smart)
            return wanted.id

        return self.write(wanted, send, None)

    def change_members(self, group: Group, members: frozenset[int], managed: frozenset[int] | None = None) -> Group:
        """Make the members of a static group exactly these computers, and return it as the server has it.

        The membership is read first, and only what differs is sent. Raises as ``create``.

        Args:
            managed: ids of all computers that are managed. Others stay in the group or out of it, as they are: the server refuses a request
                that names one of them, and no profile or record reaches them anyway.
        """
        current = self.read(group.id, False)
        if current is None:
            raise ChangeFailed(
                "The members of the computer group %s can't be changed: it was deleted meanwhile" % group.name,
                self.classic.collection.address(group.id),
                "Run again; the next run makes it anew",
            )
        for added, removed in member_changes(current.members or frozenset(), members, managed):
            reached = ((current.members or frozenset()) | frozenset(added)) - frozenset(removed)
            current = self.write(current, self.sender(current, added, removed), reached)
        return current

    def sender(self, group: Group, added: Sequence[int], removed: Sequence[int]) -> Callable[[], int]:
        """Sends one piece of a change of members."""
        changes: list[Pair] = [("computer_additions", entries(added)), ("computer_deletions", entries(removed))]

        def send() -> int:
            self.classic.update(group.id, [*content(group), *changes], group.name, False)
            return group.id

        return send

    def write(self, wanted: Group, send: Callable[[], int], members: frozenset[int] | None) -> Group:
        """Send a write and look what became of it."""
        expected = Group(COMPUTER, wanted.id, wanted.name, wanted.smart, "", wanted.criteria, members, wanted.site)
        return write_and_look(
            send,
            lambda number: self.look(number or wanted.id or self.classic.find(wanted.name), wanted.smart),
            lambda found: differences(expected, found),
            clock=self.jamf.clock,
            what="the computer group %s" % wanted.name,
        )

    def look(self, number: int, smart: bool) -> Group | None:
        """One group; None for the id 0 too."""
        return self.read(number, smart) if number else None

    def delete(self, number: int, name: str, smart: bool) -> None:
        """Delete a group; one that is gone already is as good. Raises as ``create``."""
        delete_and_look(
            lambda: self.classic.delete(number, name, smart),
            lambda: self.classic.read(number, smart) is not None,
            clock=self.jamf.clock,
            what="the computer group %s" % name,
        )


def entries(numbers: Sequence[int]) -> list[Pair]:
    """Computers by id."""
    return [("computer", [("id", number)]) for number in numbers]


def content(wanted: Group) -> list[Pair]:
    """What every write has: is_smart is required, and without the criteria old ones would stay."""
    document: list[Pair] = [("name", wanted.name), ("is_smart", wanted.smart)]
    if wanted.smart:
        document.append(("criteria", [("criterion", criterion(place, each)) for place, each in enumerate(wanted.criteria)]))
    return document


def criterion(place: int, each: Criterion) -> list[Pair]:
    """A criterion as the Classic API takes it."""
    return [
        ("name", each.name),
        ("priority", place),
        ("and_or", each.and_or),
        ("search_type", each.search_type),
        ("value", each.value),
        ("opening_paren", each.opening_paren),
        ("closing_paren", each.closing_paren),
    ]


def parse(document: ElementTree.Element) -> Group:
    """The group in a document."""
    smart = flag_of(document, "is_smart")
    found = sorted(document.findall("criteria/criterion"), key=lambda each: number_of(each, "priority")) if smart else []
    return Group(
        family=COMPUTER,
        id=number_of(document),
        name=text_of(document, "name"),
        smart=smart,
        criteria=tuple(
            Criterion(
                name=text_of(each, "name"),
                search_type=text_of(each, "search_type"),
                value=text_of(each, "value"),
                and_or=text_of(each, "and_or") or "and",
                opening_paren=flag_of(each, "opening_paren"),
                closing_paren=flag_of(each, "closing_paren"),
            )
            for each in found
        ),
        members=frozenset(number_of(each) for each in document.findall("computers/computer")),
        site=number_of(document, "site/id") or -1,
    )
