# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings catalog policies, configuration profiles and compliance policies: objects that are assigned as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ....mdm.planning import ownership
from ....mdm.planning.comparison import differences
from ....mdm.planning.effects import ObjectBecomes, ObjectEnds, ObjectInForce
from ....mdm.planning.order import Phase
from ....mdm.planning.plan_draft import PlanDraft, Step
from ....mdm.planning.reconcile import Difference, Resource
from ..api.permissions import CONFIGURATION_WRITE
from ..controls import Control
from ..objects import COMPLIANCE_POLICY, CONFIGURATION_POLICY, Collection, Owned, Target, owned_object
from .diff_text import object_text
from .surroundings import Surroundings, in_force

#: Settings that a deletion shows.
_SHOWN_SETTINGS = frozenset(
    (
        "restrictedApps", "compliantAppsList", "compliantAppListType", "appsVisibilityList", "appsVisibilityListType", "omaSettings",
        "personalProfilePlayStoreMode", "personalProfilePersonalApplications", "settings", "payloadName",
    )
)  # fmt: skip


class AssignedObjects(Resource[Control, Owned]):
    """Objects of one collection. Of two of a name, left by a killed run, the oldest stays."""

    unique = False
    adoptable = True

    def __init__(self, around: Surroundings, collection: Collection) -> None:
        self.around = around
        self.collection = collection
        self.kind = collection.what
        self.withdraws_access = collection.key == COMPLIANCE_POLICY
        if self.withdraws_access:
            self.phase, self.ending = Phase.WITHDRAW_ACCESS, Phase.GIVE_ACCESS_BACK

    def becomes(self, found: Owned, wanted: Control) -> bool:
        # A compliance policy keeps the instant at which it was armed, so it is never turned into another.
        same = not self.withdraws_access and found.marker.mechanism == wanted.mechanism
        return same and not set(found.marker.policies).isdisjoint(wanted.requirement.policies)

    def foreign(self, wanted: Control) -> Sequence[str]:
        return self.around.state.foreign_ids(self.collection.key, wanted.name)

    def needs(self, wanted: Control, draft: PlanDraft) -> tuple[str, ...]:
        return self.around.needs(wanted, draft)

    def difference(self, wanted: Control, found: Owned) -> Difference:
        settings = tuple(body_differences(wanted.body or {}, found))
        same = found.name == wanted.name and ownership.same_description(_description(wanted), found.body.get("description"))
        other_scope = frozenset(map(self.around.by_id, wanted.targets)) != found.targets
        return Difference(
            settings=settings,
            scope=other_scope,
            label=not same,
            adds=bool(settings) or self._grace_hours(found) != self._wanted_grace(wanted),
            drift=tuple(self._drift(wanted, found, settings, other_scope)),
        )

    def _drift(self, wanted: Control, found: Owned, settings: Sequence[str], other_scope: bool) -> list[str]:
        told = []
        if settings and found.marker.sha256 == ownership.spec_hash(dict(wanted.body or {})):
            told.append("%s had other settings (%s)" % (wanted.name, ", ".join(settings)))
        is_there = all(scope in self.around.scope_ids for target in wanted.targets for scope in target.scopes)
        if other_scope and is_there and wanted.filters and not any(target.filter for target in found.targets if not target.group):
            told.append("%s was assigned without its filter" % wanted.name)
        return told

    def text(self, found: Owned) -> str:
        shown = {key: value for key, value in found.body.items() if key in _SHOWN_SETTINGS}
        return object_text(shown, self.around.target_texts(found.targets))

    def text_before(self, found: Owned, wanted: Control) -> str:
        shown = {key: found.body.get(key) for key in wanted.body or ()}
        return object_text(shown, self.around.target_texts(found.targets), self._grace_hours(found))

    def wanted_text(self, wanted: Control) -> str:
        return object_text(wanted.body or {}, self.around.target_texts(wanted.targets), self._wanted_grace(wanted))

    def _grace_hours(self, found: Owned) -> int | None:
        return block_grace_hours(found.body) if self.withdraws_access else None

    def _wanted_grace(self, wanted: Control) -> int | None:
        return wanted.grace_hours if self.withdraws_access else None

    def write(self, wanted: Control, found: Owned | None, difference: Difference | None, foreign: str | None) -> Step:
        object_id = found.id if found is not None else foreign or ""
        body: Mapping[str, Any] | None = wanted.body or {}
        targets: frozenset[Target] | None = wanted.targets
        grace = self._wanted_grace(wanted)
        if found is not None and difference is not None:
            body = body if difference.settings or difference.label else None
            targets = targets if difference.scope else None
            grace = None if self._grace_hours(found) == grace else grace
        now = in_force(
            wanted.mechanism, self.around.apps_in(wanted.body or {}), map(self.around.by_id, wanted.targets), wanted.requirement.policies
        )
        effect = ObjectBecomes(object_id or wanted.name, now, difference is None or difference.adds, wanted.kept)
        return Step(self.write_object, (object_id, wanted.name, _description(wanted), body, targets, grace), effect)

    def delete(self, found: Owned) -> Step:
        return Step(self.around.delete, (self.collection, found.id), ObjectEnds(found.id))

    def in_force(self, found: Owned) -> ObjectInForce:
        """An object as it has its effect today."""
        return in_force(found.marker.mechanism, self.around.apps_in(found.body), found.targets, found.marker.policies)

    # Verbs.

    def write_object(
        self,
        object_id: str,
        name: str,
        description: str,
        body: Mapping[str, Any] | None,
        targets: frozenset[Target] | None,
        grace_hours: int | None,
    ) -> None:
        """Create or change an object, and assign it.

        Args:
            object_id: empty to create it.
            body: all settings; None where they are right already.
            targets: the whole set, because an assignment replaces what was there; None where it is right already.
            grace_hours: of a compliance policy's block; None where there is nothing to write.
        """
        graph, collection = self.around.graph, self.collection
        what = "%s the %s %s" % ("change" if object_id else "create", collection.what, name)
        whole = {collection.name_key: name, "description": description, "roleScopeTagIds": ["0"], **(body or {})}
        if collection.key == CONFIGURATION_POLICY:
            whole["@odata.type"] = "#microsoft.graph.deviceManagementConfigurationPolicy"
        path = "%s/%s" % (collection.path, object_id)
        if not object_id:
            if self.withdraws_access:
                whole["scheduledActionsForRule"] = [_block_after(grace_hours or 0)]
            path = "%s/%s" % (collection.path, self.around.written.create(collection, name, whole))
        elif body is not None:
            # PATCH reaches name and description of a settings catalog policy only; its settings are replaced as a whole.
            change = graph.put if collection.key == CONFIGURATION_POLICY else graph.patch
            change("beta", path, whole, what=what, permission=CONFIGURATION_WRITE)
        if object_id and grace_hours is not None:
            actions = {"deviceComplianceScheduledActionForRules": [_block_after(grace_hours)]}
            graph.post("beta", path + "/scheduleActionsForRules", actions, what=what, permission=CONFIGURATION_WRITE, repeatable=True)
        by_id = None if targets is None else [self.around.by_id(target) for target in sorted(targets)]
        if by_id is not None:
            odata_type = "#microsoft.graph." + collection.assignment
            assignments = {"assignments": [{"@odata.type": odata_type, "target": each.to_wire()} for each in by_id]}
            graph.post("beta", path + "/assign", assignments, what=what, permission=CONFIGURATION_WRITE, repeatable=True)

        def shows(found: Mapping[str, Any] | None) -> bool:
            owned = owned_object(collection, found) if found is not None else None
            if owned is None or owned.name != name or not ownership.same_description(description, owned.body.get("description")):
                return False
            if body is not None and body_differences(body, owned):
                return False
            if grace_hours is not None and block_grace_hours(owned.body) != grace_hours:
                return False
            return by_id is None or owned.targets == frozenset(by_id)

        expand = collection.expand + (",settings" if collection.key == CONFIGURATION_POLICY else "")
        expected = "the %s %s is as it was written" % (collection.what, name)
        self.around.written.see(collection, path.rsplit("/", 1)[1], {"$expand": expand}, shows, expected)


def body_differences(wanted: Mapping[str, Any], current: Owned) -> list[str]:
    """Which settings of an object are not as wanted. A masked value counts as what the marker says was written last."""
    compared = dict(wanted)
    found = dict(current.body)
    if "omaSettings" in compared:
        # Intune gives values of custom settings back masked, so the marker's hash has to stand for them.
        masked = any(each.get("value") in ("****", None) for each in found.get("omaSettings") or ())
        if masked and current.marker.sha256 == ownership.spec_hash(dict(wanted)):
            compared["omaSettings"] = [{k: v for k, v in each.items() if k != "value"} for each in compared["omaSettings"]]
    return differences(compared, found)


def block_grace_hours(policy: Mapping[str, Any]) -> int | None:
    """Hours until a compliance policy's block; None where it has none (or more than one, which is not ours either)."""
    blocks = [
        item.get("gracePeriodHours")
        for rule in policy.get("scheduledActionsForRule") or ()
        for item in rule.get("scheduledActionConfigurations") or ()
        if item.get("actionType") == "block"
    ]
    return blocks[0] if len(blocks) == 1 else None


def _description(wanted: Control) -> str:
    return ownership.control_description(wanted.requirement.policies, wanted.mechanism, dict(wanted.body or {}), wanted.facts)


def _block_after(hours: int) -> dict[str, Any]:
    """The one action that a compliance policy has to have: the device counts as non-compliant after so many hours."""
    return {
        "@odata.type": "#microsoft.graph.deviceComplianceScheduledActionForRule",
        "ruleName": "PasswordRequired",
        "scheduledActionConfigurations": [
            {
                "@odata.type": "#microsoft.graph.deviceComplianceActionItem",
                "actionType": "block",
                "gracePeriodHours": hours,
                "notificationTemplateId": "",
                "notificationMessageCCList": [],
            }
        ],
    }
