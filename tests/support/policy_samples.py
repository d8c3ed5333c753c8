# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents and small builders that the tests of the policy core share."""

from __future__ import annotations

import copy
import pathlib
from typing import Any

import yaml

from ansible_collections.appban.endpoint.plugins.module_utils.policy.catalog import Catalog, parse_catalog
from ansible_collections.appban.endpoint.plugins.module_utils.policy.decide import Decider, decide
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Decision, Policy
from ansible_collections.appban.endpoint.plugins.module_utils.policy.parse import now_utc, parse_policy
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import PolicyError, Problem

ROOT = pathlib.Path(__file__).resolve().parents[2]


def entry(value: str, **more: str) -> dict[str, str]:
    return {"value": value, "confidence": "sure", "source": "test", "last_verified": "2026-11-01", **more}


TIKTOK: dict[str, Any] = {
    "id": "tiktok",
    "title": "TikTok",
    "vendor": "bytedance",
    "note": "The app of the examples.",
    "identifiers": {
        "ios_bundle_id": [entry("com.zhiliaoapp.musically")],
        "android_package": [entry("com.zhiliaoapp.musically"), entry("com.ss.android.ugc.trill")],
        "appx_family_name": [entry("BytedancePte.Ltd.TikTok_6yccndn6064se")],
        "domain": [
            entry("tiktok.com", tier="core"),
            entry("ttwstatic.com", tier="extended"),
            entry("byteoversea.com", tier="vendor_shared", note="serves other apps too"),
        ],
    },
}
CAPCUT: dict[str, Any] = {
    "id": "capcut",
    "title": "CapCut",
    "vendor": "bytedance",
    "identifiers": {"android_package": [entry("com.lemon.lvoverseas")]},
}
WECHAT: dict[str, Any] = {
    "id": "wechat",
    "title": "WeChat",
    "vendor": "tencent",
    "identifiers": {"android_package": [entry("com.tencent.mm")]},
}
CATALOG: Catalog = parse_catalog([[("tiktok.yml", TIKTOK), ("capcut.yml", CAPCUT), ("wechat.yml", WECHAT)]])

FULL = yaml.load(
    """
policy: city-tiktok
title: TikTok on work devices
authority: {issued_by: City IT, reference: Warning of 8 March 2023, advised_by: [Federal, Provincial]}
contact: security@city.example
state: enforced
timezone: Europe/Prague
apps:
  - tiktok
  - id: hexchat
    title: HexChat
    identifiers:
      deb: [hexchat, {value: hexchat-common, confidence: likely, source: packages list, last_verified: 2026-11-01, note: data}]
      domain: [{value: hexchat.example, tier: extended}]
review: [wechat, capcut]
domain_tiers: [core, extended]
effective: {from: 2023-03-01T00:00:00+01:00, until: P6M, on_expiry: keep, review_on: 2023-09-01}
rules:
  - name: City devices
    when: {ownership: corporate}
    actions: [remove, block, block_web]
  - name: Private devices with work apps
    when: {ownership: personal, any: [{work_apps: true}, {not: {accesses: [mail, files]}}, "length(groups) > `3`"]}
    stages:
      - actions: [advise]
      - {from: 2023-03-15T00:00:00, actions: [advise, withdraw_access]}
exemptions:
  - id: EX-2023-014
    devices: [SERIAL1]
    users: [ada]
    apps: [tiktok]
    domains: [ads.tiktok.com]
    category: enforcement
    reason: Case work on online harm
    approved_by: Head of Security
    granted: 2023-03-02
    expires: 2023-12-31T23:59:59+01:00
    mitigations: [separate device]
  - id: EX-2
    users: [bob]
    follow_user: true
    category: other_work
    reason: Press
    approved_by: Head of Security
    granted: 2023-03-02
    expires: 2023-06-30
    mitigations: [no accounts]
  - id: EX-3
    when: {department: [press, police], ownership: corporate}
    category: online_harm
    reason: Research
    approved_by: Head of Security
    granted: 2023-03-02T08:00:00+01:00
    expires: 2023-06-30
    mitigations: [no accounts]
exemption_rules: {categories: [enforcement, online_harm, other_work], max_days: 365, require: [mitigations]}
limits: {max_devices: 500, max_percent: 20.5}
sources: ["City news, 8 March 2023"]
notes: Written for tests.
""",
    Loader=yaml.BaseLoader,
)
# BaseLoader keeps every scalar as text, as the document reader does with dates; these few are not text.
FULL["limits"] = {"max_devices": 500, "max_percent": 20.5}
FULL["exemption_rules"]["max_days"] = 365
FULL["exemptions"][1]["follow_user"] = True
FULL["rules"][1]["when"]["any"][0]["work_apps"] = True

SMALL: dict[str, Any] = {
    "policy": "small",
    "title": "Small",
    "apps": ["tiktok"],
    "effective": {"from": "2023-03-01T00:00:00+01:00"},
    "rules": [{"name": "Work devices", "when": {"ownership": "corporate"}, "actions": ["remove", "block"]}],
}


def exemption(**changes: Any) -> dict[str, Any]:
    """An exemption; a key set to None is left out."""
    base = {
        "id": "EX-1",
        "devices": ["S1"],
        "reason": "Case work",
        "approved_by": "Head of Security",
        "granted": "2023-03-02",
        "expires": "2023-12-31",
        **changes,
    }
    return {key: value for key, value in base.items() if value is not None}


def document(**changes: Any) -> dict[str, Any]:
    """The small policy with some keys changed; a key set to None is left out."""
    changed = {**copy.deepcopy(SMALL), **changes}
    return {key: value for key, value in changed.items() if value is not None}


def policy(**changes: Any) -> Policy:
    return parse_policy(document(**changes), "small.yml", CATALOG)


def problems_of(doc: Any, catalog: Catalog = CATALOG) -> tuple[Problem, ...]:
    """The problems of a document; none if it is sound."""
    try:
        parse_policy(doc, "policy.yml", catalog)
    except PolicyError as error:
        return error.problems
    return ()


def problems_at(path: str, **changes: Any) -> list[Problem]:
    """The problems that the small policy has at a path when some keys are changed."""
    return [problem for problem in problems_of(document(**changes)) if problem.path == path]


def verdict(
    policies: Policy | list[Policy], device: dict[str, Any], now: str = "2023-05-01T00:00:00Z", app: str = "tiktok"
) -> dict[str, Any]:
    """The plain decision about an app on a device."""
    plain: dict[str, Any] = decision(policies, device, now).to_plain()["apps"][app]
    return plain


def decision(policies: Policy | list[Policy], device: dict[str, Any], now: str = "2023-05-01T00:00:00Z") -> Decision:
    return decide(policies if isinstance(policies, list) else [policies], device, now_utc(now))


def decider(policies: list[Policy], now: str = "2023-05-01T00:00:00Z") -> Decider:
    return Decider(policies, now_utc(now))
