# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a plan for NanoMDM and KMFDDM, as data: what the executor does. Devices are given by position in the fleet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from ...engine.plan import Change
from ...mdm.apple.declarations import Declaration
from ...mdm.planning.notices import Notice
from .objects import HostedProfile


class Phase(IntEnum):
    """When a change is made, in the order of a run. Two changes of one phase keep the order in which they were planned."""

    RELEASE = 0
    NOTICES = 1
    PROFILES = 2
    DECLARATIONS = 3
    JOIN = 4
    COMMANDS = 5
    LEAVE = 6
    LIFT = 7
    OLD_PROFILES = 8
    QUESTIONS = 9


#: Puts a change into the plan and gives its key.
Add = Callable[[Phase, Change], str]


@dataclass(frozen=True)
class HandOver:
    """Put notices into the outbox."""

    notices: tuple[Notice, ...]


@dataclass(frozen=True)
class HostProfile:
    """Put a profile where devices fetch it."""

    name: str
    content: bytes


@dataclass(frozen=True)
class DeleteHosted:
    """Take a profile away from where devices fetched it."""

    profile: HostedProfile


@dataclass(frozen=True)
class PutDeclarations:
    """Store declarations and put them into their set.

    Args:
        devices: positions of those that have the set already, to be woken up.
    """

    name: str
    declarations: tuple[Declaration, ...]
    devices: tuple[int, ...] = ()


@dataclass(frozen=True)
class Assign:
    """Give devices a set, and wake them up.

    Args:
        devices: positions.
        woken_only: positions of those that have the set and are only to be woken up.
        content: digest of what the set holds, for the ledger.
        answered: enrolment id -> when the device had last spoken of what the set holds, for the ledger.
    """

    name: str
    devices: tuple[int, ...]
    woken_only: tuple[int, ...] = ()
    content: str = ""
    answered: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Unassign:
    """Take a set from enrolments, and wake them up.

    Args:
        ids: enrolment ids.
        woken_only: ids of those that have lost the set and are only to be woken up.
    """

    name: str
    ids: tuple[str, ...]
    woken_only: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeleteDeclarations:
    """Take declarations out of their set and delete them, an activation before what it puts in force."""

    name: str
    identifiers: tuple[str, ...]
    members: tuple[str, ...]


@dataclass(frozen=True)
class Send:
    """Queue a command.

    Args:
        command: what stands under ``Command``.
        mark: by which its answers are known.
        idempotency_keys: enrolment id -> what makes it another time that the same is commanded.
        control: the ledger's name for what is sent.
        releases: the command takes the control away.
        memory: enrolment id -> what more the ledger is to keep of it.
    """

    command: Mapping[str, Any]
    mark: str
    idempotency_keys: Mapping[str, str]
    control: str
    releases: bool = False
    memory: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Ask:
    """Queue a question.

    Args:
        idempotency_key: what makes it another time that the same is asked.
        answered: enrolment id -> when the device last answered.
        enrolled: enrolment id -> when the device had enrolled.
    """

    command: Mapping[str, Any]
    mark: str
    idempotency_key: str
    answered: Mapping[str, str]
    enrolled: Mapping[str, str]
