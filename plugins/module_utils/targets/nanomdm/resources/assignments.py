# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which devices have which set of declarations, and are known to have heard of it.

KMFDDM has no list of who has a set. A device that has told about our declaration has it, and many devices are read at once; only the
others have to be looked up one by one: see :meth:`Assignments.in_doubt`. Giving or taking a set does nothing until the device is woken up,
so the ledger remembers who was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ....engine.errors import ChangeFailed
from ....engine.plan import Change
from ....mdm.planning.order import Phase
from ....mdm.planning.plan_draft import PlanDraft, Step
from ....mdm.run.ledger import Assigned
from ....policy.instants import utc_text
from ..controls import Control, content_hash
from ..declared_sets import DeclaredSets
from ..objects import DeclarationStatus
from ..profile_story import is_confirmed
from ..release_rules import ReleaseRules
from ..surroundings import AGAIN, Surroundings

ASSIGNMENT = "assignment"


class Assignments:
    """Plans which devices get and lose which sets, and carries that out."""

    def __init__(self, around: Surroundings, rules: ReleaseRules) -> None:
        self.around = around
        self.rules = rules
        self.sets = DeclaredSets(around.state, around.ledger.written, around.names, around.settings.adopt)
        # A device that put off what it was woken up for, and was woken up no later than then, is woken up again.
        self._woken_before = utc_text(around.now - around.settings.inventory_every)
        self._here: dict[str, tuple[str, ...]] = {}

    def in_doubt(self) -> frozenset[str]:
        """The devices of which nothing but a look at their sets tells what they have of ours."""
        around = self.around
        found: set[str] = set()
        for control in around.desired.declared:
            found.update(device for device in around.wanted_on[control.name] if not self._has_said_now(device, control.name))
        for member in around.fleet:
            device = member.device.id
            for name in self._told_of(device):
                if not around.is_wanted(device, name) and (self._has_said_now(device, name) or self._is_asleep(device, name)):
                    found.add(device)
        found.update(device for device, name in around.ledger.assigned if self.sets.is_ours(name) and not around.is_wanted(device, name))
        if self.ending():
            # Once only, at the end of a control: a device may have its set without ever having told.
            found.update(member.device.id for member in around.fleet)
        return frozenset(found)

    def ending(self) -> list[str]:
        """Sets of ours that nobody wants, and of which the server holds anything."""
        found = (each for each in self.sets.there() if each.name not in self.around.wanted_on and each.held)
        return [each.name for each in found if not self.sets.is_foreign(each)]

    def is_kept(self, name: str) -> bool:
        """Whether a device that nothing sure is known of has a set that nobody wants."""
        assigned = self.around.state.assigned.items()
        is_wanted = name in self.around.wanted_on
        return not is_wanted and any(name in sets and not self.rules.may_release(device, name) for device, sets in assigned)

    def here(self, name: str) -> tuple[str, ...]:
        """The devices that are to have a set and have it, in the order of the fleet."""
        if name not in self._here:
            wanted = self.around.wanted_on[name]
            having = self.around.positions(device for device in wanted if self._is_assigned(device, name))
            self._here[name] = self.around.ids(having)
        return self._here[name]

    def joining(self, name: str) -> tuple[str, ...]:
        """The devices that are to have a set and don't have it."""
        return self.around.ids(self.around.positions(self.around.wanted_on[name].difference(self.here(name))))

    def lost(self, name: str) -> list[str]:
        """Those of them that were given it since they enrolled."""
        return [device for device in self.joining(name) if self._was_assigned(device, name)]

    def plan_joining(self, control: Control, put: tuple[str, ...], draft: PlanDraft) -> tuple[str, ...]:
        """Give a control's set to whom it is for, and wake up who has it and may not have heard. Returns the keys of the changes.

        Args:
            put: key of the change of what is in the set, which wakes up all that have it.
        """
        name, joining = control.name, self.joining(control.name)
        woken = () if put else tuple(device for device in self.here(name) if self._needs_waking(device, control))
        if not joining and not woken:
            return ()
        text = self.around.text(joining) if joining else ""
        again = "woken up again, because they have enrolled again or nobody remembers that they were:\n%s"
        text += again % self.around.text(woken) if woken else ""
        content, answered = content_hash(control.declarations), self._answered(control, joining, woken)
        change = Change(
            "update" if joining else "command",
            ASSIGNMENT,
            name,
            None,
            text,
            needs=put,
            apps=control.apps,
            reaches=self.around.positions((*joining, *woken)),
            step=Step(self.assign, (name, joining, woken, content, answered)),
        )
        return (draft.add(Phase.JOIN, change),)

    def plan_leaving(self, draft: PlanDraft) -> dict[str, tuple[str, ...]]:
        """Take sets from those that must not have them. Returns the keys of the changes, by set."""
        around, keys = self.around, dict[str, tuple[str, ...]]()
        for name in sorted(self._known()):
            losing = [
                device
                for device, sets in around.state.assigned.items()
                if not around.is_wanted(device, name)
                and (name in sets or self._is_asleep(device, name))
                and self.rules.may_release(device, name)
            ]
            for phase, word, chosen in self.rules.in_turn(losing):
                leaving = tuple(device for device in chosen if name in around.state.assigned[device])
                waking = tuple(device for device in chosen if name not in around.state.assigned[device])
                change = Change(
                    "update" if leaving else "command",
                    "%s %s" % (word, ASSIGNMENT),
                    name,
                    around.text((*leaving, *waking)),
                    None,
                    apps=around.apps_of(name),
                    releases=around.positions(leaving),
                    step=Step(self.unassign, (name, leaving, waking)),
                )
                keys[name] = (*keys.get(name, ()), draft.add(phase, change))
        return keys

    def _answered(self, control: Control, joining: Sequence[str], woken: Sequence[str]) -> dict[str, str]:
        """Device -> when it had last spoken of a control before it is given it, or is told of it, now."""
        remembered = {device: self.around.assigned(device, control.name) for device in woken}
        found = {device: memory.answered for device, memory in remembered.items() if memory is not None}
        for device in (*joining, *woken):
            if device in found:
                continue
            released = self.around.released(device, control.name)
            report = self.around.report(device)
            if released is not None and not report.connected_at and report.seen_at and report.seen_at < released.answered:
                # The database knows that it was not here since, so it has what it said.
                continue
            said = [self.around.state.status(device, each.identifier) for each in control.declarations]
            found[device] = max((each.received for each in said if each is not None), default="")
        return {device: at for device, at in found.items() if at}

    # What is known.

    def said(self, device: str, name: str, identifier: str) -> DeclarationStatus | None:
        """What a device says of a declaration since the set was given to it; None where it has said nothing.

        KMFDDM keeps what a device said of a declaration when the device tells that it has lost it, and calls that current again as soon as
        the device is given the same declaration once more.
        """
        said, report = self.around.state.status(device, identifier), self.around.report(device)
        if said is None:
            return None
        tells_of_it = identifier in report.declared
        if report.declared_at and not tells_of_it and said.received_at < report.declared_at:
            return None
        assigned, released = self.around.assigned(device, name), self.around.released(device, name)
        if assigned is not None and assigned.answered and said.received <= assigned.answered:
            # One that has come since, and whose last report has it, never heard that it was taken away in between.
            return said if tells_of_it and assigned.heard and report.connected_at > assigned.heard else None
        is_old = assigned is None and released is not None and said.received_at <= released.answered
        return None if is_old else said

    def _known(self) -> set[str]:
        """Sets of ours of which anything says that a device has or had them."""
        state, ledger = self.around.state, self.around.ledger
        found = {name for sets in state.assigned.values() for name in sets} | {name for _device, name in ledger.assigned}
        found |= {name for device in state.assigned for name in self._told_of(device)}
        return {name for name in found if self.sets.is_ours(name)} | {control.name for control in self.around.desired.declared}

    def _told_of(self, device: str) -> list[str]:
        """Sets of ours that a device has told about, now or before."""
        found = set(map(self.around.names.control_of, self.around.state.statuses.get(device, {})))
        return sorted(name for name in found if self.sets.is_ours(name))

    def _is_asleep(self, device: str, name: str) -> bool:
        """Whether a device has, or may have, a set that was taken from it, and nobody is known to have woken it up for that."""
        if self.around.assigned(device, name) is not None:
            return True
        released = self.around.released(device, name)
        if released is not None and not is_confirmed(released) and self._has_put_off(device, released, released.answered):
            return True
        return name in self._told_of(device) and released is None

    def _has_said_now(self, device: str, name: str) -> bool:
        """Whether a device speaks of a declaration of the set as the server gives it to it now."""
        said = self.said(device, name, self.around.names.pair(name)[0])
        return said is not None and said.current

    def _is_assigned(self, device: str, name: str) -> bool:
        sets = self.around.state.assigned.get(device)
        return self._has_said_now(device, name) if sets is None else name in sets

    def _was_assigned(self, device: str, name: str) -> bool:
        remembered = self.around.assigned(device, name)
        return remembered is not None and not self.around.report(device).enrolled_since(remembered.enrolled)

    def _needs_waking(self, device: str, control: Control) -> bool:
        """Whether nobody is known to have woken up a device, since it enrolled, for what its set now holds."""
        if self._has_said_now(device, control.name):
            return False
        remembered = self.around.assigned(device, control.name)
        told = remembered is not None and remembered.content == content_hash(control.declarations)
        if remembered is None or not told or not self._was_assigned(device, control.name):
            return True
        return self._has_put_off(device, remembered, remembered.heard)

    def _has_put_off(self, device: str, woken: Assigned, heard: str) -> bool:
        """Whether a device has put off what it was woken up for, and told nothing since. Some storages lose a command that was put off.

        Args:
            heard: what the clock said then by which devices' instants are told.
        """
        report = self.around.report(device)
        is_put_off = bool(heard) and report.put_off_at >= heard and report.declared_at < report.put_off_at
        return is_put_off and woken.at <= self._woken_before

    # Verbs.

    def assign(self, name: str, joining: Sequence[str], woken: Sequence[str], content: str, answered: Mapping[str, str]) -> None:
        """Give devices a set, and wake them up.

        Args:
            woken: those that have the set and are only to be woken up.
            content: digest of what the set holds.
            answered: device -> when it had last spoken of what the set holds.
        """
        failed = self.around.try_each(joining, lambda device: self.around.kmfddm.put_enrollment_set(device, name))
        self.wake_up(name, [*(each for each in joining if each not in failed), *woken], "assigned", content, answered)
        self.around.refuse_failures(failed, len(joining), "were not given the set %s" % name)

    def unassign(self, name: str, leaving: Sequence[str], woken: Sequence[str]) -> None:
        """Take a set from devices, and wake them up. woken: those that have lost the set and are only to be woken up."""
        failed = self.around.try_each(leaving, lambda device: self._take(device, name))
        self.wake_up(name, [*(each for each in leaving if each not in failed), *woken], "released")
        self.around.refuse_failures(failed, len(leaving), "still have the set %s" % name)

    def _take(self, device: str, name: str) -> None:
        # Only a set that was there is looked for again: the server says by another status that there was nothing to take.
        if self.around.kmfddm.delete_enrollment_set(device, name) and name in self.around.kmfddm.enrollment_sets(device):
            raise ChangeFailed("the enrolment still has the set after it was taken away", name, AGAIN)

    def wake_up(
        self, name: str, devices: Sequence[str], event: str, content: str = "", answered: Mapping[str, str] | None = None
    ) -> None:
        """Have devices look for their declarations, and remember whom. Of those for whom it failed nothing is remembered, so it is done
        again; who is told and could only not be woken up finds the command in its queue.

        Args:
            answered: of :meth:`remember`.
        """
        heard = [each for each in devices if self.around.report(each).seen_at]
        # A device that nobody has heard of may be in the list of enrolments and not at the server.
        notified = self.around.kmfddm.notify(heard, sorted(set(devices).difference(heard)))
        self.around.warnings.extend(notified.warnings)
        self.around.asleep.update(notified.asleep)
        self.remember(name, [each for each in devices if each in notified.told], event, content, answered)

    def remember(
        self, name: str, devices: Iterable[str], event: str, content: str = "", answered: Mapping[str, str] | None = None
    ) -> None:
        """Write down who was given a set or lost it.

        Args:
            answered: device -> when it had last spoken of what the set holds. Where nothing is given, what is remembered of that stays so.
        """
        instant = self.around.servers.reports.instant() if content or event == "released" else ""
        events = []
        for device in devices:
            before = self.around.assigned(device, name) or Assigned("")
            more = {"content": content, "answered": instant}
            if event == "assigned":
                since = before.answered if answered is None else answered.get(device, "")
                more = {"content": content, "answered": since, "heard": instant or before.heard}
            about = {key: value for key, value in more.items() if value}
            enrolled = self.around.report(device).enrolled_at
            events.append({"event": event, "control": name, **about, "device": device, "enrolled": enrolled})
        self.around.remember(events)
