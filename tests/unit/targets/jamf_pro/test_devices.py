# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a row of the inventory says of a device in the collection's words, and what it never says by guessing."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.devices import device_of, instant_of
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro.objects import COMPUTER, MOBILE, InventoryRow
from tests.support.jamf_pro.pure_server import device


@pytest.mark.parametrize(
    ("row", "record"),
    [
        ({}, {"platform": "ios", "ownership": "corporate", "enrollment": "device"}),
        ({"supervised": False}, {"ownership": "corporate"}),
        ({"supervised": False, "ownership": ""}, {"ownership": None}),
        ({"supervised": None, "ownership": "AccountDrivenDeviceEnrollment"}, {"ownership": None, "enrollment": "device"}),
        ({"ownership": "PersonalDeviceProfile", "supervised": False}, {"ownership": "personal", "enrollment": "device"}),
        ({"ownership": "UserEnrollment", "supervised": False}, {"ownership": "personal", "enrollment": "user"}),
        ({"ownership": "AccountDrivenUserEnrollment", "supervised": False}, {"ownership": "personal", "enrollment": "user"}),
        ({"managed": False}, {"enrollment": "none", "work_apps": False}),
        ({"managed": None}, {"enrollment": None, "work_apps": None}),
        ({"model": "iPad Pro (12.9-inch)"}, {"platform": "ipados"}),
        ({"model": "iPod touch"}, {"platform": "ios"}),
        ({"model": "", "device_type": "tvOS"}, {"platform": "tvos"}),
        ({"model": "", "device_type": "watchOS"}, {"platform": None}),
        ({"serial": "", "user": ""}, {"serial": None, "user": None}),
    ],
)
def test_attributes_of_a_mobile_device(row: dict[str, Any], record: dict[str, Any]) -> None:
    found = device(**row).record
    assert {name: found[name] for name in record} == record


def test_mobile_devices_and_computers_of_one_number_are_two() -> None:
    assert (device(7).id, device(7, "macos").id) == ("mobile:7", "computer:7")


@pytest.mark.parametrize(
    ("row", "native"),
    [
        ({}, "ios"),
        ({"supervised": False}, None),
        ({"supervised": None}, None),
        ({"managed": False}, None),
        # A smart group goes by the model, so it would miss a device whose model says nothing.
        ({"model": "", "device_type": "iOS"}, None),
        ({"platform": "macos", "supervised": False}, "macos"),
        # As long as nobody says that it left, it stays where it is.
        ({"platform": "macos", "managed": None}, "macos"),
        ({"platform": "macos", "managed": False}, None),
    ],
)
def test_what_a_native_scope_reaches(row: dict[str, Any], native: str | None) -> None:
    assert device(1, **row).native_ownership == native


def test_what_has_left_can_not_be_named_in_a_scope() -> None:
    assert [device(3, managed=managed).directory_id for managed in (True, False, None)] == ["3", "", "3"]


@pytest.mark.parametrize(
    ("inventory", "contact", "instants"),
    [
        ("2023-03-19T08:00:00Z", "2023-03-20T08:00:00Z", ("2023-03-19T08:00:00Z", "2023-03-20T08:00:00Z")),
        ("2023-03-20T08:00:00Z", "", ("2023-03-20T08:00:00Z", "2023-03-20T08:00:00Z")),
        ("2023-03-20T08:00:00Z", "2023-03-19T08:00:00Z", ("2023-03-20T08:00:00Z", "2023-03-20T08:00:00Z")),
    ],
)
def test_the_contact_of_a_mac_is_no_inventory(inventory: str, contact: str, instants: tuple[str, str]) -> None:
    found = device(1, "macos", last_inventory=inventory, last_contact=contact)
    assert (found.inventory_at, found.synced_at) == instants


@pytest.mark.parametrize("managed", [True, False, None])
def test_a_mac_is_the_organisations_as_long_as_it_manages_it(managed: bool | None) -> None:
    assert device(1, "macos", managed=managed).record["ownership"] == ("corporate" if managed else None)


def test_a_record_that_the_server_cannot_read_is_a_device_of_which_nothing_is_known() -> None:
    found = [device_of(InventoryRow(family, unreadable=True), place=place) for place, family in enumerate((MOBILE, COMPUTER))]
    assert [each.id for each in found] == ["mobile:unreadable-0", "computer:unreadable-1"]
    assert {each.record["ownership"] for each in found} == {None}
    assert {each.directory_id for each in found} == {""}


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2023-03-20T08:00:00.123Z", "2023-03-20T08:00:00Z"),
        ("2023-03-20T09:00:00+01:00", "2023-03-20T08:00:00Z"),
        ("", ""),
        ("yesterday", ""),
    ],
)
def test_instants_are_of_one_form(text: str, instant: str) -> None:
    assert instant_of(text) == instant
