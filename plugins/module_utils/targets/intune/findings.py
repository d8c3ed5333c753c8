# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds banned apps: asked per app, never per device. What is not a banned app is dropped as it is read.

Discovered apps have no bundle or package ids, only display names (Microsoft Graph, detectedApp), so they are matched by exact name;
a packaged Windows app is listed by its package name. Violations of a list of prohibited apps carry bundle ids.

What a row counts must be what it lists, and a row that can't be read is not absence: of the devices that may be meant, nobody can then say
that they don't have the app.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from typing import Any, Callable, Iterable, Mapping, Sequence

from ...mdm.http.concurrency import ordered_map
from ...mdm.http.http_errors import RequestFailed
from ...policy.model import App, Policy
from ...policy.names_compared import LEFT_TO_RIGHT_MARK, comparable
from .api.graph import Graph
from .api.graph_batch import BatchItem
from .api.odata import literal, segment
from .api.permissions import CONFIGURATION_READ, DEVICES_READ
from .api.reports import REQUESTS_A_REPORT, ReportFailed, export_report
from .bodies import package_name

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
#: A clause has five nodes, and OData services of this kind take a hundred of them in a filter unless they say otherwise.
_CLAUSES_A_FILTER = 18
DEVICES_A_PAGE = 1000
#: Rows without a name of which the devices are listed; more than these make a whole platform doubtful.
MOST_UNREADABLE = 20
CONTRADICTS, UNREADABLE = "source_contradicts", "source_unreadable"
#: Stands for every app, or every platform, in what is doubtful.
EVERY = ""

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
        self._said: dict[tuple[str, ...], Mapping[str, str]] = {}
        #: (platform, app) -> why what the discovered apps don't show there is not absence; EVERY stands for all of them.
        self.doubtful: dict[tuple[str, str], str] = {}
        #: The same of single devices.
        self.doubtful_devices: dict[str, str] = {}
        #: Apps of which the reports of prohibited apps can't be read, by device; EVERY stands for all devices.
        self.unreadable_reports: set[str] = set()
        self.notes: list[str] = []

    @property
    def has_doubts(self) -> bool:
        """Whether anything of what was read can't be believed."""
        return bool(self.doubtful or self.doubtful_devices or self.unreadable_reports)

    def doubted(self, device: str, app: str) -> str:
        """Why the discovered apps say nothing of an app that they don't show on a device; empty for no reason."""
        platform = self.platform_of.get(device, "")
        keys = ((platform, app), (EVERY, app), (platform, EVERY), (EVERY, EVERY))
        return next((self.doubtful[key] for key in keys if key in self.doubtful), self.doubtful_devices.get(device, ""))

    def doubted_report(self, device: str) -> str:
        """The same of the reports of prohibited apps."""
        return UNREADABLE if {device, EVERY} & self.unreadable_reports else ""

    def find(self, violations: bool) -> Findings:
        """(device id, app id) -> what was found. violations: whether lists of ours make devices report."""
        if self.platform_of:
            self._discovered()
        if violations:
            self._violations()
        return self.findings

    def _discovered(self) -> None:
        matches = _Matches(self._names())
        rows: dict[str, tuple[Mapping[str, Any], set[str]]] = {}
        unreadable: dict[str, Mapping[str, Any]] = {}
        what = "look for banned apps among the discovered apps"
        path = "/deviceManagement/detectedApps"
        for text in _filters(matches.names):
            # Whether the service minds the filter is not documented; what it ignores it answers in full, so every row is looked at.
            params = {"$filter": text} if text else None
            for row in self.graph.pages("v1.0", path, params, what=what, permission=DEVICES_READ):
                self._sort(row, matches, rows, unreadable)
        for row in self._nameless(path, what):
            self._sort(row, matches, rows, unreadable)
        for exported in self._exported(rows):
            del rows[exported]
        self._doubt_unreadable(unreadable)
        for row_id, devices in self._devices_of(rows):
            row, apps = rows[row_id]
            for device in devices:
                for app in sorted(apps):
                    self._keep(device, app, row)
            self._hold_to_its_count(row, apps, devices)

    def _sort(
        self,
        row: Mapping[str, Any],
        matches: _Matches,
        rows: dict[str, tuple[Mapping[str, Any], set[str]]],
        unreadable: dict[str, Mapping[str, Any]],
    ) -> None:
        shown = comparable(row.get("displayName")) if isinstance(row.get("displayName"), str) else ""
        if not shown:
            unreadable[str(row["id"])] = row
            return
        apps = matches.of(shown)
        if apps:
            rows[str(row["id"])] = (row, apps)

    def _nameless(self, path: str, what: str) -> list[Mapping[str, Any]]:
        """Rows without a name, which no filter by name lets through. A service that refuses the question has answered it as well."""
        item = BatchItem("nameless", path, params={"$filter": "displayName eq null"}, permission=DEVICES_READ)
        answer = self.graph.batch("v1.0", [item], what=what)["nameless"]
        if not answer.ok():
            return []
        return list(self.graph.read_list(answer, permission=DEVICES_READ))

    def _devices_of(self, rows: Iterable[str]) -> Iterator[tuple[str, set[str]]]:
        """Rows and the ids of their devices. Never $expand on the list: it comes back empty."""
        items = [self._devices_item(row_id) for row_id in rows]
        answers = self.graph.batch("v1.0", items, what=_LIST_DEVICES, things="lists of the devices that have an app") if items else {}

        def listed(item: BatchItem) -> set[str]:
            return {str(device["id"]) for device in self.graph.read_list(answers[item.id], permission=DEVICES_READ)}

        # Each list goes on page by page, and several of them may do so at once.
        for item, devices in zip(items, ordered_map(listed, items), strict=True):
            yield item.id, devices

    def _devices_item(self, row_id: str) -> BatchItem:
        path = "/deviceManagement/detectedApps/%s/managedDevices" % segment(row_id)
        return BatchItem(row_id, path, params={"$select": "id", "$top": str(DEVICES_A_PAGE)}, permission=DEVICES_READ)

    def _hold_to_its_count(self, row: Mapping[str, Any], apps: set[str], devices: set[str]) -> None:
        """Doubt what a row doesn't list, where that is less than it counts: asked once more, then told."""
        counted = _count_of(row)
        if counted is not None and counted > len(devices):
            item = self._devices_item(str(row["id"]))
            for each in self.graph.pages("v1.0", item.path, item.params, what=_LIST_DEVICES, permission=DEVICES_READ):
                devices.add(str(each["id"]))
                for app in sorted(apps):
                    self._keep(str(each["id"]), app, row)
        if counted is not None and counted <= len(devices):
            return
        reason = UNREADABLE if counted is None else CONTRADICTS
        for platform in _PLATFORMS.get(str(row.get("platform")), ()) or (EVERY,):
            for app in apps:
                self.doubtful.setdefault((platform, app), reason)
        self.notes.append(
            "the discovered apps contradict themselves: %s %s (%s) counts %s devices and lists %d; devices that it doesn't list are not"
            " called free of it"
            % (
                row.get("displayName"),
                row.get("version") or "",
                row.get("platform"),
                "an unknown number of" if counted is None else counted,
                len(devices),
            )
        )

    def _doubt_unreadable(self, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """A row without a name may be a banned app's: its devices are doubtful, or where they can't be listed, its platform is."""
        if not rows:
            return
        self.notes.append(
            "the discovered apps have %d row%s without a name: nobody can say whether the devices with it have a banned app"
            % (len(rows), "" if len(rows) == 1 else "s")
        )
        few = dict(sorted(rows.items())[:MOST_UNREADABLE])
        for row_id, devices in self._devices_of(few):
            counted = _count_of(rows[row_id])
            if counted is None or counted > len(devices):
                self._doubt_platform(rows[row_id])
            for device in devices:
                self.doubtful_devices[device] = UNREADABLE
        for row_id in rows.keys() - few.keys():
            self._doubt_platform(rows[row_id])

    def _doubt_platform(self, row: Mapping[str, Any]) -> None:
        for platform in _PLATFORMS.get(str(row.get("platform")), ()) or (EVERY,):
            self.doubtful.setdefault((platform, EVERY), UNREADABLE)

    def _exported(self, rows: Mapping[str, tuple[Mapping[str, Any], set[str]]]) -> list[str]:
        """Find the devices of the largest rows by report, where that takes fewer requests than their pages; ids of those rows.

        Only the reports of a banned app's own devices are asked for, never the raw inventory of everything. Not in check mode, in
        which nothing but GET leaves. A report that lists fewer devices than are counted counts for nothing.
        """
        pages = {row_id: -(-(_count_of(row) or 0) // DEVICES_A_PAGE) for row_id, (row, _apps) in rows.items()}
        large = [row_id for row_id, count in pages.items() if count > REQUESTS_A_REPORT]
        saved = sum(pages[row_id] - REQUESTS_A_REPORT for row_id in large)
        if self.graph.session.check_mode or saved <= REQUESTS_A_REPORT:
            return []
        by_version: dict[tuple[str, str], list[str]] = {}
        for row_id in large:
            row = rows[row_id][0]
            by_version.setdefault((comparable(row.get("displayName")), str(row.get("version") or "")), []).append(row_id)
        done: list[str] = []
        try:
            for version, keys in self._application_keys(set(by_version)).items():
                devices: set[str] = set()
                for key in keys:
                    report = export_report(
                        self.graph, "DevicesByAppInv", ("DeviceId", "Platform"), "(ApplicationKey eq %s)" % literal(key)
                    )
                    devices.update(str(row["DeviceId"]) for row in report if row.get("DeviceId"))
                for row_id in by_version[version]:
                    row, apps = rows[row_id]
                    for device in devices:
                        for app in sorted(apps):
                            self._keep(device, app, row)
                if len(devices) >= sum(_count_of(rows[row_id][0]) or 0 for row_id in by_version[version]):
                    done.extend(by_version[version])
        except ReportFailed:
            # What reports did not give, pages do.
            return done
        return done

    def _application_keys(self, versions: set[tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
        """(name in lower case, version) -> keys that reports know the app by, one a platform."""
        keys: dict[tuple[str, str], list[str]] = {}
        for row in export_report(self.graph, "AppInvAggregate", ("ApplicationKey", "ApplicationName", "ApplicationVersion", "Platform")):
            version = (comparable(row.get("ApplicationName")), str(row.get("ApplicationVersion") or ""))
            if version in versions and row.get("ApplicationKey"):
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
                        by_identifier.setdefault(comparable(each.value), []).append((app_id, confidence))
        for body in self.graph.pages(
            "beta",
            "/deviceManagement/deviceConfigurationRestrictedAppsViolations",
            what="read which devices report a prohibited app",
            permission=CONFIGURATION_READ,
        ):
            device, listed = str(body.get("managedDeviceId") or ""), body.get("restrictedApps")
            reports = listed if isinstance(listed, list) else []
            readable = [each for each in reports if isinstance(each, dict) and comparable(each.get("appId"))]
            if not device or len(readable) < len(reports) or not (listed is None or isinstance(listed, list)):
                self.unreadable_reports.add(device or EVERY)
            for reported in readable:
                for app_id, confidence in by_identifier.get(comparable(reported["appId"]), ()):
                    self._add(device, app_id, VIOLATIONS, str(reported["appId"]), "", confidence)
        if self.unreadable_reports:
            self.notes.append("reports of prohibited apps can't be read: nobody can say whether the devices that they are about have them")

    def still_on(self, devices: Sequence[str]) -> dict[str, frozenset[str] | None]:
        """Ask devices alone for their apps; only which banned ones are among them is kept.

        Returns:
            Device -> ids of the banned apps on it; None where the answer proves nothing: it failed, can't be read, or names no app at all.
        """
        matches = _Matches(self._names())
        items = [
            BatchItem(
                device,
                "/deviceManagement/managedDevices/%s/detectedApps" % segment(device),
                permission=DEVICES_READ,
            )
            for device in devices
        ]
        answers = self.graph.batch("beta", items, what="look for a banned app on one device") if items else {}
        found: dict[str, frozenset[str] | None] = {}
        for item in items:
            found[item.id] = None
            if not answers[item.id].ok():
                continue
            try:
                names = [row.get("displayName") for row in self.graph.read_list(answers[item.id], permission=DEVICES_READ)]
            except RequestFailed:
                continue
            if names and all(isinstance(name, str) and comparable(name) for name in names):
                found[item.id] = frozenset(app for name in names for app in matches.of(comparable(name)))
        return found

    def _add(self, device: str, app: str, source: str, name: str, version: str, confidence: str) -> None:
        if device not in self.platform_of or not self.may_look(device, app):
            return
        finding = self._finding(app, source, name, version, confidence)
        listed = self.findings.setdefault((device, app), [])
        if finding not in listed:
            listed.append(finding)

    def _finding(self, *said: str) -> Mapping[str, str]:
        """What was found; one of many devices is kept once."""
        known = self._said.get(said)
        if known is None:
            app, source, name, version, confidence = said
            known = {"app": app, "backend": source, "name": name, "version": version, "scope": "device", "confidence": confidence}
            self._said[said] = known
        return known

    def _names(self) -> dict[str, set[str]]:
        """Name or pattern, as its maker writes it -> apps that are called so in an inventory that knows no ids."""
        names: dict[str, set[str]] = {}
        for app_id, variants in self.apps.items():
            for app in variants:
                for each in app.identifiers:
                    if each.kind == "display_name":
                        names.setdefault(each.value, set()).add(app_id)
                    elif each.kind == "appx_family_name":
                        names.setdefault(package_name(each.value), set()).add(app_id)
        return names


_LIST_DEVICES = "list the devices with a banned app"


class _Matches:
    """Which apps a name stands for. names: name or pattern, as its maker writes it -> ids of apps."""

    def __init__(self, names: Mapping[str, set[str]]) -> None:
        self.names = names
        self._exact: dict[str, set[str]] = {}
        self._patterns: list[tuple[str, set[str]]] = []
        for name, apps in names.items():
            if re.search(r"[*?\[]", name):
                self._patterns.append((comparable(name), apps))
            else:
                self._exact.setdefault(comparable(name), set()).update(apps)

    def of(self, shown: str) -> set[str]:
        """Ids of the apps that are called so; the name in comparable form."""
        found = set(self._exact.get(shown, ()))
        for pattern, apps in self._patterns:
            if fnmatch.fnmatchcase(shown, pattern):
                found |= apps
        return found


def _filters(names: Iterable[str]) -> list[str]:
    """Filters that together let every wanted name through; one empty filter where a pattern begins with a wildcard.

    A maker may begin a name with a mark that nobody sees, and write it in capitals or without any, and whether the service's filter minds
    letter case is not documented: so each name is asked for in all of these forms. What begins like another form comes with that one.
    """
    forms: list[str] = []
    for form in sorted({form for name in names for form in _forms(re.split(r"[*?\[]", name)[0])}):
        if not form:
            return [""]
        if not (forms and form.startswith(forms[-1])):
            forms.append(form)
    clauses = ["startswith(displayName,%s)" % literal(form) for form in forms]
    return [" or ".join(clauses[start : start + _CLAUSES_A_FILTER]) for start in range(0, len(clauses), _CLAUSES_A_FILTER)]


def _forms(beginning: str) -> set[str]:
    """How a name's beginning may be written; the empty one alone where it has none."""
    cases = {beginning, beginning.upper(), beginning.lower()}
    return {mark + each for each in cases for mark in ("", LEFT_TO_RIGHT_MARK)} if beginning else {""}


def _count_of(row: Mapping[str, Any]) -> int | None:
    """How many devices a row counts; None where it doesn't say."""
    count = row.get("deviceCount")
    return count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None
