# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether what a server holds under a name of ours was made by us. Pure.

KMFDDM keeps nothing with a declaration but type, identifier and payload, and Apple's schema has no key in which a payload of these types
could carry a mark that devices don't judge. So the mark is the whole of it: a configuration of the type that its name says, and an
activation beside it that puts exactly this one in force. Every released version has made that. What is being made or deleted is half of
it, and then the ledger tells; what neither tells is somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...mdm.apple.declarations import ACTIVATION, APP_SETTINGS, LEGACY_PROFILE
from . import capabilities as mechanisms
from .declaration_names import ACTIVATION as ACTIVATION_PART
from .declaration_names import CONFIGURATION as CONFIGURATION_PART
from .declaration_names import DeclarationNames
from .slugs import mechanism_of_slug

#: What the ledger has in place of a content while a pair is made, and while it is deleted.
BEGUN, ENDING = "begun", "ending"

_TYPES: dict[str, str] = {
    mechanisms.APP_SETTINGS: APP_SETTINGS,
    mechanisms.BINARIES: APP_SETTINGS,
    mechanisms.PROFILE_DECLARATION: LEGACY_PROFILE,
    mechanisms.WEB_DECLARATION: LEGACY_PROFILE,
}


@dataclass(frozen=True)
class DeclaredOurs:
    """Tells ours from others'.

    Args:
        declarations: identifier -> declaration, of all names that could be ours.
        sets: name -> identifiers of its declarations.
        written: name of a set -> what we wrote last, by the ledger; empty text for what we deleted.
        names: of declarations and sets.
        adopt: all that has a name of ours counts as ours.
    """

    declarations: Mapping[str, Mapping[str, Any]]
    sets: Mapping[str, frozenset[str]]
    written: Mapping[str, str]
    names: DeclarationNames
    adopt: bool = False

    def pair(self, name: str) -> tuple[str, str]:
        """Identifiers of the configuration and the activation of a set."""
        slug = self.names.slug_of_set(name)
        return self.names.identifier(slug, CONFIGURATION_PART), self.names.identifier(slug, ACTIVATION_PART)

    def held(self, name: str) -> list[str]:
        """Identifiers of the pair that the server holds, or has in the set."""
        return [each for each in self.pair(name) if each in self.declarations or each in self.sets.get(name, ())]

    def strangers(self, name: str) -> list[str]:
        """Declarations in a set of ours that are not of its pair."""
        return sorted(self.sets.get(name, frozenset()).difference(self.pair(name)))

    def is_foreign(self, name: str) -> bool:
        """Whether what is under a name of ours is somebody else's. Where nothing is, nothing is foreign."""
        if self.adopt or self.written.get(name):
            return False
        if self.held(name):
            return not self._is_whole_pair(name)
        # A set that only others use; a lift leaves it to them, and the ledger knows that it was ours.
        return bool(self.strangers(name)) and name not in self.written

    def of_another_type(self, name: str) -> Iterable[str]:
        """Declarations of the pair whose type is not what their name says."""
        configuration, active = self.pair(name)
        wanted = {configuration: _TYPES.get(mechanism_of_slug(self.names.slug_of_set(name)), ""), active: ACTIVATION}
        return [each for each, kind in wanted.items() if each in self.declarations and self.declarations[each].get("Type") != kind]

    def _is_whole_pair(self, name: str) -> bool:
        configuration, active = self.pair(name)
        if configuration not in self.declarations or active not in self.declarations or self.of_another_type(name):
            return False
        payload = self.declarations[active].get("Payload")
        return isinstance(payload, Mapping) and payload.get("StandardConfigurations") == [configuration]
