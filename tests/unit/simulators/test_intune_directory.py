# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups, users, device objects; Managed Google Play; Defender indicators; reports."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from typing import Any

import pytest

from tests.simulators.simulation import Simulation
from tests.support.intune.graph_client import APPS, TIKTOK, Answer, Graph, device_of

GROUPS = "/v1.0/groups"
NEW_GROUP = {"displayName": "BAN exempt", "mailEnabled": False, "mailNickname": "ban-exempt", "securityEnabled": True}
PLAY = "/beta/deviceManagement/androidManagedStoreAccountEnterpriseSettings"
JOBS = "/v1.0/deviceManagement/reports/exportJobs"
INDICATOR = {"indicatorValue": "tiktok.com", "indicatorType": "DomainName", "action": "Block", "title": "BAN", "description": "marker"}


def reference(sim: Simulation, key: str) -> dict[str, str]:
    return {"@odata.id": f"{sim.connection['graph_url']}/v1.0/directoryObjects/{key}"}


def test_members_come_and_go_by_reference(sim: Simulation, eager: Graph) -> None:
    group = eager.make(GROUPS, NEW_GROUP)
    device = device_of(sim, "ios_supervised", app=None)
    for member in (device["directory_id"], device["user"]):
        assert eager.post(f"{GROUPS}/{group}/members/$ref", reference(sim, member)).status == 204
    again = eager.post(f"{GROUPS}/{group}/members/$ref", reference(sim, device["user"]))
    assert again.status == 400
    assert "already exist" in again.message
    members = eager.pages(f"{GROUPS}/{group}/members")
    assert {row["@odata.type"] for row in members} == {"#microsoft.graph.user", "#microsoft.graph.device"}
    assert eager.get(f"{GROUPS}/{group}/transitiveMembers?$select=id").body["value"][0].keys() == {"@odata.type", "id"}
    assert eager.delete(f"{GROUPS}/{group}/members/{device['user']}/$ref").status == 204
    assert eager.delete(f"{GROUPS}/{group}/members/{device['user']}/$ref").status == 404
    assert eager.delete(f"{GROUPS}/{group}").status == 204


def test_intunes_device_ids_are_not_the_directorys(sim: Simulation, eager: Graph) -> None:
    group = eager.make(GROUPS, NEW_GROUP)
    device = device_of(sim, "ios_supervised", app=None)
    for wrong in (device["id"], device["azure_id"]):
        assert eager.post(f"{GROUPS}/{group}/members/$ref", reference(sim, wrong)).status == 404
    [found] = eager.get(f"/v1.0/devices?$filter=deviceId eq '{device['azure_id']}'&$select=id,deviceId").body["value"]
    assert found["id"] == device["directory_id"]


def test_device_ids_are_asked_for_fifteen_at_a_time(graph: Graph) -> None:
    rows = graph.pages("/v1.0/devices?$top=999&$select=id,deviceId")
    ids = [row["deviceId"] for row in rows]
    fifteen = " or ".join(f"deviceId eq '{key}'" for key in ids[:15])
    assert len(graph.get(f"/v1.0/devices?$filter={fifteen}").body["value"]) == 15
    assert graph.get(f"/v1.0/devices?$filter={fifteen} or deviceId eq '{ids[15]}'").status == 400
    assert "00000000-0000-0000-0000-000000000000" not in ids


def test_the_directory_refuses_what_it_does_not_know(graph: Graph) -> None:
    assert graph.get(f"{GROUPS}?$top=1000").status == 400
    assert graph.get(f"{GROUPS}?$filter=visibility eq 'Private'").status == 400
    assert graph.post(GROUPS, {"displayName": "x"}).status == 400
    assert graph.post(GROUPS, {**NEW_GROUP, "colour": "red"}).status == 400
    assert len(graph.get("/v1.0/users").body["value"]) <= 100


def test_a_group_may_be_made_with_members(sim: Simulation, eager: Graph) -> None:
    user = device_of(sim, "ios_supervised", app=None)["user"]
    bound = f"https://graph.microsoft.com/v1.0/users/{user}"
    group = eager.make(GROUPS, {**NEW_GROUP, "members@odata.bind": [bound]})
    assert [row["id"] for row in eager.pages(f"{GROUPS}/{group}/members")] == [user]
    assert eager.get(f"{GROUPS}?$filter=displayName eq 'ban exempt'").body["value"][0]["id"] == group
    user_name = eager.get(f"/v1.0/users/{user}").body["userPrincipalName"]
    assert eager.get(f"/v1.0/users/{user_name}").body["id"] == user


def test_lists_of_members_may_lag(sim: Simulation, eager: Graph) -> None:
    sim.objects({"settings": {"member_lag": 1}})
    group = eager.make(GROUPS, NEW_GROUP)
    user = device_of(sim, "ios_supervised", app=None)["user"]
    eager.post(f"{GROUPS}/{group}/members/$ref", reference(sim, user))
    assert [len(eager.pages(f"{GROUPS}/{group}/members")) for _unused in range(2)] == [0, 1]


def test_play_apps_show_up_some_time_after_a_sync(eager: Graph) -> None:
    def packages() -> set[str | None]:
        return {row.get("packageId") for row in eager.pages(APPS)}

    assert eager.post(f"{PLAY}/addApps", {"productIds": [TIKTOK]}).status == 400
    assert eager.post(f"{PLAY}/addApps", {"productIds": [f"app:{TIKTOK}"]}).status == 204
    assert [TIKTOK in packages() for _unused in range(4)] == [False] * 4
    assert eager.post(f"{PLAY}/syncApps").status == 204
    assert eager.get(PLAY).body["lastAppSyncDateTime"] == "2023-03-01T00:00:00Z"
    assert [TIKTOK in packages() for _unused in range(4)] == [False, False, True, True]
    eager.post(f"{PLAY}/approveApps", {"packageIds": [f"app:{TIKTOK}"], "approveAllPermissions": False})
    eager.post(f"{PLAY}/syncApps")
    assert [row.get("packageId") for row in eager.pages(APPS)].count(TIKTOK) == 1


def job(graph: Graph, report: str, **fields: Any) -> Answer:
    body = {"reportName": report, "format": "csv", "select": ["ApplicationKey", "ApplicationName", "DeviceId"], **fields}
    made = graph.post(JOBS, body)
    if made.status != 201:
        return made
    key = made.body["id"]
    states = [graph.get(f"{JOBS}('{key}')").body["status"] for _unused in range(2)]
    assert states[0] == "inProgress"
    return graph.get(f"{JOBS}/{key}")


def unpacked(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        [name] = archive.namelist()
        return archive.read(name).decode()


def test_a_report_is_a_zip_on_another_origin(sim: Simulation, graph: Graph) -> None:
    done = job(graph, "AppInvRawData").body
    assert done["status"] == "completed"
    assert not done["url"].startswith(sim.url)
    answer = graph.send("GET", done["url"])
    assert answer.headers["content-type"] == "application/octet-stream"
    rows = list(csv.DictReader(io.StringIO(unpacked(answer.body))))
    assert {"ApplicationKey", "ApplicationName", "DeviceId"} == set(rows[0])
    tiktok = [row for row in rows if row["ApplicationName"] == "TikTok"]
    [key] = {row["ApplicationKey"] for row in tiktok if row["DeviceId"] == tiktok[0]["DeviceId"]}
    narrow = job(graph, "DevicesByAppInv", filter=f"(ApplicationKey eq '{key}')", format="json").body
    values = json.loads(unpacked(graph.send("GET", narrow["url"]).body))["values"]
    assert values == [row for row in rows if row["ApplicationKey"] == key]
    counts = job(graph, "AppInvAggregate", select=["ApplicationKey", "DeviceCount"]).body
    table = dict(list(csv.reader(io.StringIO(unpacked(graph.send("GET", counts["url"]).body)))))
    assert int(table[key]) == len(values)


def test_the_report_store_wants_its_signature_and_no_bearer_token(sim: Simulation, graph: Graph) -> None:
    url = job(graph, "AppInvRawData").body["url"]
    assert graph.get(url).status == 400
    assert "Authorization" in sim.requests()[-1]["headers"]
    assert graph.send("GET", url.replace("sig=", "sig=0")).status == 403
    sim.clock(advance=7 * 3600)
    assert graph.send("GET", url).status == 403


def test_reports_are_asked_for_properly(graph: Graph) -> None:
    assert job(graph, "AppInvRawData", select=[]).status == 400
    assert job(graph, "NoSuchReport").status == 400
    assert job(graph, "AppInvRawData", format="xlsx").status == 400
    assert job(graph, "DevicesByAppInv").body["status"] == "failed"
    assert job(graph, "AppInvRawData", filter="(ApplicationName eq 'TikTok')").body["status"] == "failed"


def defender(graph: Graph, method: str, path: str = "/api/indicators", body: Any = None) -> Answer:
    scope = "https://api.securitycenter.microsoft.com/.default"
    token = graph.new_token(scope=scope)["access_token"]
    return graph.call(method, graph.sim.connection["defender_url"] + path, body, Authorization=f"Bearer {token}")


def test_indicators_are_submitted_or_updated(graph: Graph) -> None:
    first = defender(graph, "POST", body=INDICATOR).body
    second = defender(graph, "POST", body={**INDICATOR, "expirationTime": "2023-09-01T00:00:00Z"}).body
    assert first["id"] == second["id"]
    found = defender(graph, "GET", "/api/indicators?$filter=indicatorValue eq 'tiktok.com' and title eq 'BAN'").body["value"]
    assert [item["expirationTime"] for item in found] == ["2023-09-01T00:00:00Z"]
    graph.sim.clock(now="2023-09-01T00:00:00Z")
    assert defender(graph, "GET").body["value"] == []
    third = defender(graph, "POST", body=INDICATOR).body
    assert defender(graph, "DELETE", f"/api/indicators/{third['id']}").status == 204
    assert defender(graph, "DELETE", f"/api/indicators/{third['id']}").status == 404


def test_an_application_sees_only_its_own_indicators(sim: Simulation, graph: Graph) -> None:
    sim.objects({"indicator": {**INDICATOR, "indicatorValue": "other.example"}})
    assert defender(graph, "GET").body["value"] == []
    assert defender(graph, "POST", body={**INDICATOR, "indicatorValue": "other.example"}).status == 400
    assert graph.get(sim.connection["defender_url"] + "/api/indicators").status == 401


@pytest.mark.parametrize(
    "change",
    [{"indicatorType": "Domain"}, {"action": "Deny"}, {"colour": "red"}, {"title": ""}, {"expirationTime": "2020-01-01T00:00:00Z"}],
)
def test_wrong_indicators_are_refused(graph: Graph, change: dict[str, Any]) -> None:
    assert defender(graph, "POST", body={**INDICATOR, **change}).status == 400


def test_indicators_are_imported_in_bulk_and_have_a_budget(sim: Simulation, graph: Graph) -> None:
    items = [{**INDICATOR, "indicatorValue": "one.example"}, {**INDICATOR, "action": "Deny"}]
    results = defender(graph, "POST", "/api/indicators/import", {"Indicators": items}).body["value"]
    assert [(item["indicator"], item["isFailed"]) for item in results] == [("one.example", False), ("tiktok.com", True)]
    assert defender(graph, "POST", "/api/indicators/import", {"Indicators": items * 251}).status == 400
    sim.objects({"settings": {"defender_per_minute": 1}})
    assert [defender(graph, "GET").status for _unused in range(2)] == [200, 429]
