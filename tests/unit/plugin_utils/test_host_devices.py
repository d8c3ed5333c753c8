# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inventory variables become a device record: only what the policies ask for is read, and what is unknown stays unknown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.policy.asset_index import AssetIndex
from ansible_collections.appban.endpoint.plugins.plugin_utils.host_devices import (
    OWN_MEANING,
    device_of_host,
    hosts_named,
    numbers_as_serials,
    problems_of_hosts,
    serials_that_are_none,
)


class Watched(Mapping[str, Any]):
    """Variables that remember which of them were read."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values_held = dict(values)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return self.values_held[name]

    def __contains__(self, name: object) -> bool:
        return name in self.values_held

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("the variables are listed, so all of them could have been read")

    def __len__(self) -> int:
        return len(self.values_held)


INVENTORY = {
    "ansible_facts": {},
    "group_names": ["laptops", "appban_hosts"],
    "ownership": "corporate",
    "department": "press",
    "paid_use": "full",
    "ansible_become_password": "a secret",
    "home_address": "nobody's business",
}


def test_only_asked_attributes_are_read() -> None:
    variables = Watched(INVENTORY)
    device = device_of_host("pc-1", variables, ["paid_use"], AssetIndex({}))
    assert device == {
        "id": "pc-1",
        "name": "pc-1",
        "platform": "linux",
        "groups": ["appban_hosts", "laptops"],
        "ownership": "corporate",
        "department": "press",
        "paid_use": "full",
    }
    assert not {"ansible_become_password", "home_address"} & variables.read


def test_U1_what_is_unknown_stays_unknown() -> None:
    assert device_of_host("pc-1", {}, ["ownership", "paid_use", "serial"], AssetIndex({})) == {
        "id": "pc-1",
        "name": "pc-1",
        "platform": "linux",
        "groups": [],
    }
    assert device_of_host("pc-1", {"ownership": None}, ["ownership"], AssetIndex({}))["ownership"] is None


@pytest.mark.parametrize("attribute", sorted(OWN_MEANING))
def test_a_variable_of_a_name_with_another_meaning_is_not_taken(attribute: str) -> None:
    plain = device_of_host("pc-1", {}, [attribute], AssetIndex({}))
    named = device_of_host("pc-1", {attribute: "something else"}, [attribute], AssetIndex({}))
    assert named == plain


def test_appban_device_wins_over_variables_and_facts() -> None:
    variables = {
        **INVENTORY,
        "ansible_facts": {"system": "Darwin", "distribution_version": "14.1", "product_serial": "FACT"},
        "appban_device": {"ownership": "personal", "platform": "macos", "user": "jane", "serial": "OWN", "os_version": "15"},
    }
    device = device_of_host("pc-1", variables, ["ownership"], AssetIndex({}))
    assert (device["ownership"], device["user"], device["serial"], device["os_version"]) == ("personal", "jane", "OWN", "15")


@pytest.mark.parametrize(
    ("variables", "serial"),
    [
        ({"appban_serial": "S1", "ansible_facts": {"product_serial": "S2"}}, "S1"),
        ({"ansible_facts": {"product_serial": "S2"}}, "S2"),
        ({"ansible_facts": {"product_serial": "NA"}}, None),
        ({"ansible_facts": {"product_serial": ""}}, None),
        ({"appban_serial": 12345}, "12345"),
        ({}, None),
    ],
)
def test_serial_numbers_come_from_the_inventory_or_the_facts(variables: dict[str, Any], serial: str | None) -> None:
    assert device_of_host("pc-1", variables, [], AssetIndex({})).get("serial") == serial


def test_asset_facts_are_joined_by_serial_number_and_fill_only_gaps() -> None:
    assets = AssetIndex({"S1": {"paid_use": "part", "ownership": "personal", "department": "sales"}, "S2": {"paid_use": "none"}})
    variables = {"appban_serial": "S1", "ownership": "corporate"}
    device = device_of_host("pc-1", variables, ["ownership", "paid_use"], assets)
    assert (device["ownership"], device["department"], device["paid_use"]) == ("corporate", "sales", "part")
    assert "paid_use" not in device_of_host("pc-2", {}, ["paid_use"], assets)


def test_the_record_is_plain_data() -> None:
    class Tagged(str):
        """As ansible-core marks what it has read."""

    device = device_of_host("pc-1", {"ownership": Tagged("corporate"), "bought": date(2023, 3, 1)}, ["bought"], AssetIndex({}))
    assert not isinstance(device["ownership"], Tagged)
    assert device["bought"] == "2023-03-01"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"appban_device": ["corporate"]}, r"appban_device is a list of 1 item, expected a mapping of device attributes \(pc-1\)"),
        ({"ownership": {1: "x"}}, r"pc-1.*ownership.*keys that are text"),
        ({"ownership": float("nan")}, r"ownership.*finite"),
        (
            {"ownership": "Company"},
            r"ownership is 'Company', expected one of corporate, personal, shared \(did you mean corporate\?\) \(pc-1\)",
        ),
        ({"appban_device": {"platform": "mac", "supervised": 3}}, r"platform is 'mac'.*did you mean macos.*; supervised is 3.*\(pc-1\)"),
    ],
)
def test_variables_that_describe_no_device_are_said_with_the_host(variables: dict[str, Any], told: str) -> None:
    with pytest.raises(AppbanError, match=told) as caught:
        device_of_host("pc-1", variables, [], AssetIndex({}))
    assert caught.value.where == "pc-1"


def test_serial_numbers_that_are_numbers_are_told_at_once() -> None:
    hosts = {"a": {"appban_serial": 83}, "b": {"appban_serial": "0083"}, "c": {"appban_device": {"serial": 8.9e19}}, "d": {}}
    assert numbers_as_serials(hosts) == [
        "appban_serial is a number on 2 hosts (a 83, c 8.9e+19): put it in quotes, a number loses its leading zeros"
    ]
    assert numbers_as_serials({"b": hosts["b"]}) == []


def test_one_host_is_one_host() -> None:
    assert numbers_as_serials({"a": {"appban_serial": 83}})[0].startswith("appban_serial is a number on 1 host (a 83): ")
    assert [hosts_named(each) for each in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a and 2 more hosts"]


@pytest.mark.fault_kind("D1", "serial numbers of hosts that are none")
def test_serial_numbers_that_are_none_are_told() -> None:
    of_makers = "a serial number of one device: makers write this into machines that have none"
    hosts: dict[str, dict[str, Any]] = {
        "a": {"appban_serial": "Default string"}, "b": {"appban_device": {"serial": "To be filled by O.E.M."}},
        "c": {"appban_serial": "'0012"},
        "d": {"appban_serial": "PF-00123456"}, "e": {"appban_serial": "NA"}, "f": {"appban_serial": ""}, "g": {},
    }  # fmt: skip
    assert serials_that_are_none(hosts) == [
        "appban_serial is no serial number on 2 hosts (a 'Default string', b 'To be filled by O.E.M.'): expected %s" % of_makers,
        "appban_serial is no serial number on 1 host (c \"'0012\" (perhaps 0012)): expected a serial number without the apostrophe",
    ]


@pytest.mark.fault_kind("D4", "variables of hosts that have the wrong form")
def test_variables_of_hosts_that_have_the_wrong_form_are_told_with_the_hosts() -> None:
    hosts: dict[str, dict[str, Any]] = {"a": {"appban_host_users": {"alice": 1}}, "b": {"appban_host_backends": "apt,dnf"}}
    hosts.update(c={"appban_host_block": True}, d={}, e={"appban_host_block": None})
    managers = "apt, dnf5, dnf4, zypper, pacman, apk, flatpak, snap, homebrew"
    assert problems_of_hosts(hosts) == {
        "appban_host_users is a mapping of 1 key, expected a list of texts": ["a"],
        f"appban_host_backends has 'dnf', expected a list of: {managers} (did you mean dnf5?)": ["b"],
        "appban_host_block is nothing (null), expected one of: true, strong": ["e"],
    }
