# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers in trouble, lost answers, runs that are killed, options that can't work: nothing is sent twice, and the next run converges."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm import target
from tests.support.mdm_samples import app, policy
from tests.support.nanomdm.api_client import NanoApi
from tests.support.nanomdm.fake_device import FakeDevice
from tests.support.nanomdm.nano_run import BANNED, OTHER, PREFIX, Ban, lifted
from tests.support.nanomdm.servers import NanoServers

SET = f"{PREFIX}.city-Apps"
BLOCK = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}
BOTH = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["remove", "block"]}


class Killed(BaseException):
    """The process is gone."""


def phones(nano: NanoServers, *versions: str) -> list[FakeDevice]:
    return [nano.device(os_version=version, apps=[BANNED, OTHER]) for version in versions]


@pytest.mark.parametrize("kind", ["502_after_effect", "timeout_after_effect", "html", "drop"])
@pytest.mark.parametrize("path", ["/v1/declarations", "/v1/set-declarations", "/v1/enrollment-sets", "/v1/notify"])
def test_a_write_whose_answer_is_lost_is_not_sent_again_and_the_next_run_does_what_is_left(
    nano: NanoServers, tmp_path: Path, kind: str, path: str
) -> None:
    device = phones(nano, "27.0")[0]
    ban = Ban(nano, tmp_path, [device], inventory="never")
    city = policy(rules=[BLOCK])
    method = "POST" if path == "/v1/notify" else "PUT"
    nano.kmfddm.faults([{"match": {"method": method, "path": path}, "nth": 1, "kind": kind}])
    landed = kind.endswith("_after_effect")
    run = ban.run(city, expect_failure=path != "/v1/notify" and not landed)
    if path == "/v1/notify":
        assert run.values["warnings_of_servers"]
    writes = [(each["method"], each["url"], str(each["body"])) for each in run.exchanges if each["method"] != "GET"]
    assert len(writes) == len(set(writes))
    nano.kmfddm.faults([])
    ban.run(city)
    assert ban.run(city).writes() == []
    ban.connect()
    assert not device.can_open(BANNED.identifier)
    ban.run(city)
    assert ban.run(city).writes() == []


def test_devices_that_could_not_be_woken_up_for_another_list_are_woken_up_by_the_next_run(nano: NanoServers, tmp_path: Path) -> None:
    device = phones(nano, "27.0")[0]
    ban = Ban(nano, tmp_path, [device], inventory="never")
    ban.converge(policy(rules=[BLOCK], apps=[app("wechat")]))
    ban.connect()
    both = policy(rules=[BLOCK], apps=[app("wechat"), app()])
    nano.kmfddm.faults([{"match": {"method": "POST", "path": "/v1/notify"}, "nth": 1, "kind": "drop"}])
    assert ban.run(both).values["warnings_of_servers"]
    ban.connect()
    assert device.can_open(BANNED.identifier)
    assert ban.converge(both).writes() == ["POST /v1/notify"]
    ban.connect()
    assert not device.can_open(BANNED.identifier)


@pytest.mark.parametrize("kind", ["502_after_effect", "timeout_after_effect", "html", "drop"])
def test_a_command_whose_answer_is_lost_reaches_each_device_once(nano: NanoServers, tmp_path: Path, kind: str) -> None:
    devices = phones(nano, "26.1", "26.1")
    ban = Ban(nano, tmp_path, devices, inventory="never")
    nano.nanomdm.faults([{"match": {"method": "PUT", "path": "/v1/enqueue"}, "nth": 1, "kind": kind}])
    ban.run(policy(rules=[BLOCK]))
    assert ban.run(policy(rules=[BLOCK])).writes() == []
    ban.connect()
    assert [[done[0] for done in device.done] for device in devices] == [["InstallProfile"], ["InstallProfile"]]


@pytest.mark.long
def test_a_run_that_is_killed_after_any_step_is_finished_by_the_next(
    nano: NanoServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry_out = target.carry_out
    city, more = policy(rules=[BOTH]), policy(rules=[BOTH], apps=[app(), app("wechat")])
    for life, steps in enumerate(((city,), (more,), lifted(more))):
        for survived in range(6):
            devices = phones(nano, "27.0", "26.1")
            ban = Ban(nano, tmp_path / f"{life}-{survived}", devices, name_prefix=f"org.example.l{life}s{survived}")
            if life:
                ban.run(city)
                ban.connect()
                ban.skip(minutes=1)
            left = iter(range(survived))

            def until_killed(change: Any, left: Iterator[int] = left) -> Any:
                if next(left, None) is None:
                    raise Killed
                return carry_out(change)

            with monkeypatch.context() as patched:
                patched.setattr(target, "carry_out", until_killed)
                try:
                    ban.run(*steps)
                except Killed:
                    pass
            ban.run(*steps)
            assert ban.run(*steps).writes() == []
            ban.connect()
            blocks = steps[0].state == "enforced"
            assert [device.can_open(BANNED.identifier) for device in devices] == [not blocks] * 2, (life, survived)
            # No device is told the same thing twice.
            uuids = [uuid for device in devices for _kind, uuid, _status in device.done if _kind != "DeclarativeManagement"]
            assert len({(device.id, uuid) for device in devices for _kind, uuid, _status in device.done}) == sum(
                len(device.done) for device in devices
            ), uuids


def test_a_declaration_that_somebody_uses_elsewhere_stays_and_the_lift_says_so(nano: NanoServers, tmp_path: Path) -> None:
    api = NanoApi(nano)
    device = phones(nano, "27.0")[0]
    ban = Ban(nano, tmp_path, [device], inventory="never")
    city = policy(rules=[BLOCK])
    ban.converge(city)
    api.assign("somebody-elses", [f"{SET}.cfg"], [])
    failed = ban.run(*lifted(city), expect_failure=True)
    assert "Somebody has put the declaration into a set of their own" in failed.message
    ban.connect()
    assert device.can_open(BANNED.identifier), "the device is let go all the same"
    api.kmfddm("DELETE", f"/set-declarations/somebody-elses?declaration={SET}.cfg")
    ban.run(*lifted(city))
    assert ban.run(*lifted(city)).writes() == []
    assert not api.kmfddm("GET", "/declarations").json()


def test_an_enrolment_that_the_server_does_not_know_is_told_and_hinders_nobody(nano_pgsql: NanoServers, tmp_path: Path) -> None:
    known, unknown = phones(nano_pgsql, "26.1", "26.1")
    ban = Ban(nano_pgsql, tmp_path, [known], inventory="never")
    ban.devices.append(unknown)
    run = ban.run(policy(rules=[BLOCK]))
    assert [warning for warning in run.values["warnings_of_servers"] if unknown.id in warning]
    ban.connect()
    assert not known.can_open(BANNED.identifier)


def test_a_key_that_is_wrong_is_told_without_telling_it(nano: NanoServers, tmp_path: Path) -> None:
    ban = Ban(nano, tmp_path, phones(nano, "27.0"), inventory="never")
    wrong = ban.run(policy(rules=[BLOCK]), expect_failure=True, kmfddm_api_key="not-the-key-of-anybody")
    assert "401" in wrong.message
    assert "not-the-key-of-anybody" not in str(wrong.values)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"enrollments": None}, "one of enrollments, enrollments_file, enrollments_sql"),
        ({"kmfddm_api_key": None}, "kmfddm_url and kmfddm_api_key go together"),
        ({"profile_dir": "/tmp"}, "profile_dir and profile_url go together"),
        ({"name_prefix": "a..b"}, "the prefix of declarations"),
        ({"name_prefix": "a" * 62}, "name_prefix"),
        ({"inventory_every": 0.0}, "inventory_every"),
        ({"webhook_log": "/nowhere/webhook.jsonl"}, "The webhook log can't be read"),
        ({"enrollments": [{"id": "A", "plattform": "ios"}]}, "plattform"),
        ({"enrollments": [{"id": "A", "ownership": "corporat"}, {"serial": "x"}]}, "[1].id"),
        ({"enrollments": None, "enrollments_file": "/nowhere/list.csv"}, "/nowhere/list.csv"),
        ({"enrollments": None, "enrollments_file": __file__}, "expected"),
    ],
)
def test_options_that_can_not_work_are_told_and_nothing_is_written(
    nano: NanoServers, tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    ban = Ban(nano, tmp_path, phones(nano, "27.0"), inventory="never")
    stopped = ban.run(policy(rules=[BLOCK]), expect_failure=True, **options)
    assert words in stopped.message
    assert "defect" not in stopped.message
    assert stopped.writes() == []


def test_a_log_that_was_begun_anew_repeats_nothing_and_keeps_nothing_on_a_device(nano: NanoServers, tmp_path: Path) -> None:
    devices = phones(nano, "27.0", "26.1")
    ban = Ban(nano, tmp_path, devices)
    city = policy(rules=[BLOCK])
    ban.converge(city)
    ban.connect()
    ban.skip(hours=1)
    ban.rotate_log()
    assert ban.run(city).writes() == []
    ban.skip(days=8)
    # The answer was in the log that is gone.
    assert [change for change in ban.run(city).changes() if "question" not in change] == []
    ban.connect()
    ban.run(*lifted(city))
    ban.connect()
    assert [device.can_open(BANNED.identifier) for device in devices] == [True, True]


def test_a_log_that_is_given_later_keeps_nothing_on_a_device(nano: NanoServers, tmp_path: Path) -> None:
    devices = phones(nano, "27.0", "26.1")
    ban = Ban(nano, tmp_path, devices)
    city = policy(rules=[BLOCK])
    ban.converge(city, webhook_log=None)
    ban.connect()
    ban.run(*lifted(city))
    ban.connect()
    assert [device.can_open(BANNED.identifier) for device in devices] == [True, True]
