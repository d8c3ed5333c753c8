# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read and write groups of computers, through the Classic API. They have no description, so only their name can tell whose they are."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree

from ....mdm.http.written_objects import delete_and_look, write_and_look
from ..objects import COMPUTER, Criterion, Group, Listed
from .classic import COMPUTER_GROUPS, Classic
from .classic_xml import Pair, flag_of, number_of, text_of
from .group_changes import differences
from .jamf import PRODUCT, Jamf


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
        """Make a smart group, and return it as the server has it.

        Raises:
            ChangeFailed: if the server doesn't keep what was written; nothing is taken back.
            WriteInCheckMode, RequestFailed, OutOfTime, AppbanError
        """
        return self.write(wanted, lambda: self.classic.create(content(wanted), wanted.name, True))

    def update(self, wanted: Group) -> Group:
        """Give a smart group name and criteria of the wanted one, whose id it has. Raises as ``create``."""

        def send() -> int:
            self.classic.update(wanted.id, content(wanted), wanted.name, True)
            return wanted.id

        return self.write(wanted, send)

    def write(self, wanted: Group, send: Callable[[], int]) -> Group:
        """Send a write and look what became of it."""
        return write_and_look(
            send,
            lambda number: self.look(number or wanted.id or self.classic.find(wanted.name), True),
            lambda found: differences(wanted, found),
            clock=self.jamf.clock,
            counters=self.jamf.counters,
            product=PRODUCT,
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
            counters=self.jamf.counters,
            product=PRODUCT,
            what="the computer group %s" % name,
        )


def content(wanted: Group) -> list[Pair]:
    """What every write of a smart group has: is_smart is required, and without the criteria old ones would stay."""
    criteria: list[Pair] = [("criterion", criterion(place, each)) for place, each in enumerate(wanted.criteria)]
    return [("name", wanted.name), ("is_smart", True), ("criteria", criteria)]


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
