# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What NanoMDM, KMFDDM and the devices behind them tell us, as data.

NanoMDM itself lists nothing: enrolments come from an inventory, a file or its database, and what a device answered comes from its webhook
log or its database. KMFDDM tells what a device made of its declarations.

Instants are text in UTC (``2023-03-15T08:00:00Z``), empty where there is none; texts are empty where nobody says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

DEVICE = "device"
USER = "user"

ACKNOWLEDGED = "Acknowledged"
ERROR = "Error"
NOT_NOW = "NotNow"
COMMAND_FORMAT_ERROR = "CommandFormatError"

#: The reason of a refusal that says no more.
REFUSED = "refused_by_device"
_MOST_WORDS = 300

#: When something was told, to be compared: its instant, the same with decimals, and its place among all answers.
When = tuple[str, tuple[str, int]]
NEVER: When = ("", ("", 0))

#: What SQL databases say of an enrolment that they don't have.
NO_ENROLLMENT = "foreign key"


_OF_RECORD = (
    "id", "serial", "name", "platform", "os_version", "supervised", "enrollment", "ownership", "user", "department", "last_seen"
)  # fmt: skip


@dataclass(frozen=True)
class Enrollment:
    """A device, as an enrolment of it with the server.

    Args:
        id: NanoMDM's enrolment id, letter for letter as the server has it: another case is another id to it.
        platform: "ios", "ipados", "macos", "tvos", "visionos"; empty if unknown.
        supervised: None where nobody says.
        enrollment: ``DEVICE``, or ``USER`` for a person's own device with a managed account; empty if unknown.
        ownership: "corporate", "personal", "shared"; the server doesn't know it, so only a list has it.
        managed: False once it has checked out; commands for it are queued and never fetched.
        groups: None where nobody says.
    """

    id: str
    serial: str = ""
    name: str = ""
    platform: str = ""
    os_version: str = ""
    model: str = ""
    supervised: bool | None = None
    enrollment: str = ""
    ownership: str = ""
    user: str = ""
    department: str = ""
    groups: tuple[str, ...] | None = None
    last_seen: str = ""
    managed: bool = True

    def record(self) -> dict[str, Any]:
        """The attributes that policies speak of; one that nobody knows is missing."""
        known: dict[str, Any] = {name: getattr(self, name) for name in _OF_RECORD}
        known["groups"] = None if self.groups is None else list(self.groups)
        return {name: value for name, value in known.items() if value is not None and value != ""}


#: Beginnings of Apple's product names, in small letters -> platform. All Macs have "mac" somewhere in theirs, and nothing else has.
_PRODUCTS = {"iphone": "ios", "ipod": "ios", "ipad": "ipados", "appletv": "tvos", "realitydevice": "visionos"}


def platform_of(product_name: str) -> str:
    """The platform of a product name ("iPhone15,2"); empty for one that isn't known (an Apple Watch has none that policies speak of)."""
    name = product_name.replace(" ", "").lower()
    return next((_PRODUCTS[each] for each in _PRODUCTS if name.startswith(each)), "macos" if "mac" in name else "")


@dataclass(frozen=True)
class DeclarationStatus:
    """What a device last said of one declaration.

    Args:
        active: whether it is in force on the device.
        valid: "valid", "invalid", "unknown".
        current: whether the device speaks of what the server holds now; False also for a declaration that the server no longer has.
        server_token: of the version that the device speaks of.
        reasons: "Error.ConfigurationCannotBeApplied: text", one each.
        received_at: when the server heard it. received: the same with decimals, to be compared with another one only.
    """

    identifier: str
    active: bool
    valid: str
    current: bool
    server_token: str = ""
    reasons: tuple[str, ...] = ()
    received_at: str = ""
    received: str = ""

    @property
    def in_force(self) -> bool:
        """Whether the device has the server's present version and applies it."""
        return self.active and self.current and self.valid == "valid" and not self.names_error

    @property
    def names_error(self) -> bool:
        """Whether one of the reasons is an error. Others only explain, such as "Info.PredicateFalse"."""
        return any(reason.startswith("Error.") for reason in self.reasons)

    def reason(self, waiting_since: str) -> str:
        """Why the device refuses the declaration, in the vocabulary of outcomes; empty where it agrees, or has not judged yet.

        "unknown" without a reason is the word for what has not been judged. A device that still says so long afterwards, or calls the
        declaration valid and does not activate it, does not apply it, whatever its reason is.

        Args:
            waiting_since: a device that reported after this instant may still be at it.
        """
        if not self.current or self.in_force:
            return ""
        is_settled = bool(self.received_at) and self.received_at < waiting_since
        return reason_in_words(self.reasons) if self.valid == "invalid" or self.reasons or is_settled else ""

    @property
    def words(self) -> str:
        """What the device says against the declaration, in its own words."""
        said = "; ".join(self.reasons) or "%s, %s" % (self.valid or "no word of validity", "active" if self.active else "not active")
        return said[:_MOST_WORDS]


@dataclass(frozen=True)
class Enqueued:
    """What became of a command for some enrolments. "Queued" means requested: the device has not even fetched it yet.

    Args:
        queued: ids for which it is newly queued.
        already: ids for which this very command had been queued before; nothing changed.
        unknown: ids that the server says it doesn't have; only one with an SQL database says so.
        failed: id -> why it is not queued.
        uuids: id -> CommandUUID, for ``queued`` and ``already``.
        warnings: what went wrong about waking devices up; the command is in the queue nevertheless.
    """

    queued: frozenset[str] = frozenset()
    already: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()
    failed: Mapping[str, str] = field(default_factory=dict)
    uuids: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Notified:
    """What became of having enrolments look for their declarations.

    Args:
        told: ids for which the command is queued, as far as the server says.
        asleep: those of them that the server could not wake up -> what it said. They fetch the command when they next make contact.
        warnings: why the others were not told, and of which ids the server says that it doesn't have them.
    """

    told: frozenset[str] = frozenset()
    asleep: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def joined(first: Enqueued, again: Enqueued) -> Enqueued:
    """What became of a command that was sent once more to some of its enrolments."""
    return Enqueued(
        first.queued | again.queued,
        (first.already - again.queued - frozenset(again.failed)) | again.already,
        first.unknown | again.unknown,
        {**first.failed, **again.failed},
        {**first.uuids, **again.uuids},
        tuple(dict.fromkeys((*first.warnings, *again.warnings))),
    )


@dataclass(frozen=True)
class CommandResult:
    """What a device last answered to a command.

    Args:
        status: ``ACKNOWLEDGED``, ``ERROR``, ``COMMAND_FORMAT_ERROR``, or ``NOT_NOW``: it is busy or locked, and will be asked again.
        errors: "MCInstallationErrorDomain 4001: text", the outermost first.
        order: ``at`` with decimals and the place among all answers, for what happens within one second.
    """

    uuid: str
    status: str
    at: str
    errors: tuple[str, ...] = ()
    order: tuple[str, int] = field(default=("", 0), compare=False)

    @property
    def when(self) -> When:
        """When it was, to be compared with another one."""
        return self.at, self.order

    @property
    def done_when(self) -> When:
        """When the device told that it has done it; before everything else where it did not."""
        return self.when if self.status == ACKNOWLEDGED else NEVER

    @property
    def is_refusal(self) -> bool:
        """Whether the device has refused it for good."""
        return self.status in (ERROR, COMMAND_FORMAT_ERROR)

    @property
    def reason(self) -> str:
        """Why, in the vocabulary of outcomes."""
        return reason_in_words(self.errors)

    @property
    def words(self) -> str:
        """Why, in the device's own words."""
        return ("; ".join(self.errors) or self.status)[:_MOST_WORDS]


def reason_in_words(said: Iterable[str]) -> str:
    """The reason that a device's words come to. What a device says is for people, so anything that isn't plain is just a refusal."""
    words = " ".join(said).lower()
    if "supervis" in words:
        return "unsupervised"
    return "user_enrollment" if "user enrol" in words else REFUSED


@dataclass(frozen=True)
class FoundApp:
    """An app that a device says it has.

    Args:
        at: when it said so.
    """

    id: str
    name: str = ""
    version: str = ""
    at: str = ""


@dataclass
class DeviceReport:
    """What one device has told the server since it enrolled, as far as it is of interest; :mod:`.device_answers` fills it.

    Args:
        results: mark of a command (``command_uuids.command_mark``) -> the last answer to any command with that mark.
        orders: CommandUUID -> the last answer to this very command, of those that were asked for.
        apps: bundle id -> the app, for wanted apps that were there at the last word about them. word: when that was.
        asked: bundle id -> when the device last answered a question that was about this app. Without an entry, an app that isn't in
            ``apps`` may or may not be there.
        unreadable: bundle ids of ``asked`` that the last answer about them didn't show, and in which there was a row that can't be read.
            Any of them may be that row.
        profiles: PayloadIdentifier -> PayloadUUID, of our own profiles on the last list of profiles.
        profiles_at: when that list came; empty means that nobody knows which profiles are there. profiles_order: as of a result.
        supervised, os_version: from the last DeviceInformation; None and empty if it didn't say.
        enrolled_at: the last Authenticate. What was on the device before is gone, and the server has emptied its queue.
        token_updated_at: the last TokenUpdate, after which the device can be woken up.
        checked_out_at: the last CheckOut; empty if it enrolled again since.
        seen_at: the last event of any kind.
        connected_at: when it last came for its commands; empty where nobody tells that apart from other events.
        declared: identifiers of our declarations in its last report of all that it has.
        declared_at: when that came; empty where nobody tells of such reports.
        serial: the serial number that it told when it last enrolled.
        put_off_at: when it last put off a command that is none of ours, such as the one by which it is told to look for its declarations.
    """

    results: dict[str, CommandResult] = field(default_factory=dict)
    orders: dict[str, CommandResult] = field(default_factory=dict)
    apps: dict[str, FoundApp] = field(default_factory=dict)
    word: dict[str, str] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    profiles: dict[str, str] = field(default_factory=dict)
    profiles_at: str = ""
    supervised: bool | None = None
    os_version: str = ""
    information_at: str = ""
    enrolled_at: str = ""
    checked_out_at: str = ""
    seen_at: str = ""
    connected_at: str = ""
    declared: frozenset[str] = frozenset()
    declared_at: str = ""
    put_off_at: str = ""
    serial: str = ""
    profiles_order: tuple[str, int] = ("", 0)
    token_updated_at: str = ""

    @property
    def profiles_when(self) -> When:
        """When the list of profiles came, to be compared with a result's."""
        return self.profiles_at, self.profiles_order

    def enrolled_since(self, remembered: str) -> bool:
        """Whether the device has enrolled again since something was remembered of it, or may have.

        Where nobody knows when it last enrolled, as with a log that was begun anew, that says nothing.

        Args:
            remembered: when it had enrolled then; empty where nobody knew.
        """
        return bool(self.enrolled_at) and self.enrolled_at != remembered


@dataclass(frozen=True)
class Interests:
    """What is wanted from all that devices have told.

    Args:
        bundle_ids: the only apps that are kept.
        questions: mark of an InstalledApplicationList of ours -> the bundle ids that it asks for.
        marks: marks of the other commands whose results are wanted.
        profile_prefix: identifiers of profiles and declarations that begin with it are ours.
        enrollments: ids that are wanted; None for all.
        orders: CommandUUIDs whose own results are wanted, whatever came later with the same mark.
    """

    bundle_ids: frozenset[str] = frozenset()
    questions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    marks: frozenset[str] = frozenset()
    profile_prefix: str = ""
    enrollments: frozenset[str] | None = None
    orders: frozenset[str] = frozenset()


@dataclass(frozen=True)
class HostedProfile:
    """A profile file that devices fetch.

    Args:
        file: its name below the directory.
        url: where devices get it.
    """

    name: str
    file: str
    url: str
