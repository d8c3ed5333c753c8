# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports that Intune exports: a job, some polls, a ZIP behind a signed address that nobody else may learn.

Source: Microsoft's documentation of exporting Intune reports with Graph APIs. Columns are always named, because the default ones change.
"""

from __future__ import annotations

import csv
import io
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ....engine.errors import AppbanError
from ....mdm.http.read_back import wait_until
from .graph import Graph
from .odata import segment
from .permissions import DEVICES_READ

#: What a report costs in requests: the order, some polls, the file.
REQUESTS_A_REPORT = 6
_LARGEST_FILE = 512 * 1024 * 1024
_LONGEST_WAIT = 900.0


class ReportFailed(AppbanError):
    """The service gave the report up."""


def export_report(graph: Graph, name: str, select: Sequence[str], filtered_by: str = "") -> Iterator[Mapping[str, str]]:
    """The rows of a report, one by one. Never in check mode: a report is ordered by POST.

    Args:
        name: of the report: ``AppInvAggregate``.
        select: the columns.
        filtered_by: OData filter; empty for none.

    Raises:
        ReportFailed: if the service says that it failed.
        AppbanError: for a file that is none, or too large.
    """
    what = "export the report %s" % name
    body: dict[str, Any] = {
        "@odata.type": "#microsoft.graph.deviceManagementExportJob",
        "reportName": name,
        "select": list(select),
        "format": "csv",
        "localizationType": "replaceLocalizableValues",
    }
    if filtered_by:
        body["filter"] = filtered_by
    path = "/deviceManagement/reports/exportJobs"
    job = graph.ask("v1.0", path, body, what=what, permission=DEVICES_READ)
    if not job.get("id"):
        raise ReportFailed("Failed to %s: the service gave the order no id" % what)
    done = wait_until(
        lambda: graph.get("v1.0", "%s/%s" % (path, segment(str(job["id"]))), what=what, permission=DEVICES_READ),
        lambda found: found.get("status") in ("completed", "failed"),
        clock=graph.session.connection.clock,
        expected="the report %s is ready" % name,
        seconds=_LONGEST_WAIT,
        counters=graph.session.counters,
    )
    if done["status"] != "completed" or not done.get("url"):
        raise ReportFailed("Failed to %s: the service gave it up" % what)
    with tempfile.TemporaryFile() as file:
        graph.session.fetch_without_token(str(done["url"]), file, limit=_LARGEST_FILE, what=what)
        file.seek(0)
        try:
            with zipfile.ZipFile(file) as archive, archive.open(archive.namelist()[0]) as content:
                yield from csv.DictReader(io.TextIOWrapper(content, encoding="utf-8-sig", newline=""))
        except (zipfile.BadZipFile, IndexError, UnicodeDecodeError, csv.Error) as error:
            raise AppbanError("Failed to %s: the file can't be read (%s)" % (what, error), "", "Run again later") from error
