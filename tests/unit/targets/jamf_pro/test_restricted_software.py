# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restricted software: every field kept, every exclusion of somebody else's gone after a write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import ChangeFailed
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.http_errors import RequestFailed
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.api.restricted_software import (
    RestrictedSoftwareRecords,
    differences,
)
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.objects import RestrictedSoftware, Scope
from tests.support.jamf_pro.server_and_client import Tenant, tenant

PATH = "restrictedsoftware"


@pytest.fixture
def server() -> Iterator[Tenant]:
    with tenant() as one:
        yield one


@pytest.fixture
def records(server: Tenant) -> RestrictedSoftwareRecords:
    return RestrictedSoftwareRecords(server.jamf)


def record(**more: Any) -> RestrictedSoftware:
    fields: dict[str, Any] = {
        "id": 0,
        "name": "[ansible] TikTok & co",
        "process_name": "TikTok.app",
        "exact": True,
        "notify": False,
        "kill": True,
        "delete": False,
        "message": "Not on this Mac: <see> the intranet",
        "scope": Scope(everything=True, excluded_devices=frozenset({1})),
    }
    return RestrictedSoftware(**{**fields, **more})


def test_a_record_is_made_changed_and_deleted(server: Tenant, records: RestrictedSoftwareRecords) -> None:
    made = records.create(record())
    assert records.read(made.id) == made
    assert differences(record(), made) == []
    wanted = record(id=made.id, kill=False, notify=True, delete=True, exact=False, message="", scope=Scope())
    assert records.update(wanted) == wanted
    records.delete(made.id, made.name)
    records.delete(made.id, made.name)
    assert (records.read(made.id), records.list_all()) == (None, [])


def test_every_field_that_differs_is_named(records: RestrictedSoftwareRecords) -> None:
    made = records.create(record())
    other = record(process_name="X", exact=False, notify=True, kill=False, delete=True, message="m", scope=Scope())
    assert differences(other, made) == [
        "process_name is 'TikTok.app'",
        "display_message is 'Not on this Mac: <see> the intranet'",
        "match_exact_process_name is on",
        "send_notification is off",
        "kill_process is on",
        "delete_executable is off",
        "the scope is everything",
        "the scope's excluded devices are with 1 besides",
    ]


def test_an_exclusion_of_somebody_else_is_seen_and_goes_with_the_next_write(server: Tenant, records: RestrictedSoftwareRecords) -> None:
    made = records.create(record())
    exclusions = (
        "<users><user><name>boss</name></user></users><buildings><building><name>City Hall</name></building></buildings>"
        "<computers><computer><id>2</id></computer></computers>"
    )
    xml = "<restricted_software><scope><exclusions>%s</exclusions></scope></restricted_software>" % exclusions
    server.sim.objects({"patch": {"path": PATH, "id": made.id, "xml": xml}})
    found = records.read(made.id)
    assert found is not None
    assert found.scope.foreign == ("exclusions.buildings: City Hall", "exclusions.users: boss")
    assert found.scope.excluded_devices == {2}
    assert records.update(record(id=made.id)).scope == record().scope


def test_a_change_that_somebody_undoes_at_once_is_an_error(server: Tenant, records: RestrictedSoftwareRecords) -> None:
    made = records.create(record())
    server.sim.faults([{"match": {"method": "PUT"}, "nth": 1, "kind": "timeout_after_effect"}])
    assert records.update(record(id=made.id, message="new")).message == "new"
    server.sim.faults([{"match": {"method": "PUT"}, "nth": 1, "kind": "504"}])
    with pytest.raises(ChangeFailed, match="display_message is 'new'"):
        records.update(record(id=made.id, message="newer"))
    assert len(server.sent("PUT")) == 2


def test_a_required_field_is_named_by_the_servers_sentence(records: RestrictedSoftwareRecords) -> None:
    with pytest.raises(RequestFailed, match="Problem with process_name"):
        records.create(record(process_name=""))


def test_a_throttled_write_was_not_executed_and_is_sent_again(server: Tenant, records: RestrictedSoftwareRecords) -> None:
    server.sim.faults([{"match": {"method": "POST", "path": PATH}, "nth": 1, "kind": "429", "retry_after": 3}])
    assert records.create(record()).id == 1
    assert server.clock.naps == [3]


def test_a_list_that_is_half_a_list_is_an_error(server: Tenant, records: RestrictedSoftwareRecords) -> None:
    records.create(record())
    server.sim.faults([{"match": {"method": "GET", "path": PATH + "$"}, "nth": 1, "kind": "bad_json"}])
    with pytest.raises(RequestFailed, match="not XML"):
        records.list_all()
