# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""End a run: say in its run.json what became of each target, and put the plan beside it, for scripts and for people."""

from __future__ import annotations

from typing import Any, Mapping

from ansible.plugins.action import ActionBase

from ..module_utils.engine.errors import AppbanError
from ..module_utils.engine.run_header import Provenance
from ..module_utils.policy.sanitize import sanitize
from ..plugin_utils.host_record import record_of_hosts
from ..plugin_utils.plan_files import plan_files, write_plans
from ..plugin_utils.run_exemptions import shortened_list, unmatched_exemptions
from ..plugin_utils.run_file import end_run, read_run
from ..plugin_utils.run_status import UNMATCHED_EXEMPTION, not_good, shortened, status_of_hosts, status_of_tenant, target_of_record
from ..plugin_utils.run_summary import total_line
from ..plugin_utils.shown_lines import visible
from ..plugin_utils.tenant_results import tenant_trouble
from ..plugin_utils.tenant_settings import record_name


class ActionModule(ActionBase):
    """Reads what the run's tasks registered per target and the records that they left."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(
            argument_spec={
                "run": {"type": "dict", "required": True},
                "tenants": {"type": "list", "elements": "str", "default": []},
                "hosts": {"type": "list", "elements": "str", "default": []},
                "part": {"type": "str", "default": ""},
            }
        )
        variables = task_vars or {}
        limited = bool(variables.get("ansible_limit"))
        result.update(_end(options, variables["hostvars"], bool(self._task.check_mode), limited), changed=False)
        return result


def _end(options: Mapping[str, Any], hostvars: Any, check_mode: bool, limited: bool) -> dict[str, Any]:
    run = sanitize(dict(options["run"]), "run")
    directory, part = run["directory"], run.get("part") or options["part"]
    targets: dict[str, dict[str, Any]] = {}
    troubles: dict[str, str] = {}
    plan = plan_files(directory, part)[1]
    for tenant in options["tenants"]:
        name, told = _tenant(tenant, hostvars[tenant], directory, check_mode)
        targets[name] = told
        trouble = not_good(told["status"], run["fail_on"], "%d changes" % told["changes"], plan)
        if trouble:
            troubles[tenant] = trouble
    if options["hosts"]:
        name = record_of_hosts(options["part"])
        told, changing = _hosts(options["hosts"], hostvars, directory, name, part, check_mode)
        targets[name] = told
        trouble = not_good(told["status"], run["fail_on"], "%d hosts" % len(changing), plan)
        troubles.update({host: trouble for host in changing if trouble})
    # A part of a fleet can't tell what the whole knows.
    every = {**read_run(directory, part).get("targets", {}), **targets}
    unmatched = [] if part or limited else unmatched_exemptions(directory, every)
    bad = UNMATCHED_EXEMPTION if unmatched and UNMATCHED_EXEMPTION in run["fail_on"] else ""
    first = next(iter((*options["tenants"], *options["hosts"])), "")
    if bad and first:
        told_once = "appban_fail_on: %s: names in exemptions match no device of any target: %s" % (bad, shortened_list(unmatched))
        troubles[first] = "\n".join(filter(None, (troubles.get(first, ""), told_once)))
    try:
        ended = end_run(directory, Provenance().wall_clock(), targets, part=part, unmatched=unmatched, not_good=bad)
        write_plans(directory, ended, part)
    except (AppbanError, OSError) as error:
        # The run itself is over; that nobody can read what became of it counts against each target.
        ended = {**read_run(directory, part), "status": "failed"}
        problem = "what became of the run could not be written down: %s" % error
        troubles = dict.fromkeys((*options["tenants"], *options["hosts"]), problem)
    total = total_line(targets, check_mode) + ". " if targets else ""
    text = "run %s: %s. %sStatus, plan and records are in %s" % (run["run_id"], ended["status"], total, directory)
    served = "--limit" if limited else "appban_part"
    if UNMATCHED_EXEMPTION in run["fail_on"] and (part or limited):
        text += ". appban_fail_on: %s was not judged, because only a part was served (%s)" % (UNMATCHED_EXEMPTION, served)
    if unmatched:
        text += ". Match no device of any target: %s" % shortened_list(unmatched)
    return {
        "run_id": run["run_id"],
        "status": ended["status"],
        "directory": directory,
        "troubles": troubles,
        "unmatched_exemptions": unmatched,
        "text": visible(text),
    }


def _tenant(tenant: str, variables: Any, directory: str, check_mode: bool) -> tuple[str, dict[str, Any]]:
    settings = _registered(variables, "appban_tenant_settings", tenant)
    result = _registered(variables, "appban_tenant_result", tenant)
    name = str(settings.get("record") or record_name(tenant))
    trouble = str(_plain(variables, "appban_trouble", tenant) or "")
    twice = _registered(variables, "appban_tenant_twice", tenant).get("troubles") or {}
    trouble = trouble or str(settings.get("trouble") or twice.get(tenant) or "")
    if not trouble:
        trouble = tenant_trouble(result)
    told = target_of_record(directory, name, str(settings.get("target") or "unknown"))
    # Where its module did not even begin, the inventory was refused.
    refused = not result or bool(result.get("refused"))
    told["status"] = status_of_tenant(directory, name, trouble, refused, bool(result.get("changed")), check_mode)
    told["changes"] = len(result.get("changes") or ())
    told["message"] = shortened(trouble)
    return name, told


def _hosts(hosts: list[str], hostvars: Any, directory: str, name: str, part: str, check_mode: bool) -> tuple[dict[str, Any], list[str]]:
    """What became of all hosts together, and which of them were changed or in check mode would be."""
    result: dict[str, Any] = {}
    trouble = ""
    for host in hosts:
        variables = hostvars[host]
        found = _registered(variables, "appban_host_record", host)
        if "evidence" in found:
            result = found
            break
        failed = [_registered(variables, each, host) for each in ("appban_host_decisions", "appban_host_guard", "appban_host_record")]
        messages = [str(each.get("msg")) for each in failed if each.get("failed") and each.get("msg")]
        trouble = trouble or next(iter(messages), "") or str(_plain(variables, "appban_trouble", host) or "")
    # Of a task that was refused run.json has the whole message, and its result only how many problems it named.
    trouble = str(read_run(directory, part).get("targets", {}).get(name, {}).get("message") or "") or trouble
    told = target_of_record(directory, name, "hosts")
    told["status"] = status_of_hosts(result, trouble, directory, name, check_mode)
    changing = list(result.get("changed_hosts") or ())
    told["changes"] = len(changing)
    troubles = result.get("troubles") or {}
    lines = ["%s: %s" % (host, troubles[host]) for host in sorted(troubles)]
    told["message"] = shortened(str(result.get("reason") or "") or "\n".join(lines) or ("" if result else trouble))
    return told, changing


def _registered(variables: Any, name: str, where: str) -> dict[str, Any]:
    found = variables.get(name)
    return sanitize(dict(found), where) if isinstance(found, Mapping) else {}


def _plain(variables: Any, name: str, where: str) -> Any:
    # Reading a variable makes an inventory's own template, which can fail in any way that Jinja knows. Where it is used, its task has
    # named that; here the run's end must be written all the same.
    try:
        return sanitize(variables.get(name), where)
    except Exception:
        return None
