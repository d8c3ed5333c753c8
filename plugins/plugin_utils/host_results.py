# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what a host's tasks returned to what the engine judges. Pure."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Mapping

from ansible_collections.appban.endpoint.plugins.module_utils.engine.evidence import Row
from ansible_collections.appban.endpoint.plugins.module_utils.engine.outcomes import Observation, judge
from ansible_collections.appban.endpoint.plugins.plugin_utils.host_requests import LOOKED_FOR, is_doubted

#: Actions that a host's task carries out. A policy may ask for more; what it asks for and doesn't get is said in the outcome.
SUPPORTED_ACTIONS = frozenset(("audit", "remove", "block"))
#: Verdicts under which nothing of the app is in a record, whatever a result might say.
_UNTOUCHED = ("out_of_scope", "unclassified")
#: Verdicts under which the app is not looked for, and a block of ours that stands from before is lifted.
_LIFTED = ("exempt", "lifted", "not_applicable")
_FIELDS = frozenset(each.name for each in fields(Observation))


def result_of_host(planned: Mapping[str, Any] | None, applied: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The result that tells most about a host: of the apply where it ran, otherwise of the plan; empty where nothing ran.

    An apply that failed before it could say anything of the apps changed nothing: what the plan saw is still what was seen.
    """
    found: list[Mapping[str, Any]] = [result for result in (applied, planned) if result and not result.get("skipped")]
    if len(found) == 2 and "apps" not in found[0] and found[1].get("apps") and not found[0].get("unreachable"):
        seen = {app: {**details, "error": "error" if details.get("pending") else ""} for app, details in found[1]["apps"].items()}
        return {**found[1], **found[0], "apps": seen}
    return found[0] if found else {}


def has_failed(result: Mapping[str, Any]) -> bool:
    """Whether a task on a host failed. The role lets none of them fail for Ansible; a module of ours says ``msg`` only where it failed."""
    return bool(result.get("failed") or result.get("msg"))


def to_see(host: str, result: Mapping[str, Any]) -> list[str]:
    """What a person has to look at on a host that the counts don't tell: what is left of an app, and what was not looked into."""
    apps: Mapping[str, Mapping[str, Any]] = result.get("apps") or {}
    lines: list[str] = []
    for app_id, details in apps.items():
        lines.extend("%s: %s was removed, and %s is still there" % (host, app_id, path) for path in details.get("remains", ()))
        lines.extend("%s: %s was removed, and process %s still runs from it" % (host, app_id, each) for each in details.get("running", ()))
    lines.extend("%s: %s" % (host, each) for each in result.get("unseen", ()))
    return lines


def rows_of_host(
    device: Mapping[str, Any], decision: Mapping[str, Any], result: Mapping[str, Any], now: str, check_mode: bool, stopped: bool
) -> list[Row]:
    """One row per app of the run for one host.

    Args:
        device: the device record.
        decision: the decision about it, in plain form.
        result: from :func:`result_of_host`.
        now: the run's instant.
        check_mode: the run changes nothing.
        stopped: the limits stopped the run before any write, and this host was to be changed.
    """
    rows = []
    for app_id, part in sorted(decision["apps"].items()):
        seen, details = _observation(app_id, part, result, check_mode, stopped)
        before = _before(seen)
        # It was not looked for, and the reason is that one of its policies may or may not be about this device.
        doubted = is_doubted(part) and part["verdict"] in LOOKED_FOR
        rows.append(
            Row(
                device=device,
                app=app_id,
                decision=part,
                outcome=judge({**part, "verdict": "unclassified"} if doubted else part, seen, check_mode),
                before=before,
                # What a plan would do for the app is no mechanism that holds it yet.
                mechanism=() if details.get("pending") else tuple(details.get("mechanism", ())),
                seen_at=None if before == "not_observed" else now,
                findings=tuple(details.get("findings", ())),
                # Said of the host, not of one app: blocks of several apps share a file.
                drift=() if part["verdict"] in _UNTOUCHED or is_doubted(part) else tuple(result.get("drift", ())),
            )
        )
    return rows


def _before(seen: Observation) -> str:
    """What was seen of an app: not found where a part of the host was not looked into is not absent."""
    if seen.before is None or (not seen.before and seen.unseen):
        return "not_observed"
    return "present" if seen.before else "absent"


def _observation(
    app_id: str, part: Mapping[str, Any], result: Mapping[str, Any], check_mode: bool, stopped: bool
) -> tuple[Observation, Mapping[str, Any]]:
    if part["verdict"] in _UNTOUCHED or is_doubted(part):
        return Observation(), {}
    if result.get("unreachable"):
        return Observation(reachable=False), {}
    details = (result.get("apps") or {}).get(app_id)
    if part["verdict"] in _LIFTED:
        # A rehearsal takes nothing away: the block still stands.
        return Observation(error=_lift_error(result, stopped), still_held=check_mode and bool(result.get("unblocked"))), {}
    if details is None:
        # The module says something of every app that it is asked to look for, unless it failed before it could.
        return Observation(error="error"), {}
    values = {name: value for name, value in details.items() if name in _FIELDS}
    values.update(files_remain=bool(details.get("remains")), still_running=bool(details.get("running")))
    if stopped and not values.get("error") and details["pending"]:
        values["error"] = "limit_exceeded"
    values["unsupported"] = tuple(action for action in part["actions"] if action not in SUPPORTED_ACTIONS)
    return Observation(**values), details


def _lift_error(result: Mapping[str, Any], stopped: bool) -> str:
    """Why a block that is to be lifted may still stand; empty where nothing speaks for that."""
    if stopped and result.get("unblocked"):
        return "limit_exceeded"
    # Without any result the host was lost before it could be asked, and its block may stand.
    return "error" if not result or has_failed(result) else ""
