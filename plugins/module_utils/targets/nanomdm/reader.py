# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what KMFDDM holds of ours: a few requests, then the words of many devices per request, then who is in doubt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .api.kmfddm import Kmfddm
from .declaration_names import DeclarationNames
from .objects import DeclarationStatus, DeviceReport
from .profile_store import ProfileStore
from .server_state import ServerState
from .slugs import is_slug_of


class StateReader:
    """Reads the state that a plan is made from.

    Args:
        kmfddm: None where there is no such server.
        store: None where no profiles are hosted.
        policies: ids of the run's policies; what was made for others is not read.
    """

    def __init__(self, kmfddm: Kmfddm | None, store: ProfileStore | None, names: DeclarationNames, policies: frozenset[str]) -> None:
        self.kmfddm = kmfddm
        self.store = store
        self.names = names
        self.policies = policies

    def read(self, devices: Sequence[str], reports: Mapping[str, DeviceReport]) -> ServerState:
        """What there is of ours, and what devices say of it. devices: enrolment ids."""
        profiles = self.store.ours() if self.store is not None else ()
        if self.kmfddm is None:
            return ServerState(reports=reports, profiles=profiles)
        identifiers = [each for each in self.kmfddm.declarations() if is_slug_of(self.names.slug_of(each), self.policies)]
        found = {each: self.kmfddm.declaration(each) for each in identifiers}
        sets = [name for name in self.kmfddm.sets() if is_slug_of(self.names.slug_of_set(name), self.policies)]
        statuses = self.kmfddm.statuses(devices)
        return ServerState(
            declarations={each: document for each, document in found.items() if document is not None},
            sets={name: frozenset(self.kmfddm.set_declarations(name)) for name in sets},
            statuses={device: kept for device, kept in ((each, self._ours(words)) for each, words in statuses.items()) if kept},
            reports=reports,
            profiles=profiles,
        )

    def look_up(self, state: ServerState, devices: Iterable[str]) -> None:
        """Read the sets of enrolments of which nothing else tells."""
        if self.kmfddm is not None:
            state.assigned.update((device, frozenset(sets)) for device, sets in self.kmfddm.enrollments_sets(devices).items())

    def _ours(self, words: Iterable[DeclarationStatus]) -> dict[str, DeclarationStatus]:
        return {each.identifier: each for each in words if is_slug_of(self.names.slug_of(each.identifier), self.policies)}
