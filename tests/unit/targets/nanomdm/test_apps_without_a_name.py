# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A control covers an app only where it carries a name of it, also where it carries names of other apps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.mdm_samples import app, policy
from tests.support.nanomdm.device_facts import App
from tests.support.nanomdm.nano_run import BANNED, Ban
from tests.support.nanomdm.servers import NanoServers

pytestmark = pytest.mark.fault_kind("T5", "an app of several in one control has no name there")
DOUBTFUL = {"value": "com.lemon.doubtful", "confidence": "detect_only", "source": "seen once"}
LEMON = App("com.lemon.doubtful", "Lemon", managed=True)
BLOCK = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block"]}
REMOVE = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["remove"]}
BOTH = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["remove", "block"]}
SITES = {"name": "Corporate", "when": {"ownership": "corporate"}, "actions": ["block_web"]}


def lemon(**identifiers: Any) -> dict[str, Any]:
    """An app beside the banned one, with exactly these identifiers."""
    return {"id": "lemon", "title": "Lemon", "vendor": "nobody", "identifiers": identifiers}


def settled(ban: Ban, *policies: Any) -> Any:
    ban.run(*policies)
    ban.connect()
    ban.run(*policies)
    ban.connect()
    return ban.run(*policies)


@pytest.mark.parametrize("version", ["26.1", "27.0"])
def test_a_block_of_apps_does_not_count_for_an_app_whose_only_name_is_doubtful(nano: NanoServers, tmp_path: Path, version: str) -> None:
    phone = nano.device(os_version=version, apps=[BANNED, LEMON])
    ban = Ban(nano, tmp_path, [phone])
    told = settled(ban, policy(rules=[BLOCK], apps=[app(), lemon(ios_bundle_id=[DOUBTFUL])]))
    assert phone.can_open(LEMON.identifier)
    assert told.outcomes() == {phone.id: ("blocked_not_removed", "")}
    assert told.outcomes("lemon") == {phone.id: ("cannot_enforce", "no_identifier")}


def test_a_declaration_of_binaries_does_not_count_for_an_app_with_half_a_name(nano: NanoServers, tmp_path: Path) -> None:
    whole = app(identifiers={"macos_bundle_id": ["com.banned.mac"], "apple_team_id": ["TEAM123456"]})
    banned = App("com.banned.mac", "Banned", team_id="TEAM123456", signing_id="com.banned.mac")
    half = App("com.lemon.mac", "Lemon", team_id="TEAM654321", signing_id="com.lemon.mac")
    mac = nano.device(platform="Mac", os_version="27.0", apps=[banned, half])
    ban = Ban(nano, tmp_path, [mac])
    told = settled(ban, policy(rules=[BLOCK], apps=[whole, lemon(macos_bundle_id=["com.lemon.mac"])]))
    assert [mac.can_open(each.identifier) for each in (banned, half)] == [False, True]
    assert told.outcomes() == {mac.id: ("blocked_not_removed", "")}
    assert told.outcomes("lemon") == {mac.id: ("cannot_enforce", "no_identifier")}


def test_a_block_of_sites_does_not_count_for_an_app_without_a_site(nano: NanoServers, tmp_path: Path) -> None:
    phone = nano.device(os_version="26.1", apps=[])
    ban = Ban(nano, tmp_path, [phone])
    told = settled(ban, policy(rules=[SITES], apps=[app(), lemon(ios_bundle_id=["com.lemon.app"])]))
    assert not phone.can_visit("https://banned.example/")
    assert told.outcomes() == {phone.id: ("compliant", "")}
    assert told.outcomes("lemon")[phone.id] != ("compliant", "")


@pytest.mark.parametrize("rule", [REMOVE, BOTH])
def test_an_app_with_a_doubtful_name_only_is_never_called_asked_for(nano: NanoServers, tmp_path: Path, rule: dict[str, Any]) -> None:
    phone = nano.device(os_version="27.0", apps=[LEMON])
    ban = Ban(nano, tmp_path, [phone])
    told = settled(ban, policy(rules=[rule], apps=[lemon(ios_bundle_id=[DOUBTFUL])]))
    assert "RemoveApplication" not in [kind for kind, _uuid, _status in phone.done]
    assert told.outcomes("lemon") == {phone.id: ("cannot_enforce", "no_identifier")}


def test_a_name_on_macs_is_none_on_a_phone_of_the_same_ban(nano: NanoServers, tmp_path: Path) -> None:
    phone = nano.device(os_version="27.0", apps=[LEMON])
    mac = nano.device(platform="Mac", os_version="26.1", apps=[App("com.lemon.mac", "Lemon", managed=True)])
    ban = Ban(nano, tmp_path, [phone, mac])
    both = lemon(ios_bundle_id=[DOUBTFUL], macos_bundle_id=["com.lemon.mac"])
    told = settled(ban, policy(rules=[REMOVE], apps=[both]))
    assert (phone.is_installed(LEMON.identifier), mac.is_installed("com.lemon.mac")) == (True, False)
    assert told.outcomes("lemon")[phone.id] == ("cannot_enforce", "no_identifier")
