# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide for every host of a run, once, on the controller, and begin the record before any host is contacted.

Reads policies, catalog, asset facts and inventory variables.
"""

from __future__ import annotations

import os
import platform
from typing import Any, Mapping, Sequence

from ansible import release
from ansible.plugins.action import ActionBase

from ..module_utils.documents.assets import read_assets
from ..module_utils.engine.errors import AppbanError, EvidenceError
from ..module_utils.engine.evidence import LEVELS, choose_run_id, named_directory
from ..module_utils.engine.guard import strictest_limits
from ..module_utils.engine.run_header import Provenance, run_header
from ..module_utils.policy.asset_index import AssetIndex, notes_of_assets
from ..module_utils.policy.decide import Decider, covers_whole_scope
from ..module_utils.policy.exemption_counts import count_exemptions, notes_of_exemptions, shown_exemptions
from ..module_utils.policy.fleet_notes import notes_of_fleet
from ..module_utils.policy.instants import utc_text
from ..module_utils.policy.notes import notes_of_policies
from ..module_utils.policy.problems import PolicyError
from ..module_utils.policy.serialize import serialize_policy
from ..plugin_utils.action_refusal import refusal
from ..plugin_utils.collection_version import collection_version
from ..plugin_utils.controller_paths import absolute_path, given_paths
from ..plugin_utils.documents import read_policies
from ..plugin_utils.host_devices import (
    device_of_host,
    hosts_named,
    numbers_as_serials,
    problems_of_hosts,
    serials_that_are_none,
)
from ..plugin_utils.host_record import begin_record, classes_of, record_of_hosts
from ..plugin_utils.host_requests import apps_of_policies, request_of_decision
from ..plugin_utils.role_variables import problems_of_options
from ..plugin_utils.run_file import end_run, read_run
from ..plugin_utils.run_instant import run_instant
from ..plugin_utils.run_status import shortened, target_of_record

#: Problems of an inventory that are shown, each with the hosts that have it.
_MOST_SHOWN = 20
#: Options that are a variable of the role each.
_OF_THE_RUN = {
    "limits": "appban_limits",
    "evidence": "appban_evidence",
    "part": "appban_part",
    "assets": "appban_assets",
    "catalog_dirs": "appban_catalog_dirs",
}


class ActionModule(ActionBase):
    """Policies, devices and the run's instant go in; per host the decision and the request come out."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        # Of these Ansible would say much, and not all at once. They are refused with what hosts have wrong.
        odd = problems_of_options("host", self._task.args, _OF_THE_RUN)
        self._task.args = {name: value for name, value in self._task.args.items() if name not in odd}
        _validated, options = self.validate_argument_spec(
            argument_spec={
                "policies": {"type": "list", "elements": "path", "required": True},
                "hosts": {"type": "list", "elements": "str", "required": True},
                "catalog_dirs": {"type": "list", "elements": "path", "default": []},
                "assets": {"type": "path"},
                "now": {"type": "str"},
                "limits": {
                    "type": "dict",
                    "options": {"max_devices": {"type": "int"}, "max_percent": {"type": "float"}},
                },
                "evidence_dir": {"type": "path", "required": True},
                "run_id": {"type": "str"},
                "evidence": {"type": "str", "choices": list(LEVELS), "default": "exceptions"},
                "part": {"type": "str", "default": ""},
                "provenance": {"type": "dict", "default": {}},
                "notes": {"type": "list", "elements": "str", "default": []},
            }
        )
        try:
            # A run over a part of the fleet can't tell whether an exemption covers all of it.
            whole_fleet = not variables.get("ansible_limit")
            result.update(_decide(options, variables["hostvars"], whole_fleet, bool(self._task.check_mode), list(odd.values())))
        except PolicyError as error:
            raise refusal(self, _refused(options, "The policy can't be used; no host was contacted:\n%s" % error)) from None
        except AppbanError as error:
            raise refusal(self, _refused(options, str(error))) from None
        result["changed"] = False
        return result


def _decide(options: dict[str, Any], hostvars: Any, whole_fleet: bool, check_mode: bool, odd: Sequence[str]) -> dict[str, Any]:
    moment = run_instant(options["now"])
    evidence_dir = absolute_path(named_directory(options["evidence_dir"]))
    policies = read_policies(given_paths(options["policies"]), given_paths(options["catalog_dirs"]))
    assets = AssetIndex(read_assets(options["assets"]) if options["assets"] else {})
    plain = [serialize_policy(policy) for policy in policies]
    attributes = sorted({attribute for policy in plain for attribute in policy["attributes"]})
    decider = Decider(policies, moment)
    variables = {host: hostvars[host] for host in options["hosts"]}
    devices = _devices(variables, attributes, assets, odd)
    judged = [(device, decider.decide(device)) for device in devices.values()]
    blanket = covers_whole_scope(policies, [decision for _device, decision in judged])
    if blanket and whole_fleet:
        raise AppbanError(
            "an exemption leaves nobody of this run under its policy: %s" % ", ".join(blanket),
            "",
            "Narrow it, or end the ban with `state: lifted`; nothing was contacted",
        )
    run = _run_of(options, plain, evidence_dir, utc_text(moment))
    versions = {"appban.endpoint": collection_version(), "ansible-core": release.__version__, "python": platform.python_version()}
    header = run_header(run["now"], check_mode, plain, run["limits"], versions, _provenance(options), None)
    named = count_exemptions(decider.exemptions, judged)
    of_a_part = bool(options["part"]) or not whole_fleet
    told = notes_of_exemptions(decider.exemptions, named, judged, of_a_part)
    told += notes_of_assets(assets, judged, of_a_part)
    told += notes_of_policies(policies)
    told += notes_of_fleet(policies, judged, moment)
    told += numbers_as_serials(variables)
    told += serials_that_are_none(variables)
    classes = classes_of(policies, attributes, judged)
    left = begin_record(run, header, options["evidence"], classes, (each.to_plain() for each in named))
    more = {"notes": [*options["notes"], *left, *told], "exemptions": shown_exemptions(named)}
    apps = apps_of_policies(plain)
    hosts = {host: _host(device, decision.to_plain(), apps) for host, (device, decision) in zip(devices, judged, strict=True)}
    return {"hosts": hosts, "run": {**run, **more}}


def _devices(variables: Mapping[str, Any], attributes: Sequence[str], assets: AssetIndex, odd: Sequence[str]) -> dict[str, Any]:
    """Name of a host -> the device that it is.

    Args:
        variables: by host.
        odd: problems of the run as a whole.

    Raises:
        AppbanError: for all that can't be used of the inventory.
    """
    devices: dict[str, Any] = {}
    wrong: dict[str, list[str]] = {}
    for host, known in variables.items():
        try:
            devices[host] = device_of_host(host, known, attributes, assets)
        except AppbanError as error:
            wrong.setdefault(error.what, []).append(host)
    for problem, of in problems_of_hosts(variables, _OF_THE_RUN.values()).items():
        wrong.setdefault(problem, []).extend(of)
    _refuse_inventory(wrong, [problem for problem in odd if problem not in wrong])
    return devices


def _host(device: Mapping[str, Any], said: dict[str, Any], apps: Any) -> dict[str, Any]:
    """What the other tasks need of a host. said: the decision about it."""
    known = {name: device.get(name) for name in ("id", "serial", "platform", "ownership", "department")}
    return {"device": known, "decision": said, "request": request_of_decision(said, apps)}


def _run_of(options: Mapping[str, Any], plain: Sequence[Mapping[str, Any]], evidence_dir: str, now: str) -> dict[str, Any]:
    """What the other tasks need of the run. plain: the policies."""
    limits = strictest_limits([options["limits"]] if options["limits"] else [policy["limits"] for policy in plain])
    provenance = _provenance(options)
    return {
        "run_id": options["run_id"] or choose_run_id(evidence_dir, now),
        "now": now,
        "evidence_dir": evidence_dir,
        "target": record_of_hosts(options["part"]),
        "part": options["part"],
        "user": provenance.user,
        "since": provenance.wall_clock(),
        "limits": {"max_devices": limits.max_devices, "max_percent": limits.max_percent},
        "policies": [
            {name: policy[name] for name in ("policy", "title", "state", "sha256", "catalog_version", "contact")} for policy in plain
        ],
        "comment": ["%s%s" % (policy["policy"], ", contact " + policy["contact"] if policy["contact"] else "") for policy in plain],
    }


def _refuse_inventory(wrong: Mapping[str, Sequence[str]], odd: Sequence[str]) -> None:
    """Refuse what can't be used of the inventory, all of it at once.

    Args:
        wrong: problem -> the hosts of which that is so.
        odd: problems of the run as a whole.

    Raises:
        AppbanError: where there is any.
    """
    lines = [*odd, *("%s: %s" % (hosts_named(of), problem) for problem, of in wrong.items())]
    if lines:
        more = ["and %d more problems" % (len(lines) - _MOST_SHOWN)] if len(lines) > _MOST_SHOWN else []
        raise AppbanError("\n".join(["The inventory can't be used; no host was contacted:", *lines[:_MOST_SHOWN], *more]))


def _refused(options: Mapping[str, Any], message: str) -> str:
    """The message, said in run.json too where a run has begun: what the task shows on the terminal is in no result."""
    directory = os.path.join(absolute_path(options["evidence_dir"]), options["run_id"] or "")
    if options["run_id"] and read_run(directory, options["part"]):
        name = record_of_hosts(options["part"])
        told = {**target_of_record(directory, name, "hosts"), "status": "refused", "changes": 0, "message": shortened(message)}
        try:
            end_run(directory, Provenance().wall_clock(), {name: told}, part=options["part"])
        except EvidenceError:
            # What went wrong first is what a person has to know; run.json stays as it is.
            return message
    return message


def _provenance(options: Mapping[str, Any]) -> Provenance:
    """Who runs it: as the beginning of the run has found out, or else as it is here."""
    known = {name: value for name, value in options["provenance"].items() if name in Provenance.__dataclass_fields__}
    known.setdefault("now_given", bool(options["now"]))
    return Provenance.here(**{**known, "part": options["part"]})
