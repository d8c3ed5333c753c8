# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restricted software: one record for each process and scope. Its name says whose it is."""

from __future__ import annotations

from ....mdm.planning.audiences import Audience
from ....mdm.planning.plan_draft import Step
from ....mdm.planning.reconcile import Difference
from ....mdm.planning.scoped_objects import ScopedResource
from ..api.restricted_software import RestrictedSoftwareRecords
from ..api.scopes import differences as scope_differences
from ..controls import WantedRecord
from ..objects import MACOS, RestrictedSoftware, Scope
from . import diff_text
from .mobile_groups import MobileGroups
from .surroundings import Surroundings

RECORD = "restricted software"
_SETTINGS = ("process_name", "exact", "kill", "delete")


class RestrictedSoftwareResource(ScopedResource[WantedRecord, RestrictedSoftware]):
    """Records of one server."""

    kind = RECORD

    def __init__(self, around: Surroundings, groups: MobileGroups) -> None:
        super().__init__(around.scope_members, groups, MACOS)
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
        return diff_text.record_text(_record(wanted, 0), self.around.name_of(MACOS))

    def audience_wanted(self, wanted: WantedRecord) -> Audience:
        return self.around.wanted_audience(wanted.scope)

    def write(
        self, wanted: WantedRecord, found: RestrictedSoftware | None, difference: Difference | None, foreign: int | None
    ) -> Step:
        record = _record(wanted, 0 if found is None else found.id)
        return Step(self.write_record, (record, found), self.becomes_in_force(wanted, record.id, difference))

    def delete(self, found: RestrictedSoftware) -> Step:
        return Step(self.delete_record, (found,), self.ends(found))

    # Verbs.

    def write_record(self, record: RestrictedSoftware, seen: RestrictedSoftware | None) -> None:
        """Make or change a record. seen: what the plan was made from; None for a new one."""
        RestrictedSoftwareRecords(self.around.jamf).write(record, seen)

    def delete_record(self, record: RestrictedSoftware) -> None:
        """Delete a record of ours."""
        RestrictedSoftwareRecords(self.around.jamf, self.around.ids).delete_seen(record)


def _record(wanted: WantedRecord, number: int) -> RestrictedSoftware:
    scope = Scope(wanted.scope.everything, wanted.scope.devices, excluded_devices=wanted.scope.excluded_devices)
    return RestrictedSoftware(number, wanted.name, wanted.process_name, True, False, True, wanted.delete, wanted.message, scope)
