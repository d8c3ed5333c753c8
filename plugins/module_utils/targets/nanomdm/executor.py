# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out the steps of a plan, one at a time. The only writes of the target.

What can be read back is: declarations, sets and enrolments. What was sent is in the ledger before the next step, so that a run that is
killed sends it once more at most, and then with the same CommandUUID, which the server refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...engine.apply import Applied, apply_plan
from ...engine.errors import AppbanError, ChangeFailed
from ...engine.plan import Change, Plan
from ...mdm.apple.declarations import same_declaration
from ...mdm.http.concurrency import ordered_map
from ...mdm.run.ledger import Assigned, Ledger
from ...mdm.run.outbox import Outbox
from . import steps
from .api.kmfddm import Kmfddm
from .api.nanomdm import NanoMdm
from .controls import content_hash
from .declared_ours import BEGUN, ENDING
from .fleet_index import FleetIndex
from .holdings import sending
from .objects import Enqueued, joined
from .profile_store import ProfileStore
from .server_state import ServerState

_AGAIN = "Run again; the next run does what is left"


class Executor:
    """Executes changes.

    Args:
        kmfddm: None where there is no such server.
        store: None where no profiles are hosted.
        push: whether NanoMDM is to wake devices up.
        now: the run's instant in UTC.
        instant: what the clock says by which devices' instants are told.
    """

    def __init__(
        self,
        nanomdm: NanoMdm,
        kmfddm: Kmfddm | None,
        store: ProfileStore | None,
        outbox: Outbox,
        ledger: Ledger,
        index: FleetIndex,
        state: ServerState,
        now: str,
        push: bool,
        workers: int = 4,
        instant: Callable[[], str] = lambda: "",
    ) -> None:
        self.nanomdm = nanomdm
        self.progress = nanomdm.session.counters.progress
        self._kmfddm = kmfddm
        self._store = store
        self.outbox = outbox
        self.ledger = ledger
        self.index = index
        self.state = state
        self.now = now
        self.push = push
        self.workers = workers
        self.instant = instant
        self.warnings: list[str] = []
        #: Enrolment id -> why the server could not wake the device up, for which a command is queued.
        self.asleep: dict[str, str] = {}

    @property
    def kmfddm(self) -> Kmfddm:
        """The server of declarations, which every plan with declarations has."""
        if self._kmfddm is None:
            raise AssertionError("a plan with declarations and no server of them")
        return self._kmfddm

    @property
    def store(self) -> ProfileStore:
        """Where profiles are hosted, which every plan with hosted profiles has."""
        if self._store is None:
            raise AssertionError("a plan with hosted profiles and no place for them")
        return self._store

    def run(self, plan: Plan) -> Applied:
        """Carry out a plan."""
        return apply_plan(plan, self.execute, self.progress.changed)

    def told(self) -> tuple[str, ...]:
        """What the servers said beside their answers, each thing once."""
        if not self.asleep:
            return tuple(dict.fromkeys(self.warnings))
        asleep = "%d devices were not woken up for their declarations, and hear of them when they next make contact" % len(self.asleep)
        said = "; of %s the server said: %s" % min(self.asleep.items())
        return tuple(dict.fromkeys((*self.warnings, asleep + said)))

    def execute(self, change: Change) -> bool | None:
        """Make one change and see that it took effect. Raises AppbanError where it did not.

        Returns:
            False where the server had been sent the very same before.
        """
        actions: Mapping[type, Callable[[Any], bool | None]] = {
            steps.HandOver: lambda step: self.outbox.hand_over(self.ledger, self.now, step.notices, self.index.fleet),
            steps.HostProfile: self._host_profile,
            steps.DeleteHosted: self._delete_hosted,
            steps.PutDeclarations: self._put_declarations,
            steps.Assign: self._assign,
            steps.Unassign: self._unassign,
            steps.DeleteDeclarations: self._delete_declarations,
            steps.Send: self._send,
            steps.Ask: self._ask,
        }
        return actions[type(change.step)](change.step)

    # Declarations.

    def _host_profile(self, step: steps.HostProfile) -> None:
        self.store.put(step.name, step.content)

    def _delete_hosted(self, step: steps.DeleteHosted) -> None:
        self.store.delete(step.profile.file)

    def _put_declarations(self, step: steps.PutDeclarations) -> None:
        # Until they are woken up, nobody is known to have told them what is stored now; a run that is killed in between leaves that behind.
        self._remember(step.name, self.index.ids(step.devices), "assigned")
        if not self.ledger.written.get(step.name):
            # Half a pair is known for ours by this alone.
            self._stands(step.name, BEGUN)
        for declaration in step.declarations:
            self.kmfddm.put_declaration(declaration.document())
            if not same_declaration(declaration, self.kmfddm.declaration(declaration.identifier)):
                raise ChangeFailed("the server did not keep the declaration as it was written", declaration.identifier, _AGAIN)
        for declaration in step.declarations:
            self.kmfddm.put_set_declaration(step.name, declaration.identifier)
        missing = {each.identifier for each in step.declarations} - set(self.kmfddm.set_declarations(step.name))
        if missing:
            raise ChangeFailed("the server did not put %s into the set" % ", ".join(sorted(missing)), step.name, _AGAIN)
        content = content_hash(step.declarations)
        self._stands(step.name, content)
        self._wake_up(step.name, self.index.ids(step.devices), "assigned", content)

    def _assign(self, step: steps.Assign) -> None:
        ids = self.index.ids(step.devices)
        failed = self._each(ids, lambda device: self.kmfddm.put_enrollment_set(device, step.name))
        woken = [*(each for each in ids if each not in failed), *self.index.ids(step.woken_only)]
        self._wake_up(step.name, woken, "assigned", step.content, step.answered)
        self._refuse_failures(failed, len(ids), "were not given the set %s" % step.name)

    def _unassign(self, step: steps.Unassign) -> None:
        failed = self._each(step.ids, lambda device: self._take_set(device, step.name))
        self._wake_up(step.name, [*(each for each in step.ids if each not in failed), *step.woken_only], "released")
        self._refuse_failures(failed, len(step.ids), "still have the set %s" % step.name)

    def _take_set(self, device: str, name: str) -> None:
        # Only a set that was there is looked for again: the server says by another status that there was nothing to take.
        if self.kmfddm.delete_enrollment_set(device, name) and name in self.kmfddm.enrollment_sets(device):
            raise ChangeFailed("the enrolment still has the set after it was taken away", name, _AGAIN)

    def _delete_declarations(self, step: steps.DeleteDeclarations) -> None:
        # Written first, so that after a run that was killed here nobody else is said to have deleted them.
        self._stands(step.name, ENDING)
        for identifier in step.members:
            self.kmfddm.delete_set_declaration(step.name, identifier)
        for identifier in step.identifiers:
            self.kmfddm.delete_declaration(identifier)
            if self.kmfddm.declaration(identifier) is not None:
                raise ChangeFailed("the declaration is still there after it was deleted", identifier, _AGAIN)
        self._stands(step.name, "")

    def _stands(self, name: str, content: str) -> None:
        self.ledger.write(self.now, [{"event": "stands", "device": "", "control": name, "content": content}])

    def _wake_up(
        self, name: str, ids: Iterable[str], event: str, content: str = "", answered: Mapping[str, str] | None = None
    ) -> None:
        """Have devices look for their declarations, and remember whom. Of those for whom it failed nothing is remembered, so it is done
        again; who is told and could only not be woken up finds the command in its queue.

        Args:
            answered: of :meth:`_remember`.
        """
        devices = list(ids)
        heard = [each for each in devices if self.state.report(each).seen_at]
        # A device that nobody has heard of may be in the list of enrolments and not at the server.
        notified = self.kmfddm.notify(heard, sorted(set(devices).difference(heard)))
        self.warnings.extend(notified.warnings)
        self.asleep.update(notified.asleep)
        self._remember(name, [each for each in devices if each in notified.told], event, content, answered)

    def _remember(
        self, name: str, devices: Iterable[str], event: str, content: str = "", answered: Mapping[str, str] | None = None
    ) -> None:
        """Write down who was given a set or lost it.

        Args:
            answered: enrolment id -> when a device had last spoken of what the set holds. Where nothing is given, what is remembered of
                that stays so.
        """
        instant = self.instant() if content or event == "released" else ""
        events = []
        for device in devices:
            before = self.ledger.assigned.get((device, name)) or Assigned("")
            more = {"content": content, "answered": instant}
            if event == "assigned":
                since = before.answered if answered is None else answered.get(device, "")
                more = {"content": content, "answered": since, "heard": instant or before.heard}
            about = {key: value for key, value in more.items() if value}
            events.append({"event": event, "control": name, **about, "device": device, "enrolled": self.state.report(device).enrolled_at})
        self.ledger.write(self.now, events)

    def _each(self, ids: Iterable[str], write: Callable[[str], object]) -> dict[str, str]:
        """Write for each device, a few at a time. Returns why it failed, by device; one failure stops no other."""
        devices = list(ids)

        def attempt(device: str) -> str:
            try:
                write(device)
            except AppbanError as error:
                return str(error)
            return ""

        failed = {}
        for number, message in enumerate(ordered_map(attempt, devices, self.workers), 1):
            self.progress.write("devices", number, len(devices))
            if message:
                failed[devices[number - 1]] = message
        return failed

    # Commands.

    def _send(self, step: steps.Send) -> bool:
        by_idempotency_key: dict[str, list[str]] = {}
        for device, idempotency_key in step.idempotency_keys.items():
            by_idempotency_key.setdefault(idempotency_key, []).append(device)
        failed: dict[str, str] = {}
        queued = False
        for idempotency_key, devices in sorted(by_idempotency_key.items()):
            enrolled = {device: step.memory.get(device, {}).get("enrolled", "") for device in devices}
            if not step.releases:
                # Written first: after a run that is killed here a device may get what nobody else knows of.
                self.ledger.write(self.now, [sending({**self._about(step, device), "order": idempotency_key}) for device in devices])
            result = self.nanomdm.enqueue(step.command, devices, step.mark, idempotency_key, enrolled=enrolled, push=self.push)
            failed.update(result.failed)
            queued = queued or bool(result.queued)
            self._sent(step, self._reached(devices, result), result.uuids)
        self._refuse_failures(failed, len(step.idempotency_keys), "were not sent %s" % step.command.get("RequestType"))
        return queued

    def _sent(self, step: steps.Send, devices: Iterable[str], orders: Mapping[str, str]) -> None:
        events = []
        for device in devices:
            about, order = self._about(step, device), orders.get(device)
            events.append({**about, "order": order} if order else about)
        self.ledger.write(self.now, events)

    def _about(self, step: steps.Send, device: str) -> dict[str, str]:
        """What the ledger is to keep of something that is sent to a device."""
        kind = "released" if step.releases else "assigned"
        return {"event": kind, "device": device, "control": step.control, **step.memory.get(device, {})}

    def _ask(self, step: steps.Ask) -> bool:
        result = self._enqueue_question(step, step.answered, step.idempotency_key)
        # A question that the server has had may be lost with the queue of an earlier enrolment. Where nobody knows when a device enrolled,
        # it is asked once more, and if the server has had that too, it has been asked.
        doubtful = sorted(device for device in result.already if not step.enrolled[device])
        if doubtful:
            result = joined(result, self._enqueue_question(step, doubtful, step.idempotency_key + " once more"))
        events = [
            {
                "event": "asked",
                "device": device,
                "question": step.mark,
                "answered": step.answered[device],
                "enrolled": step.enrolled[device],
            }
            for device in self._reached(step.answered, result)
        ]
        self.ledger.write(self.now, events)
        self._refuse_failures(dict(result.failed), len(step.answered), "were not asked")
        return bool(result.queued)

    def _enqueue_question(self, step: steps.Ask, devices: Iterable[str], idempotency_key: str) -> Enqueued:
        return self.nanomdm.enqueue(step.command, devices, step.mark, idempotency_key, enrolled=step.enrolled, push=self.push)

    def _reached(self, devices: Iterable[str], result: Enqueued) -> list[str]:
        """Devices for which a command was taken. What a storage says of ids that it doesn't know is a warning and no more, because
        another storage takes commands for them without a word."""
        self.warnings.extend(result.warnings)
        if result.unknown:
            some = ", ".join(sorted(result.unknown)[:5])
            self.warnings.append("the server does not know %d of the enrolments, such as %s" % (len(result.unknown), some))
        return [device for device in devices if device not in result.failed]

    def _refuse_failures(self, failed: Mapping[str, str], total: int, what: str) -> None:
        if failed:
            device, message = sorted(failed.items())[0]
            # Where all of them failed, the change did.
            devices = self.index.positions(failed) if len(failed) < total else None
            raise ChangeFailed("%d of %d devices %s. The first, %s: %s" % (len(failed), total, what, device, message), "", _AGAIN, devices)
