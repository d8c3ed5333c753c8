# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was ordered at Google Play and never marked is taken back at the lift, and nothing that somebody else uses or brought in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.run.ledger import Ledger
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.objects import (
    ALL_USERS,
    AppAssignment,
    AppObject,
    Target,
    TenantState,
)
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.resources.store_apps import ordered_packages, play_event
from tests.support.intune.pure_tenant import Run
from tests.support.mdm_samples import device, policy

PACKAGE = "com.banned.android"
APP = AppObject("a:1", "androidManagedStoreApp", "Banned", frozenset({PACKAGE}), None, ())
FOREIGN = replace(APP, assignments=(AppAssignment("x", "available", Target(ALL_USERS)),))
ENDED = replace(policy(), state="lifted")


def deleted(app: AppObject, ordered: frozenset[str]) -> list[str]:
    run = Run([ENDED], [device(1)], TenantState(apps=(app,)))
    planned = run.plan(ordered=ordered)
    return [change.name for change in planned.plan.changes]


@pytest.mark.fault_kind("T6", "Intune: an app that came from Google Play after the run that ordered it had ended")
def test_a_lift_takes_back_what_was_ordered_and_not_marked() -> None:
    ordered = frozenset({PACKAGE})
    assert deleted(APP, ordered) == ["Banned (com.banned.android)"]
    assert deleted(APP, frozenset()) == []
    assert deleted(APP, frozenset({"com.banned.lite"})) == []
    assert deleted(FOREIGN, ordered) == []
    assert deleted(replace(APP, odata_type="iosStoreApp"), ordered) == []


def test_the_ledger_says_what_is_ordered_until_it_is_marked_or_deleted(tmp_path: Path) -> None:
    at = "2023-03-20T09:00:00Z"
    assert ordered_packages(Ledger("")) == frozenset()
    for content, expected in (("ordered", {PACKAGE}), ("marked", set()), ("ordered", {PACKAGE}), ("deleted", set())):
        Ledger.open(str(tmp_path), "intune", writable=True).write(at, [play_event(PACKAGE, content)])
        assert ordered_packages(Ledger.open(str(tmp_path), "intune", writable=True)) == expected


def test_an_app_that_two_controls_ask_for_is_ordered_once() -> None:
    # Two policies with other devices each, so two controls, and the tenant has the app for neither of them.
    owners = ("corporate", "personal")
    android = [device(number, platform="android", enrollment="fully_managed", ownership=owner) for number, owner in enumerate(owners)]
    rules = [[{"name": "Theirs", "when": {"ownership": owner}, "actions": ["remove"]}] for owner in owners]
    run = Run([policy(f"city-{number}", rules=each) for number, each in enumerate(rules)], android, TenantState())
    orders = [change.step for change in run.plan().plan.changes if change.step is not None and change.step.verb.__name__ == "add_play_app"]
    assert len({step.args[0] for step in orders}) == len(orders) > 1
    shops = [step.verb.__self__ for step in orders]
    assert all(sorted(shop.packages) == sorted({step.args[0] for step in orders}) for shop in shops)
