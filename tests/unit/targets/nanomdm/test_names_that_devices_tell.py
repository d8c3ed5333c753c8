# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bundle ids in devices' answers are compared without marks that nobody sees, and a row that can't be read proves no absence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm.objects import Enrollment
from tests.support.mdm_samples import policy
from tests.support.nanomdm.target_of_a_log import list_of_apps, looked, target_of

pytestmark = pytest.mark.fault_kind("T3", "bundle ids in lists of apps")
AUDIT = policy(rules=[{"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["audit"]}])
APPS = ("com.banned.app", "com.banned.doubtful")
PHONE = Enrollment("A", serial="S1", platform="ios", os_version="26.1", supervised=True, enrollment="device", ownership="corporate")
DAY = "2023-03-20T08:00:00Z"


@pytest.mark.parametrize(
    "told",
    [
        "com.banned.app", "com.banned.app\u200e", "\ufeffcom.banned.app", "Com.Banned.App", "com.banned.ap\uff50", "com.ban\u00adned.app",
        " com.banned.app ",
    ],
)  # fmt: skip
def test_an_app_is_found_whatever_marks_its_id_carries(tmp_path: Path, told: str) -> None:
    target = target_of(tmp_path, AUDIT, [list_of_apps(APPS, [{"Identifier": told, "Name": "x"}], DAY)], [PHONE])
    looked(target, AUDIT)
    (found,) = target.found[("A", "banned")]  # type: ignore[attr-defined]
    assert found["confidence"] == "actionable"
    assert target.doubted("A", "banned") == ""


@pytest.mark.parametrize(
    "row", [{"Name": "x"}, {"Identifier": "", "Name": "x"}, {"Identifier": "\u200e"}, {"Identifier": 7}, "com.banned.app", {}]
)
def test_a_row_that_cannot_be_read_makes_the_list_no_proof_of_absence(tmp_path: Path, row: Any) -> None:
    target = target_of(tmp_path, AUDIT, [list_of_apps(APPS, [row], DAY)], [PHONE])
    looked(target, AUDIT)
    assert target.found == {}  # type: ignore[attr-defined]
    assert target.doubted("A", "banned") == "source_unreadable"


def test_a_later_list_that_can_be_read_makes_up_for_it_and_an_earlier_one_does_not(tmp_path: Path) -> None:
    readable = list_of_apps(APPS, [], DAY)
    for at, expected in (("2023-03-20T07:00:00Z", ""), ("2023-03-20T08:30:00Z", "source_unreadable")):
        target = target_of(tmp_path, AUDIT, [readable, list_of_apps(APPS, [{"Name": "x"}], at)], [PHONE])
        looked(target, AUDIT)
        assert target.doubted("A", "banned") == expected


def test_a_list_of_programs_that_nobody_asked_for_says_nothing_against_our_answer(tmp_path: Path) -> None:
    foreign = list_of_apps(["com.other"], [{"Name": "a program without an id"}], "2023-03-20T08:30:00Z")
    target = target_of(tmp_path, AUDIT, [list_of_apps(APPS, [], DAY), foreign], [PHONE])
    looked(target, AUDIT)
    assert target.doubted("A", "banned") == ""
