# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions to devices: which of the banned apps they have, and what is not known of them. Pure.

A device is asked about those apps only that may be looked at on it, and never for a list of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ...mdm.apple.commands import APP_ITEMS, device_information, installed_application_list
from ...mdm.planning.fleet import FleetDevice
from ...mdm.run.assess import may_look
from ...mdm.run.ledger import Asked, Ledger
from ...policy.instants import read_now
from ...policy.model import Policy
from .command_uuids import command_mark
from .objects import DeviceReport
from .server_state import is_another_enrolment

#: A question that nobody has answered for so long is asked again. Some storages lose a command that a device put off, and an answer goes
#: with the log that it was written to.
LOST_AFTER = timedelta(days=7)
INFORMATION = ("IsSupervised", "OSVersion")


@dataclass(frozen=True)
class Question:
    """One question, and whom it is for.

    Args:
        name: in the plan.
        command: what is asked.
        mark: by which answers are known, and the ledger's name for it.
        bundle_ids: the apps that it is about; empty for one about the device.
        devices: positions of the devices that are to be asked.
    """

    name: str
    command: Mapping[str, Any]
    mark: str
    bundle_ids: frozenset[str]
    devices: tuple[int, ...]


def bundle_ids_of(policies: Iterable[Policy], platform: str, apps: Iterable[str] | None = None, doubtful: bool = True) -> frozenset[str]:
    """Bundle ids of apps on a platform, also of those that are only looked for.

    Args:
        apps: ids; None for all.
        doubtful: also ids by which an app is reported and never acted on.
    """
    kind = "macos_bundle_id" if platform == "macos" else "ios_bundle_id"
    wanted = None if apps is None else frozenset(apps)
    return frozenset(
        identifier.value
        for policy in policies
        for app in (*policy.apps, *policy.review)
        if wanted is None or app.id in wanted
        for identifier in app.identifiers
        if identifier.kind == kind and (doubtful or identifier.confidence != "detect_only")
    )


def app_question(prefix: str, platform: str, bundle_ids: Iterable[str]) -> tuple[dict[str, Any], str]:
    """The question for apps, and its mark. A Mac takes no list of keys."""
    command = installed_application_list(bundle_ids, () if platform == "macos" else APP_ITEMS)
    return command, command_mark(prefix, command)


def information_question(prefix: str) -> tuple[dict[str, Any], str]:
    """The question for supervision and version, and its mark."""
    command = device_information(INFORMATION)
    return command, command_mark(prefix, command)


def apps_to_ask_about(policies: Sequence[Policy], member: FleetDevice) -> frozenset[str]:
    """Bundle ids of the apps that may be looked at on a device and that it may be asked about."""
    if is_spared_questions(member):
        return frozenset()
    looked_at = [app.app for app in member.decision.apps.values() if may_look(app)]
    return bundle_ids_of(policies, member.device.platform, looked_at) if looked_at else frozenset()


def apps_that_were_asked_about(policies: Sequence[Policy], member: FleetDevice) -> frozenset[str]:
    """Bundle ids of the apps that a device may have been asked about: a fact that is forgotten is filled in later."""
    if is_spared_questions(member):
        return frozenset()
    looked_at = [app.app for app in member.decision.apps.values() if may_look(app) or app.verdict == "unclassified"]
    return bundle_ids_of(policies, member.device.platform, looked_at) if looked_at else frozenset()


def is_spared_questions(member: FleetDevice) -> bool:
    """Whether a device is a private one on which nothing is done but to advise its user.

    A question is a command, which the device carries out and for which it is woken up; such a device gets the advice and nothing else.
    """
    demanded = {action for app in member.decision.apps.values() for action in app.actions}
    return member.device.record.get("ownership") == "personal" and demanded <= {"advise"}


def is_due(asked: Asked | None, answered: str, enrolled: str, now: datetime, every: timedelta) -> bool:
    """Whether a device is to be asked again.

    One that has not answered yet is not asked once more for a while: the question still waits for it. Where it has enrolled again since,
    its queue was emptied.

    Args:
        asked: what the ledger remembers.
        answered: when it last answered, by its server's clock.
        enrolled: when it last enrolled, by its server's clock.
    """
    if asked is None or is_another_enrolment(asked.enrolled, enrolled):
        return True
    waited = now - read_now(asked.at)
    return waited >= (every if answered > asked.answered else max(every, LOST_AFTER))


def answered_at(report: DeviceReport, bundle_ids: Iterable[str]) -> str:
    """When a device last told about all of some apps; empty where it has not told about one of them."""
    return min((report.asked.get(name, "") for name in bundle_ids), default="")


@dataclass
class Questions:
    """Chooses what to ask.

    Args:
        prefix: so that two users of one server don't take each other's questions for their own.
        every: how often a device is asked for its apps at most.
    """

    policies: Sequence[Policy]
    prefix: str
    every: timedelta
    now: datetime
    ledger: Ledger
    _enrolments: Mapping[str, set[str]] = field(default_factory=dict)

    def due(self, fleet: Sequence[FleetDevice], reports: Mapping[str, DeviceReport], can_see: Sequence[bool]) -> list[Question]:
        """The questions of this run. can_see: per device, whether its answer would tell anything."""
        asked: dict[tuple[str, frozenset[str]], list[int]] = {}
        unknown: list[int] = []
        command, mark = information_question(self.prefix)
        marks: dict[tuple[str, frozenset[str]], str] = {}
        self._enrolments = self._remembered_enrolments()
        for index, member in enumerate(fleet):
            if not can_see[index]:
                continue
            bundle_ids = apps_to_ask_about(self.policies, member)
            if not bundle_ids:
                continue
            report = reports.get(member.device.id, DeviceReport())
            record = member.device.record
            is_known = record.get("supervised") is not None and record.get("os_version")
            is_known = is_known and not self._may_have_changed(member.device.id, mark, report)
            if not is_known and self._is_due(member, mark, report.information_at, report):
                unknown.append(index)
            mac = "macos" if member.device.platform == "macos" else ""
            about = (mac, bundle_ids)
            if about not in marks:
                marks[about] = app_question(self.prefix, *about)[1]
            if self._is_due(member, marks[about], answered_at(report, bundle_ids), report):
                asked.setdefault(about, []).append(index)
        questions = [Question("supervision and version", command, mark, frozenset(), tuple(unknown))] if unknown else []
        for (mac, bundle_ids), devices in sorted(asked.items(), key=lambda item: (item[0][0], sorted(item[0][1]))):
            listed = ", ".join(sorted(bundle_ids))
            app_command, app_mark = app_question(self.prefix, mac, bundle_ids)
            name = "%s%s" % (listed if len(listed) < 100 else "%d apps (%s)" % (len(bundle_ids), app_mark), " on Macs" if mac else "")
            questions.append(Question(name, app_command, app_mark, bundle_ids, tuple(devices)))
        return questions

    def _remembered_enrolments(self) -> dict[str, set[str]]:
        """Enrolment id -> when the device had enrolled, by all that is remembered of it."""
        found: dict[str, set[str]] = {}
        for memory in (self.ledger.assigned, self.ledger.released, self.ledger.asked):
            for (device, _what), remembered in memory.items():
                found.setdefault(device, set()).add(remembered.enrolled)
        return found

    def _may_have_changed(self, device: str, mark: str, report: DeviceReport) -> bool:
        """Whether a device has enrolled again and not told of itself since: its list may say what was true before."""
        if report.information_at:
            return False
        again = any(is_another_enrolment(each, report.enrolled_at) for each in self._enrolments.get(device, ()))
        # Once it has been asked, nothing but that question may remember that it had enrolled before.
        return again or (bool(report.enrolled_at) and (device, mark) in self.ledger.asked)

    def _is_due(self, member: FleetDevice, mark: str, answered: str, report: DeviceReport) -> bool:
        return is_due(self.ledger.asked.get((member.device.id, mark)), answered, report.enrolled_at, self.now, self.every)
