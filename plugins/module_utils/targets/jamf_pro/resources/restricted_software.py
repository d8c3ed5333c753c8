# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restricted software: one record for each process and scope. Its name says whose it is."""

from __future__ import annotations

from ....mdm.planning.effects import ObjectBecomes, ObjectEnds, ObjectInForce
from ....mdm.planning.plan_draft import Step
from ....mdm.planning.reconcile import Difference, Resource
from ..api.restricted_software import RestrictedSoftwareRecords
from ..api.scopes import differences as scope_differences
from ..contents import names_in_record
from ..controls import WantedRecord
from ..objects import MACOS, RestrictedSoftware, Scope
from ..owned_names import is_tagged_for
from ..scope_members import Audience
from . import diff_text
from .surroundings import Surroundings, changed_meanwhile, in_force

RECORD = "restricted software"
_SETTINGS = ("process_name", "exact", "kill", "delete")
_WHAT = "the restricted software record"


class RestrictedSoftwareResource(Resource[WantedRecord, RestrictedSoftware]):
    """Records of one server."""

    kind = RECORD

    def __init__(self, around: Surroundings) -> None:
        self.around = around

    def becomes(self, found: RestrictedSoftware, wanted: WantedRecord) -> bool:
        return found.process_name == wanted.process_name

    def difference(self, wanted: WantedRecord, found: RestrictedSoftware) -> Difference:
        record = _record(wanted, found.id)
        settings = tuple(name for name in _SETTINGS if getattr(record, name) != getattr(found, name))
        drift: tuple[str, ...] = ()
        if found.name == wanted.name:
            drift = ("%s had other settings (%s)" % (found.name, ", ".join(settings)),) if settings else ()
            drift += self.around.strange_scope(MACOS, found.name, found.scope)
        return Difference(
            settings=settings,
            scope=bool(scope_differences(record.scope, found.scope)),
            label=(record.name, record.notify, record.message) != (found.name, found.notify, found.message),
            drift=drift,
        )

    def text(self, found: RestrictedSoftware) -> str:
        return diff_text.record_text(found, self.around.name_of(MACOS))

    def wanted_text(self, wanted: WantedRecord) -> str:
        return diff_text.wanted_record_text(wanted, wanted.scope, self.around.name_of(MACOS))

    def write(
        self, wanted: WantedRecord, found: RestrictedSoftware | None, difference: Difference | None, foreign: int | None
    ) -> Step:
        record = _record(wanted, 0 if found is None else found.id)
        now = in_force(MACOS, names_in_record(record), Audience.of_scope(record.scope))
        return Step(self.write_record, (record, found), ObjectBecomes(self.key(record.id or record.name), now))

    def delete(self, found: RestrictedSoftware) -> Step:
        return Step(self.delete_record, (found,), ObjectEnds(self.key(found.id)))

    def key(self, number: object) -> tuple[str, object]:
        """What a record is known by while a plan is followed."""
        return (RECORD, number)

    def in_force(self, found: RestrictedSoftware) -> ObjectInForce:
        """A record as it has its effect today."""
        return in_force(MACOS, names_in_record(found), Audience.of_scope(found.scope))

    # Verbs.

    def write_record(self, record: RestrictedSoftware, seen: RestrictedSoftware | None) -> None:
        """Make or change a record. seen: what the plan was made from; None for a new one."""
        records = RestrictedSoftwareRecords(self.around.jamf)
        if seen is None:
            doubles = [each.id for each in records.list_all() if each.name == record.name]
            if doubles:
                raise changed_meanwhile(_WHAT, record.name, doubles[0])
            records.create(record)
            return
        if records.read(record.id) != seen:
            raise changed_meanwhile(_WHAT, seen.name, record.id)
        records.update(record)

    def delete_record(self, record: RestrictedSoftware) -> None:
        """Delete a record of ours."""
        records = RestrictedSoftwareRecords(self.around.jamf)
        current = records.read(record.id)
        if current is None:
            return
        if not is_tagged_for(current.name, self.around.ids):
            raise changed_meanwhile(_WHAT, record.name, record.id)
        records.delete(record.id, record.name)


def _record(wanted: WantedRecord, number: int) -> RestrictedSoftware:
    scope = Scope(wanted.scope.everything, wanted.scope.devices, excluded_devices=wanted.scope.excluded_devices)
    return RestrictedSoftware(number, wanted.name, wanted.process_name, True, False, True, wanted.delete, wanted.message, scope)
