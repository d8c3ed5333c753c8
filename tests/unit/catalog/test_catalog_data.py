# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules that the catalog's data must keep, read without our own parser so that one mistake can't hide another."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

CATALOG = Path(__file__).parents[3] / "catalog"
FILES = sorted(CATALOG.iterdir())
APPS: dict[str, dict[str, Any]] = {file.name: yaml.safe_load(file.read_text(encoding="utf-8")) for file in FILES}


def names(text: str) -> set[str]:
    return set(text.split())


KINDS = names(
    "ios_bundle_id macos_bundle_id apple_team_id android_package appx_family_name store_id winget msi_product_code uninstall_name deb rpm"
    " pacman apk flatpak snap brew_formula brew_cask chrome_extension domain display_name"
)
LINUX_KINDS = {"deb", "rpm", "pacman", "apk", "flatpak", "snap", "brew_formula"}
CONFIDENCES = {"sure", "likely", "detect_only"}
ENTRY_KEYS = {"value", "confidence", "source", "last_verified", "tier", "note"}

# Hosts whose subdomains belong to thousands of unrelated sites.
CDN_PARENTS = names(
    "akamaized.net akamai.net akamaiedge.net akadns.net edgesuite.net edgekey.net fastly.net ttdns2.com ttdns3.com cloudfront.net"
    " cloudflare.net swiftserve.com myqcloud.com qq.com google.com amazonaws.com"
)
# Ours is an exact name below such a parent, and listed as such by three public lists.
CDN_ALIASES = {"p16-tiktokcdn-com.akamaized.net"}

# TikTok in all its forms. A form that disappears from the catalog is a form that stays on devices.
TIKTOK = {
    "ios_bundle_id": {
        "com.zhiliaoapp.musically": "sure",
        "com.ss.iphone.ugc.Ame": "likely",
        "com.ss.iphone.ugc.tiktok.lite": "likely",
        "com.zhiliaoapp.musicallylite": "detect_only",
        "com.ss.iphone.ugc.Tiktok": "detect_only",
        "com.ss.iphone.ugc.TikTok": "detect_only",
        "com.ss.iphone.tt.creator": "detect_only",
        "com.ss.iphone.ugc.now": "likely",
    },
    "macos_bundle_id": {"com.zhiliaoapp.musically": "detect_only"},
    "android_package": {
        "com.zhiliaoapp.musically": "sure",
        "com.ss.android.ugc.trill": "sure",
        "com.zhiliaoapp.musically.go": "likely",
        "com.ss.android.ugc.tiktok.lite": "likely",
        "com.ss.android.ugc.trill.go": "detect_only",
        "com.tiktok.tv": "sure",
        "com.ss.android.ugc.now": "sure",
        "com.ss.android.tt.creator": "detect_only",
        "com.ss.android.ugc.spark": "detect_only",
        "com.tiktok.android.music": "detect_only",
        "com.tiktokshop.seller": "detect_only",
        "com.zhiliao.musically.livewallpaper": "detect_only",
    },
    "appx_family_name": {"BytedancePte.Ltd.TikTok_6yccndn6064se": "sure"},
    "store_id": {"835599320": "sure", "1235601864": "sure", "1641062073": "likely", "1591003012": "detect_only", "9NH2GPH4JZS4": "sure"},
    "winget": {"ByteDance.TikTokLIVEStudio": "sure"},
    "uninstall_name": {"TikTok LIVE Studio": "detect_only"},
    "display_name": {"TikTok": "detect_only", "TikTok Lite": "detect_only", "TikTok LIVE Studio": "detect_only"},
}
TIKTOK_CORE = names("tiktok.com tiktokv.com tiktokcdn.com tiktokcdn-us.com")
TIKTOK_IN_TWO_LISTS = names(
    "ttwstatic.com bytedapm.com muscdn.com musical.ly tiktokcdn-eu.com tiktokeu-cdn.com tiktokrow-cdn.com tiktok-row.net tiktokd.org"
    " tiktokglobalshopv.com tiktokv.eu tiktokv.us tiktokw.eu tiktokw.us ttlivecdn.com"
)
TIKTOK_IN_ONE_LIST = names(
    "tiktok-eu.net tiktok-us.net tiktokcdn-eu.net tiktokcdn-in.com tiktoklb.eu tiktokshop.com tiktokstaticb.com tiktok-minis.com"
    " tiktokminis.us ttcdn-us.com ttoverseaus.net tiktokd.net tiktokpangle.us tiktokpangle-b.us tiktokpangle-cdn-us.com"
)
TIKTOK_SHARED = names("byteoversea.com ibytedtos.com ibyteimg.com snssdk.com pstatp.com byteimg.com")


class Entry(NamedTuple):
    file: str
    app: str
    kind: str
    data: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.file} {self.kind} {self.data.get('value')}"


def entries() -> Iterator[Entry]:
    for file, app in APPS.items():
        for kind, rows in app["identifiers"].items():
            for row in rows:
                yield Entry(file, app["id"], kind, row)


ENTRIES = list(entries())


def offenders(wrong: Iterator[Entry]) -> list[str]:
    return [str(entry) for entry in wrong]


def test_every_file_is_named_like_its_app() -> None:
    assert len(APPS) >= 20
    assert {file: app["id"] + ".yml" for file, app in APPS.items()} == {file: file for file in APPS}


@pytest.mark.parametrize("file", APPS)
def test_an_app_has_only_known_keys(file: str) -> None:
    app = APPS[file]
    assert set(app) <= {"id", "title", "vendor", "note", "identifiers"}
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]*", app["id"])
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]*", app["vendor"])
    assert set(app["identifiers"]) <= KINDS


def test_entries_are_complete_and_have_only_known_keys() -> None:
    def is_complete(entry: Entry) -> bool:
        data = entry.data
        return (
            {"value", "confidence", "source", "last_verified"} <= set(data) <= ENTRY_KEYS
            and isinstance(data["value"], str)
            and data["confidence"] in CONFIDENCES
            and isinstance(data["source"], str)
            and isinstance(data["last_verified"], date)
            and not isinstance(data["last_verified"], datetime)
            and ("tier" in data) == (entry.kind == "domain")
        )

    assert not offenders(entry for entry in ENTRIES if not is_complete(entry))


def test_every_app_has_a_sure_identifier() -> None:
    sure = {entry.app for entry in ENTRIES if entry.data["confidence"] == "sure"}
    assert {app["id"] for app in APPS.values()} == sure


def test_a_sure_identifier_names_two_sources_or_its_maker_or_its_registry() -> None:
    def is_founded(source: str) -> bool:
        names = [name.strip() for name in source.split(";")]
        return len(set(names)) >= 2 or names[0].startswith(("maker: ", "registry: "))

    assert not offenders(entry for entry in ENTRIES if entry.data["confidence"] == "sure" and not is_founded(entry.data["source"]))


def test_what_is_only_believed_never_causes_a_removal() -> None:
    vague = ("believed", "inferred", "contradicted")
    assert any("believed" in entry.data["source"] for entry in ENTRIES)
    assert not offenders(
        entry for entry in ENTRIES if any(word in entry.data["source"] for word in vague) and entry.data["confidence"] != "detect_only"
    )


def test_sources_are_public_names() -> None:
    assert not offenders(entry for entry in ENTRIES if re.search(r"\.md\b|https?://|(?:^|\s)[/~]", entry.data["source"]))


def test_last_verified_is_a_day_that_has_been() -> None:
    days = {entry.data["last_verified"] for entry in ENTRIES}
    assert min(days) >= date(2026, 11, 1)
    # The one test here that asks the clock: it can only fail for a day in the future, wherever on Earth it runs.
    assert max(days) <= date.today() + timedelta(days=1)


def test_an_identifier_belongs_to_one_app() -> None:
    owners: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in ENTRIES:
        owners[entry.kind, entry.data["value"]].append(entry.app)
    assert not {key: apps for key, apps in owners.items() if len(apps) > 1}


def test_names_mean_exactly_what_they_say() -> None:
    assert not offenders(
        entry for entry in ENTRIES if re.search(r"[*?\[\]%]", entry.data["value"]) or entry.data["value"] != entry.data["value"].strip()
    )


def test_domains_are_exact_lower_case_and_no_shared_parent() -> None:
    domains = [entry for entry in ENTRIES if entry.kind == "domain"]
    assert not offenders(
        entry for entry in domains if not re.fullmatch(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}", entry.data["value"])
    )
    assert not offenders(entry for entry in domains if entry.data["value"] in CDN_PARENTS)
    below = {
        entry.data["value"] for entry in domains if any(entry.data["value"].endswith("." + parent) for parent in CDN_PARENTS - {"qq.com"})
    }
    assert below == CDN_ALIASES


def test_no_domain_repeats_what_its_parent_covers() -> None:
    for app in APPS.values():
        values = {row["value"] for row in app["identifiers"].get("domain", ())}
        assert not {value for value in values if any(value.endswith("." + other) for other in values)}, app["id"]


def test_tiers_are_known_and_shared_domains_say_who_else_suffers() -> None:
    domains = [entry for entry in ENTRIES if entry.kind == "domain"]
    assert {entry.data["tier"] for entry in domains} == {"core", "extended", "vendor_shared"}
    assert not offenders(entry for entry in domains if entry.data["tier"] == "vendor_shared" and not entry.data.get("note"))


def test_display_names_and_team_ids_are_never_reason_enough_to_remove() -> None:
    weak = [entry for entry in ENTRIES if entry.kind in {"display_name", "uninstall_name", "apple_team_id"}]
    assert weak
    assert not offenders(entry for entry in weak if entry.data["confidence"] != "detect_only")


def test_linux_identifiers_are_detect_only() -> None:
    assert not offenders(entry for entry in ENTRIES if entry.kind in LINUX_KINDS and entry.data["confidence"] != "detect_only")


def test_lark_and_toutiao_are_in_no_app() -> None:
    # com.ss.android. is also the prefix of Lark, a business suite, and of Toutiao, a newspaper.
    trap = re.compile(
        r"com\.(?:ss\.(?:android|iphone)\.(?:lark|feishu|article)|bytedance\.ee|larksuite)|lark|feishu|toutiao", re.IGNORECASE
    )
    assert not offenders(entry for entry in ENTRIES if trap.search(entry.data["value"]))


def test_companions_of_tiktok_say_that_the_policy_must_name_them() -> None:
    companions = [entry for entry in ENTRIES if "companion" in str(entry.data.get("note"))]
    assert len(companions) == 6
    assert not offenders(entry for entry in companions if entry.data["confidence"] != "detect_only")


def test_tiktok_is_complete() -> None:
    identifiers = APPS["tiktok.yml"]["identifiers"]
    found = {kind: {row["value"]: row["confidence"] for row in rows} for kind, rows in identifiers.items() if kind != "domain"}
    assert found == TIKTOK


def test_tiktok_domains_are_complete() -> None:
    rows = {row["value"]: row for row in APPS["tiktok.yml"]["identifiers"]["domain"]}
    tiers: dict[str, set[str]] = defaultdict(set)
    for value, row in rows.items():
        tiers[row["tier"]].add(value)
    assert tiers["core"] == TIKTOK_CORE
    assert tiers["extended"] == TIKTOK_IN_TWO_LISTS | TIKTOK_IN_ONE_LIST | CDN_ALIASES
    assert tiers["vendor_shared"] == TIKTOK_SHARED
    assert {rows[value]["confidence"] for value in TIKTOK_CORE | TIKTOK_IN_TWO_LISTS | CDN_ALIASES} == {"sure"}
    assert {rows[value]["confidence"] for value in TIKTOK_IN_ONE_LIST - {"tiktokshop.com"}} == {"likely"}


def test_what_has_no_kind_stands_in_tiktoks_note() -> None:
    for fact in ("B0117U0G3M", "B07KR1RJL2", "!App", "tiktoklivestudio"):
        assert fact in APPS["tiktok.yml"]["note"]


def test_the_bytedance_family_is_there_and_each_app_on_its_own() -> None:
    assert {app["id"] for app in APPS.values() if app["vendor"] == "bytedance"} == {"capcut", "douyin", "lemon8", "tiktok", "trae"}


# Package family names. The suffix is a hash of the publisher's name as it stands in the package's signature: 64 bits and a
# zero bit, five bits a character (Microsoft's documentation of package identity calls it the publisher id).
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
PUBLISHERS = {"4DF9E0F8.Netflix_mcm4njqhnhss8": "CN=52120C15-ACFA-47FC-A7E3-4974DBA79445"}
PUBLISHER_NOT_KNOWN = {"BytedancePte.Ltd.TikTok_6yccndn6064se", "king.com.CandyCrushSaga_kgqvnymyfvs32"}


def publisher_id(publisher: str) -> str:
    head = hashlib.sha256(publisher.encode("utf-16-le")).digest()[:8]
    bits = int.from_bytes(head, "big") << 1
    return "".join(ALPHABET[bits >> shift & 31] for shift in range(60, -1, -5))


@pytest.mark.parametrize(
    ("publisher", "expected"),
    [
        ("CN=Microsoft Corporation, O=Microsoft Corporation, L=Redmond, S=Washington, C=US", "8wekyb3d8bbwe"),
        ("CN=Microsoft Windows, O=Microsoft Corporation, L=Redmond, S=Washington, C=US", "cw5n1h2txyewy"),
    ],
)
def test_publisher_id_of_known_publishers(publisher: str, expected: str) -> None:
    assert publisher_id(publisher) == expected


def test_package_family_names_match_their_publishers() -> None:
    families = {entry.data["value"] for entry in ENTRIES if entry.kind == "appx_family_name"}
    assert families == set(PUBLISHERS) | PUBLISHER_NOT_KNOWN
    for family in families:
        assert re.fullmatch(rf"[A-Za-z0-9.-]{{3,50}}_[{ALPHABET}]{{13}}", family)
    for family, publisher in PUBLISHERS.items():
        assert family.rpartition("_")[2] == publisher_id(publisher)
