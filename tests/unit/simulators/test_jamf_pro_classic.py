# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Classic API's ways with documents, row by row of the fact sheet's table."""

from __future__ import annotations

import plistlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.jamf_pro.jamf_pro_client import (
    EVERYBODY,
    GROUPS,
    MAC_PROFILES,
    PROFILES,
    RESTRICTED,
    TIKTOK,
    Answer,
    Jamf,
    block,
    cdata,
    payload_text,
    profile_xml,
    tenant,
    web,
)

OTHER = "com.lemon.lvoverseas"


@pytest.fixture
def jamf() -> Iterator[Jamf]:
    with tenant() as client:
        yield client


def restricted(general: str, scope: str = "") -> str:
    return f"<restricted_software><general>{general}</general>{scope}</restricted_software>"


FULL = "<name>[ansible] TikTok</name><process_name>TikTok</process_name>"


def refusal(answer: Answer) -> str:
    assert answer.status == 409
    assert "<title>Status page</title>" in answer.text
    return answer.text.split("<p>")[1].partition("</p>")[0]


def test_unknown_elements_are_dropped_and_values_out_of_the_enumeration_replaced_with_201(jamf: Jamf) -> None:
    more = "<bundle_id>com.x</bundle_id><kill_process>perhaps</kill_process><delete_executable>true</delete_executable>"
    number = jamf.make(RESTRICTED, restricted(FULL + more))
    general = jamf.stored(RESTRICTED, number)["general"]
    assert "bundle_id" not in general
    assert (general["kill_process"], general["delete_executable"]) == (False, True)
    assert (general["id"], general["site"]) == (number, {"id": -1, "name": "None"})
    method = "<deployment_method>By Pigeon</deployment_method>"
    key = jamf.make(PROFILES, profile_xml("Ban", cdata(payload_text(block(TIKTOK))), general=method))
    assert jamf.stored(PROFILES, key)["general"]["deployment_method"] == "Install Automatically"


def test_a_missing_field_is_409_with_a_page_that_names_it(jamf: Jamf) -> None:
    assert refusal(jamf.call("POST", f"{RESTRICTED}/id/0", restricted("<name>x</name>"))) == "Error: Problem with process_name"
    jamf.make(RESTRICTED, restricted(FULL))
    assert refusal(jamf.call("POST", f"{RESTRICTED}/id/0", restricted(FULL))) == "Error: Duplicate name"
    assert jamf.call("POST", f"{RESTRICTED}/id/0", "<other/>").status == 400
    assert jamf.call("POST", f"{RESTRICTED}/id/0", {"restricted_software": {}}).status == 415
    assert jamf.put(RESTRICTED, 99, restricted(FULL)).status == 404


def test_put_changes_what_is_there_and_nothing_else(jamf: Jamf) -> None:
    group = jamf.make(GROUPS, "<mobile_device_group><name>Exempt</name><is_smart>false</is_smart></mobile_device_group>")
    entry = f"<mobile_device_groups><mobile_device_group><id>{group}</id></mobile_device_group></mobile_device_groups>"
    scope = f"<scope><all_mobile_devices>true</all_mobile_devices><exclusions>{entry}</exclusions></scope>"
    number = jamf.make(PROFILES, profile_xml("Ban", cdata(payload_text(block(TIKTOK))), scope))
    before = jamf.plist(number)
    body = "<configuration_profile><general><id>77</id><description>d</description></general></configuration_profile>"
    answer = jamf.put(PROFILES, number, body)
    assert (answer.status, answer.xml.findtext("id")) == (201, str(number))
    stored = jamf.stored(PROFILES, number)
    assert stored["scope"]["exclusions"]["mobile_device_groups"] == [{"id": group, "name": "Exempt"}]
    assert jamf.plist(number) == {**before, "PayloadDescription": "d"}
    empty = "<scope><exclusions><mobile_device_groups/></exclusions></scope>"
    jamf.put(PROFILES, number, f"<configuration_profile>{empty}</configuration_profile>")
    scope_now = jamf.stored(PROFILES, number)["scope"]
    assert (scope_now["exclusions"]["mobile_device_groups"], scope_now["all_mobile_devices"]) == ([], True)


def test_payloads_are_decoded_once_more_than_xml_asks_for(jamf: Jamf) -> None:
    text = payload_text(block(TIKTOK), DisplayNote="a & b")
    once = f"<![CDATA[{text}]]>"
    assert refusal(jamf.call("POST", f"{PROFILES}/id/0", profile_xml("Ban", once))) == "Error: Unable to update the database"
    number = jamf.make(PROFILES, profile_xml("Ban", cdata(text)))
    assert jamf.plist(number)["DisplayNote"] == "a & b"
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    assert jamf.call("POST", f"{PROFILES}/id/0", profile_xml("Two", escaped)).status == 409
    twice = text.replace("&", "&amp;").replace("&", "&amp;").replace("<", "&lt;")
    assert jamf.plist(jamf.make(PROFILES, profile_xml("Two", twice)))["DisplayNote"] == "a & b"
    # Sending back what was read is no way round it.
    read = jamf.stored(PROFILES, number)["general"]["payloads"]
    assert jamf.put(PROFILES, number, profile_xml("Ban", f"<![CDATA[{read}]]>")).status == 409
    assert jamf.call("POST", f"{PROFILES}/id/0", profile_xml("Bad", "no plist")).status == 409


def test_the_server_rewrites_the_profile(jamf: Jamf) -> None:
    text = payload_text(block(TIKTOK, note="  blanks  "), PayloadDisplayName="mine", PayloadDescription="mine")
    number = jamf.make(PROFILES, profile_xml("Ban", cdata(text), general="<description>token</description>"))
    profile = jamf.plist(number)
    assert (profile["PayloadDisplayName"], profile["PayloadDescription"]) == ("Ban", "token")
    assert profile["PayloadIdentifier"] not in ("", "own")
    assert profile["PayloadUUID"] == jamf.stored(PROFILES, number)["general"]["uuid"] != "OWN"
    assert {"PayloadEnabled", "PayloadRemovalDisallowed", "PayloadOrganization"} <= set(profile)
    [payload] = profile["PayloadContent"]
    assert (payload["note"], payload["PayloadDisplayName"], payload["PayloadEnabled"]) == ("blanks", "Restrictions", True)
    assert payload["PayloadUUID"] != "P0"
    assert payload["blockedAppBundleIDs"] == [TIKTOK]
    # Keys at Apple's default that nobody asked for.
    assert payload["allowCamera"] is True
    assert jamf.stored(PROFILES, number)["general"]["payloads"] != text


def identities(profile: dict[str, Any]) -> list[str]:
    return [item[key] for item in (profile, *profile["PayloadContent"]) for key in ("PayloadUUID", "PayloadIdentifier")]


def test_the_servers_own_identity_is_kept_and_any_other_replaced(jamf: Jamf) -> None:
    number = jamf.make(PROFILES, profile_xml("Ban", cdata(payload_text(block(TIKTOK)))))
    current = jamf.plist(number)
    current["PayloadContent"][0]["blockedAppBundleIDs"] = [OTHER]
    jamf.put(PROFILES, number, profile_xml("Ban", cdata(plistlib.dumps(current).decode())))
    assert identities(jamf.plist(number)) == identities(current)
    assert jamf.plist(number)["PayloadContent"][0]["blockedAppBundleIDs"] == [OTHER]
    jamf.put(PROFILES, number, profile_xml("Ban", cdata(payload_text(block(OTHER)))))
    assert not set(identities(jamf.plist(number))) & set(identities(current))


def test_redeploy_on_update_is_write_only(jamf: Jamf) -> None:
    text = cdata(payload_text(block(TIKTOK)))
    number = jamf.make(PROFILES, profile_xml("Ban", text, general="<redeploy_on_update>All</redeploy_on_update>"))
    assert jamf.stored(PROFILES, number)["general"]["redeploy_on_update"] == "Newly Assigned"


def test_names_with_special_characters_cannot_be_looked_up(jamf: Jamf) -> None:
    for name in ("Apps + more", "100%25"):
        number = jamf.make(RESTRICTED, restricted(FULL.replace("[ansible] TikTok", name)))
        quoted = name.replace("%", "%25").replace("+", "%2B").replace(" ", "%20")
        assert jamf.get(f"{RESTRICTED}/name/{quoted}").status == 404
        assert jamf.get(f"{RESTRICTED}/id/{number}").status == 200
    jamf.make(RESTRICTED, restricted(FULL))
    assert jamf.get(f"{RESTRICTED}/name/%5Bansible%5D%20TikTok").status == 200
    assert jamf.get(f"{RESTRICTED}/id/1/subset/scope").status == 404


def test_scopes_refer_to_what_exists(jamf: Jamf) -> None:
    def scope(entry: str) -> str:
        part = f"<computer_groups><computer_group>{entry}</computer_group></computer_groups>"
        return restricted(FULL, f"<scope>{part}<exclusions><users><user><name>mayor</name></user></users></exclusions></scope>")

    assert jamf.call("POST", f"{RESTRICTED}/id/0", scope("<id>9</id>")).status == 409
    stored = jamf.stored(RESTRICTED, jamf.make(RESTRICTED, scope("<name>nobody</name>")))
    assert stored["scope"]["computer_groups"] == []
    assert stored["scope"]["exclusions"]["users"] == [{"name": "mayor"}]
    jamf.sim.objects({"settings": {"unknown_scope_names": "conflict"}})
    assert jamf.put(RESTRICTED, 1, scope("<name>nobody</name>")).status == 409


def members(verb: str, item: str, *numbers: int) -> str:
    root = f"{item}_group"
    entries = "".join(f"<{item}><id>{number}</id></{item}>" for number in numbers)
    return f"<{root}><name>g</name><is_smart>false</is_smart><{item}_{verb}>{entries}</{item}_{verb}></{root}>"


def test_static_members_are_all_or_nothing(jamf: Jamf) -> None:
    one, two = jamf.device("iphone_supervised")["id"], jamf.device("ipad_supervised")["id"]
    number = jamf.make(GROUPS, members("additions", "mobile_device", one))
    assert jamf.put(GROUPS, number, members("additions", "mobile_device", two, 9999)).status == 409
    assert [item["id"] for item in jamf.stored(GROUPS, number)["mobile_devices"]] == [one]
    # Mobile: who isn't a member may be removed. Computers: not.
    assert jamf.put(GROUPS, number, members("deletions", "mobile_device", two)).status == 201
    macs = "/JSSResource/computergroups"
    mac = jamf.device("mac_supervised")["id"]
    key = jamf.make(macs, members("additions", "computer", mac))
    assert jamf.put(macs, key, members("deletions", "computer", mac)).status == 201
    assert jamf.put(macs, key, members("deletions", "computer", mac)).status == 409
    unmanaged = next(item for item in jamf.sim.state()["devices"] if not item["managed"] and item["platform"] == "ios")
    assert jamf.put(GROUPS, number, members("additions", "mobile_device", unmanaged["id"])).status == 409


def test_mac_profiles_lists_and_deletion(jamf: Jamf) -> None:
    santa = payload_text({"PayloadType": "com.northpolesec.santa", "StaticRules": []})
    root = "os_x_configuration_profile"
    number = jamf.make(MAC_PROFILES, profile_xml("Santa", cdata(santa), "", root=root))
    assert jamf.get(f"{MAC_PROFILES}/id/{number}").xml.findtext("general/level") == "computer"
    listed = jamf.get(MAC_PROFILES).xml
    assert [(item.findtext("id"), item.findtext("name")) for item in listed.iter(root)] == [(str(number), "Santa")]
    assert jamf.get(MAC_PROFILES, Accept="application/json").json == {"os_x_configuration_profiles": [{"id": number, "name": "Santa"}]}
    assert jamf.call("DELETE", f"{MAC_PROFILES}/id/{number}").status == 200
    assert jamf.call("DELETE", f"{MAC_PROFILES}/id/{number}").status == 404


def test_a_fan_out_that_takes_too_long_is_answered_by_the_edge_and_happened(jamf: Jamf) -> None:
    jamf.sim.objects({"settings": {"fan_out_seconds_per_device": 2}})
    answer = jamf.call("POST", f"{PROFILES}/id/0", profile_xml("Ban", cdata(payload_text(web("https://tiktok.com"))), EVERYBODY))
    assert answer.status == 504
    assert jamf.get(f"{PROFILES}/name/Ban").status == 200
