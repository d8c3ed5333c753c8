# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the servers hold of ours, and what devices make of it. Pure data, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .objects import COMMAND_FORMAT_ERROR, ERROR, CommandResult, DeclarationStatus, DeviceReport, HostedProfile

REFUSED = "refused_by_device"
_MOST_WORDS = 300


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


def is_another_enrolment(remembered: str, now: str) -> bool:
    """Whether a device has enrolled again since something was remembered of it, or may have.

    Args:
        remembered: when it had enrolled then; empty where nobody knew.
        now: when it last enrolled; empty where nobody knows, as with a log that was begun anew. That says nothing.
    """
    return bool(now) and now != remembered


def reason_of(status: DeclarationStatus, waiting_since: str) -> str:
    """Why a device refuses a declaration, in the vocabulary of outcomes; empty where it agrees, or has not judged yet.

    "unknown" without a reason is the word for what has not been judged. A device that still says so long afterwards, or calls the
    declaration valid and does not activate it, does not apply it, whatever its reason is.

    Args:
        waiting_since: a device that reported after this instant may still be at it.
    """
    if not status.current or status.in_force:
        return ""
    is_settled = bool(status.received_at) and status.received_at < waiting_since
    if status.valid == "invalid" or status.reasons or is_settled:
        return reason_in_words(" ".join(status.reasons))
    return ""


def words_of(status: DeclarationStatus) -> str:
    """What a device says against a declaration, in its own words."""
    said = "; ".join(status.reasons) or "%s, %s" % (status.valid or "no word of validity", "active" if status.active else "not active")
    return said[:_MOST_WORDS]


def words_of_result(result: CommandResult) -> str:
    """What a device says against a command, in its own words."""
    return ("; ".join(result.errors) or result.status)[:_MOST_WORDS]


def reason_in_words(text: str) -> str:
    """The reason that a device's words come to. What a device says is for people, so anything that isn't plain is just a refusal."""
    words = text.lower()
    if "supervis" in words:
        return "unsupervised"
    return "user_enrollment" if "user enrol" in words else REFUSED


def is_refusal(result: CommandResult | None) -> bool:
    """Whether a device has refused a command for good."""
    return result is not None and result.status in (ERROR, COMMAND_FORMAT_ERROR)
