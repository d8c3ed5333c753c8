# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finish the record of a run over hosts, on the controller: every host is in it, those that did not answer too."""

from __future__ import annotations

import os
from typing import Any, Mapping, Sequence

from ansible.plugins.action import ActionBase

from ..module_utils.engine.errors import AppbanError
from ..module_utils.engine.evidence import summary_of
from ..module_utils.engine.presence import Presence
from ..module_utils.policy.sanitize import sanitize
from ..plugin_utils.action_refusal import refusal
from ..plugin_utils.host_record import give_back, resume_record
from ..plugin_utils.host_results import has_failed, result_of_host, rows_of_host, to_see
from ..plugin_utils.plan_files import plan_files
from ..plugin_utils.run_summary import summary_lines
from ..plugin_utils.shown_lines import visible

_SHOWN_FINDINGS = 100
_SHOWN_CHANGES = 20


class ActionModule(ActionBase):
    """Reads what the run's tasks registered per host, judges it and writes the record."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _validated, options = self.validate_argument_spec(
            argument_spec={
                "decisions": {"type": "dict", "required": True},
                "stopped": {"type": "bool", "default": False},
                "reason": {"type": "str", "default": ""},
            }
        )
        try:
            result.update(_record(options, variables["hostvars"], bool(self._task.check_mode)))
        except AppbanError as error:
            raise refusal(self, str(error)) from None
        finally:
            give_back(sanitize(options["decisions"]["run"], "decisions"))
        result["changed"] = False
        return result


def _record(options: dict[str, Any], hostvars: Any, check_mode: bool) -> dict[str, Any]:
    run, hosts = sanitize(options["decisions"]["run"], "decisions"), options["decisions"]["hosts"]
    record = resume_record(run)
    findings: list[dict[str, Any]] = []
    found = in_scope = 0
    troubles: dict[str, str] = {}
    drift: list[str] = []
    due: set[str] = set()
    notes: set[str] = set(run["notes"])
    refused: list[str] = []
    changing: list[str] = []
    plan: list[str] = []
    left: list[str] = []
    # A host is looked at by the run itself, so no look is old.
    presence = Presence()
    try:
        for host in hosts:
            entry = sanitize(hosts[host], host)
            variables = hostvars[host]
            planned = sanitize(dict(variables.get("appban_host_plan") or {}), host)
            applied = sanitize(dict(variables.get("appban_host_apply") or {}), host)
            result = result_of_host(planned, applied)
            stopped = bool(options["stopped"] and planned.get("changes"))
            rows = rows_of_host(entry["device"], entry["decision"], result, run["now"], check_mode, stopped)
            record.add_device(rows)
            in_scope += entry["decision"]["scope"] == "in_scope"
            due.update(entry["decision"]["decision_due"])
            notes.update(entry["decision"]["notes"])
            found += len(result.get("findings", ()))
            for finding in result.get("findings", ())[: _SHOWN_FINDINGS - len(findings)]:
                findings.append({"host": host, **finding})
            if entry["decision"]["scope"] == "in_scope":
                presence.add(rows)
                # Of a machine that is out of scope by now nothing is told, not even what became of our own block there.
                drift.extend("%s: %s" % (host, line) for line in result.get("drift", ()))
                left.extend(to_see(host, result))
            if result.get("refused"):
                refused.append(host)
            if planned.get("changes") and (check_mode or applied.get("changed")):
                changing.append(host)
            plan.extend("%s: %s" % (host, "%(op)s %(kind)s %(name)s" % change) for change in planned.get("changes") or ())
            trouble = _trouble(result, asked=entry["request"] is not None)
            if trouble:
                troubles[host] = trouble
        more: dict[str, Any] = {"findings": found, "drift": len(drift), "decision_due": sorted(due), "notes": sorted(notes)}
        more.update(stopped=options["reason"] if options["stopped"] else None, fleet="complete")
        last = record.close(len(hosts), in_scope, more)
    finally:
        record.abandon()
    shown = plan_files(os.path.join(run["evidence_dir"], run["run_id"]), run.get("part") or "")[1]
    stopped_hosts: list[str] = []
    if options["stopped"]:
        stopped_hosts = [host for host in hosts if (hostvars[host].get("appban_host_plan") or {}).get("changes") and host not in troubles]
        troubles.update(dict.fromkeys(stopped_hosts, "%s. The plan is in %s" % (options["reason"], shown)))
    text = summary_lines(
        last, run, record.path, check_mode, sorted(notes), drift,
        to_see=left, exemptions=run["exemptions"], presence=presence.as_plain(),
    )  # fmt: skip
    if options["stopped"]:
        text = [*text[:-1], *_plan_lines(plan, shown), text[-1]]
    summary = summary_of(last)
    return {
        "summary": summary,
        "totals": last["totals"],
        "findings": findings,
        "unenforceable": last["unenforceable"],
        "drift": drift,
        "exemptions": run["exemptions"],
        "notes": sorted(notes),
        "decision_due": bool(due),
        "evidence": record.path,
        "run_id": run["run_id"],
        "troubles": troubles,
        "stopped": options["stopped"],
        "reason": options["reason"],
        "stopped_hosts": stopped_hosts,
        "refused_hosts": refused,
        "changed_hosts": changing,
        "text": [visible(line) for line in text],
    }


def _plan_lines(plan: Sequence[str], path: str) -> list[str]:
    """The plan that was not carried out, bounded, and where all of it is."""
    more = ["plan: and %d more" % (len(plan) - _SHOWN_CHANGES)] if len(plan) > _SHOWN_CHANGES else []
    return [*("plan: " + line for line in plan[:_SHOWN_CHANGES]), *more, "plan: all of it, with the diff, is in " + path]


def _trouble(result: Mapping[str, Any], asked: bool) -> str:
    """What a person has to look at on a host, or an empty text."""
    message = str(result.get("msg") or "").strip()
    if asked and not result:
        return "lost before it could be asked, nothing is known of this host: see its error above"
    if result.get("unreachable"):
        return "unreachable, nothing is known of this host: " + (message or "no answer")
    return (message or "failed without a message") if has_failed(result) else ""
