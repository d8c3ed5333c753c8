# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of a plan that is looked up: declarations, sets, and which enrolments have them. Pure.

KMFDDM has no list of who has a set. A device that has told about our declaration has it, and many devices are read at once; only the
others have to be looked up one by one: see :meth:`DeclarationPlan.in_doubt`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Callable

from ...engine.plan import Change
from ...mdm.apple.declarations import same_declaration
from ...mdm.planning.control_state import ControlState
from ...mdm.planning.order import Phase
from ...mdm.run.ledger import Assigned, Ledger
from . import steps
from .controls import DECLARED, Control, content_hash
from .declaration_names import ACTIVATION, CONFIGURATION, DeclarationNames
from .declared_ours import DeclaredOurs
from .diff_text import declarations_text, profile_text
from .fleet_index import FleetIndex
from .holdings import is_confirmed
from .objects import DeclarationStatus
from .server_state import ServerState, is_another_enrolment, reason_of, words_of
from .slugs import is_slug_of, mechanism_of_slug
from .steps import Add


class DeclarationPlan:
    """Plans the declared controls of a run.

    Args:
        state: what the servers hold; its ``assigned`` is filled for the enrolments that are in doubt.
        controls: the declared controls that are wanted.
        policies: ids of the run's policies.
        holds: whether a control's hosted profile is in its place.
        adopt: take over a declaration with our name and of another type.
        waiting_since: of :func:`.server_state.reason_of`.
        apps_of: the apps that a control can be for, by its name.
        may_release: whether a control that is not wanted on a device may be taken from it: enrolment id, name of the control.
        woken_before: a device that put off what it was woken up for, and was woken up no later than at this instant, is woken up again.
    """

    def __init__(
        self,
        state: ServerState,
        controls: Sequence[Control],
        policies: frozenset[str],
        index: FleetIndex,
        ledger: Ledger,
        names: DeclarationNames,
        holds: Callable[[Control], bool],
        adopt: bool,
        waiting_since: str = "",
        apps_of: Callable[[str], tuple[str, ...]] = lambda _name: (),
        may_release: Callable[[str, str], bool] = lambda _device, _name: True,
        woken_before: str = "",
    ) -> None:
        self.state = state
        self.controls = controls
        self.policies = policies
        self.index = index
        self.ledger = ledger
        self.names = names
        self.holds = holds
        self.adopt = adopt
        self.waiting_since = waiting_since
        self.apps_of = apps_of
        self.may_release = may_release
        self.woken_before = woken_before
        self.control_states: list[ControlState] = []
        self.drift: list[str] = []
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.ours = DeclaredOurs(state.declarations, state.sets, ledger.written, names, adopt)
        self._wanted = {control.name: frozenset(index.ids(control.devices)) for control in controls}

    def in_doubt(self) -> frozenset[str]:
        """Ids of the enrolments of which nothing but a look at their sets tells what they have of ours."""
        found: set[str] = set()
        for control in self.controls:
            found.update(device for device in self._wanted[control.name] if not self._has_said_now(device, control.name))
        for member in self.index.fleet:
            device = member.device.id
            for name in self._told_of(device):
                if device not in self._wanted.get(name, ()) and (self._has_said_now(device, name) or self._is_asleep(device, name)):
                    found.add(device)
        found.update(device for (device, name) in self.ledger.assigned if self._is_ours(name) and device not in self._wanted.get(name, ()))
        if self._ending():
            # Once only, at the end of a control: a device may have its set without ever having told.
            found.update(member.device.id for member in self.index.fleet)
        return frozenset(found)

    def plan(self, add: Add) -> None:
        """Put the changes into the plan. add: gives the key of the change that was added."""
        replaced: dict[str, str] = {}
        for control in self.controls:
            replaced[control.name] = self._want(control, add)
        ended = self._leave(add)
        for name in self._ending():
            if not self._is_kept(name):
                replaced[name] = self._end(name, ended.get(name, ()), add)
        self._forget_profiles(replaced, add)
        self._tell_of_others()

    # What is wanted.

    def _want(self, control: Control, add: Add) -> str:
        """Returns the key of the change of the declarations; empty where they stand."""
        devices = sorted(control.devices)
        here = [index for index in devices if self._is_assigned(self.index.id(index), control.name)]
        joining = sorted(control.devices.difference(here))
        put = self._put(control, here, add)
        woken = [] if put else [index for index in here if self._needs_waking(self.index.id(index), control)]
        changes = [put] if put else []
        if joining or woken:
            changes.append(self._join(control, joining, woken, put, add))
        lost = [index for index in joining if self._was_assigned(self.index.id(index), control.name)]
        if lost and control.name in self.state.sets:
            self.drift.append("%d device%s had lost the set %s" % (len(lost), "" if len(lost) == 1 else "s", control.name))
        configuration, active = (each.identifier for each in control.declarations)
        confirmed, refused, words = set(), {}, {}
        for index in here:
            device = self.index.id(index)
            said = [self._said(device, control.name, each) for each in (configuration, active)]
            against = [(reason_of(each, self.waiting_since), words_of(each)) for each in said if each is not None]
            reason, its_words = next((pair for pair in against if pair[0]), ("", ""))
            if reason:
                refused[index], words[index] = reason, its_words
            elif not put and all(each is not None and each.in_force for each in said):
                confirmed.add(index)
        self.control_states.append(
            ControlState(
                control=control.name,
                mechanism=control.mechanism,
                apps=frozenset(control.apps),
                covers=control.devices,
                new=frozenset(joining),
                changes=tuple(changes),
                confirmed=frozenset(confirmed),
                refused=refused,
                refusal_words=words,
            )
        )
        return put

    def _put(self, control: Control, here: Sequence[int], add: Add) -> str:
        needs: tuple[str, ...] = ()
        if control.hosted and not self.holds(control):
            step = steps.HostProfile(control.name, control.profile)
            change = Change("create", "hosted profile", control.hosted.file, None, profile_text(control.profile), step=step)
            needs = (add(Phase.FILES, change),)
        found = {each.identifier: self.state.declarations.get(each.identifier) for each in control.declarations}
        members = self.state.sets.get(control.name, frozenset())
        strangers = self.ours.strangers(control.name)
        if strangers:
            self.drift.append("somebody has put %s into the set %s" % (", ".join(strangers), control.name))
        if not self.adopt:
            for each in self.ours.of_another_type(control.name):
                self.problems.append("%s is a declaration of the type %s" % (each, self.state.declarations[each].get("Type")))
        if self.ours.is_foreign(control.name) and not self.problems:
            held = [*self.ours.held(control.name), *self.ours.strangers(control.name)]
            self.problems.append("%s in the place of our %s was not made by us" % (", ".join(held), control.name))
        same = all(same_declaration(each, found[each.identifier]) for each in control.declarations)
        missing = sorted(set(found) - members)
        if same and not missing and not needs:
            return ""
        if same and missing and here:
            self.drift.append("somebody has taken %s out of the set %s" % (", ".join(missing), control.name))
        before = [each for each in found.values() if each is not None]
        if not same and self.ledger.written.get(control.name) == content_hash(control.declarations):
            changed = [each.identifier for each in control.declarations if not same_declaration(each, found[each.identifier])]
            self.drift.append("somebody has changed or deleted %s" % ", ".join(changed))
        return add(
            Phase.OBJECTS,
            Change(
                "update" if before else "create",
                "declarations",
                control.name,
                declarations_text(before) if before else None,
                declarations_text((each.document() for each in control.declarations), control.profile),
                needs=needs,
                apps=control.apps,
                reaches=frozenset(here),
                step=steps.PutDeclarations(control.name, control.declarations, tuple(here)),
            ),
        )

    def _answered(self, control: Control, joining: Iterable[int], woken: Iterable[int]) -> dict[str, str]:
        """Enrolment id -> when a device had last spoken of a control before it is given it, or is told of it, now."""
        found: dict[str, str] = {}
        for index in (*joining, *woken):
            device = self.index.id(index)
            assigned, released = self.ledger.assigned.get((device, control.name)), self.ledger.released.get((device, control.name))
            if assigned is not None and index not in joining:
                found[device] = assigned.answered
                continue
            report = self.state.report(device)
            if released is not None and not report.connected_at and report.seen_at and report.seen_at < released.answered:
                # The database knows that it was not here since, so it has what it said.
                continue
            said = [self.state.status(device, each.identifier) for each in control.declarations]
            found[device] = max((each.received for each in said if each is not None), default="")
        return {device: at for device, at in found.items() if at}

    def _join(self, control: Control, joining: Sequence[int], woken: Sequence[int], put: str, add: Add) -> str:
        text = self.index.text(self.index.ids(joining)) if joining else ""
        again = "woken up again, because they have enrolled again or nobody remembers that they were:\n%s"
        text += again % self.index.text(self.index.ids(woken)) if woken else ""
        return add(
            Phase.JOIN,
            Change(
                "update" if joining else "command",
                "assignment",
                control.name,
                None,
                text,
                needs=(put,) if put else (),
                apps=control.apps,
                reaches=frozenset((*joining, *woken)),
                step=steps.Assign(
                    control.name, tuple(joining), tuple(woken), content_hash(control.declarations), self._answered(control, joining, woken)
                ),
            ),
        )

    # What is not wanted any more.

    def _leave(self, add: Add) -> dict[str, tuple[str, ...]]:
        """Take sets from those that must not have them. Returns the keys of the changes, by set."""
        keys: dict[str, tuple[str, ...]] = {}
        for name in sorted(self._known_sets()):
            wanted = self._wanted.get(name, frozenset())
            having = [
                device
                for device, sets in self.state.assigned.items()
                if name in sets and device not in wanted and self.may_release(device, name)
            ]
            woken = [
                device
                for device, sets in self.state.assigned.items()
                if name not in sets and device not in wanted and self._is_asleep(device, name) and self.may_release(device, name)
            ]
            # Who is exempt or out of scope loses it first; who only gets it in another form loses it when that stands.
            for phase, kind, only_form in ((Phase.RELEASE, "ended assignment", False), (Phase.FORMER, "former assignment", True)):
                leaving = sorted(device for device in having if self.index.stays_banned(device) == only_form)
                waking = sorted(device for device in woken if self.index.stays_banned(device) == only_form)
                if leaving or waking:
                    step = steps.Unassign(name, tuple(leaving), tuple(waking))
                    change = Change(
                        "update" if leaving else "command",
                        kind,
                        name,
                        self.index.text([*leaving, *waking]),
                        None,
                        apps=self.apps_of(name),
                        releases=self.index.positions(leaving),
                        step=step,
                    )
                    keys[name] = (*keys.get(name, ()), add(phase, change))
        return keys

    def _end(self, name: str, needs: tuple[str, ...], add: Add) -> str:
        slug = self.names.slug_of_set(name)
        ours = [self.names.identifier(slug, part) for part in (ACTIVATION, CONFIGURATION)]
        identifiers = tuple(each for each in ours if each in self.state.declarations)
        members = tuple(each for each in ours if each in self.state.sets.get(name, ()))
        before = declarations_text(self.state.declarations[each] for each in reversed(identifiers))
        step = steps.DeleteDeclarations(name, identifiers, members)
        return add(Phase.LIFT_OBJECTS, Change("delete", "declarations", name, before, None, needs=needs, step=step))

    def _forget_profiles(self, replaced: Mapping[str, str], add: Add) -> None:
        kept = {control.hosted.file for control in self.controls if control.hosted}
        for profile in self.state.profiles:
            if profile.file not in kept and self._is_ours(profile.name) and not self._is_kept(profile.name):
                # No declaration names it any more, once that change is made.
                needs = tuple(key for key in [replaced.get(profile.name, "")] if key)
                step = steps.DeleteHosted(profile)
                add(Phase.LIFT_FILES, Change("delete", "hosted profile", profile.file, diff=False, needs=needs, step=step))

    def _tell_of_others(self) -> None:
        for name in sorted(self._there() - set(self._wanted)):
            others = self.ours.strangers(name)
            if self.ours.is_foreign(name):
                others = [*self.ours.held(name), *others]
                self.notes.append("%s: the names are ours, and we have not made it; it is left as it is" % ", ".join(others))
            elif others:
                self.notes.append("the set %s holds %s of somebody else, which is left there" % (name, ", ".join(others)))

    # What is known.

    def _ending(self) -> list[str]:
        """Sets of ours that are there, or of which a declaration is, and that nobody wants."""
        return sorted(name for name in self._there() if self._is_ours(name) and name not in self._wanted and self.ours.held(name))

    def _is_kept(self, name: str) -> bool:
        """Whether a device that nothing sure is known of has a set that nobody wants."""
        return name not in self._wanted and any(
            name in sets and not self.may_release(device, name) for device, sets in self.state.assigned.items()
        )

    def _there(self) -> set[str]:
        """Names of ours under which the server holds anything, ours or not."""
        names = set(self.state.sets) | {self.names.set_name(self.names.slug_of(each)) for each in self.state.declarations}
        return {name for name in names if self._is_named_like_ours(name)}

    def _known_sets(self) -> set[str]:
        assigned = {name for sets in self.state.assigned.values() for name in sets if self._is_ours(name)}
        told = {name for device in self.state.assigned for name in self._told_of(device)}
        remembered = {name for _device, name in self.ledger.assigned if self._is_ours(name)}
        return assigned | told | remembered | set(self._wanted)

    def _is_ours(self, name: str) -> bool:
        return self._is_named_like_ours(name) and not self.ours.is_foreign(name)

    def _is_named_like_ours(self, name: str) -> bool:
        slug = self.names.slug_of_set(name)
        return mechanism_of_slug(slug) in DECLARED and is_slug_of(slug, self.policies)

    def _told_of(self, device: str) -> Iterable[str]:
        """Our sets that a device has told about, now or before."""
        found = {self.names.slug_of(identifier) for identifier in self.state.statuses.get(device, {})}
        return sorted(name for name in map(self.names.set_name, found - {""}) if self._is_ours(name))

    def _is_asleep(self, device: str, name: str) -> bool:
        """Whether a device has, or may have, a set that was taken from it, and nobody is known to have woken it up for that."""
        if (device, name) in self.ledger.assigned:
            return True
        released = self.ledger.released.get((device, name))
        if released is not None and not is_confirmed(released) and self._has_put_off(device, released, released.answered):
            return True
        return name in self._told_of(device) and not self.ledger.released_at(device, name)

    def _has_said_now(self, device: str, name: str) -> bool:
        """Whether a device speaks of a declaration of the set as the server gives it to it now."""
        said = self._said(device, name, self.names.identifier(self.names.slug_of_set(name), CONFIGURATION))
        return said is not None and said.current

    def _said(self, device: str, name: str, identifier: str) -> DeclarationStatus | None:
        """What a device says of a declaration since the set was given to it; None where it has said nothing.

        KMFDDM keeps what a device said of a declaration when the device tells that it has lost it, and calls that current again as soon as
        the device is given the same declaration once more.
        """
        said, report = self.state.status(device, identifier), self.state.report(device)
        if said is None:
            return None
        tells_of_it = identifier in report.declared
        if report.declared_at and not tells_of_it and said.received_at < report.declared_at:
            return None
        assigned, released = self.ledger.assigned.get((device, name)), self.ledger.released.get((device, name))
        if assigned is not None and assigned.answered and said.received <= assigned.answered:
            # One that has come since, and whose last report has it, never heard that it was taken away in between.
            return said if tells_of_it and assigned.heard and report.connected_at > assigned.heard else None
        is_old = assigned is None and released is not None and said.received_at <= released.answered
        return None if is_old else said

    def _is_assigned(self, device: str, name: str) -> bool:
        return self._has_said_now(device, name) if device not in self.state.assigned else name in self.state.assigned[device]

    def _was_assigned(self, device: str, name: str) -> bool:
        remembered = self.ledger.assigned.get((device, name))
        return remembered is not None and not is_another_enrolment(remembered.enrolled, self.state.report(device).enrolled_at)

    def _needs_waking(self, device: str, control: Control) -> bool:
        """Whether nobody is known to have woken up a device, since it enrolled, for what its set now holds."""
        if self._has_said_now(device, control.name):
            return False
        remembered = self.ledger.assigned.get((device, control.name))
        told = remembered is not None and remembered.content == content_hash(control.declarations)
        if remembered is None or not told or not self._was_assigned(device, control.name):
            return True
        return self._has_put_off(device, remembered, remembered.heard)

    def _has_put_off(self, device: str, woken: Assigned, heard: str) -> bool:
        """Whether a device has put off what it was woken up for, and told nothing since. Some storages lose a command that was put off.

        Args:
            heard: what the clock said then by which devices' instants are told.
        """
        report = self.state.report(device)
        is_put_off = bool(heard) and report.put_off_at >= heard and report.declared_at < report.put_off_at
        return is_put_off and woken.at <= self.woken_before
