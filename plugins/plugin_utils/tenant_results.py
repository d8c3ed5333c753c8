# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what a tenant's module returned to what a person reads. Pure."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.appban.endpoint.plugins.plugin_utils.plan_files import plan_files
from ansible_collections.appban.endpoint.plugins.plugin_utils.progress_lines import waits_lines
from ansible_collections.appban.endpoint.plugins.plugin_utils.run_summary import summary_lines
from ansible_collections.appban.endpoint.plugins.plugin_utils.shown_lines import visible

#: What a module says only when it failed.
_SHOWN_CHANGES = 20
_FAILED_WITHOUT_WORDS = "failed without a message: run again with -vvv"


def tenant_trouble(result: Mapping[str, Any], run: Mapping[str, Any] | None = None) -> str:
    """What a person has to look at, or an empty text. A module of ours says ``msg`` only where it failed.

    Args:
        result: what the module returned.
        run: what ``run_begin`` returned; with it a run that was stopped says where its plan is.
    """
    message = str(result.get("msg") or "").strip()
    if message and run and is_stopped(result):
        message += ". The plan is in %s" % plan_files(run["directory"], run.get("part") or "")[1]
    return message or ("" if "evidence" in result else _FAILED_WITHOUT_WORDS)


def is_stopped(result: Mapping[str, Any]) -> bool:
    """Whether there is a plan of which nothing was carried out because of trouble."""
    return bool(result.get("msg") and result.get("changes") and not result.get("changed"))


def tenant_text(result: Mapping[str, Any], run: Mapping[str, Any], check_mode: bool) -> list[str]:
    """The summary of a tenant.

    Args:
        result: what the module returned.
        run: what ``run_begin`` returned.
        check_mode: nothing was changed.
    """
    if "record" not in result:
        return ["no record was made, so nothing is claimed of this tenant; why is said at the end", *_waits(result)]
    lines = summary_lines(
        result["record"],
        run,
        result["evidence"],
        check_mode,
        result["notes"],
        result["drift"],
        result["conflicts"],
        result["changes"],
        exemptions=result.get("exemptions", ()),
        made=result.get("changes_made"),
        presence=result.get("presence"),
    )
    plan = _plan_lines(result, run) if is_stopped(result) else []
    return [visible(line) for line in (*lines[:-1], *plan, *_waits(result), lines[-1])]


def _waits(result: Mapping[str, Any]) -> list[str]:
    return ["waited: " + line for line in waits_lines(result.get("waits"))]


def _plan_lines(result: Mapping[str, Any], run: Mapping[str, Any]) -> list[str]:
    changes = result["changes"]
    shown = ["plan: %(op)s %(kind)s %(name)s" % change for change in changes[:_SHOWN_CHANGES]]
    if len(changes) > _SHOWN_CHANGES:
        shown.append("plan: and %d more" % (len(changes) - _SHOWN_CHANGES))
    return [*shown, "plan: all of it, with the diff, is in " + plan_files(run["directory"], run.get("part") or "")[1]]
