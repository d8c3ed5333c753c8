# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds banned apps: asked per app, never per device. What is not a banned app is dropped as it is read.

Discovered apps have no bundle or package ids, only display names (Microsoft Graph, detectedApp), so they are matched by exact name;
a packaged Windows app is listed by its package name. Violations of a list of prohibited apps carry bundle ids.
"""

from __future__ import annotations

import fnmatch
import re
from typing import Any, Callable, Iterable, Mapping, Sequence

from ...policy.model import App, Policy
from .controls import package_name
from .graph import Graph
from .graph_batch import BatchItem
from .odata import literal
from .permissions import CONFIGURATION_READ, DEVICES_READ
from .reports import REQUESTS_A_REPORT, ReportFailed, export_report

DISCOVERED = "discovered apps"
VIOLATIONS = "prohibited apps report"

#: detectedApp.platform -> our platforms. What a row says of another platform is another app of that name.
_PLATFORMS: dict[str, tuple[str, ...]] = {
    "ios": ("ios", "ipados"),
    "macOS": ("macos",),
    "windows": ("windows",),
    "androidOSP": ("android",),
    "androidDeviceAdministrator": ("android",),
    "androidWorkProfile": ("android",),
    "androidDedicatedAndFullyManaged": ("android",),
    "chromeOS": ("chromeos",),
    "unknown": (),
}
_NAMES_A_FILTER = 10
DEVICES_A_PAGE = 1000

#: Whether a finding about a device and an app may be kept; devices out of scope and exempt ones are dropped here.
MayLook = Callable[[str, str], bool]
Findings = dict[tuple[str, str], list[Mapping[str, str]]]


class AppFinder:
    """Finds the apps of some policies.

    Args:
        platform_of: device id -> platform.
        may_look: device id, app id -> whether anything about them may be kept.
    """

    def __init__(self, graph: Graph, policies: Sequence[Policy], platform_of: Mapping[str, str], may_look: MayLook) -> None:
        self.graph = graph
        self.platform_of = platform_of
        self.may_look = may_look
        self.apps: dict[str, list[App]] = {}
        for policy in policies:
            for app in (*policy.apps, *policy.review):
                self.apps.setdefault(app.id, []).append(app)
        self.findings: Findings = {}

    def find(self, violations: bool) -> Findings:
        """(device id, app id) -> what was found. violations: whether lists of ours make devices report."""
        if self.platform_of:
            self._discovered()
        if violations:
            self._violations()
        return self.findings

    def _discovered(self) -> None:
        names = self._names()
        rows: dict[str, tuple[Mapping[str, Any], set[str]]] = {}
        for text in _filters(names):
            # Whether the service minds the filter is not documented; what it ignores it answers in full, so every row is looked at.
            for row in self.graph.pages(
                "v1.0",
                "/deviceManagement/detectedApps",
                {"$filter": text} if text else None,
                what="look for banned apps among the discovered apps",
                permission=DEVICES_READ,
            ):
                shown = _folded(row.get("displayName"))
                apps = {app for name, named in names.items() if fnmatch.fnmatchcase(shown, _folded(name)) for app in named}
                if apps:
                    rows[str(row["id"])] = (row, apps)
        for exported in self._exported(rows):
            del rows[exported]
        if not rows:
            return
        # Never $expand on the list: it comes back empty.
        items = [
            BatchItem(
                row_id,
                "/deviceManagement/detectedApps/%s/managedDevices" % row_id,
                params={"$select": "id", "$top": str(DEVICES_A_PAGE)},
                permission=DEVICES_READ,
            )
            for row_id in rows
        ]
        what = "list the devices with a banned app"
        answers = self.graph.batch("v1.0", items, what=what)
        for item in items:
            row, apps = rows[item.id]
            devices = self.graph.read_list("v1.0", answers[item.id], permission=DEVICES_READ)
            for app in sorted(apps):
                for device in devices:
                    self._keep(str(device["id"]), app, row)

    def _exported(self, rows: Mapping[str, tuple[Mapping[str, Any], set[str]]]) -> list[str]:
        """Find the devices of the largest rows by report, where that takes fewer requests than their pages; ids of those rows.

        Only the reports of a banned app's own devices are asked for, never the raw inventory of everything. Not in check mode, in
        which nothing but GET leaves.
        """
        pages = {row_id: -(-int(row.get("deviceCount") or 0) // DEVICES_A_PAGE) for row_id, (row, _apps) in rows.items()}
        large = [row_id for row_id, count in pages.items() if count > REQUESTS_A_REPORT]
        saved = sum(pages[row_id] - REQUESTS_A_REPORT for row_id in large)
        if self.graph.session.check_mode or saved <= REQUESTS_A_REPORT:
            return []
        by_version: dict[tuple[str, str], list[str]] = {}
        for row_id in large:
            row = rows[row_id][0]
            by_version.setdefault((_folded(row.get("displayName")), str(row.get("version") or "")), []).append(row_id)
        done: list[str] = []
        try:
            for version, keys in self._application_keys(set(by_version)).items():
                for key in keys:
                    devices = [
                        row["DeviceId"]
                        for row in export_report(
                            self.graph, "DevicesByAppInv", ("DeviceId", "Platform"), "(ApplicationKey eq %s)" % literal(key)
                        )
                    ]
                    for row_id in by_version[version]:
                        row, apps = rows[row_id]
                        for device in devices:
                            for app in sorted(apps):
                                self._keep(device, app, row)
                done.extend(by_version[version])
        except ReportFailed:
            # What reports did not give, pages do.
            return done
        return done

    def _application_keys(self, versions: set[tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
        """(name in lower case, version) -> keys that reports know the app by, one a platform."""
        keys: dict[tuple[str, str], list[str]] = {}
        for row in export_report(self.graph, "AppInvAggregate", ("ApplicationKey", "ApplicationName", "ApplicationVersion", "Platform")):
            version = (_folded(row["ApplicationName"]), row["ApplicationVersion"])
            if version in versions:
                keys.setdefault(version, []).append(row["ApplicationKey"])
        return keys

    def _keep(self, device: str, app: str, row: Mapping[str, Any]) -> None:
        platforms = _PLATFORMS.get(str(row.get("platform")), ())
        if platforms and self.platform_of.get(device) not in platforms:
            return
        self._add(device, app, DISCOVERED, str(row.get("displayName")), str(row.get("version") or ""), "detect_only")

    def _violations(self) -> None:
        by_identifier: dict[str, list[tuple[str, str]]] = {}
        for app_id, variants in self.apps.items():
            for app in variants:
                for each in app.identifiers:
                    if each.kind in ("ios_bundle_id", "macos_bundle_id"):
                        confidence = "detect_only" if each.confidence == "detect_only" else "actionable"
                        by_identifier.setdefault(each.value, []).append((app_id, confidence))
        for body in self.graph.pages(
            "beta",
            "/deviceManagement/deviceConfigurationRestrictedAppsViolations",
            what="read which devices report a prohibited app",
            permission=CONFIGURATION_READ,
        ):
            for reported in body.get("restrictedApps") or ():
                for app_id, confidence in by_identifier.get(str(reported.get("appId")), ()):
                    self._add(str(body.get("managedDeviceId")), app_id, VIOLATIONS, str(reported["appId"]), "", confidence)

    def _add(self, device: str, app: str, source: str, name: str, version: str, confidence: str) -> None:
        if device not in self.platform_of or not self.may_look(device, app):
            return
        finding = {"app": app, "backend": source, "name": name, "version": version, "scope": "device", "confidence": confidence}
        listed = self.findings.setdefault((device, app), [])
        if finding not in listed:
            listed.append(finding)

    def _names(self) -> dict[str, set[str]]:
        """Name or pattern -> apps that are called so in an inventory that knows no ids.

        As its maker writes it: whether the service's filter minds upper and lower case is not documented.
        """
        names: dict[str, set[str]] = {}
        for app_id, variants in self.apps.items():
            for app in variants:
                for each in app.identifiers:
                    if each.kind == "display_name":
                        names.setdefault(each.value, set()).add(app_id)
                    elif each.kind == "appx_family_name":
                        names.setdefault(package_name(each.value), set()).add(app_id)
        return names


def _filters(names: Iterable[str]) -> list[str]:
    """Filters that together let every wanted name through; one empty filter where a pattern begins with a wildcard."""
    clauses = []
    for name in sorted(names):
        beginning = re.split(r"[*?\[]", name)[0]
        if not beginning:
            return [""]
        clauses.append(("displayName eq %s" if beginning == name else "startswith(displayName,%s)") % literal(beginning))
    return [" or ".join(clauses[start : start + _NAMES_A_FILTER]) for start in range(0, len(clauses), _NAMES_A_FILTER)]


def _folded(name: Any | None) -> str:
    return str(name or "").strip().casefold()
