# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person reads of a tenant, and when there is trouble."""

from __future__ import annotations

from typing import Any

from ansible_collections.appban.endpoint.plugins.plugin_utils.tenant_results import tenant_text, tenant_trouble

RUN = {"now": "2023-03-20T00:00:00Z", "policies": [{"policy": "uk", "state": "enforced"}]}
RECORD = {
    "devices": 500,
    "in_scope": 310,
    "outcomes": {"compliant": 270, "blocked_not_removed": 40, "out_of_scope": 190},
    "totals": {"tiktok": {"compliant": 270, "blocked_not_removed": 40, "out_of_scope": 190}},
    "unenforceable": {"unsupervised": 4},
    "decision_due": [],
    "notes": ["uk: the review is due today"],
}


def result(**more: Any) -> dict[str, Any]:
    plain = {"changes": [], "notes": RECORD["notes"], "drift": [], "conflicts": [], "evidence": "evidence/r/city.jsonl", "record": RECORD}
    return {**plain, **more}


def test_conflicts_drift_and_notes_stand_in_the_summary() -> None:
    changes = [{"op": "create"}, {"op": "create"}, {"op": "command"}]
    said = result(changes=changes, conflicts=["TikTok is required by Pilot"], drift=["BAN uk iOS blocked apps had other settings"])
    assert tenant_text(said, RUN, True) == [
        "uk at 2023-03-20T00:00:00Z, check mode: nothing was changed",
        "tiktok on 500 devices (310 in scope): 270 compliant, 40 blocked, not removed, 190 out of scope",
        "why not: unsupervised 4",
        "plan: 2 to create, 1 to send",
        "note: uk: the review is due today",
        "conflict: TikTok is required by Pilot",
        "drift: BAN uk iOS blocked apps had other settings",
        "evidence: evidence/r/city.jsonl",
    ]
    assert tenant_trouble(said) == ""


def test_many_conflicts_never_flood_the_terminal() -> None:
    lines = tenant_text(result(conflicts=[f"app {number} is required" for number in range(45)]), RUN, False)
    assert len([line for line in lines if line.startswith("conflict: app ")]) == 20
    assert "conflict: and 25 more, -v shows all" in lines


def test_a_partial_failure_has_its_summary_and_its_trouble() -> None:
    said = result(msg="1 of 2 changes were made; these were not:\nx")
    assert tenant_text(said, RUN, False)[-1] == "evidence: evidence/r/city.jsonl"
    assert tenant_trouble(said) == "1 of 2 changes were made; these were not:\nx"


def test_without_a_record_nothing_is_claimed() -> None:
    said = {"failed": True, "msg": "Failed to get an access token"}
    assert tenant_text(said, RUN, False) == ["no record was made, so nothing is claimed of this tenant; why is said at the end"]
    assert tenant_trouble(said) == "Failed to get an access token"


def test_a_module_that_says_nothing_is_trouble_too() -> None:
    assert "failed without a message" in tenant_trouble({})
