# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out the steps of a plan, one at a time, and reads back what it wrote. The only writes of the target."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from ...engine.apply import Applied, apply_plan
from ...engine.errors import ChangeFailed
from ...engine.plan import Change, Plan
from ...mdm.http.clock import Clock
from ...mdm.http.http_errors import RequestFailed, UncertainWrite
from ...mdm.http.read_back import wait_until
from ...mdm.planning.ownership import read_marker, same_description
from ...mdm.run.ledger import Ledger
from . import steps
from .api.graph import Graph
from .api.odata import literal
from .api.permissions import (
    APPS_READ,
    APPS_WRITE,
    CONFIGURATION_READ,
    CONFIGURATION_WRITE,
)
from .directory import Directory
from .notifications import send_notices
from .objects import COMPLIANCE_POLICY, CONFIGURATION_POLICY, EXCLUDED_GROUP, RESOURCES, Resource, Target, owned_object, target_of
from .planner import block_grace_hours, body_differences
from .reader import StateReader
from .store_apps import DELETED, MARKED, ORDERED, PLAY_APP, play_event

_FIRST_PAUSE = 0.25
_APP_PAUSE = 2.0


class Executor:
    """Executes changes.

    Args:
        state_reader: looks for apps that are on their way into the list.
        ids: name -> id of the groups and filters that are there; new ones are added as they are made.
        ledger: where a notice is written down before it is sent.
        now: the run's instant in UTC.
        settle: seconds to wait at most until a write can be read back, and until an app from a store has arrived.
    """

    def __init__(
        self,
        graph: Graph,
        directory: Directory,
        state_reader: StateReader,
        indicators: Any,
        ids: dict[str, str],
        ledger: Ledger,
        clock: Clock,
        now: str,
        settle: float,
    ) -> None:
        self.graph = graph
        self.counters = graph.session.counters
        self.directory = directory
        self.state_reader = state_reader
        self.indicators = indicators
        self.ids = ids
        self.ledger = ledger
        self.clock = clock
        self.now = now
        self.settle = settle
        self.play_packages: list[str] = []
        self.ordered: set[str] = set()

    def run(self, plan: Plan) -> Applied:
        """Carry out a plan."""
        self.play_packages = [change.step.package for change in plan.changes if isinstance(change.step, steps.AddPlayApp)]
        return apply_plan(plan, self.execute, self.counters.progress.changed)

    def execute(self, change: Change) -> None:
        """Make one change and see that it took effect. Raises AppbanError where it did not."""
        step = change.step
        actions: Mapping[type, Callable[[Any], None]] = {
            steps.CreateGroup: self._create_group,
            steps.ChangeMembers: self._change_members,
            steps.CreateFilter: self._create_filter,
            steps.WriteFilterRule: self._write_filter_rule,
            steps.AddPlayApp: self._add_play_app,
            steps.CreateStoreApp: self._create_store_app,
            steps.SendNotices: lambda one: send_notices(self.graph, self.ledger, self.now, one.notices),
            steps.ChangeAppAssignments: self._change_app_assignments,
            steps.WriteObject: self._write_object,
            steps.Delete: self._delete,
            steps.PutIndicators: lambda one: self.indicators.put(one.indicators),
            steps.DeleteIndicators: lambda one: self.indicators.delete(one.ids),
        }
        actions[type(step)](step)

    # Groups and filters.

    def _create_group(self, step: steps.CreateGroup) -> None:
        self.ids[step.name] = self.directory.create_group(step.name, step.description)
        self.directory.add_members(self.ids[step.name], step.name, step.members, step.by_user)

    def _change_members(self, step: steps.ChangeMembers) -> None:
        group = self.ids[step.group]
        if step.add:
            self.directory.add_members(group, step.group, step.add, step.by_user)
        if step.remove:
            self.directory.remove_members(group, step.group, step.remove)

    def _create_filter(self, step: steps.CreateFilter) -> None:
        path = "/deviceManagement/assignmentFilters"
        body = {
            "@odata.type": "#microsoft.graph.deviceAndAppManagementAssignmentFilter",
            "displayName": step.name,
            "description": step.description,
            "platform": step.platform,
            "rule": step.rule,
            "assignmentFilterManagementType": "devices",
            "roleScopeTags": ["0"],
        }
        what = "create the filter %s" % step.name
        self.ids[step.name] = self._create("beta", path, "displayName", step.name, body, what, CONFIGURATION_WRITE, CONFIGURATION_READ)

    def _write_filter_rule(self, step: steps.WriteFilterRule) -> None:
        path = "/deviceManagement/assignmentFilters/%s" % step.id
        what = "correct the filter %s" % step.name
        body = {
            "@odata.type": "#microsoft.graph.deviceAndAppManagementAssignmentFilter",
            "description": step.description,
            "rule": step.rule,
        }
        self.graph.patch("beta", path, body, what=what, permission=CONFIGURATION_WRITE)
        self._see(path, {}, lambda found: found is not None and found.get("rule") == step.rule, "the filter %s has its rule" % step.name)

    def _create(
        self, version: str, path: str, name_key: str, name: str, body: Mapping[str, Any], what: str, permission: str, read_permission: str
    ) -> str:
        """Create an object and wait until it can be read. A create that may have happened is looked up, never repeated."""
        try:
            found_id = self.graph.create(version, path, body, what=what, permission=permission)
        except UncertainWrite:
            found_id = self._look_up(version, path, name_key, name, body.get("description") or body.get("notes"), read_permission)
            if not found_id:
                raise
        self._see("%s/%s" % (path, found_id), {}, lambda found: found is not None, "%s exists" % name, version, read_permission)
        return found_id

    def _look_up(self, version: str, path: str, name_key: str, name: str, description: Any, permission: str) -> str:
        """The id of an object that we may have made a moment ago; empty where it does not show in time."""
        wanted = read_marker(str(description or ""))

        def look() -> str:
            params = {"$filter": "%s eq %s" % (name_key, literal(name))}
            for found in self.graph.pages(version, path, params, what="look up whether %s was created" % name, permission=permission):
                text = found.get("description") if "description" in found else found.get("notes")
                if found.get(name_key) == name and read_marker(text) == wanted:
                    return str(found["id"])
            return ""

        try:
            return wait_until(
                look,
                bool,
                clock=self.clock,
                expected="%s exists" % name,
                seconds=min(self.settle, 30.0),
                first_pause=_FIRST_PAUSE,
                counters=self.counters,
            )
        except ChangeFailed:
            return ""

    def _see(
        self,
        path: str,
        params: Mapping[str, str],
        reached: Callable[[Any | None], bool],
        expected: str,
        version: str = "beta",
        permission: str = CONFIGURATION_READ,
    ) -> Any:
        """Read an object until it shows what was written: for some seconds Graph may show its former state, or none."""
        return wait_until(
            lambda: self.graph.find(version, path, params, what="read back that %s" % expected, permission=permission),
            reached,
            clock=self.clock,
            expected=expected,
            seconds=self.settle,
            counters=self.counters,
            first_pause=_FIRST_PAUSE,
        )

    # Apps.

    def _add_play_app(self, step: steps.AddPlayApp) -> None:
        if step.package not in self.ordered:
            # All of a plan in one order: each synchronisation with Google Play takes minutes.
            together = [step.package, *(each for each in self.play_packages if each != step.package)]
            self._order_from_play(together)
        app = self._wait_for_app(frozenset((PLAY_APP,)), step.package)
        mark = {"@odata.type": "#microsoft.graph.androidManagedStoreApp", "notes": step.notes}
        path = "/deviceAppManagement/mobileApps/%s" % app.id
        self.graph.patch("beta", path, mark, what="mark %s as brought in by us" % step.package, permission=APPS_WRITE)
        self.ledger.write(self.now, [play_event(step.package, MARKED)])

    def _order_from_play(self, packages: Sequence[str]) -> None:
        settings = "/deviceManagement/androidManagedStoreAccountEnterpriseSettings"
        what = "take %s from Google Play into the list of apps" % ", ".join(packages)
        body = {"productIds": ["app:%s" % package for package in packages]}
        # What is on its way bears no mark, so it is written down first: a run may end before the app is there.
        self.ledger.write(self.now, [play_event(package, ORDERED) for package in packages])
        try:
            self.graph.post("beta", settings + "/addApps", body, what=what, permission=CONFIGURATION_WRITE, repeatable=True)
        except RequestFailed as error:
            if len(packages) == 1 or error.status != 400:
                raise
            # One of them is not in the store. The others must not wait for it.
            self._order_from_play(packages[:1])
            return
        self.graph.post("beta", settings + "/syncApps", None, what=what, permission=CONFIGURATION_WRITE, repeatable=True)
        self.ordered.update(packages)

    def _wait_for_app(self, odata_types: frozenset[str], identifier: str) -> Any:
        return wait_until(
            lambda: self.state_reader.find_app(odata_types, identifier),
            lambda found: found is not None,
            clock=self.clock,
            expected="%s is in the list of apps" % identifier,
            seconds=self.settle,
            counters=self.counters,
            first_pause=_APP_PAUSE if self.settle > _APP_PAUSE * 10 else _FIRST_PAUSE,
        )

    def _create_store_app(self, step: steps.CreateStoreApp) -> None:
        body = {
            "@odata.type": "#microsoft.graph.winGetApp",
            "displayName": step.title,
            "description": "%s, listed only to be uninstalled" % step.title,
            "publisher": step.publisher,
            "notes": step.notes,
            "packageIdentifier": step.package,
            "installExperience": {"@odata.type": "#microsoft.graph.winGetAppInstallExperience", "runAsAccount": "user"},
        }
        what = "take %s from the Microsoft Store into the list of apps" % step.package
        self._create("beta", "/deviceAppManagement/mobileApps", "displayName", step.title, body, what, APPS_WRITE, APPS_READ)

    def _change_app_assignments(self, step: steps.ChangeAppAssignments) -> None:
        app_id = step.app_id or self._wait_for_app(step.odata_types, step.identifier).id
        path = "/deviceAppManagement/mobileApps/%s/assignments" % app_id
        added = [self._by_id(target) for target in step.add]
        # Exceptions first: an assignment must not stand for a moment without them. Then what is wrong, because an app has room for one
        # assignment to a target, whatever its filter.
        exceptions = [target for target in added if target.kind == EXCLUDED_GROUP]
        for target in exceptions:
            self._add_app_assignment(path, target, step.identifier)
        for assignment in step.remove:
            what = "take back an assignment of %s" % (step.identifier or app_id)
            self.graph.delete("beta", "%s/%s" % (path, assignment), what=what, permission=APPS_WRITE)
        for target in added:
            if target not in exceptions:
                self._add_app_assignment(path, target, step.identifier)
        wait_until(
            lambda: self._app_targets(path),
            lambda found: set(added) <= set(found),
            clock=self.clock,
            expected="%s has its uninstall assignments" % (step.identifier or app_id),
            seconds=self.settle,
            counters=self.counters,
            first_pause=_FIRST_PAUSE,
        )

    def _add_app_assignment(self, path: str, target: Target, identifier: str) -> None:
        body = {
            "@odata.type": "#microsoft.graph.mobileAppAssignment",
            "intent": "uninstall",
            "target": target.to_wire(),
            # Anything else is refused together with this intent.
            "settings": None,
        }
        try:
            self.graph.post("beta", path, body, what="assign the uninstallation of %s" % identifier, permission=APPS_WRITE)
        except UncertainWrite:
            if target not in self._app_targets(path):
                raise
        except RequestFailed as error:
            # 400 is also what Graph says of an assignment that a killed run made and that our reading did not show yet.
            if error.status != 400 or target not in self._app_targets(path):
                raise

    def _app_targets(self, path: str) -> list[Target]:
        listed = self.graph.pages("beta", path, what="read the assignments of an app", permission=APPS_READ)
        return [target_of(each.get("target")) for each in listed if each.get("intent") == "uninstall"]

    # Assigned objects.

    def _write_object(self, step: steps.WriteObject) -> None:
        resource = RESOURCES[step.resource]
        what = "%s the %s %s" % ("change" if step.id else "create", resource.what, step.name)
        found_id = step.id
        if not found_id:
            body = self._whole_body(resource, step)
            if step.resource == COMPLIANCE_POLICY:
                body["scheduledActionsForRule"] = [_block_after(step.grace_hours or 0)]
            found_id = self._create(
                "beta", resource.path, resource.name_key, step.name, body, what, CONFIGURATION_WRITE, CONFIGURATION_READ
            )
        path = "%s/%s" % (resource.path, found_id)
        if step.id and step.body is not None:
            body = self._whole_body(resource, step)
            if step.resource == CONFIGURATION_POLICY:
                # PATCH reaches name and description only; the settings are replaced as a whole.
                self.graph.put("beta", path, body, what=what, permission=CONFIGURATION_WRITE)
            else:
                self.graph.patch("beta", path, body, what=what, permission=CONFIGURATION_WRITE)
        if step.id and step.grace_hours is not None:
            actions = {"deviceComplianceScheduledActionForRules": [_block_after(step.grace_hours)]}
            self.graph.post("beta", path + "/scheduleActionsForRules", actions, what=what, permission=CONFIGURATION_WRITE, repeatable=True)
        targets = None if step.targets is None else [self._by_id(target) for target in sorted(step.targets)]
        if targets is not None:
            assignments = {"assignments": [{"@odata.type": _ASSIGNMENTS[step.resource], "target": each.to_wire()} for each in targets]}
            self.graph.post("beta", path + "/assign", assignments, what=what, permission=CONFIGURATION_WRITE, repeatable=True)
        self._see(
            path,
            {"$expand": resource.expand + (",settings" if step.resource == CONFIGURATION_POLICY else "")},
            lambda found: _shows(resource, found, step, targets),
            "the %s %s is as it was written" % (resource.what, step.name),
        )

    def _whole_body(self, resource: Resource, step: steps.WriteObject) -> dict[str, Any]:
        body: dict[str, Any] = {resource.name_key: step.name, "description": step.description, "roleScopeTagIds": ["0"]}
        body.update(step.body or {})
        if resource.key == CONFIGURATION_POLICY:
            body["@odata.type"] = "#microsoft.graph.deviceManagementConfigurationPolicy"
        return body

    def _by_id(self, target: Target) -> Target:
        if not target.by_name:
            return target
        return Target(target.kind, self.ids[target.group] if target.group else "", self.ids[target.filter] if target.filter else "")

    def _delete(self, step: steps.Delete) -> None:
        path = "%s/%s" % (step.path, step.id)
        self.graph.delete(step.version, path, what="delete an object of ours (%s)" % path, permission=step.permission)
        self._see(path, {}, lambda found: found is None, "the object is gone (%s)" % path, step.version, step.permission)
        self.ledger.write(self.now, [play_event(package, DELETED) for package in step.ordered])


_ASSIGNMENTS = {
    "configuration_policy": "#microsoft.graph.deviceManagementConfigurationPolicyAssignment",
    "device_configuration": "#microsoft.graph.deviceConfigurationAssignment",
    "compliance_policy": "#microsoft.graph.deviceCompliancePolicyAssignment",
}


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


def _shows(resource: Resource, found: Any | None, step: steps.WriteObject, targets: Sequence[Target] | None) -> bool:
    """Whether what was read back is what was written."""
    owned = owned_object(resource, found) if found is not None else None
    if owned is None or owned.name != step.name or not same_description(step.description, owned.body.get("description")):
        return False
    if step.body is not None and body_differences(step.body, owned):
        return False
    if step.grace_hours is not None and block_grace_hours(owned.body) != step.grace_hours:
        return False
    return targets is None or owned.targets == frozenset(targets)
