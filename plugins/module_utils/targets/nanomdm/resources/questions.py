# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions to devices: which of the banned apps they have, and what is not known of them.

A device is asked about those apps only that may be looked at on it, and never for a list of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ....engine.plan import Change
from ....mdm.apple.commands import APP_ITEMS, device_information, installed_application_list
from ....mdm.planning.fleet import FleetDevice
from ....mdm.planning.order import Phase
from ....mdm.planning.plan_draft import PlanDraft, Step
from ....mdm.run.assess import may_look
from ....policy.instants import read_now
from ....policy.model import Policy
from ..command_uuids import command_mark
from ..objects import DeviceReport, joined
from .commands import Commands

#: A question that nobody has answered for so long is asked again. Some storages lose a command that a device put off, and an answer goes
#: with the log that it was written to.
_LOST_AFTER = timedelta(days=7)
_INFORMATION = ("IsSupervised", "OSVersion")


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
    command = device_information(_INFORMATION)
    return command, command_mark(prefix, command)


def apps_to_ask_about(policies: Sequence[Policy], member: FleetDevice, before: bool = False) -> frozenset[str]:
    """Bundle ids of the apps that may be looked at on a device and that it may be asked about.

    Args:
        before: also of those that it may have been asked about before, when a fact was known that is forgotten now.
    """
    apps = () if is_spared_questions(member) else member.decision.apps.values()
    looked_at = [app.app for app in apps if may_look(app) or (before and app.verdict == "unclassified")]
    return bundle_ids_of(policies, member.device.platform, looked_at) if looked_at else frozenset()


def is_spared_questions(member: FleetDevice) -> bool:
    """Whether a device is a private one on which nothing is done but to advise its user.

    A question is a command, which the device carries out and for which it is woken up; such a device gets the advice and nothing else.
    """
    demanded = {action for app in member.decision.apps.values() for action in app.actions}
    return member.device.record.get("ownership") == "personal" and demanded <= {"advise"}


def answered_at(report: DeviceReport, bundle_ids: Iterable[str]) -> str:
    """When a device last told about all of some apps; empty where it has not told about one of them."""
    return min((report.asked.get(name, "") for name in bundle_ids), default="")


@dataclass(frozen=True)
class Question:
    """A question to some devices.

    Args:
        command: what is asked.
        mark: by which answers are known, and the ledger's name for it.
        key: what makes it another time that the same is asked.
        answered: enrolment id -> when the device last answered.
        enrolled: enrolment id -> when the device had enrolled.
    """

    command: Mapping[str, Any]
    mark: str
    key: str
    answered: Mapping[str, str]
    enrolled: Mapping[str, str]


class Questions:
    """Plans what devices are asked."""

    def __init__(self, commands: Commands) -> None:
        self.around = commands.around
        self.commands = commands
        self._every = self.around.settings.inventory_every
        self._enrolments: dict[str, set[str]] = {}

    def plan(self, can_see: Sequence[bool], draft: PlanDraft) -> None:
        """Plan the questions of this run. can_see: per device, whether its answer would tell anything."""
        prefix, policies = self.around.names.prefix, draft.policies
        about_devices: dict[str, str] = {}
        about_apps: dict[tuple[str, frozenset[str]], dict[str, str]] = {}
        questions: dict[tuple[str, frozenset[str]], tuple[dict[str, Any], str]] = {}
        information, information_mark = information_question(prefix)
        self._enrolments = self._remembered_enrolments()
        for index, member in enumerate(self.around.fleet):
            bundle_ids = apps_to_ask_about(policies, member) if can_see[index] else frozenset()
            if not bundle_ids:
                continue
            device, record = member.device.id, member.device.record
            report = self.around.report(device)
            is_known = record.get("supervised") is not None and record.get("os_version")
            is_known = is_known and not self._may_have_changed(device, information_mark, report)
            if not is_known and self._is_due(device, information_mark, report.information_at, report):
                about_devices[device] = report.information_at
            about = ("macos" if member.device.platform == "macos" else "", bundle_ids)
            if about not in questions:
                questions[about] = app_question(prefix, *about)
            answered = answered_at(report, bundle_ids)
            if self._is_due(device, questions[about][1], answered, report):
                about_apps.setdefault(about, {})[device] = answered
        if about_devices:
            self._ask("supervision and version", information, information_mark, about_devices, draft)
        for (mac, bundle_ids), devices in sorted(about_apps.items(), key=lambda item: (item[0][0], sorted(item[0][1]))):
            command, mark = questions[(mac, bundle_ids)]
            listed = ", ".join(sorted(bundle_ids))
            name = "%s%s" % (listed if len(listed) < 100 else "%d apps (%s)" % (len(bundle_ids), mark), " on Macs" if mac else "")
            self._ask(name, command, mark, devices, draft)

    def _ask(self, name: str, command: Mapping[str, Any], mark: str, answered: Mapping[str, str], draft: PlanDraft) -> None:
        period = "period %d" % (self.around.now.timestamp() // max(self._every.total_seconds(), 1))
        enrolled = {device: self.around.report(device).enrolled_at for device in answered}
        step = Step(self.ask, (Question(command, mark, period, answered, enrolled),))
        draft.add(Phase.QUESTIONS, Change("command", "question", name, None, self.around.text(answered), step=step))

    def _is_due(self, device: str, mark: str, answered: str, report: DeviceReport) -> bool:
        """Whether a device is to be asked again.

        One that has not answered yet is not asked once more for a while: the question still waits for it. Where it has enrolled again
        since, its queue was emptied.

        Args:
            answered: when it last answered, by its server's clock.
        """
        asked = self.around.ledger.asked.get((device, mark))
        if asked is None or report.enrolled_since(asked.enrolled):
            return True
        waited = self.around.now - read_now(asked.at)
        return waited >= (self._every if answered > asked.answered else max(self._every, _LOST_AFTER))

    def _remembered_enrolments(self) -> dict[str, set[str]]:
        """Enrolment id -> when the device had enrolled, by all that is remembered of it."""
        found: dict[str, set[str]] = {}
        ledger = self.around.ledger
        for memory in (ledger.assigned, ledger.released, ledger.asked):
            for (device, _what), remembered in memory.items():
                found.setdefault(device, set()).add(remembered.enrolled)
        return found

    def _may_have_changed(self, device: str, mark: str, report: DeviceReport) -> bool:
        """Whether a device has enrolled again and not told of itself since: its list may say what was true before."""
        if report.information_at:
            return False
        again = any(report.enrolled_since(each) for each in self._enrolments.get(device, ()))
        # Once it has been asked, nothing but that question may remember that it had enrolled before.
        return again or (bool(report.enrolled_at) and (device, mark) in self.around.ledger.asked)

    # Verbs.

    def ask(self, question: Question) -> bool:
        """Queue a question. False where the server had been asked the very same before."""
        command, key, answered, enrolled = question.command, question.key, question.answered, question.enrolled
        result = self.commands.enqueue(command, answered, key, enrolled)
        # A question that the server has had may be lost with the queue of an earlier enrolment. Where nobody knows when a device enrolled,
        # it is asked once more, and if the server has had that too, it has been asked.
        doubtful = sorted(device for device in result.already if not enrolled[device])
        if doubtful:
            result = joined(result, self.commands.enqueue(command, doubtful, key + " once more", enrolled))
        self.around.remember(
            {"event": "asked", "device": device, "question": question.mark, "answered": told, "enrolled": enrolled[device]}
            for device, told in answered.items()
            if device not in result.failed
        )
        self.around.refuse_failures(result.failed, len(answered), "were not asked")
        return bool(result.queued)
