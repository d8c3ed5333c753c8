# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user asks of a run, what an adapter gives to it, and what a module returns of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from ...engine.apply import Applied
from ...engine.errors import AppbanError
from ...engine.plan import Plan
from ...engine.run_header import Provenance
from ...policy.decide import Decider
from ...policy.model import Policy
from ..http.identity import Identity
from ..planning.capability import Capability
from ..planning.fleet import FleetDevice, ListBeginsAgain, ManagedDevice
from ..planning.notices import Notice, NoticeText
from ..planning.plan_draft import PlanDraft, Step
from .known_fleet import LoneLookUps
from .ledger import Ledger


@dataclass(frozen=True)
class RunRequest:
    """What a user asks of a run.

    Args:
        target: name of the record and of the ledger.
        now: the run's instant.
        assets: asset facts by serial number.
        limits: replaces the policies' limits; None for theirs.
        stale_after: age of the look from which "not found" says nothing.
        versions: of the software, for the record.
        accept_fleet_size: the size of a fleet that has shrunk, as somebody has confirmed it; None for none.
        provenance: who runs it, from what.
        identity: what the tenant is, whatever it is called; None where that is not known.
    """

    target: str
    policies: tuple[Policy, ...]
    now: datetime
    assets: Mapping[str, Mapping[str, Any]]
    evidence_dir: str
    check_mode: bool
    run_id: str = ""
    evidence: str = "exceptions"
    limits: Mapping[str, Any] | None = None
    stale_after: timedelta = timedelta(days=30)
    notice: NoticeText = field(default_factory=NoticeText)
    versions: Mapping[str, str] = field(default_factory=dict)
    accept_fleet_size: int | None = None
    provenance: Provenance = field(default_factory=Provenance)
    identity: Identity | None = None


class NobodyLeft(AppbanError):
    """An exemption takes everybody out of a ban: a mistake in the policy, and nothing is written."""


class Target(Protocol):
    """What an adapter gives to a run. A target that inherits from it has what has a body here."""

    names: Mapping[str, str]
    #: Platform -> mechanism that makes devices report an app, where one has to.
    reporting: Mapping[str, str] = {}
    #: Given by the run before it plans: asks for single devices, within the bound of a run.
    look_ups: LoneLookUps
    #: What a notice announces is not done where the notice can't be sent.
    waits_for_notices: bool = True
    #: Device id, app id -> whether a control of ours may still be on a device, or still arrive. None where devices don't say and their
    #: contact counts: for one device, or in the place of the question for all.
    may_still_hold: Callable[[str, str], bool | None] | None = None

    def capability_of(self, record: Mapping[str, Any]) -> Capability:
        """The row of a device in the target's capability table."""

    def devices(self) -> Iterator[ManagedDevice | ListBeginsAgain]:
        """Every device of the target; nothing may rest on them before the list has ended."""

    def findings(self, fleet: Sequence[FleetDevice]) -> Mapping[tuple[str, str], Sequence[Mapping[str, str]]]:
        """(device id, app id) -> what was found, for those that may be looked at."""

    def look_up(self, devices: Sequence[str]) -> Mapping[str, bool | None]:
        """Ask for devices one by one: True for one that is managed, False for one that is gone for certain, None where nobody can say.

        Args:
            devices: ids of devices, or ``serial:`` and a serial number; besides them whatever names the target itself puts in.
        """

    @property
    def has_doubts(self) -> bool:
        """Whether anything of what the sources say can't be believed, so that :meth:`doubted` has something to say."""
        return True

    def doubted(self, device: str, app: str) -> str:
        """The reason for which what the sources say of a device and an app can't be believed; empty for none."""
        return ""

    def absences(self, pairs: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Of device and app pairs that were seen together and are not any more, those of which that is not proved."""
        return frozenset()

    def findable(self, app: str, platform: str, sees: str) -> bool:
        """Whether an app has a name that it could be found by."""

    def plan(self, fleet: Sequence[FleetDevice], decider: Decider) -> PlanDraft:
        """The changes, made of what the target holds, before the notices."""

    def notice_step(self, notices: tuple[Notice, ...]) -> Step:
        """What sends some notices."""

    def apply(self, plan: Plan, ledger: Ledger, now: str) -> Applied:
        """Carry the plan out."""

    def run_state(self) -> Mapping[str, Any]:
        """What of :class:`.assess.RunState` only the target knows."""
        return {}


@dataclass(frozen=True)
class RunResult:
    """What a module returns of a run. failure: what a person has to act on; empty where all went well."""

    changed: bool
    values: Mapping[str, Any]
    diff: Sequence[Mapping[str, str]]
    failure: str = ""
