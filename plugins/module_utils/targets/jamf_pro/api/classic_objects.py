# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of the Classic API that have general settings and a scope: read, and written with a look what the server made of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar
from xml.etree import ElementTree

from ....mdm.http.written_objects import delete_and_look, write_and_look
from ..objects import Listed
from .classic import Classic, Collection
from .jamf import PRODUCT, Jamf


class Named(Protocol):
    """What these objects have in common."""

    @property
    def id(self) -> int:
        """0 for one that is to be made."""

    @property
    def name(self) -> str:
        """Unique in its collection."""


Kept = TypeVar("Kept", bound=Named)


class ClassicObjects(Generic[Kept]):
    """The objects of one collection.

    Args:
        jamf: the server.
        collection: where they are.
        what: what one is called in messages: "the configuration profile".
        parse: the object in a document.
        differences: what of a wanted object the server doesn't have, in words.
    """

    def __init__(
        self,
        jamf: Jamf,
        collection: Collection,
        what: str,
        parse: Callable[[ElementTree.Element], Kept],
        differences: Callable[[Kept, Kept], list[str]],
    ) -> None:
        self.jamf = jamf
        self.classic = Classic(jamf, collection)
        self.what = what
        self.parse = parse
        self.differences = differences

    def list_all(self) -> list[Listed]:
        """All of them, by id and name.

        Raises:
            RequestFailed, OutOfTime
        """
        return self.classic.list_all()

    def read(self, number: int) -> Kept | None:
        """One of them; None if it isn't there. Raises as ``list_all``."""
        document = self.classic.read(number)
        return None if document is None else self.parse(document)

    def write(self, wanted: Kept, send: Callable[[], int | None]) -> Kept:
        """Send a write and look what became of it.

        Raises:
            ChangeFailed: if the server doesn't keep what was written; nothing is taken back.
            WriteInCheckMode, RequestFailed, OutOfTime, AppbanError
        """
        return write_and_look(
            send,
            lambda number: self.look(number or wanted.id or self.classic.find(wanted.name)),
            lambda found: self.differences(wanted, found),
            clock=self.jamf.clock,
            counters=self.jamf.counters,
            product=PRODUCT,
            what="%s %s" % (self.what, wanted.name),
        )

    def look(self, number: int) -> Kept | None:
        """One of them; None for the id 0 too."""
        return self.read(number) if number else None

    def delete(self, number: int, name: str) -> None:
        """Delete one, which ends its effect on devices; one that is gone already is as good. Raises as ``write``."""
        delete_and_look(
            lambda: self.classic.delete(number, name),
            lambda: self.classic.read(number) is not None,
            clock=self.jamf.clock,
            counters=self.jamf.counters,
            product=PRODUCT,
            what="%s %s" % (self.what, name),
        )
