# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports: a job that takes a few polls, then a ZIP on another origin behind a signed address (Intune fact sheet, 2.5)."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
import zipfile
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..clock import instant, parse_instant
from ..exchange import Request, Response
from .call import Call, not_found
from .errors import Refusal, stable_id

if TYPE_CHECKING:
    from .tenant import Tenant

APP = ["ApplicationKey", "ApplicationName", "ApplicationPublisher", "ApplicationShortVersion", "ApplicationVersion"]
DEVICE = ["DeviceId", "DeviceName", "OSDescription", "OSVersion", "Platform", "UserId", "EmailAddress", "UserName"]
COLUMNS = {"AppInvRawData": APP + DEVICE, "DevicesByAppInv": APP + DEVICE, "AppInvAggregate": [*APP, "DeviceCount", "Platform"]}
PLATFORM_NAMES = {"ios": "iOS", "macOS": "macOS", "windows": "Windows", "androidWorkProfile": "AndroidWorkProfile",
                  "androidDedicatedAndFullyManaged": "AndroidFullyManagedDedicated"}  # fmt: skip
LIFETIME = timedelta(hours=6)


def create_job(call: Call) -> Response:
    body = call.checked_body("deviceManagementExportJob")
    if not body.get("reportName"):
        raise Refusal(400, "reportName is missing.")
    columns = COLUMNS.get(body["reportName"])
    if columns is None:
        raise Refusal(400, f"The report '{body['reportName']}' is not known.")
    if not body.get("select"):
        # The service has default columns, but they change: a client that relies on them must not pass here.
        raise Refusal(400, "select is missing.")
    now = call.tenant.clock.now
    key = f"{body['reportName']}_{call.tenant.new_id('exportJobs')}"
    fails = set(body["select"]) - set(columns) or bool(body.get("filter")) != (body["reportName"] == "DevicesByAppInv")
    job = {
        "@odata.type": "#microsoft.graph.deviceManagementExportJob", "id": key, "reportName": body["reportName"],
        "filter": body.get("filter") or "", "select": body["select"], "format": body.get("format", "csv"), "snapshotId": None,
        "localizationType": body.get("localizationType", "replaceLocalizableValues"), "search": body.get("search"), "status": "notStarted",
        "url": None, "requestDateTime": instant(now), "expirationDateTime": "0001-01-01T00:00:00Z",
    }  # fmt: skip
    call.tenant.jobs[key] = job
    call.tenant.job_polls[key] = call.tenant.settings.export_polls
    if fails:
        call.tenant.failing_jobs.add(key)
    return call.object("deviceManagementExportJob", dict(job), 201)


def get_job(call: Call, key: str) -> Response:
    job = call.tenant.jobs.get(key)
    if job is None:
        raise not_found(call.segments)
    advance(call.tenant, job)
    return call.object("deviceManagementExportJob", dict(job))


def advance(tenant: Tenant, job: dict[str, Any]) -> None:
    """Every poll brings a job one step on."""
    if job["status"] in ("completed", "failed"):
        return
    tenant.job_polls[job["id"]] -= 1
    if tenant.job_polls[job["id"]] > 0:
        job["status"] = "inProgress"
    elif job["id"] in tenant.failing_jobs:
        job["status"] = "failed"
    else:
        expires = instant(tenant.clock.now + LIFETIME)
        job.update(status="completed", expirationDateTime=expires)
        tenant.files[job["id"]] = packed(job, rows(tenant, job))
        job["url"] = f"{tenant.blob_url}/reports/{job['id']}.zip?sv=2021-06-08&se={expires}&sr=b&sp=r&sig={signature(tenant, job['id'])}"


def signature(tenant: Tenant, key: str) -> str:
    return hmac.new(tenant.identities.key, key.encode(), hashlib.sha256).hexdigest()


def application_key(row_id: str) -> str:
    return hashlib.sha1(row_id.encode(), usedforsecurity=False).hexdigest()


def rows(tenant: Tenant, job: dict[str, Any]) -> list[dict[str, Any]]:
    wanted = None
    if job["reportName"] == "DevicesByAppInv":
        # (ApplicationKey eq '...')
        wanted = job["filter"].partition("'")[2].partition("'")[0]
    found = []
    for row in tenant.inventory.rows():
        app = {
            "ApplicationKey": application_key(row.id), "ApplicationName": row.name, "ApplicationPublisher": row.publisher,
            "ApplicationShortVersion": row.version, "ApplicationVersion": row.version, "Platform": PLATFORM_NAMES[row.platform],
        }  # fmt: skip
        if wanted is not None and app["ApplicationKey"] != wanted:
            continue
        if job["reportName"] == "AppInvAggregate":
            found.append({**app, "DeviceCount": len(row.devices)})
            continue
        for key in row.devices:
            device = tenant.devices[key]
            user = tenant.users[device.user] if device.user else None
            found.append({
                **app, "DeviceId": device.id, "DeviceName": device.name, "OSDescription": device.traits.operating_system,
                "OSVersion": device.os_version, "UserId": device.user or "", "EmailAddress": user.principal_name if user else "",
                "UserName": user.display_name if user else "",
            })  # fmt: skip
    return found


def packed(job: dict[str, Any], found: list[dict[str, Any]]) -> bytes:
    """One file in a ZIP, its columns in the order that was asked for."""
    text = io.StringIO()
    if job["format"] == "json":
        json.dump({"values": [{name: row[name] for name in job["select"]} for row in found]}, text)
    else:
        writer = csv.writer(text)
        writer.writerow(job["select"])
        writer.writerows([row[name] for name in job["select"]] for row in found)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as container:
        container.writestr(zipfile.ZipInfo(f"{job['id']}.{job['format']}"), text.getvalue())
    return archive.getvalue()


def serve_file(tenant: Tenant, request: Request) -> Response:
    """The storage service: the signature is the credential, and a bearer token has no business here."""
    xml = {"Content-Type": "application/xml"}
    if request.header("Authorization") is not None:
        return Response(400, headers=xml, body=b"<Error><Code>InvalidAuthenticationInfo</Code></Error>")
    key = request.path.removeprefix("/reports/").removesuffix(".zip")
    query = request.query
    if request.method != "GET" or key not in tenant.files:
        return Response(404, headers=xml, body=b"<Error><Code>BlobNotFound</Code></Error>")
    if query.get("sig") != signature(tenant, key) or parse_instant(query.get("se", "0001-01-01")) < tenant.clock.now:
        return Response(403, headers=xml, body=b"<Error><Code>AuthenticationFailed</Code></Error>")
    return Response(200, headers={"Content-Type": "application/octet-stream"}, body=tenant.files[key])


def list_jobs(call: Call) -> Response:
    return call.collection("deviceManagementExportJob", [dict(job) for job in call.tenant.jobs.values()])


def stable_job(job: dict[str, Any]) -> dict[str, Any]:
    """A job for the comparable part of the state."""
    return {name: job[name] for name in ("reportName", "filter", "select", "format", "status")} | {"id": stable_id(job["id"])}
