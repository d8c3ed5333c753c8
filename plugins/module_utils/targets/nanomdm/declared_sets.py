# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What KMFDDM holds under names of ours, and whether we made it. Pure.

KMFDDM keeps nothing with a declaration but type, identifier and payload, and Apple's schema has no key in which a payload of these types
could carry a mark that devices don't judge. So the mark is the whole of it: a configuration of the type that its name says, and an
activation beside it that puts exactly this one in force. Every released version has made that. What is being made or deleted is half of
it, and then the ledger tells; what neither tells is somebody else's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...mdm.apple.declarations import ACTIVATION
from .capabilities import DECLARED
from .names import ControlNames
from .server_state import ServerState

#: What the ledger has in place of a content while a pair is made, and while it is deleted.
BEGUN, ENDING = "begun", "ending"


@dataclass(frozen=True)
class DeclaredSet:
    """A set with a name of ours.

    Args:
        pair: identifiers of the configuration and of its activation.
        documents: identifier -> declaration, of the pair, as far as they are there.
        members: identifiers of the declarations in the set.
        configuration_type: the type that the configuration has by the name of the set.
    """

    name: str
    pair: tuple[str, str]
    documents: Mapping[str, Mapping[str, Any]]
    members: frozenset[str]
    configuration_type: str

    @property
    def id(self) -> str:
        """Nothing else tells sets apart."""
        return self.name

    @property
    def held(self) -> list[str]:
        """Those of the pair that the server holds, or has in the set."""
        return [each for each in self.pair if each in self.documents or each in self.members]

    @property
    def strangers(self) -> list[str]:
        """Declarations in the set that are not of its pair."""
        return sorted(self.members.difference(self.pair))

    @property
    def of_another_type(self) -> list[str]:
        """Those of the pair whose type is not what their name says."""
        wanted = dict(zip(self.pair, (self.configuration_type, ACTIVATION), strict=True))
        return [each for each, document in self.documents.items() if document.get("Type") != wanted[each]]

    @property
    def is_whole(self) -> bool:
        """Whether it is what we make: the pair, and nothing else that the activation puts in force."""
        if len(self.documents) < len(self.pair) or self.of_another_type:
            return False
        configuration, activation = self.pair
        payload = self.documents[activation].get("Payload")
        return isinstance(payload, Mapping) and payload.get("StandardConfigurations") == [configuration]


class DeclaredSets:
    """The sets of one server.

    Args:
        written: name of a set -> what we wrote last, by the ledger; empty text for what we deleted.
        adopt: all that has a name of ours counts as ours.
    """

    def __init__(self, state: ServerState, written: Mapping[str, str], names: ControlNames, adopt: bool) -> None:
        self.state = state
        self.written = written
        self.names = names
        self.adopt = adopt
        self._ours: dict[str, bool] = {}

    def get(self, name: str) -> DeclaredSet:
        """What is there under a name of ours, if only nothing."""
        pair, found = self.names.pair(name), self.state.declarations
        documents = {each: found[each] for each in pair if each in found}
        return DeclaredSet(
            name, pair, documents, self.state.sets.get(name, frozenset()), DECLARED[self.names.mechanism_of(name)]
        )

    def there(self) -> list[DeclaredSet]:
        """All names of ours under which the server holds anything, ours or not."""
        found = {*self.state.sets, *map(self.names.control_of, self.state.declarations)}
        return [self.get(name) for name in sorted(found) if self._is_named_like_ours(name)]

    def is_foreign(self, found: DeclaredSet) -> bool:
        """Whether what is under a name of ours is somebody else's. Where nothing is, nothing is foreign."""
        if self.adopt or self.written.get(found.name):
            return False
        if found.held:
            return not found.is_whole
        # A set that only others use; a lift leaves it to them, and the ledger knows that it was ours.
        return bool(found.strangers) and found.name not in self.written

    def is_ours(self, name: str) -> bool:
        """Whether a name is one of a declared control of this run's policies, and nothing of somebody else is under it."""
        if name not in self._ours:
            self._ours[name] = self._is_named_like_ours(name) and not self.is_foreign(self.get(name))
        return self._ours[name]

    def _is_named_like_ours(self, name: str) -> bool:
        return self.names.is_declared(name) and self.names.is_ours(name)
