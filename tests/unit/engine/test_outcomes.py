# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The vocabulary of results is closed, and the one judge is honest over everything that a target can say."""

from __future__ import annotations

import ast
import itertools
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.appban.endpoint.plugins.module_utils.engine.outcomes import (
    GRAVITY,
    OUTCOMES,
    REASONS,
    Observation,
    Outcome,
    judge,
)
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning.capability import ACTIONS_WITH_SUPPORT
from ansible_collections.appban.endpoint.plugins.module_utils.policy.model import VERDICTS
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune import capabilities as intune
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro import capabilities as jamf_pro
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm import capabilities as nanomdm

PLUGINS = pathlib.Path(__file__).parents[3] / "plugins"


def decision(verdict: str, actions: tuple[str, ...], exemption: str | None) -> dict[str, Any]:
    return {"verdict": verdict, "actions": list(actions), "exemption": {"state": exemption} if exemption else None}


ACTION_SETS = (
    (),
    ("audit",),
    ("advise",),
    ("remove",),
    ("block",),
    ("remove", "block"),
    ("remove", "block", "block_web"),
    ("advise", "withdraw_access"),
)


def decisions() -> Iterator[dict[str, Any]]:
    for verdict in VERDICTS:
        for actions in ACTION_SETS if verdict == "enforce" else ((),):
            for exemption in (None, "active", "expired"):
                yield decision(verdict, actions, exemption)


def observations() -> Iterator[Observation]:
    """Every combination, the senseless ones too: a target may be wrong and the judge must not be."""
    choices: dict[str, tuple[Any, ...]] = {
        "reachable": (True, False),
        "before": (True, False, None),
        "after": (True, False, None),
        "why_not_seen": ("", "no_identifier"),
        "removal": ("none", "done", "requested"),
        "removed_earlier": (True, False),
        "block": ("none", "soft"),
        "why_not_blocked": ("", "no_block"),
        "why_not_removed": ("", "detect_only", "leftover_kept"),
        "unsupported": ((), ("advise", "block_web")),
        "pending": (True, False),
        "error": ("", "error"),
        "still_held": (True, False),
    }
    for values in itertools.product(*choices.values()):
        yield Observation(**dict(zip(choices, values, strict=True)))
    for advised, withdrawn, before in itertools.product((True, False), (True, False), (True, False, None)):
        yield Observation(before=before, after=before, advised=advised, access_withdrawn=withdrawn)
    yield from tenant_observations()


def tenant_observations() -> Iterator[Observation]:
    """What a tenant can say besides: it sees an inventory, acts through a management that is not always in contact, and is slow."""
    choices: dict[str, tuple[Any, ...]] = {
        "before": (True, False, None),
        "removal": ("none", "requested", "confirmed"),
        "removed_earlier": (True, False),
        "block": ("none", "soft"),
        "why_not_removed": ("", "user_installed"),
        "access_withdrawn": (True, False),
        "access_restored": (True, False),
        "why_not_withdrawn": ("", "no_conditional_access"),
        "why_site_open": ("", "no_identifier"),
        "no_means": ("", "unsupervised"),
        "unconfirmed": (True, False),
        "stale": (True, False),
        "pending": (True, False),
    }
    for values in itertools.product(*choices.values()):
        facts = dict(zip(choices, values, strict=True))
        yield Observation(after=facts["before"], why_not_seen="privacy_setting", **facts)


#: A step through the product that shares no divisor with the number of choices of any field: every few fields meet in every combination.
STEP = 17


@pytest.fixture(scope="module", params=[STEP, pytest.param(1, marks=pytest.mark.long)])
def judged(request: pytest.FixtureRequest) -> list[tuple[dict[str, Any], Observation, bool, Outcome]]:
    """The product, judged: that it can be made at all is the proof that `judge` is total. All of it, six million, in make test-long."""
    seen = list(itertools.islice(observations(), 0, None, request.param))
    return [(asked, each, check, judge(asked, each, check)) for asked in decisions() for each in seen for check in (False, True)]


def test_the_vocabulary_is_the_one_of_the_design() -> None:
    assert OUTCOMES == (
        "compliant", "removed", "removal_requested", "blocked_not_removed", "violating", "advised", "access_withdrawn", "recurred",
        "exempt", "exemption_expired", "out_of_scope", "unclassified", "not_in_force", "not_applicable", "cannot_enforce",
        "not_observable", "stale", "unreachable", "failed",
    )  # fmt: skip


def test_gravity_orders_every_outcome_once() -> None:
    assert sorted(GRAVITY) == sorted(OUTCOMES)
    assert len(set(REASONS)) == len(REASONS)


def test_words_outside_the_vocabulary_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown outcome 'gone'"):
        Outcome("gone")
    with pytest.raises(ValueError, match="unknown reason 'because'"):
        Outcome("failed", "because")
    for name in ("cannot_enforce", "not_observable"):
        with pytest.raises(ValueError, match="needs a reason"):
            Outcome(name)


def test_every_reason_that_a_host_can_give_is_in_the_vocabulary() -> None:
    """Refusal reasons and the words that the hosts' report assigns, read from the source."""
    found = set()
    for path in (PLUGINS / "module_utils" / "hosts").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refusal":
                given = [*node.args[1:2], *(each.value for each in node.keywords if each.arg == "reason")]
                found.update("refused_" + each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str))
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute) and node.targets[0].attr.startswith("why_not_"):
                found.update(each.value for each in ast.walk(node.value) if isinstance(each, ast.Constant) and isinstance(each.value, str))
    assert {"refused_dependents", "refused_protected", "refused_max_removals", "no_block", "detect_only"} <= found
    assert found - {""} <= set(REASONS)


def test_removed_means_that_it_was_there_and_was_seen_to_be_gone(judged: list[Any]) -> None:
    for asked, seen, check, outcome in judged:
        if outcome.name in ("removed", "recurred"):
            if seen.removal == "done":
                assert seen.before is True
                assert seen.after is False
                assert not check
            else:
                assert seen.removal == "confirmed"
                assert seen.before is False
                assert not seen.stale, "an old inventory proves nothing"
            assert asked["verdict"] == "enforce"
            assert (outcome.name == "recurred") == seen.removed_earlier
            assert "block" not in asked["actions"] or seen.block != "none", "a demanded block is missing"
            assert "block_web" not in asked["actions"] or not seen.why_site_open
        if outcome.reason == "removed":
            assert (seen.removal, seen.after, check) == ("done", False, False)


def test_a_queued_command_is_never_a_removal(judged: list[Any]) -> None:
    for _unused, seen, check, outcome in judged:
        if seen.removal == "requested":
            assert outcome.name not in ("removed", "recurred")
            assert outcome.reason != "removed"
        if "removal_requested" in (outcome.name, outcome.reason):
            assert seen.removal == "requested"
            assert not check


REACHING = {"remove", "block", "block_web", "withdraw_access"}


@pytest.mark.fault_kind("R4", "nobody is compliant with a ban that is not in force")
@pytest.mark.fault_kind("T5", "every demanded action waits for the device's contact")
def test_compliant_means_in_force_looked_for_absent_and_arrived(judged: list[Any]) -> None:
    for asked, seen, _unused, outcome in judged:
        if outcome.name == "compliant":
            assert asked["verdict"] == "enforce"
            assert seen.reachable
            assert not seen.error
            assert seen.before is False
            assert not seen.unseen
            assert "block" not in asked["actions"] or seen.block != "none"
            assert "block_web" not in asked["actions"] or "block_web" not in seen.unsupported
            assert "block_web" not in asked["actions"] or not seen.why_site_open
            assert not REACHING.intersection(asked["actions"]) or not seen.unconfirmed
            assert not seen.stale
            assert seen.removal != "confirmed", "that is a removal"


@pytest.mark.fault_kind("T5", "an action of another kind than a block counts before the device was in contact")
@pytest.mark.parametrize("action", sorted(REACHING))
def test_every_demanded_action_waits_for_contact(action: str) -> None:
    asked = decision("enforce", (action,), None)
    seen = {"before": False, "after": False, "block": "soft"}
    assert judge(asked, Observation(unconfirmed=True, **seen)) == Outcome("stale", "awaiting_check_in")
    assert judge(asked, Observation(**seen)) == Outcome("compliant")
    assert judge(asked, Observation(unconfirmed=True, removal="confirmed", **seen)) == Outcome("stale", "awaiting_check_in")


def test_what_needs_no_control_waits_for_nothing() -> None:
    asked = decision("enforce", ("audit", "advise"), None)
    assert judge(asked, Observation(before=False, after=False, unconfirmed=True)) == Outcome("compliant")


NOT_IN_FORCE = {
    "report_only": "report_only", "pending": "not_yet_in_force", "review": "under_review", "lifted": "ban_lifted",
}  # fmt: skip


@pytest.mark.fault_kind("R4", "what is proposed, not begun, under review or lifted counts as compliant")
@pytest.mark.parametrize("verdict", sorted(NOT_IN_FORCE))
@pytest.mark.parametrize("before", [True, False, None])
def test_what_is_not_in_force_says_which_and_nothing_else(verdict: str, before: bool | None) -> None:
    seen = Observation(before=before, after=before, why_not_seen="" if before is not None else "home_unreadable", pending=True, stale=True)
    for check in (False, True):
        assert judge(decision(verdict, (), None), seen, check) == Outcome("not_in_force", NOT_IN_FORCE[verdict])


@pytest.mark.fault_kind("T8b", "lifted and exempt are said although the device still holds the block")
def test_what_the_device_may_still_hold_is_said(judged: list[Any]) -> None:
    for asked, seen, _unused, outcome in judged:
        if outcome.reason in ("lift_pending", "release_pending"):
            assert seen.still_held
            assert outcome.name == ("exempt" if asked["verdict"] == "exempt" else "not_in_force")
            assert asked["verdict"] in ("exempt", "lifted", "report_only", "pending", "review")
        if seen.still_held and seen.reachable and not seen.error:
            assert outcome.reason != "ban_lifted"
            assert outcome.name != "exempt" or outcome.reason == "release_pending"


@pytest.mark.fault_kind("R4", "an app counts against a device of a platform for which it does not exist")
def test_an_app_that_does_not_exist_there_is_not_applicable_whatever_was_seen(judged: list[Any]) -> None:
    for asked, seen, _unused, outcome in judged:
        if asked["verdict"] == "not_applicable":
            assert outcome == (Outcome("failed", seen.error) if seen.error else Outcome("not_applicable"))
        else:
            assert outcome.name != "not_applicable"


def test_nothing_is_said_of_a_device_that_was_not_looked_at(judged: list[Any]) -> None:
    for asked, seen, _unused, outcome in judged:
        if asked["verdict"] in ("out_of_scope", "unclassified", "not_applicable"):
            # Of whom nothing is known: only that a release failed is told.
            assert outcome == (Outcome("failed", seen.error) if seen.error else Outcome(asked["verdict"]))
        elif not seen.reachable:
            assert outcome.name == "unreachable"
        elif seen.error:
            assert outcome == Outcome("failed", seen.error)
        elif seen.before is None and asked["verdict"] == "enforce" and seen.no_means:
            assert outcome == Outcome("cannot_enforce", seen.no_means)
        elif seen.before is None and asked["verdict"] == "enforce":
            assert outcome.name == "not_observable"
            assert outcome.reason


def test_U3_exempt_is_exempt_whatever_was_seen(judged: list[Any]) -> None:
    for asked, seen, _unused, outcome in judged:
        if asked["verdict"] == "exempt":
            assert outcome.name in ("exempt", "unreachable", "failed")
            assert (outcome.name == "exempt") == (seen.reachable and not seen.error)
        else:
            assert outcome.name != "exempt"


def test_an_expired_exemption_shows_where_the_app_is_still_found(judged: list[Any]) -> None:
    for asked, seen, _unused, outcome in judged:
        expired = (asked["exemption"] or {}).get("state") == "expired"
        if outcome.name == "exemption_expired":
            assert expired
            assert asked["verdict"] == "enforce"
            assert outcome.reason
        elif expired and asked["verdict"] == "enforce" and seen.reachable and not seen.error:
            assert not seen.before


def test_B6_what_is_not_enforced_is_never_enforcement(judged: list[Any]) -> None:
    for asked, _unused, _unused, outcome in judged:
        if asked["verdict"] in NOT_IN_FORCE:
            assert outcome.name in ("not_in_force", "unreachable", "failed")
        else:
            assert outcome.name != "not_in_force"


def test_C2_an_app_that_is_still_there_is_never_in_order(judged: list[Any]) -> None:
    """Monotone: with removal or block demanded and the app seen after the run, only outcomes that say so are possible."""
    told = {
        "violating",
        "cannot_enforce",
        "blocked_not_removed",
        "removal_requested",
        "access_withdrawn",
        "exemption_expired",
        "unreachable",
        "failed",
    }
    for asked, seen, _unused, outcome in judged:
        demanded = {"remove", "block"}.intersection(asked["actions"])
        if asked["verdict"] == "enforce" and demanded and seen.before and seen.after is not False:
            assert outcome.name in told


def test_check_mode_claims_nothing_that_apply_would_not_find(judged: list[Any]) -> None:
    """What check mode calls compliant is compliant without check mode as well: a rehearsal never looks better than the run."""
    for asked, seen, check, outcome in judged:
        if check and outcome.name == "compliant":
            assert judge(asked, seen, False) == outcome
        if check and seen.pending and asked["verdict"] == "enforce" and seen.reachable and not seen.error and seen.before is not None:
            stale = {"stale"} if seen.stale and not seen.before else set()
            assert outcome.name in {"violating", "cannot_enforce", "exemption_expired"} | stale


def test_an_old_inventory_is_no_proof_of_absence(judged: list[Any]) -> None:
    for asked, seen, _unused, outcome in judged:
        if outcome.name == "stale":
            assert seen.before is False
            if outcome.reason == "old_inventory":
                assert seen.stale
            else:
                assert outcome.reason == "awaiting_check_in"
                assert seen.unconfirmed
                assert REACHING.intersection(asked["actions"])
        elif seen.stale and seen.before is False and seen.reachable and not seen.error:
            assert asked["verdict"] != "enforce"


def test_a_block_that_has_not_reached_the_device_blocks_nothing(judged: list[Any]) -> None:
    for _unused, seen, _unused, outcome in judged:
        if outcome.name == "blocked_not_removed":
            assert seen.before
            assert seen.block != "none"
            assert not seen.unconfirmed


def test_access_is_withdrawn_where_it_was_seen_to_be(judged: list[Any]) -> None:
    for asked, seen, _unused, outcome in judged:
        if outcome.name == "access_withdrawn":
            assert seen.access_withdrawn
            assert seen.before
            assert asked["verdict"] == "enforce"
        if outcome.reason == "access_restored":
            assert seen.access_restored
            assert outcome.name == "compliant"
        if outcome.reason == "no_conditional_access":
            assert outcome.name == "cannot_enforce"
            assert seen.why_not_withdrawn == outcome.reason


def test_a_site_that_stays_open_is_said_to_be_open(judged: list[Any]) -> None:
    for asked, seen, _unused, outcome in judged:
        if asked["verdict"] == "enforce" and "block_web" in asked["actions"] and seen.why_site_open and seen.before is False:
            assert outcome.name in ("cannot_enforce", "unreachable", "failed", "stale")


def test_every_reason_that_a_tenant_can_give_is_in_the_vocabulary() -> None:
    """Reasons of the capability tables, and those that an assessment assigns, read from its source."""
    found: set[object] = set()
    for row in (*intune.TABLE, *jamf_pro.TABLE, *nanomdm.TABLE):
        found.add(row.why_unseen)
        found.update(row.support(action).why_not for action in ACTIONS_WITH_SUPPORT)
    assert {"unsupervised", "user_enrollment", "personal_profile", "user_installed"} <= found
    for path in sorted((PLUGINS / "module_utils" / "mdm" / "run").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg in ("why_not", "why_unseen") and isinstance(node.value, ast.Constant):
                found.add(node.value.value)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
                name = node.targets[0].slice
                if isinstance(name, ast.Constant) and str(name.value).startswith(("why_", "error")):
                    found.update(each.value for each in ast.walk(node.value) if isinstance(each, ast.Constant))
    assert "limit_exceeded" in found
    assert {each for each in found if isinstance(each, str)} - {"", *ACTIONS_WITH_SUPPORT} <= set(REASONS)
