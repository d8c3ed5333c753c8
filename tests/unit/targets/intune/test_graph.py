# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of Graph: versions, pages, permissions."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError, WriteInCheckMode
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import RequestFailed, UncertainWrite
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.retry import RetryPolicy
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.api.odata import literal, segment
from tests.support.intune.app import make_token, tenant
from tests.support.loopback import Answer, Seen

READ = "DeviceManagementManagedDevices.Read.All"
WRITE = "DeviceManagementApps.ReadWrite.All"


def page(items: list[Any], link: str | None = None) -> Answer:
    return Answer(200, {"value": [{"id": each} for each in items], **({"@odata.nextLink": link} if link else {})})


def linked(items: list[Any], path: str) -> Any:
    """A page with a link to the same server."""
    return lambda seen: page(items, "http://%s%s" % (seen.headers["host"], path))


def test_a_document_is_read_with_a_token() -> None:
    with tenant(Answer(200, {"id": "1"})) as t:
        params = {"$filter": "displayName eq %s" % literal("O'Brien & co")}
        assert t.graph.get("beta", "/deviceManagement/x", params, what="read x", permission=READ) == {"id": "1"}
        (seen,) = t.api
        assert seen.target == "/graph/beta/deviceManagement/x?$filter=displayName%20eq%20%27O%27%27Brien%20%26%20co%27"
        assert seen.headers["authorization"] == "Bearer " + make_token(1, roles=[])
        assert t.rig.counts == {"reads": 1, "writes": 0, "retries": 0}


def test_values_are_written_into_paths() -> None:
    assert literal("it's") == "'it''s'"
    assert segment("a/b c'd") == "a%2Fb%20c%27d"


def test_what_may_be_missing_is_none() -> None:
    with tenant(Answer(404, {"error": {"code": "NotFound"}}), Answer(200, {"id": "1"}), Answer(403)) as t:
        assert t.graph.find("v1.0", "groups/1", what="read the group", permission="Group.Read.All") is None
        assert t.graph.find("v1.0", "groups/1", what="read the group", permission="Group.Read.All") == {"id": "1"}
        with pytest.raises(RequestFailed):
            t.graph.find("v1.0", "groups/1", what="read the group", permission="Group.Read.All")


def test_a_list_is_followed_page_by_page() -> None:
    second = "/graph/v1.0/deviceManagement/managedDevices?$skiptoken=a%20b'c&x=%2B"
    with tenant(linked([1, 2], second), linked([], "/graph/v1.0/third"), page([3])) as t:
        items = t.graph.pages("v1.0", "deviceManagement/managedDevices", {"$top": 2}, what="list the devices", permission=READ)
        assert next(items) == {"id": 1}
        assert len(t.api) == 1
        assert list(items) == [{"id": 2}, {"id": 3}]
        # The link is opaque: it goes back as it came.
        assert [seen.target for seen in t.api][1:] == [second, "/graph/v1.0/third"]
        assert t.rig.connection.counters.pages == 3
        assert t.rig.counts == {"reads": 3, "writes": 0, "retries": 0}


def test_a_second_page_that_fails_is_no_end_of_the_list() -> None:
    with tenant(linked([1], "/graph/v1.0/second"), Answer(503), retry=RetryPolicy(attempts=2)) as t:
        items = t.graph.pages("v1.0", "x", what="list the devices", permission=READ)
        assert next(items) == {"id": 1}
        with pytest.raises(RequestFailed, match="Failed to list the devices: HTTP 503"):
            next(items)
    with tenant(linked([1], "/graph/v1.0/second"), Answer(503), page([2])) as t:
        assert list(t.graph.pages("v1.0", "x", what="list the devices", permission=READ)) == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize("link", ["https://evil.example/v1.0/x", "http://127.0.0.1:1/graph/v1.0/x", "/graph/v1.0/x"])
def test_a_next_link_elsewhere_is_refused_before_the_page_is_used(link: str) -> None:
    with tenant(page([1], link)) as t:
        with pytest.raises(AppbanError):
            next(t.graph.pages("v1.0", "x", what="list the devices", permission=READ))
        assert len(t.api) == 1


def test_a_next_link_that_came_before_is_refused() -> None:
    with tenant(linked([1], "/graph/v1.0/second"), linked([2], "/graph/v1.0/second")) as t:
        with pytest.raises(AppbanError, match="leads back"):
            list(t.graph.pages("v1.0", "x", what="list the devices", permission=READ))
        assert len(t.api) == 2


@pytest.mark.parametrize("body", [{}, [], {"value": None}, {"value": {"a": 1}}, {"value": [], "@odata.nextLink": 7}, None])
def test_an_answer_without_a_list_is_no_empty_list(body: Any) -> None:
    with tenant(Answer(200, body)) as t, pytest.raises(RequestFailed, match=r"Failed to list the devices: the (answer|link) "):
        list(t.graph.pages("v1.0", "x", what="list the devices", permission=READ))


def test_writes_go_out_with_their_verbs() -> None:
    with tenant(Answer(201, {"id": "1"}), Answer(200, {}), Answer(204), Answer(204), Answer(204)) as t:
        made = t.graph.post("beta", "deviceAppManagement/mobileApps", {"a": 1}, what="make the app", permission=WRITE)
        assert made == {"id": "1"}
        t.graph.put("beta", "x/1", {"a": 1}, what="replace x", permission=WRITE)
        assert t.graph.patch("beta", "x/1", {"a": 1}, what="change x", permission=WRITE) is None
        t.graph.delete("beta", "x/1", what="delete x", permission=WRITE)
        t.graph.post("beta", "x/1/assign", {"assignments": []}, what="assign x", permission=WRITE, repeatable=True)
        assert [seen.method for seen in t.api] == ["POST", "PUT", "PATCH", "DELETE", "POST"]
        assert t.rig.counts == {"reads": 0, "writes": 5, "retries": 0}


def test_a_create_without_an_answer_is_uncertain() -> None:
    with tenant(Answer(drop=True)) as t, pytest.raises(UncertainWrite, match="Failed to make the app"):
        t.graph.post("beta", "x", {}, what="make the app", permission=WRITE)


def test_check_mode_reads_and_writes_nothing() -> None:
    with tenant(page([1]), check_mode=True) as t:
        assert list(t.graph.pages("v1.0", "x", what="list x", permission=READ)) == [{"id": 1}]
        for call in (t.graph.post, t.graph.put, t.graph.patch):
            with pytest.raises(WriteInCheckMode):
                call("beta", "x", {}, what="write x", permission=WRITE)
        with pytest.raises(WriteInCheckMode):
            t.graph.delete("beta", "x", what="delete x", permission=WRITE)
        with pytest.raises(WriteInCheckMode):
            t.graph.ask("beta", "deviceManagement/reports/exportJobs", {}, what="export", permission=READ)
        assert [seen.method for seen in t.api] == ["GET"]
        assert t.graph.permissions_used() == [READ]


def test_a_refused_token_is_renewed_once() -> None:
    with tenant(Answer(401), Answer(200, {"id": "1"})) as t:
        t.graph.get("v1.0", "x", what="read x", permission=READ)
        assert [seen.headers["authorization"] for seen in t.api] == [f"Bearer {make_token(number, roles=[])}" for number in (1, 2)]
        assert t.rig.connection.counters.tokens == 2
    with tenant(Answer(401)) as t:
        with pytest.raises(RequestFailed, match="HTTP 401"):
            t.graph.get("v1.0", "x", what="read x", permission=READ)
        assert len(t.api) == 2


def test_a_permission_that_is_missing_is_named() -> None:
    body = {"error": {"code": "Forbidden", "message": "Application is not authorized"}}
    with tenant(Answer(403, body)) as t:
        with pytest.raises(RequestFailed) as caught:
            t.graph.post("beta", "x", {}, what="make the app", permission=WRITE)
        assert f"the application permission {WRITE} in Entra" in caught.value.next_step
        assert t.graph.permissions_used() == []


def test_permissions_that_were_used_are_known() -> None:
    with tenant(Answer(200, {"value": []})) as t:
        t.graph.get("v1.0", "x", what="read x", permission="B.Read.All")
        list(t.graph.pages("v1.0", "x", what="list x", permission="A.Read.All"))
        t.graph.post("v1.0", "x", {}, what="make x", permission="B.Read.All")
        assert t.graph.permissions_used() == ["A.Read.All", "B.Read.All"]


def test_the_preflight_sees_the_roles_of_the_token() -> None:
    with tenant(roles=(READ,)) as t:
        assert t.graph.credentials.missing_permissions([READ, WRITE]) == [WRITE]


def test_a_token_in_an_error_is_scrubbed() -> None:
    def tell(seen: Seen) -> Answer:
        return Answer(400, {"error": {"code": "x", "message": "you sent " + seen.headers["authorization"]}})

    with tenant(tell) as t, pytest.raises(RequestFailed) as caught:
        t.graph.get("v1.0", "x", what="read x", permission=READ)
    assert make_token(1, roles=[]) not in f"{caught.value} {caught.value!r} {t.graph!r} {t.credentials!r}"
    assert "you sent" in str(caught.value)
