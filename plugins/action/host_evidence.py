# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finish the record of a run over hosts, on the controller: every host is in it, those that did not answer too."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
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


@dataclass
class _Told:
    """What the hosts of a run have told, taken host by host."""

    check_mode: bool
    stopped: bool
    now: str
    found: int = 0
    in_scope: int = 0
    findings: list[dict[str, Any]] = field(default_factory=list)
    troubles: dict[str, str] = field(default_factory=dict)
    drift: list[str] = field(default_factory=list)
    due: set[str] = field(default_factory=set)
    notes: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    changing: list[str] = field(default_factory=list)
    stopped_hosts: list[str] = field(default_factory=list)
    plan: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    #: A host is looked at by the run itself, so no look is old.
    presence: Presence = field(default_factory=Presence)

    def take(self, host: str, entry: Mapping[str, Any], planned: dict[str, Any], applied: dict[str, Any]) -> list[Any]:
        """One host: what was decided, planned and applied. Returns its rows."""
        result = result_of_host(planned, applied)
        decision, changes = entry["decision"], planned.get("changes") or ()
        rows = rows_of_host(entry["device"], decision, result, self.now, self.check_mode, bool(self.stopped and changes))
        self.due.update(decision["decision_due"])
        self.notes.update(decision["notes"])
        found = result.get("findings", ())
        self.found += len(found)
        self.findings.extend({"host": host, **finding} for finding in found[: _SHOWN_FINDINGS - len(self.findings)])
        if decision["scope"] == "in_scope":
            self.in_scope += 1
            self.presence.add(rows)
            # Of a machine that is out of scope by now nothing is told, not even what became of our own block there.
            self.drift.extend("%s: %s" % (host, line) for line in result.get("drift", ()))
            self.left.extend(to_see(host, result))
        if result.get("refused"):
            self.refused.append(host)
        if changes and (self.check_mode or applied.get("changed")):
            self.changing.append(host)
        self.plan.extend("%s: %s" % (host, "%(op)s %(kind)s %(name)s" % change) for change in changes)
        trouble = _trouble(result, asked=entry["request"] is not None)
        if trouble:
            self.troubles[host] = trouble
        elif self.stopped and changes:
            self.stopped_hosts.append(host)
        return rows


def _record(options: dict[str, Any], hostvars: Any, check_mode: bool) -> dict[str, Any]:
    run, hosts = sanitize(options["decisions"]["run"], "decisions"), options["decisions"]["hosts"]
    stopped, reason = bool(options["stopped"]), options["reason"]
    record = resume_record(run)
    told = _Told(check_mode, stopped, run["now"], notes=set(run["notes"]))
    try:
        for host in hosts:
            variables = hostvars[host]
            planned, applied = (sanitize(dict(variables.get(name) or {}), host) for name in ("appban_host_plan", "appban_host_apply"))
            record.add_device(told.take(host, sanitize(hosts[host], host), planned, applied))
        more: dict[str, Any] = {"findings": told.found, "drift": len(told.drift), "decision_due": sorted(told.due)}
        more.update(notes=sorted(told.notes), stopped=reason if stopped else None, fleet="complete")
        last = record.close(len(hosts), told.in_scope, more)
    finally:
        record.abandon()
    shown = plan_files(os.path.join(run["evidence_dir"], run["run_id"]), run.get("part") or "")[1]
    told.troubles.update(dict.fromkeys(told.stopped_hosts, "%s. The plan is in %s" % (reason, shown)))
    text = summary_lines(
        last, run, record.path, check_mode, sorted(told.notes), told.drift,
        to_see=told.left, exemptions=run["exemptions"], presence=told.presence.as_plain(),
    )  # fmt: skip
    if stopped:
        text = [*text[:-1], *_plan_lines(told.plan, shown), text[-1]]
    return {
        "summary": summary_of(last),
        "totals": last["totals"],
        "findings": told.findings,
        "unenforceable": last["unenforceable"],
        "drift": told.drift,
        "exemptions": run["exemptions"],
        "notes": sorted(told.notes),
        "decision_due": bool(told.due),
        "evidence": record.path,
        "run_id": run["run_id"],
        "troubles": told.troubles,
        "stopped": options["stopped"],
        "reason": reason,
        "stopped_hosts": told.stopped_hosts,
        "refused_hosts": told.refused,
        "changed_hosts": told.changing,
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
