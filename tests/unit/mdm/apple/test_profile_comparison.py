# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles by what they set: a server's rewriting is no difference, and any change of what we block is one."""

from __future__ import annotations

import contextlib
import plistlib
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.apple.profile_comparison import (
    REWRITTEN_KEYS,
    differences_of_profile,
    foreign_settings,
    parse_profile,
    with_identity_of,
)
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.apple.profiles import (
    browser_payloads,
    configuration_profile,
    web_filter_payload,
)
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.apple.restrictions import BLOCK_KEYS, RESTRICTIONS, blocked_apps_payload
from tests.contract.apple_schema import AppleSchema

IDS = st.lists(st.from_regex(r"com\.[a-zA-Z]{1,6}", fullmatch=True), min_size=1, max_size=5, unique=True)
DEFAULTS = {"allowCamera": True, "forceEncryptedBackup": False, "ratingApps": 1000, "safariAcceptCookies": 2.0, "ratingRegion": "us"}
WEB_FILTER = "com.apple.webcontent-filter"


def profile_of(*payloads: Mapping[str, Any]) -> bytes:
    return configuration_profile("endpoint.appban.x", "BAN x", payloads, "For the ban x")


def block(*ids: str) -> bytes:
    return profile_of(blocked_apps_payload(ids))


def changed(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """A profile with something done to its first payload."""
    profile = plistlib.loads(content)
    change(profile["PayloadContent"][0])
    return plistlib.dumps(profile)


@st.composite
def rewritten(draw: st.DrawFn, content: bytes) -> bytes:
    """A profile as a server may give it back: other names and identifiers, keys more, lists in another order, another notation."""
    profile = plistlib.loads(content)
    for named in (profile, *profile["PayloadContent"]):
        identity = str(uuid.UUID(int=draw(st.integers(0, 2**128 - 1)))).upper()
        named.update(
            {"PayloadUUID": identity, "PayloadIdentifier": identity, "PayloadDisplayName": draw(st.sampled_from(["", "Other", " BAN x "]))}
        )
        named.update(
            {
                "PayloadEnabled": True,
                "PayloadOrganization": "City",
                "PayloadDescription": "",
                "PayloadRemovalDisallowed": draw(st.booleans()),
            }
        )
    for payload in profile["PayloadContent"]:
        for key, value in payload.items():
            if isinstance(value, list):
                pads = draw(st.lists(st.sampled_from(["%s", " %s", "%s\n"]), min_size=len(value), max_size=len(value)))
                payload[key] = draw(st.permutations([pad % item for pad, item in zip(pads, value, strict=True)]))
        if payload["PayloadType"] == RESTRICTIONS:
            payload.update(draw(st.sampled_from([{}, DEFAULTS])))
    profile["PayloadContent"] = draw(st.permutations(profile["PayloadContent"]))
    return plistlib.dumps(profile, fmt=draw(st.sampled_from([plistlib.FMT_XML, plistlib.FMT_BINARY])))


@given(IDS, st.data())
def test_a_servers_rewriting_is_no_difference(ids: list[str], data: st.DataObject) -> None:
    for wanted in (
        block(*ids),
        profile_of(blocked_apps_payload(ids), web_filter_payload(["banned.example"]), *browser_payloads(["a.example"])),
    ):
        found = data.draw(rewritten(wanted))
        assert differences_of_profile(wanted, found) == []
        assert foreign_settings(wanted, found) == []


@given(IDS, st.data())
def test_any_change_of_an_id_is_a_difference(ids: list[str], data: st.DataObject) -> None:
    wanted = block(*ids)
    place, keys = data.draw(st.integers(0, len(ids) - 1)), data.draw(st.sampled_from([BLOCK_KEYS, BLOCK_KEYS[:1], BLOCK_KEYS[1:]]))
    how = data.draw(st.sampled_from(["add", "change", "swap the case", "remove"]))

    def change(payload: dict[str, Any]) -> None:
        for key in keys:
            listed = payload[key]
            one = listed.pop(place)
            listed.extend({"add": [one, "org.more"], "change": [one + "x"], "swap the case": [one.swapcase()], "remove": []}[how])

    found = data.draw(rewritten(changed(wanted, change))) if keys == BLOCK_KEYS else changed(wanted, change)
    assert differences_of_profile(wanted, found) == ["com.apple.applicationaccess.blockedAppBundleIDs"]


@pytest.mark.parametrize("keys", [BLOCK_KEYS, BLOCK_KEYS[:1], BLOCK_KEYS[1:]])
def test_a_list_that_is_gone_under_one_of_its_names_is_a_difference(keys: tuple[str, ...]) -> None:
    """Versions before iOS 15 go by the older name alone, and later ones by the newer."""
    emptied = changed(block("com.a"), lambda payload: payload.update({key: [] for key in keys}))
    dropped = changed(block("com.a"), lambda payload: [payload.pop(key) for key in keys])
    for found in (emptied, dropped):
        assert differences_of_profile(block("com.a"), found) == ["com.apple.applicationaccess.blockedAppBundleIDs"]


@given(IDS, st.data())
def test_an_update_keeps_the_identity_that_the_server_gave(ids: list[str], data: st.DataObject) -> None:
    old = profile_of(blocked_apps_payload(["com.old"]), web_filter_payload(["banned.example"]))
    new = profile_of(blocked_apps_payload(ids), web_filter_payload(["banned.example", "more.example"]))
    found = data.draw(rewritten(old))
    sent = with_identity_of(new, found)
    for payload_type in (RESTRICTIONS, WEB_FILTER):
        contents = (parse_profile(each)["PayloadContent"] for each in (sent, found))
        (ours,), (theirs,) = ([payload for payload in content if payload["PayloadType"] == payload_type] for content in contents)
        assert [ours[key] for key in ("PayloadUUID", "PayloadIdentifier")] == [theirs[key] for key in ("PayloadUUID", "PayloadIdentifier")]
    top, server = parse_profile(sent), parse_profile(found)
    assert [top[key] for key in ("PayloadUUID", "PayloadIdentifier")] == [server[key] for key in ("PayloadUUID", "PayloadIdentifier")]
    assert differences_of_profile(new, sent) == []
    assert top["PayloadDisplayName"] == "BAN x", "names are ours to give"
    assert with_identity_of(sent, found) == sent
    assert with_identity_of(new, new) == new


def test_a_profile_with_the_servers_identity_keeps_to_apples_schema(apple_schema: AppleSchema) -> None:
    found = configuration_profile("other", "other", [blocked_apps_payload(["com.old"])])
    sent = with_identity_of(profile_of(blocked_apps_payload(["com.a"]), web_filter_payload(["banned.example"])), found)
    assert apple_schema.profile_violations(sent, "iOS") == []


def test_payloads_of_one_type_are_paired_by_what_they_say() -> None:
    first, second = ({"PayloadType": "com.x", "Hosts": [name]} for name in ("a", "b"))
    wanted, found = profile_of(first, second), configuration_profile("server", "x", [second, first])
    assert differences_of_profile(wanted, found) == []
    sent = plistlib.loads(with_identity_of(wanted, found))
    assert [(each["PayloadIdentifier"], each["Hosts"]) for each in sent["PayloadContent"]] == [("server.2", ["a"]), ("server.1", ["b"])]
    assert differences_of_profile(wanted, profile_of(first)) == ["com.x"]
    assert differences_of_profile(wanted, profile_of(first, first)) == ["com.x.Hosts"]


def test_each_difference_has_its_path() -> None:
    wanted = profile_of(web_filter_payload(["a.example"]), blocked_apps_payload(["com.a"]))
    assert differences_of_profile(wanted, block("com.b")) == ["com.apple.applicationaccess.blockedAppBundleIDs", WEB_FILTER]
    adults = changed(wanted, lambda payload: payload.update(AutoFilterEnabled=True))
    assert differences_of_profile(wanted, adults) == ["com.apple.webcontent-filter.AutoFilterEnabled"]


def test_what_others_set_is_named_and_no_difference() -> None:
    wanted = block("com.a")
    profile = plistlib.loads(wanted)
    profile["DurationUntilRemoval"] = 3600
    profile["HasRemovalPasscode"] = False
    profile["PayloadContent"][0].update(DEFAULTS, allowCamera=False, allowListedAppBundleIDs=["com.x"])
    profile["PayloadContent"].append({"PayloadType": "com.apple.wifi.managed", "SSID_STR": "x"})
    profile["PayloadContent"].append({"PayloadType": RESTRICTIONS, "allowChat": False})
    found = plistlib.dumps(profile)
    assert differences_of_profile(wanted, found) == []
    assert foreign_settings(wanted, found) == [
        "DurationUntilRemoval",
        "com.apple.applicationaccess",
        "com.apple.applicationaccess.allowCamera",
        "com.apple.applicationaccess.allowListedAppBundleIDs",
        "com.apple.wifi.managed",
    ]


def test_a_site_that_somebody_permits_beside_our_filter_is_named() -> None:
    wanted = profile_of(web_filter_payload(["a.example"]))
    found = changed(wanted, lambda payload: payload.update(PermittedURLs=["https://a.example"], HideDenyListURLs=False))
    assert foreign_settings(wanted, found) == ["com.apple.webcontent-filter.PermittedURLs"]


def test_an_end_of_term_that_we_want_is_compared() -> None:
    profile = plistlib.loads(block("com.a"))
    wanted = plistlib.dumps({**profile, "DurationUntilRemoval": 3600})
    assert differences_of_profile(wanted, block("com.a")) == ["DurationUntilRemoval"]
    assert foreign_settings(wanted, wanted) == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"hello", "no property list"),
        (b"<plist><dict><key>PayloadContent</key>", "no property list"),
        (b"<plist><dict><array/></dict></plist>", "no property list"),
        (b'<!DOCTYPE x [<!ENTITY y "z">]><plist><string>&y;</string></plist>', "no property list"),
        (b"bplist00\xff\xff", "no property list"),
        (b"<plist>" + b"<array>" * 5000 + b"</array>" * 5000 + b"</plist>", ""),
        (b"\x30\x82\x01\x00", "it is signed"),
        (b"-----BEGIN PKCS7-----\n", "it is signed"),
        (plistlib.dumps(["x"]), "something else than a dictionary"),
        (plistlib.dumps({"IsEncrypted": True, "EncryptedPayloadContent": b"x"}), "it is encrypted"),
        (plistlib.dumps({"PayloadType": "Configuration"}), "no list PayloadContent"),
        (plistlib.dumps({"PayloadContent": {}}), "no list PayloadContent"),
        (plistlib.dumps({"PayloadContent": ["x"]}), "not every payload"),
        (plistlib.dumps({"PayloadContent": [{}]}), "not every payload"),
        (plistlib.dumps({"PayloadContent": [{"PayloadType": 1}]}), "not every payload"),
    ],
)
def test_bytes_that_are_no_profile_are_told_why(content: bytes, why: str) -> None:
    for use in (
        parse_profile,
        lambda found: differences_of_profile(block("com.a"), found),
        lambda found: with_identity_of(block("com.a"), found),
    ):
        with pytest.raises(AppbanError, match=f"can't be read: .*{why}"):
            use(content)


@given(st.data())
def test_no_bytes_end_in_a_traceback(data: st.DataObject) -> None:
    form = data.draw(st.sampled_from([plistlib.FMT_XML, plistlib.FMT_BINARY]))
    whole = bytearray(plistlib.dumps(plistlib.loads(block("com.a", "com.b")), fmt=form))
    for _unused in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    content = bytes(whole[: data.draw(st.integers(len(whole) // 2, len(whole)))]) if data.draw(st.booleans()) else bytes(whole)
    try:
        profile = parse_profile(content)
    except AppbanError as error:
        assert "can't be read" in str(error)
    else:
        assert isinstance(profile["PayloadContent"], list)
        assert isinstance(differences_of_profile(block("com.a", "com.b"), content), list)
        assert isinstance(foreign_settings(block("com.a", "com.b"), content), list)
        with contextlib.suppress(AppbanError):
            assert differences_of_profile(block("com.a"), with_identity_of(block("com.a"), content)) == []


def test_identifiers_that_can_not_be_sent_back_are_refused() -> None:
    found = plistlib.dumps({**plistlib.loads(block("com.a")), "PayloadUUID": "1\x00"}, fmt=plistlib.FMT_BINARY)
    with pytest.raises(AppbanError, match="characters that an XML property list can't carry"):
        with_identity_of(block("com.a"), found)


def test_keys_that_are_no_text_are_told() -> None:
    # A binary property list can have a number where a dictionary's key is; the marker 0x51 is a text of one letter, 0x10 a number.
    for profile in ({"PayloadContent": [], "k": "v"}, {"PayloadContent": [{"PayloadType": "x", "k": "v"}]}):
        content = plistlib.dumps(profile, fmt=plistlib.FMT_BINARY).replace(b"\x51k", b"\x10k")
        assert 107 in {**plistlib.loads(content), **dict(*plistlib.loads(content)["PayloadContent"])}
        with pytest.raises(AppbanError, match="can't be read"):
            parse_profile(content)


def test_white_space_before_a_profile_does_no_harm() -> None:
    assert differences_of_profile(block("com.a"), b"\n  " + block("com.a")) == []


def test_no_key_that_blocks_something_is_taken_for_a_name() -> None:
    assert not REWRITTEN_KEYS & {"PayloadType", "PayloadContent", *BLOCK_KEYS}
