# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Begin a run, once for all its targets, on the controller.

The policies are checked, the instant is fixed, one run id is taken, and run.json says that the run is under way.
"""

from __future__ import annotations

import os
from datetime import datetime, timezone
from difflib import get_close_matches
from typing import Any, Mapping, Sequence

from ansible.plugins.action import ActionBase
from ansible.utils.collection_loader import AnsibleCollectionConfig

from ..module_utils.engine.errors import AppbanError, EvidenceError
from ..module_utils.engine.evidence import choose_run_id, is_run_id
from ..module_utils.engine.run_header import Provenance
from ..module_utils.engine.run_lock import name_of_process
from ..module_utils.policy.instants import utc_text
from ..module_utils.policy.problems import PolicyError, Problem
from ..module_utils.policy.serialize import serialize_policy
from ..plugin_utils.action_refusal import refusal
from ..plugin_utils.controller_paths import absolute_path, evidence_directory, given_paths
from ..plugin_utils.documents import read_asset_facts, read_policies
from ..plugin_utils.host_record import check_part, controller_process
from ..plugin_utils.known_names import no_target, notes_of_groups, notes_of_hosts_in_several, notes_of_variables, variables_of
from ..plugin_utils.left_records import notes_of_left_records
from ..plugin_utils.provenance import find_provenance
from ..plugin_utils.role_variables import problems_of_options
from ..plugin_utils.run_file import begin_run, end_run, refuse_run
from ..plugin_utils.run_instant import run_instant
from ..plugin_utils.run_status import FAIL_ON, shortened
from ..plugin_utils.typed_words import refuse_lost_words

#: Options that are a variable of the roles each.
_VARIABLES = {
    "catalog_dirs": "appban_catalog_dirs",
    "assets": "appban_assets",
    "now": "appban_now",
    "evidence_dir": "appban_evidence_dir",
    "run_id": "appban_run_id",
    "part": "appban_part",
}


class ActionModule(ActionBase):
    """Paths go in; what all targets of the run share comes out."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        # Of these Ansible would say much; they are refused where run.json can say it.
        odd = problems_of_options("tenant", self._task.args, _VARIABLES)
        self._task.args = {name: value for name, value in self._task.args.items() if name not in odd}
        _validated, options = self.validate_argument_spec(
            argument_spec={
                "policies": {"type": "list", "elements": "path", "required": True},
                "catalog_dirs": {"type": "list", "elements": "path", "default": []},
                "assets": {"type": "path"},
                "now": {"type": "str"},
                "evidence_dir": {"type": "path", "default": "./evidence"},
                "run_id": {"type": "str"},
                "part": {"type": "str", "default": ""},
                "fail_on": {"type": "list", "elements": "str", "default": []},
                "target_groups": {"type": "list", "elements": "str", "default": []},
            }
        )
        try:
            result.update(_begin(options, task_vars or {}, bool(self._task.check_mode), list(odd.values())))
        except AppbanError as error:
            raise refusal(self, str(error)) from None
        if result["notes"]:
            result["warnings"] = list(result["notes"])
        result["changed"] = False
        return result


def _begin(options: Mapping[str, Any], variables: Mapping[str, Any], check_mode: bool, odd: Sequence[str]) -> dict[str, Any]:
    part = options["part"]
    check_part(part)
    given_dir = evidence_directory(options["evidence_dir"])
    evidence_dir = absolute_path(given_dir)
    paths = {name: given_paths(options[name]) for name in ("policies", "catalog_dirs")}
    provenance = find_provenance(paths["policies"], variables, bool(options["now"]))
    try:
        now, wrong = utc_text(run_instant(options["now"])), None
    except AppbanError as error:
        # The run that is refused for its instant needs a name all the same.
        now, wrong = utc_text(datetime.now(timezone.utc).replace(microsecond=0)), error
    run_id = _run_id(options["run_id"], evidence_dir, now)
    directory = os.path.join(evidence_dir, run_id)
    notes = notes_of_left_records(
        evidence_dir, given_dir, AnsibleCollectionConfig.collection_paths or (), str(variables.get("playbook_dir") or "")
    )
    groups, wanted = variables.get("groups") or {}, options["target_groups"]
    if wanted:
        notes += notes_of_groups(groups, wanted)
        notes += notes_of_hosts_in_several(groups, wanted)
    if "hostvars" in variables:
        notes += notes_of_variables(variables_of(variables.get("ansible_play_hosts_all") or (), variables["hostvars"]))
    begin_run(directory, _facts(run_id, now, provenance, check_mode, notes), part)
    nobody = bool(wanted) and not any(groups.get(group) for group in wanted)
    try:
        if odd:
            raise AppbanError("; ".join(odd), "", "Nothing was contacted")
        if wrong is not None:
            raise wrong
        if nobody and not part:
            raise no_target(groups, wanted)
        refuse_lost_words(options["policies"], variables)
        policies = _documents(options, paths)
    except AppbanError as error:
        refuse_run(directory, Provenance().wall_clock(), shortened(str(error)), part)
        raise
    if nobody:
        # No other play has anything to do, so the run ends here.
        end_run(directory, Provenance().wall_clock(), {}, "no target is in this part", part)
    return {
        "now": now,
        "run_id": run_id,
        "evidence_dir": evidence_dir,
        "directory": directory,
        "part": part,
        "policies": policies,
        "policy_files": paths["policies"],
        "catalog_dirs": paths["catalog_dirs"],
        "assets": absolute_path(options["assets"] or ""),
        "fail_on": _words(options["fail_on"]),
        "notes": notes,
        "provenance": {name: getattr(provenance, name) for name in ("user", "host", "job", "commit", "clock", "now_given")},
    }


def _run_id(given: str | None, evidence_dir: str, now: str) -> str:
    if not given:
        return choose_run_id(evidence_dir, now)
    if not is_run_id(given):
        raise EvidenceError("%r can't be the id of a run" % given, "", "Leave it out, or give one such as 20230315T000000Z")
    return given


def _facts(run_id: str, now: str, provenance: Provenance, check_mode: bool, notes: Sequence[str]) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "now": now,
        "now_given": provenance.now_given,
        "mode": "check" if check_mode else "apply",
        "began": provenance.clock,
        "run_by": {"user": provenance.user or None, "host": provenance.host or None, "commit": provenance.commit or None},
        "process": name_of_process(controller_process()),
        "job": provenance.job or None,
        "notes": list(notes),
    }


def _documents(options: Mapping[str, Any], paths: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """What is told of the policies.

    Raises:
        AppbanError: for every problem of a document, and for options that can't be used.
    """
    unknown = [_unknown(word) for word in _words(options["fail_on"]) if word not in FAIL_ON]
    if unknown:
        raise AppbanError("; ".join(unknown), "", "Expected one or more of: %s. Nothing was contacted" % ", ".join(FAIL_ON))
    if not paths["policies"]:
        raise AppbanError("No policy was given", "", "Run with -e policy_file=PATH, or set appban_policies to a list of paths")
    problems: list[Problem] = []
    policies: list[dict[str, Any]] = []
    try:
        policies = [serialize_policy(policy) for policy in read_policies(paths["policies"], paths["catalog_dirs"])]
    except PolicyError as error:
        problems.extend(error.problems)
    try:
        if options["assets"]:
            # Each target reads it again; here only so that a mistake shows before any of them is contacted.
            read_asset_facts(absolute_path(options["assets"]))
    except PolicyError as error:
        problems.extend(error.problems)
    if problems:
        raise AppbanError("The documents can't be used; nothing was contacted:\n%s" % PolicyError(problems))
    return [{name: policy[name] for name in ("policy", "title", "state", "sha256")} for policy in policies]


def _words(given: Sequence[str]) -> list[str]:
    # An extra variable may be one text with commas.
    return [word.strip() for each in given for word in each.split(",") if word.strip()]


def _unknown(word: str) -> str:
    near = get_close_matches(word, FAIL_ON, 1)
    return "appban_fail_on has the unknown word %s%s" % (word, ", perhaps %s" % near[0] if near else "")
