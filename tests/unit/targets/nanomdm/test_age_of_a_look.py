# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of an app is as old as the answer that it rests on, whenever the device was last in contact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.objects import Enrollment
from tests.support.mdm_samples import app, policy
from tests.support.nanomdm.nano_run import BANNED, Ban
from tests.support.nanomdm.servers import NanoServers
from tests.support.nanomdm.target_of_a_log import check_in, list_of_apps, looked, target_of

pytestmark = pytest.mark.fault_kind("T8d", "seen_at of NanoMDM's devices, and how old it may be")
AUDIT_RULES = [{"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["audit"]}]
AUDIT = policy(rules=AUDIT_RULES)
ASSETS: Any = {"S1": {"ownership": "corporate"}}
APPS = ("com.banned.app", "com.banned.doubtful")
PHONE = Enrollment("A", serial="S1", platform="ios", os_version="26.1", supervised=True, enrollment="device")
OLD, NEW = "2023-03-01T08:00:00Z", "2023-03-20T08:00:00Z"


def test_a_device_that_puts_the_question_off_gets_older_although_it_is_in_contact_daily(nano: NanoServers, tmp_path: Path) -> None:
    phone = nano.device(os_version="27.0", apps=[])
    ban = Ban(nano, tmp_path, [phone])
    block = policy(rules=[{"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}])
    ban.run(block)
    ban.connect()
    first = ban.run(block, evidence="all")
    assert first.outcomes() == {phone.id: ("compliant", "")}
    seen_at = first.row(phone.id, "banned")["seen_at"]
    # Its user installs the app, and the device does not answer any more.
    phone.install_app(BANNED)
    phone.lock({"InstalledApplicationList"})
    ban.skip(days=29)
    ban.run(block)
    ban.connect()
    told = ban.run(block, evidence="all")
    assert told.row(phone.id, "banned")["seen_at"] == seen_at
    ban.skip(days=2)
    ban.connect()
    assert ban.run(block).outcomes() == {phone.id: ("stale", "old_inventory")}


def test_an_app_that_is_found_was_seen_when_the_device_told_of_it(nano: NanoServers, tmp_path: Path) -> None:
    phone = nano.device(os_version="27.0", apps=[BANNED])
    ban = Ban(nano, tmp_path, [phone])
    ban.run(AUDIT)
    ban.connect()
    first = ban.run(AUDIT).row(phone.id, "banned")["seen_at"]
    ban.skip(days=3)
    phone.update_token()
    phone.wire.hang_up()
    assert ban.run(AUDIT).row(phone.id, "banned")["seen_at"] == first


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([list_of_apps(APPS, [], OLD), check_in("TokenUpdate", NEW)], OLD),
        ([list_of_apps(APPS, [{"Identifier": "com.banned.app"}], OLD), check_in("TokenUpdate", NEW)], OLD),
        ([list_of_apps(APPS, [], OLD), list_of_apps(APPS, [], NEW)], NEW),
        ([check_in("TokenUpdate", NEW)], ""),
        ([list_of_apps(APPS, [], OLD), check_in("Authenticate", NEW)], ""),
        # Somebody else's list shows one of them: the other one was seen when we last asked.
        ([list_of_apps(APPS, [], OLD), list_of_apps(("com.x",), [{"Identifier": "com.banned.app"}], NEW)], OLD),
    ],
)
def test_the_look_at_a_device_is_as_old_as_the_oldest_word_that_counts(tmp_path: Path, lines: list[str], expected: str) -> None:
    target = target_of(tmp_path, AUDIT, lines, [PHONE], assets=ASSETS)
    (member,) = looked(target, AUDIT)
    assert member.device.inventory_at == expected
    assert member.device.synced_at == (NEW if NEW in lines[-1] else OLD)


def test_an_app_that_was_added_to_the_ban_does_not_make_the_look_at_others_newer(tmp_path: Path) -> None:
    more = policy(rules=AUDIT_RULES, apps=[app(), app("wechat")])
    target = target_of(tmp_path, more, [list_of_apps(APPS, [], OLD), check_in("TokenUpdate", NEW)], [PHONE], assets=ASSETS)
    # The list was asked for with another question, so what it does not show proves nothing about these.
    assert looked(target, more)[0].device.inventory_at == ""


def test_a_device_of_which_the_list_has_forgotten_a_fact_was_not_looked_at_in_its_last_contact(nano: NanoServers, tmp_path: Path) -> None:
    phone = nano.device(os_version="27.0", apps=[])
    ban = Ban(nano, tmp_path, [phone])
    block = policy(rules=[{"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}])
    ban.run(block)
    ban.connect()
    seen_at = ban.run(block).row(phone.id, "banned")["seen_at"]
    ban.skip(days=3)
    phone.update_token()
    phone.wire.hang_up()
    nano.webhook.wait_for(lambda events: events[-1]["topic"] == "mdm.TokenUpdate")
    enrolments = [{name: value for name, value in ban.row(phone).items() if name != "ownership"}]
    forgotten = ban.run(block, enrollments=enrolments).row(phone.id, "banned")
    assert (forgotten["outcome"], forgotten["seen_at"]) == ("compliant", seen_at)
