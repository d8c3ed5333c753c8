# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of a plan that is sent: profiles and removals by NanoMDM's commands. Pure.

NanoMDM tells nobody what it was sent. The ledger remembers that; what devices answered comes from the webhook log or the database. A
command that nobody has answered is asked for and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ...engine.plan import Change
from ...mdm.apple.enforcement import why_no_block
from ...mdm.planning.control_state import ControlState
from ...mdm.run.ledger import Assigned, Ledger
from ...policy.instants import read_now
from . import capabilities as names
from . import steps
from .command_uuids import command_mark, mark_of
from .controls import DECLARED, Control, Removal, removal_mark, removal_name, removal_of_profile, removed_by
from .declaration_names import DeclarationNames
from .diff_text import profile_text
from .fleet_index import FleetIndex
from .holdings import answer_to_removal, is_later, is_sending, is_still_offered, last_sent, mark_in, says_it_is_not_there
from .objects import ACKNOWLEDGED, NOT_NOW, CommandResult, DeviceReport
from .server_state import ServerState, is_another_enrolment, is_refusal, reason_in_words, words_of_result
from .slugs import is_slug_of, mechanism_of_slug
from .steps import Add, Phase

#: As of ``CommandResult.when``: before everything that was ever told.
_NEVER = ("", ("", 0))


@dataclass
class CommandPlan:
    """Plans the controls and removals by command.

    Args:
        policies: ids of the run's policies.
        patience: how long a command that was put off waits until it is sent once more; some storages lose such a command.
        apps_of: the apps that a control can be for, by its name.
        may_release: whether a control that is not wanted on a device may be taken from it: enrolment id, name of the control.
        sent: name of a control -> marks of what may have been sent under it, as far as that is known without the ledger.
    """

    state: ServerState
    controls: Sequence[Control]
    removals: Sequence[Removal]
    policies: frozenset[str]
    index: FleetIndex
    ledger: Ledger
    names: DeclarationNames
    now: datetime
    patience: timedelta
    apps_of: Callable[[str], tuple[str, ...]] = lambda _name: ()
    may_release: Callable[[str, str], bool] = lambda _device, _name: True
    sent: Mapping[str, frozenset[str]] = field(default_factory=dict)
    control_states: list[ControlState] = field(default_factory=list)
    #: What devices have told and the ledger does not remember: events for it, so that at the end it is known who has a profile.
    unrecorded: list[dict[str, str]] = field(default_factory=list)

    def plan(self, add: Add) -> None:
        """Put the changes into the plan. add: gives the key of the change that was added."""
        for control in self.controls:
            self._install(control, add)
        self._withdraw(add)
        due: dict[str, list[_Due]] = {}
        for removal in self.removals:
            self._remove(removal, due)
        for bundle_id, parts in due.items():
            self._send_removal(bundle_id, parts, add)

    # Profiles.

    def _install(self, control: Control, add: Add) -> None:
        mark = command_mark(self.names.prefix, control.command)
        _command, removal_mark = removal_of_profile(self.names.prefix, control.name)
        idempotency_keys: dict[str, str] = {}
        confirmed, refused, words, new = set(), {}, {}, set()
        for index in sorted(control.devices):
            device = self.index.id(index)
            report = self.state.report(device)
            done, taken = report.results.get(mark), report.results.get(removal_mark)
            remembered = self.ledger.assigned.get((device, control.name))
            if self._has_profile(report, control.name, done, taken, control.profile_uuid, remembered):
                released = self.ledger.released.get((device, control.name))
                if released is None or self._told_at(report, done) > released.answered:
                    confirmed.add(index)
                    if remembered is None and released is None:
                        about = {"device": device, "control": control.name, "enrolled": report.enrolled_at, "content": mark}
                        self.unrecorded.append({"event": "assigned", **about})
                    continue
                # What it told is from before its removal was asked for, and that may still be waiting for the device.
            if done is not None and is_refusal(done) and remembered is not None and not is_sending(remembered):
                refused[index], words[index] = reason_in_words(" ".join(done.errors)), words_of_result(done)
                continue
            idempotency_key = self._idempotency_key((device, control.name), mark, report, done)
            lost = self._lost_at(report, control.name, done, taken, control.profile_uuid)
            if not idempotency_key and lost and done is not None and (remembered is None or done.order[0] > remembered.heard):
                # It has carried out what was sent, and the profile is gone again: what took it off had waited for longer.
                idempotency_key = "lost %s" % lost
            if idempotency_key is not None:
                idempotency_keys[device] = idempotency_key
                if remembered is None or is_sending(remembered):
                    new.add(index)
        changes: tuple[str, ...] = ()
        if idempotency_keys:
            text = profile_text(control.profile) + self.index.text(idempotency_keys)
            step = self._step(control.command, mark, idempotency_keys, control.name)
            reaches = self.index.positions(idempotency_keys)
            change = Change("command", "profile", control.name, None, text, apps=control.apps, reaches=reaches, step=step)
            changes = (add(Phase.COMMANDS, change),)
        self.control_states.append(
            ControlState(
                control=control.name,
                mechanism=control.mechanism,
                apps=frozenset(control.apps),
                covers=control.devices,
                new=frozenset(new),
                changes=changes,
                confirmed=frozenset(confirmed),
                refused=refused,
                refusal_words=words,
            )
        )

    def _withdraw(self, add: Add) -> None:
        """Take profiles from those that must not have them."""
        wanted = {control.name: frozenset(self.index.ids(control.devices)) for control in self.controls}
        candidates: dict[str, set[str]] = {}
        for device, name in (*self.ledger.assigned, *self.ledger.released):
            if self._is_ours(name) and device not in wanted.get(name, ()):
                candidates.setdefault(name, set()).add(device)
        for device, report in self.state.reports.items():
            for name in report.profiles:
                if self._is_ours(name) and device not in wanted.get(name, ()):
                    candidates.setdefault(name, set()).add(device)
            for name, marks in self.sent.items():
                # Nobody remembers that it was sent, and the device tells that it was.
                if device not in wanted.get(name, ()) and not marks.isdisjoint(report.results):
                    candidates.setdefault(name, set()).add(device)
        for name, devices in sorted(candidates.items()):
            command, mark = removal_of_profile(self.names.prefix, name)
            idempotency_keys = {}
            for device in sorted(each for each in devices if self.may_release(each, name)):
                idempotency_key = self._idempotency_key_of_removal(device, name, mark)
                if idempotency_key is not None:
                    idempotency_keys[device] = idempotency_key
            # Who is exempt or out of scope loses it first; who only gets it in another form loses it when that stands.
            for phase, kind, only_form in ((Phase.RELEASE, "ended profile", False), (Phase.LEAVE, "former profile", True)):
                leaving = {
                    device: idempotency_key
                    for device, idempotency_key in idempotency_keys.items()
                    if self.index.stays_banned(device) == only_form
                }
                if leaving:
                    step = self._step(command, mark, leaving, name, releases=True)
                    text, releases = self.index.text(leaving), self.index.positions(leaving)
                    add(phase, Change("command", kind, name, text, None, apps=self.apps_of(name), releases=releases, step=step))

    def _idempotency_key_of_removal(self, device: str, name: str, mark: str) -> str | None:
        """What makes it another time that a profile is taken off; None where it is not due."""
        report = self.state.report(device)
        assigned, released = self.ledger.assigned.get((device, name)), self.ledger.released.get((device, name))
        sent = last_sent(report, self._marks_of(name, assigned or released))
        taken = answer_to_removal(report, mark, released)
        listed = report.profiles_at if name in report.profiles else ""
        here = max(listed, sent.at if sent is not None and sent.status == ACKNOWLEDGED else "")
        is_last = released is not None and released.order in report.orders
        before = max(_carried_out(sent), report.profiles_when if listed else _NEVER)
        is_taken = taken is not None and is_later(_carried_out(taken), before, is_last)
        if assigned is not None:
            if assigned.enrolled and is_another_enrolment(assigned.enrolled, report.enrolled_at):
                # It has enrolled again since, which took the profile off and emptied its queue.
                return None if not here else "after " + here
            return "after %s %s %s" % (assigned.at, here, assigned.order)
        if released is None:
            is_coming = is_still_offered(sent, report)
            return "after " + here if (here and not is_taken) or is_coming else None
        if here and here > released.answered and not is_taken:
            # An installation that was put off came after the removal had been asked for.
            return "after " + here
        if taken is not None and self._is_overdue(released):
            kept = is_refusal(taken) and taken.at > here and bool(here) and not says_it_is_not_there(taken)
            return "again " + taken.at if taken.status == NOT_NOW or kept else None
        return None

    def _marks_of(self, name: str, memory: Assigned | None) -> frozenset[str]:
        """Marks of what may have been sent under a name."""
        return self.sent.get(name, frozenset()) | {mark_in(memory)}

    def _has_profile(
        self,
        report: DeviceReport,
        name: str,
        done: CommandResult | None,
        taken: CommandResult | None,
        profile_uuid: str,
        remembered: Assigned | None,
    ) -> bool:
        """Whether a device has said that it has this very profile, and nothing else since."""
        done_when, taken_when = _carried_out(done), _carried_out(taken)
        if report.profiles_at and report.profiles_when > max(done_when, taken_when):
            return report.profiles.get(name) == profile_uuid
        # Within one instant the order in which they were sent tells: nothing was sent after what is remembered.
        is_last = remembered is not None and remembered.order in report.orders
        return is_later(done_when, taken_when, is_last)

    def _lost_at(
        self, report: DeviceReport, name: str, done: CommandResult | None, taken: CommandResult | None, profile_uuid: str
    ) -> str:
        """When a device that had put this very profile on told that it is not there any more; empty where it did not."""
        if done is None or done.status != ACKNOWLEDGED:
            return ""
        told = [taken.order] if taken is not None and _carried_out(taken) > done.when else []
        if report.profiles_at and report.profiles_when > done.when and report.profiles.get(name) != profile_uuid:
            told.append(report.profiles_order)
        return max(told)[0] if told else ""

    def _told_at(self, report: DeviceReport, done: CommandResult | None) -> str:
        return max(report.profiles_at, done.at if done is not None and done.status == ACKNOWLEDGED else "")

    # Removals.

    def _remove(self, removal: Removal, due: dict[str, list[_Due]]) -> None:
        """See who has the app. due: by bundle id, to whom its removal is to be sent; filled here."""
        confirmed, words, new = set(removal.devices), {}, set()
        # Where nothing blocks the app either, why that is tells a reader more.
        refused = {index: self._why_no_block(index) or "no_identifier" for index in removal.devices - removal.named}
        changes = []
        for bundle_id, command in sorted(removal.commands.items()):
            mark = command_mark(self.names.prefix, command)
            idempotency_keys = {}
            control = removal_name(bundle_id)
            for index in sorted(removal.named):
                device = self.index.id(index)
                report = self.state.report(device)
                if bundle_id not in report.apps:
                    continue
                done = report.results.get(mark)
                time = str(self.ledger.story(device, removal.app).removals)
                remembered = self.ledger.assigned.get((device, control))
                if done is not None and is_refusal(done) and remembered is not None and remembered.content == time:
                    refused[index] = self._why_no_block(index) or "user_installed"
                    words[index] = words_of_result(done)
                    continue
                confirmed.discard(index)
                idempotency_key = self._idempotency_key((device, control), time, report, done)
                if idempotency_key is not None:
                    idempotency_keys[device] = idempotency_key if is_sending(remembered) else "%s %s" % (time, idempotency_key)
                    if remembered is None or is_sending(remembered):
                        new.add(index)
            if idempotency_keys:
                due.setdefault(bundle_id, []).append(_Due(removal, idempotency_keys))
                changes.append(_removal_change(bundle_id).key)
        self.control_states.append(
            ControlState(
                control="RemoveApplication",
                mechanism=names.REMOVE,
                apps=frozenset(removal.requirement.app_ids),
                covers=removal.devices,
                new=frozenset(new),
                changes=tuple(changes),
                confirmed=frozenset(confirmed),
                refused=refused,
                refusal_words=words,
            )
        )

    def _send_removal(self, bundle_id: str, parts: Sequence[_Due], add: Add) -> None:
        """One command for all that have an app, though they may be under other policies, or know it as another app of the policies."""
        command = parts[0].removal.commands[bundle_id]
        mark, control = command_mark(self.names.prefix, command), removal_name(bundle_id)
        idempotency_keys: dict[str, str] = {}
        memory: dict[str, Mapping[str, str]] = {}
        for part in parts:
            step = self._step(command, mark, part.idempotency_keys, control, app=part.removal.app)
            idempotency_keys = {**step.idempotency_keys, **idempotency_keys}
            memory = {**step.memory, **memory}
        apps = tuple(sorted({app for part in parts for app in part.removal.requirement.app_ids}))
        text, reaches = self.index.text(idempotency_keys), self.index.positions(idempotency_keys)
        sent = steps.Send(command, mark, idempotency_keys, control, memory=memory)
        add(Phase.COMMANDS, replace(_removal_change(bundle_id), before=text, apps=apps, reaches=reaches, step=sent))

    def _why_no_block(self, index: int) -> str:
        return why_no_block(self.index.fleet[index].device.record, signature_known=True)

    # What both use.

    def _idempotency_key(self, key: tuple[str, str], content: str, report: DeviceReport, done: CommandResult | None) -> str | None:
        """What makes it another time that something is sent; None where it was sent and nothing speaks for sending it again."""
        remembered, released = self.ledger.assigned.get(key), self.ledger.released.get(key)
        if remembered is None:
            return "after %s %s" % (released.at, released.order) if released else ""
        if is_another_enrolment(remembered.enrolled, report.enrolled_at):
            return "enrolled %s" % report.enrolled_at
        if is_sending(remembered) and remembered.content.startswith(content + " "):
            # The same once more, which a server that has taken it takes for a repetition.
            return remembered.order
        if remembered.content != content:
            return "after %s %s" % (remembered.at, remembered.order)
        if done is not None and done.status == NOT_NOW and self._is_overdue(remembered):
            return "again %s" % done.at
        return None

    def _step(
        self,
        command: Mapping[str, object],
        mark: str,
        idempotency_keys: Mapping[str, str],
        control: str,
        releases: bool = False,
        app: str = "",
    ) -> steps.Send:
        facts = {}
        for device in idempotency_keys:
            report = self.state.report(device)
            facts[device] = self._memory(device, control, mark, report, releases, app)
        return steps.Send(command, mark, dict(idempotency_keys), control, releases, facts)

    def _memory(self, device: str, control: str, mark: str, report: DeviceReport, releases: bool, app: str) -> dict[str, str]:
        """What the ledger is to keep of something that is sent to a device."""
        if not releases:
            if not app:
                taken = report.results.get(removal_of_profile(self.names.prefix, control)[1])
                told = [each.order[0] for each in (report.results.get(mark), taken) if each is not None]
                heard = max((*told, report.profiles_order[0]))
                return {"enrolled": report.enrolled_at, "content": mark, **({"heard": heard} if heard else {})}
            earlier = report.results.get(mark)
            about = {"enrolled": report.enrolled_at, "content": str(self.ledger.story(device, app).removals)}
            return {**about, "answered": earlier.at} if earlier is not None else about
        before = self.ledger.assigned.get((device, control)) or self.ledger.released.get((device, control))
        marks = self._marks_of(control, before)
        sent = last_sent(report, marks)
        content = mark_of(sent.uuid) if sent is not None else mark_in(before)
        answered = max(report.profiles_at, sent.at if sent is not None and sent.status == ACKNOWLEDGED else "")
        return {"enrolled": report.enrolled_at, "content": content, "answered": answered}

    def _is_overdue(self, memory: Assigned) -> bool:
        return self.now - read_now(memory.at) >= self.patience

    def _is_ours(self, name: str) -> bool:
        slug = self.names.slug_of_set(name)
        return mechanism_of_slug(slug) not in DECLARED and is_slug_of(slug, self.policies)


@dataclass(frozen=True)
class _Due:
    """Devices from which an app is to be removed now.

    Args:
        idempotency_keys: enrolment id -> what makes it another time that the same is commanded.
    """

    removal: Removal
    idempotency_keys: Mapping[str, str]


def _removal_change(bundle_id: str) -> Change:
    return Change("command", "removal", bundle_id)


def _carried_out(result: CommandResult | None) -> tuple[str, tuple[str, int]]:
    """When a device told that it has done something, to be compared; the smallest of all where it did not."""
    return result.when if result is not None and result.status == ACKNOWLEDGED else _NEVER


def marks_of(
    controls: Iterable[Control], removals: Iterable[Removal], names_of: DeclarationNames, ledger: Ledger, sent: Mapping[str, frozenset[str]]
) -> frozenset[str]:
    """Marks of all commands whose answers are of interest. sent: as of :class:`CommandPlan`."""
    found = {command_mark(names_of.prefix, control.command) for control in controls}
    found.update(command_mark(names_of.prefix, command) for removal in removals for command in removal.commands.values())
    for remembered in (ledger.assigned, ledger.released):
        for (_device, control), memory in remembered.items():
            if removed_by(control):
                found.add(removal_mark(names_of.prefix, removed_by(control)))
            mechanism = mechanism_of_slug(names_of.slug_of_set(control))
            if mechanism and mechanism not in DECLARED:
                found.add(removal_of_profile(names_of.prefix, control)[1])
                found.add(mark_in(memory))
    for name, marks in sent.items():
        found.update(marks)
        found.add(removal_of_profile(names_of.prefix, name)[1])
    return frozenset(found - {""})
