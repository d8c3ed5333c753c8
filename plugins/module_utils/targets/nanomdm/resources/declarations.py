# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controls that are declared: a configuration and its activation in a set, and a hosted profile where the configuration leads to one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from ....engine.errors import AppbanError, ChangeFailed
from ....engine.plan import Change
from ....mdm.apple.declarations import Declaration, same_declaration
from ....mdm.apple.profile_text import profile_lines
from ....mdm.planning.control_state import ControlState
from ....mdm.planning.order import Phase
from ....mdm.planning.plan_draft import PlanDraft, Step
from ....mdm.planning.reconcile import Concerns, Difference, Reconciled, Resource, end, reconcile
from ....policy.instants import utc_text
from ..controls import Control, content_hash
from ..declared_sets import BEGUN, ENDING, DeclaredSet
from ..objects import DeclarationStatus
from ..surroundings import AGAIN
from .assignments import Assignments

HOSTED = "hosted profile"
#: How long a device may take to judge a declaration that it has told about. It takes seconds.
_PATIENCE_OF_JUDGEMENT = timedelta(days=1)


class Declarations(Resource[Control, DeclaredSet]):
    """Sets of declarations of one server."""

    kind = "declarations"
    unique = False

    def __init__(self, assignments: Assignments) -> None:
        self.around = assignments.around
        self.assignments = assignments
        self.sets = assignments.sets

    def plan(self, draft: PlanDraft) -> None:
        """Plan the declared controls, and the end of those that nobody wants any more."""
        controls = self.around.desired.declared
        for control in controls:
            self._host_profile(control, draft)
            draft.problems.extend(self._problems(control.name))
            draft.drift.extend(self._drift(control))
        there = [each for each in self.sets.there() if each.documents]
        replaced: dict[str, tuple[str, ...]] = {}
        for each in reconcile(self, controls, there, draft):
            put = draft.planned([(self.kind, each.wanted.name)])
            replaced[each.wanted.name] = put
            changes = (*put, *self.assignments.plan_joining(each.wanted, put, draft))
            draft.control_states.append(self._state(each, changes))
        left = self.assignments.plan_leaving(draft)
        ending = [self.sets.get(name) for name in self.assignments.ending() if not self.assignments.is_kept(name)]
        replaced.update((found.name, (key,)) for found, key in end(self, ending, (), draft, left))
        self._forget_profiles(replaced, draft)
        draft.notes.extend(self._notes())

    # As of a resource.

    def needs(self, wanted: Control, draft: PlanDraft) -> tuple[str, ...]:
        return draft.planned([(HOSTED, wanted.hosted.file)]) if wanted.hosted else ()

    def difference(self, wanted: Control, found: DeclaredSet) -> Difference:
        settings = [each.identifier for each in wanted.declarations if not same_declaration(each, found.documents.get(each.identifier))]
        return Difference(tuple(settings), scope=not found.members.issuperset(found.pair) or self._is_unhosted(wanted))

    def text(self, found: DeclaredSet) -> str:
        return declarations_text(found.documents.values())

    def wanted_text(self, wanted: Control) -> str:
        return declarations_text((each.document() for each in wanted.declarations), wanted.profile)

    def written(self, wanted: Control, found: DeclaredSet | None, difference: Difference | None) -> Concerns:
        return Concerns(wanted.apps, self.around.positions(self.assignments.here(wanted.name)))

    def write(self, wanted: Control, found: DeclaredSet | None, difference: Difference | None, foreign: None) -> Step:
        return Step(self.put_declarations, (wanted.name, wanted.declarations, self.assignments.here(wanted.name)))

    def delete(self, found: DeclaredSet) -> Step:
        return Step(self.delete_declarations, (found,))

    # What is told.

    def _problems(self, name: str) -> list[str]:
        """Why a control can't have its name, because somebody else has it."""
        found = self.sets.get(name)
        if found.of_another_type and not self.sets.adopt:
            return ["%s is a declaration of the type %s" % (each, found.documents[each].get("Type")) for each in found.of_another_type]
        if self.sets.is_foreign(found):
            return ["%s in the place of our %s was not made by us" % (", ".join([*found.held, *found.strangers]), name)]
        return []

    def _drift(self, control: Control) -> Iterator[str]:
        """What somebody did to a control since the last run."""
        name, found = control.name, self.sets.get(control.name)
        if found.strangers:
            yield "somebody has put %s into the set %s" % (", ".join(found.strangers), name)
        changed = self.difference(control, found).settings
        missing = sorted(set(found.pair) - found.members)
        if missing and not changed and self.assignments.here(name):
            yield "somebody has taken %s out of the set %s" % (", ".join(missing), name)
        if changed and self.around.ledger.written.get(name) == content_hash(control.declarations):
            yield "somebody has changed or deleted %s" % ", ".join(changed)
        lost = self.assignments.lost(name)
        if lost and found.members:
            yield "%d device%s had lost the set %s" % (len(lost), "" if len(lost) == 1 else "s", name)

    def _notes(self) -> Iterator[str]:
        for found in self.sets.there():
            if found.name in self.around.wanted_on:
                continue
            if self.sets.is_foreign(found):
                others = ", ".join([*found.held, *found.strangers])
                yield "%s: the names are ours, and we have not made it; it is left as it is" % others
            elif found.strangers:
                yield "the set %s holds %s of somebody else, which is left there" % (found.name, ", ".join(found.strangers))

    def _state(self, each: Reconciled[Control, DeclaredSet], changes: tuple[str, ...]) -> ControlState:
        control = each.wanted
        is_written = each.difference is None or bool(each.difference)
        waiting_since = utc_text(self.around.now - _PATIENCE_OF_JUDGEMENT)
        confirmed, refused = set[int](), dict[int, DeclarationStatus]()
        for index in self.around.positions(self.assignments.here(control.name)):
            device = self.around.id(index)
            said = [self.assignments.said(device, control.name, identifier) for identifier in self.around.names.pair(control.name)]
            against = next((one for one in said if one is not None and one.reason(waiting_since)), None)
            if against is not None:
                refused[index] = against
            elif not is_written and all(one is not None and one.in_force for one in said):
                confirmed.add(index)
        return ControlState(
            control=control.name,
            mechanism=control.mechanism,
            apps=frozenset(control.apps),
            covers=control.devices,
            new=self.around.positions(self.assignments.joining(control.name)),
            changes=changes,
            confirmed=frozenset(confirmed),
            refused={index: said.reason(waiting_since) for index, said in refused.items()},
            refusal_words={index: said.words for index, said in refused.items()},
        )

    # Hosted profiles.

    def _is_unhosted(self, control: Control) -> bool:
        return control.hosted is not None and not self.around.store.holds(control.name, control.profile)

    def _host_profile(self, control: Control, draft: PlanDraft) -> None:
        if control.hosted is not None and self._is_unhosted(control):
            step = Step(self.around.store.put, (control.name, control.profile))
            draft.add(Phase.FILES, Change("create", HOSTED, control.hosted.file, None, profile_text(control.profile), step=step))

    def _forget_profiles(self, replaced: Mapping[str, tuple[str, ...]], draft: PlanDraft) -> None:
        """Delete the files that no declaration names any more. replaced: by control, the key of the change after which that is so."""
        wanted = {control.hosted.file for control in self.around.desired.declared if control.hosted}
        for profile in self.around.state.profiles:
            if profile.file not in wanted and self.sets.is_ours(profile.name) and not self.assignments.is_kept(profile.name):
                step = Step(self.around.store.delete, (profile.file,))
                change = Change("delete", HOSTED, profile.file, diff=False, needs=replaced.get(profile.name, ()), step=step)
                draft.add(Phase.LIFT_FILES, change)

    # Verbs.

    def put_declarations(self, name: str, declarations: Sequence[Declaration], here: Sequence[str]) -> None:
        """Store declarations, put them into their set, and wake up those that have it already."""
        kmfddm = self.around.kmfddm
        # Until they are woken up, nobody is known to have told them what is stored now; a run that is killed in between leaves that behind.
        self.assignments.remember(name, here, "assigned")
        if not self.around.ledger.written.get(name):
            # Half a pair is known for ours by this alone.
            self._stands(name, BEGUN)
        for declaration in declarations:
            kmfddm.put_declaration(declaration.document())
            if not same_declaration(declaration, kmfddm.declaration(declaration.identifier)):
                raise ChangeFailed("the server did not keep the declaration as it was written", declaration.identifier, AGAIN)
        for declaration in declarations:
            kmfddm.put_set_declaration(name, declaration.identifier)
        missing = {each.identifier for each in declarations} - set(kmfddm.set_declarations(name))
        if missing:
            raise ChangeFailed("the server did not put %s into the set" % ", ".join(sorted(missing)), name, AGAIN)
        content = content_hash(declarations)
        self._stands(name, content)
        self.assignments.wake_up(name, here, "assigned", content)

    def delete_declarations(self, found: DeclaredSet) -> None:
        """Take declarations out of their set and delete them, an activation before what it puts in force."""
        # Written first, so that after a run that was killed here nobody else is said to have deleted them.
        self._stands(found.name, ENDING)
        kmfddm, backwards = self.around.kmfddm, tuple(reversed(found.pair))
        for identifier in backwards:
            if identifier in found.members:
                kmfddm.delete_set_declaration(found.name, identifier)
        for identifier in backwards:
            if identifier in found.documents:
                kmfddm.delete_declaration(identifier)
                if kmfddm.declaration(identifier) is not None:
                    raise ChangeFailed("the declaration is still there after it was deleted", identifier, AGAIN)
        self._stands(found.name, "")

    def _stands(self, name: str, content: str) -> None:
        self.around.remember([{"event": "stands", "device": "", "control": name, "content": content}])


# Text for the diff: what a person has to see before they let it happen.


def declarations_text(documents: Iterable[Mapping[str, Any]], profile: bytes = b"") -> str:
    """Declarations as a server holds them, and what the profile that they lead to says."""
    lines: list[str] = []
    for document in documents:
        lines.append("%s:" % document.get("Type"))
        lines.extend("  %s" % line for line in _lines(document.get("Payload")))
    return "\n".join(lines) + "\n" + (profile_text(profile) if profile else "")


def profile_text(profile: bytes) -> str:
    """What a profile says."""
    try:
        return "\n".join(profile_lines(profile)) + "\n"
    except AppbanError:
        return "a profile of %d bytes\n" % len(profile)


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, part in sorted(value.items()):
            if isinstance(part, (Mapping, list)):
                yield "%s:" % key
                yield from ("  %s" % line for line in _lines(part))
            else:
                yield "%s: %s" % (key, part)
    elif isinstance(value, list):
        for part in value:
            yield "- %s" % (", ".join(_lines(part)) if isinstance(part, Mapping) else part)
    elif value is not None:
        yield str(value)
