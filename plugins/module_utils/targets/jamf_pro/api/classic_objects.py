# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of the Classic API that have general settings and a scope: read, and written with a look what the server made of it."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import TypeVar
from xml.etree import ElementTree

from ....mdm.http.written_objects import KeptObjects, There
from ..objects import Listed
from .classic import Classic, Collection
from .classic_xml import Pair
from .jamf import PRODUCT, Jamf

Kept = TypeVar("Kept", bound=There)


class ClassicObjects(KeptObjects[Kept]):
    """The objects of one collection.

    Args:
        jamf: the server.
        collection: where they are.
        what: what one is called in messages: "the configuration profile".
        parse: the object in a document.
        differing: what of a wanted object the server doesn't have, in words.
    """

    def __init__(
        self,
        jamf: Jamf,
        collection: Collection,
        what: str,
        parse: Callable[[ElementTree.Element], Kept],
        differing: Callable[[Kept, Kept], list[str]],
    ) -> None:
        super().__init__(what, PRODUCT, jamf.clock, jamf.counters)
        self.classic = Classic(jamf, collection)
        self.parse = parse
        self.differing = differing

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

    def numbers_called(self, name: str) -> list[int]:
        # The newest first: it is the one that was made a moment ago.
        return sorted((each.id for each in self.list_all() if each.name == name.strip()), reverse=True)

    def differences(self, wanted: Kept, found: Kept) -> list[str]:
        return self.differing(wanted, found)

    @abc.abstractmethod
    def content(self, wanted: Kept) -> list[Pair]:
        """What is written: everything that is compared, always with the whole scope."""

    def send_new(self, wanted: Kept) -> int | None:
        return self.classic.create(self.content(wanted), wanted.name)

    def send_changed(self, wanted: Kept) -> None:
        self.classic.update(wanted.id, self.content(wanted), wanted.name)

    def send_deletion(self, number: int, name: str) -> None:
        self.classic.delete(number, name)
