# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the servers hold of ours, and what devices make of it: a few requests, then the words of many devices per request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .api.kmfddm import Kmfddm
from .names import ControlNames
from .objects import DeclarationStatus, DeviceReport, HostedProfile
from .profile_store import ProfileStore


@dataclass
class ServerState:
    """What was read.

    Args:
        declarations: identifier -> declaration, of ours.
        sets: name -> identifiers of its declarations, of ours.
        statuses: enrolment id -> identifier -> what the device said of our declaration.
        reports: enrolment id -> what the device told.
        profiles: ours that are hosted.
        assigned: enrolment id -> names of its sets, where that had to be looked up.
    """

    declarations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    statuses: Mapping[str, Mapping[str, DeclarationStatus]] = field(default_factory=dict)
    reports: Mapping[str, DeviceReport] = field(default_factory=dict)
    profiles: tuple[HostedProfile, ...] = ()
    assigned: dict[str, frozenset[str]] = field(default_factory=dict)

    def report(self, device: str) -> DeviceReport:
        """What a device told; nothing where it told nothing."""
        return self.reports.get(device) or DeviceReport()

    def status(self, device: str, identifier: str) -> DeclarationStatus | None:
        """What a device said of a declaration since it last enrolled; None where it said nothing."""
        found = self.statuses.get(device, {}).get(identifier)
        if found is None or (found.received_at and found.received_at < self.report(device).enrolled_at):
            return None
        return found


class StateReader:
    """Reads the state that a plan is made from.

    Args:
        kmfddm: None where there is no such server.
        store: None where no profiles are hosted.
        names: what they say was made for policies of other runs is not read.
    """

    def __init__(self, kmfddm: Kmfddm | None, store: ProfileStore | None, names: ControlNames) -> None:
        self.kmfddm = kmfddm
        self.store = store
        self.names = names

    def read(self, devices: Sequence[str], reports: Mapping[str, DeviceReport]) -> ServerState:
        """What there is of ours, and what devices say of it. devices: enrolment ids."""
        profiles = self.store.ours() if self.store is not None else ()
        if self.kmfddm is None:
            return ServerState(reports=reports, profiles=profiles)
        found = {each: self.kmfddm.declaration(each) for each in self.kmfddm.declarations() if self._is_ours(each)}
        sets = [name for name in self.kmfddm.sets() if self.names.is_ours(name)]
        statuses = {device: self._of_ours(words) for device, words in self.kmfddm.statuses(devices).items()}
        return ServerState(
            declarations={each: document for each, document in found.items() if document is not None},
            sets={name: frozenset(self.kmfddm.set_declarations(name)) for name in sets},
            statuses={device: words for device, words in statuses.items() if words},
            reports=reports,
            profiles=profiles,
        )

    def look_up(self, state: ServerState, devices: Iterable[str]) -> None:
        """Read the sets of enrolments of which nothing else tells."""
        if self.kmfddm is not None:
            state.assigned.update((device, frozenset(sets)) for device, sets in self.kmfddm.enrollments_sets(devices).items())

    def _of_ours(self, words: Iterable[DeclarationStatus]) -> dict[str, DeclarationStatus]:
        return {each.identifier: each for each in words if self._is_ours(each.identifier)}

    def _is_ours(self, identifier: str) -> bool:
        return self.names.is_ours(self.names.control_of(identifier))
