# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notices: what people read, and what they must never read."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.notices import (
    Notice,
    NoticeText,
    notices_of,
    render,
    withdrawal_from,
)
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import Policy
from tests.support.mdm_samples import NOW, app, device, exemption, fleet, policy

DEADLINE = "2023-04-15T00:00:00+02:00"
ADVISED = {
    "name": "Private",
    "when": {"ownership": "personal"},
    "stages": [{"actions": ["advise"]}, {"from": DEADLINE, "actions": ["advise", "withdraw_access"]}],
}


def told(*policies: Policy, text: NoticeText | None = None, now: datetime = NOW, **record: Any) -> list[Notice]:
    """What the user of a personal phone is told, all apps being there."""
    member = fleet(policies, [device(ownership="personal", **record)], now)[0]
    by_id = {each.id: each for each in policies}
    return notices_of(member.decision, member.device.id, 0, member.decision.apps, by_id, text or NoticeText())


def test_it_says_what_is_asked_until_when_and_whom_to_ask() -> None:
    (notice,) = told(policy(rules=[ADVISED]))
    assert notice.title == "Please remove Banned"
    assert notice.body == (
        "City IT asks you to remove Banned from this device if you have it. From 2023-04-15 on, a device that has it loses access to"
        " work apps and data. Questions: help@city.example."
    )
    assert (notice.device, notice.index, notice.apps) == ("device-1", 0, ("banned",))
    assert notice.stage == "city/Private/2023-03-01T00:00:00Z"


def test_without_a_deadline_and_a_contact_there_is_no_word_of_them() -> None:
    (notice,) = told(policy(rules=[{**ADVISED, "stages": [{"actions": ["advise"]}]}], contact=None, authority=None))
    assert notice.body == "Your organisation asks you to remove Banned from this device if you have it."


def test_nobody_is_threatened_with_what_their_device_can_not_lose() -> None:
    policies = (policy(rules=[ADVISED]),)
    member = fleet(policies, [device(ownership="personal")], NOW)[0]
    by_id = {each.id: each for each in policies}
    (notice,) = notices_of(member.decision, member.device.id, 0, member.decision.apps, by_id, NoticeText(), can_lose_access=False)
    assert "loses access" not in notice.body
    assert "2023" not in notice.body


def test_once_access_is_withdrawn_no_deadline_is_announced() -> None:
    (notice,) = told(policy(rules=[ADVISED]), now=datetime(2023, 4, 16, tzinfo=timezone.utc))
    assert "loses access" not in notice.body
    assert notice.stage.endswith("2023-04-14T22:00:00Z"), "another stage is another notice"


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("2023-04-15T00:00:00+02:00", "2023-04-15"),
        ("2023-04-15T00:00:00Z", "2023-04-15"),
        ("2023-04-15T17:30:00+02:00", "2023-04-15 17:30:00+02:00"),
    ],
)
def test_a_deadline_is_said_as_its_author_wrote_it(written: str, spoken: str) -> None:
    stages = [{"actions": ["advise"]}, {"from": written, "actions": ["withdraw_access"]}]
    (notice,) = told(policy(rules=[{**ADVISED, "stages": stages}]))
    assert f"From {spoken} on," in notice.body


def test_several_apps_are_one_notice() -> None:
    (notice,) = told(policy(rules=[ADVISED], apps=[app(), app("wechat"), app("capcut")]))
    assert notice.title == "Please remove Banned, Capcut and Wechat"
    assert notice.apps == ("banned", "capcut", "wechat")
    assert [event["app"] for event in notice.events("noticed")] == ["banned", "capcut", "wechat"]


def test_each_policy_speaks_for_itself() -> None:
    school = policy("school", rules=[ADVISED], contact="it@school.example", authority={"issued_by": "The school"})
    city, other = told(policy(rules=[ADVISED]), school)
    assert "City IT" in city.body
    assert "The school" in other.body
    assert "City IT" not in other.body
    assert "help@city.example" not in other.body


def test_whoever_is_exempt_or_out_of_scope_is_told_nothing() -> None:
    exempt = policy(rules=[ADVISED], exemptions=[exemption(devices=["SN0001"])])
    assert told(exempt) == []
    assert told(exempt, serial="SN0002") != []
    assert told(policy(rules=[{**ADVISED, "when": {"ownership": "corporate"}}])) == []
    assert told(policy(rules=[ADVISED], state="report_only")) == []
    assert told(policy(rules=[ADVISED], state="lifted")) == []


def test_nothing_that_is_for_the_auditor_is_in_it() -> None:
    banned = {**app(), "note": "SECRET-note"}
    secretive = policy(
        rules=[ADVISED],
        apps=[banned],
        notes="SECRET-policy-note",
        sources=["https://secret.example/source"],
        authority={"issued_by": "City IT", "reference": "SECRET-reference", "advised_by": ["SECRET-adviser"]},
        exemptions=[exemption("SECRET-exemption", devices=["SN0002"], reason="SECRET-reason", approved_by="SECRET-approver")],
    )
    text = NoticeText(addition="{notes} {sources} {reference} {exemptions} {policy} {policy.notes} {0} {}")
    (notice,) = told(secretive, text=text)
    words = f"{notice.title} {notice.body}"
    assert "secret" not in words.casefold()
    assert notice.body.endswith("{notes} {sources} {reference} {exemptions} {policy} {policy.notes} {0} {}"), "unknown ones stay"


@pytest.mark.parametrize("template", ["{apps.__class__}", "{apps!r}", "{apps:>999999999}", "%(apps)s", "{{apps}}", "${apps}", "{{ apps }}"])
def test_templates_are_filled_in_and_not_evaluated(template: str) -> None:
    filled = render(template, {"apps": "TikTok"})
    assert filled in (template, template.replace("{apps}", "TikTok"))


@given(st.text(max_size=30), st.text(max_size=30))
def test_what_a_policy_says_is_never_a_template(title: str, contact: str) -> None:
    words = {"apps": "{contact}" + title, "contact": "{apps}" + contact}
    assert render("<{apps}|{contact}>", words) == " ".join(f"<{words['apps']}|{words['contact']}>".split())


def test_the_organisation_can_say_it_in_its_own_words() -> None:
    text = NoticeText("{policy_title}: {apps}", "{authority}\n{contact}: {deadline}", "You are liable.")
    (notice,) = told(policy(rules=[ADVISED]), text=text)
    assert notice.title == "Banned apps: Banned"
    assert notice.body == "City IT help@city.example: 2023-04-15 You are liable."


def test_a_withdrawal_starts_where_its_first_stage_did() -> None:
    """Later stages that keep it up don't start it anew: a device would be given a second grace."""
    stages = [
        {"actions": ["advise"]},
        {"from": "2023-03-05T00:00:00Z", "actions": ["withdraw_access"]},
        {"from": "2023-03-10T00:00:00Z", "actions": ["withdraw_access", "advise"]},
    ]
    banned = policy(rules=[{**ADVISED, "stages": stages}])
    for day, expected in ((2, "2023-03-05T00:00:00Z"), (7, "2023-03-05T00:00:00Z"), (20, "2023-03-05T00:00:00Z")):
        member = fleet([banned], [device(ownership="personal")], datetime(2023, 3, day, tzinfo=timezone.utc))[0]
        instant = withdrawal_from(member.decision.apps["banned"].policies[0], banned)
        assert instant is not None
        assert instant.utc == expected


def test_a_withdrawal_that_nobody_asks_for_has_no_start() -> None:
    banned = policy(rules=[{**ADVISED, "stages": [{"actions": ["advise"]}]}])
    member = fleet([banned], [device(ownership="personal")])[0]
    assert withdrawal_from(member.decision.apps["banned"].policies[0], banned) is None
