# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the evidence of a run over hosts, on the controller: every host is in it, those that did not answer too."""

from __future__ import annotations

import platform
from typing import Any, Mapping

from ansible import release
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..module_utils.engine.errors import AppbanError
from ..module_utils.engine.evidence import LEVELS, EvidenceRecord, summary_of
from ..module_utils.policy.plain_types import plain_copy
from ..plugin_utils.collection_version import collection_version
from ..plugin_utils.host_results import result_of_host, rows_of_host, to_see
from ..plugin_utils.run_summary import summary_lines

_SHOWN_FINDINGS = 100


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
                "target": {"type": "str", "default": "hosts"},
                "decisions": {"type": "dict", "required": True},
                "evidence": {"type": "str", "choices": list(LEVELS), "default": "exceptions"},
                "stopped": {"type": "bool", "default": False},
                "reason": {"type": "str", "default": ""},
            }
        )
        try:
            result.update(_record(options, variables["hostvars"], bool(self._task.check_mode)))
        except AppbanError as error:
            raise AnsibleActionFail(str(error)) from error
        result["changed"] = False
        return result


def _record(options: dict[str, Any], hostvars: Any, check_mode: bool) -> dict[str, Any]:
    run, hosts = plain_copy(options["decisions"]["run"], "decisions"), options["decisions"]["hosts"]
    header = {
        "now": run["now"],
        "mode": "check" if check_mode else "apply",
        "stopped": options["reason"] if options["stopped"] else None,
        "policies": run["policies"],
        "limits": run["limits"],
        "versions": {"appban.endpoint": collection_version(), "ansible-core": release.__version__, "python": platform.python_version()},
    }
    record = EvidenceRecord(run["evidence_dir"], run["run_id"], options["target"], header, options["evidence"])
    findings: list[dict[str, Any]] = []
    found = in_scope = 0
    troubles: dict[str, str] = {}
    drift: list[str] = []
    due: set[str] = set()
    notes: set[str] = set()
    left: list[str] = []
    try:
        for host in hosts:
            entry = plain_copy(hosts[host], host)
            variables = hostvars[host]
            planned = plain_copy(dict(variables.get("appban_host_plan") or {}), host)
            applied = plain_copy(dict(variables.get("appban_host_apply") or {}), host)
            result = result_of_host(planned, applied)
            stopped = bool(options["stopped"] and planned.get("changes"))
            record.add_device(rows_of_host(entry["device"], entry["decision"], result, run["now"], check_mode, stopped))
            in_scope += entry["decision"]["scope"] == "in_scope"
            due.update(entry["decision"]["decision_due"])
            notes.update(entry["decision"]["notes"])
            found += len(result.get("findings", ()))
            for finding in result.get("findings", ())[: _SHOWN_FINDINGS - len(findings)]:
                findings.append({"host": host, **finding})
            if entry["decision"]["scope"] == "in_scope":
                # Of a machine that is out of scope by now nothing is told, not even what became of our own block there.
                drift.extend("%s: %s" % (host, line) for line in result.get("drift", ()))
                left.extend(to_see(host, result))
            trouble = _trouble(result, asked=entry["request"] is not None)
            if trouble:
                troubles[host] = trouble
        more = {"findings": found, "drift": len(drift), "decision_due": sorted(due), "notes": sorted(notes)}
        last = record.close(len(hosts), in_scope, more)
    finally:
        record.abandon()
    if options["stopped"]:
        troubles = {**{host: options["reason"] for host in hosts if hostvars[host].get("appban_host_plan", {}).get("changes")}, **troubles}
    summary = summary_of(last)
    return {
        "summary": summary,
        "totals": last["totals"],
        "findings": findings,
        "unenforceable": last["unenforceable"],
        "drift": drift,
        "decision_due": bool(due),
        "evidence": record.path,
        "run_id": run["run_id"],
        "troubles": troubles,
        "text": summary_lines(last, run, record.path, check_mode, sorted(notes), drift, to_see=left),
    }


def _trouble(result: Mapping[str, Any], asked: bool) -> str:
    """What a person has to look at on a host, or an empty text."""
    message = str(result.get("msg") or "").strip()
    if asked and not result:
        return "lost before it could be asked, nothing is known of this host: see its error above"
    if result.get("unreachable"):
        return "unreachable, nothing is known of this host: " + (message or "no answer")
    return (message or "failed without a message") if result.get("failed") else ""
