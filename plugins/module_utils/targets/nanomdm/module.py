# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the module's parameters to a run over a pair of servers, or over a NanoHUB."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from ...engine.errors import AppbanError
from ...mdm.http.connection import Connection
from ...mdm.http.identity import Identity, identity_of_server
from ...mdm.http.redaction import Redactor
from ...mdm.run.ledger import Ledger
from ...mdm.run.options import beforehand, connection_of, connection_spec, counters_of, finish, request_of, target_spec
from ...mdm.run.outbox import Outbox
from ...mdm.run.run_request import RunRequest, RunResult
from ...mdm.run.target_run import run_target
from .api.api_key import NANOHUB_COMMANDS, NANOHUB_DECLARATIONS
from .api.enrollment_database import EnrollmentDatabase, RunCommand
from .api.kmfddm import Kmfddm
from .api.nanomdm import NanoMdm
from .enrollments import enrollments_of_rows, read_enrollments_file
from .objects import Enrollment
from .profile_store import ProfileStore
from .reports import Reports
from .server_options import ENVIRONMENT, with_one_kind_of_servers
from .surroundings import ASK, NEVER, NO_WEB_BLOCK, PROFILE, NanoSettings, Servers
from .target import NanoTarget

#: Options that say which server it is; none is a secret.
IDENTITY = ("nanomdm_url", "nanohub_url")
_SECRETS = ("nanomdm_api_key", "kmfddm_api_key", "nanohub_api_key", "enrollments_sql")
_LISTS = ("enrollments", "enrollments_file", "enrollments_sql")


def argument_spec(from_environment: Any = None) -> dict[str, Any]:
    """The whole argument spec of the module. from_environment: Ansible's ``env_fallback``; without it no variable stands in."""
    own: dict[str, Any] = {
        "nanomdm_url": {"type": "str"},
        "nanomdm_api_key": {"type": "str"},
        "kmfddm_url": {"type": "str"},
        "kmfddm_api_key": {"type": "str"},
        "nanohub_url": {"type": "str"},
        "nanohub_api_key": {"type": "str"},
        "enrollments": {"type": "list", "elements": "dict"},
        "enrollments_file": {"type": "path"},
        "enrollments_sql": {"type": "str"},
        "webhook_log": {"type": "path"},
    }
    return {
        **target_spec("nanomdm"),
        **connection_spec(own, _SECRETS, ENVIRONMENT, from_environment),
        "name_prefix": {"type": "str", "default": "appban"},
        "adopt": {"type": "bool", "default": False},
        "web_block": {"type": "str", "choices": [PROFILE, NO_WEB_BLOCK], "default": PROFILE},
        "profile_dir": {"type": "path"},
        "profile_url": {"type": "str"},
        "inventory": {"type": "str", "choices": [ASK, NEVER], "default": ASK},
        "inventory_every": {"type": "float", "default": 24.0},
        "push": {"type": "bool", "default": True},
    }


def identity_of(params: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> Identity | None:
    """What the server is, whatever an inventory calls it; None where the options don't say.

    Needs ``IDENTITY`` of the parameters, and of the other options of servers whether they are given. environ: by default this process's.
    """
    params, problems = with_one_kind_of_servers(params, os.environ if environ is None else environ)
    return None if problems else identity_of_server("nanomdm", params["nanomdm_url"] or params["nanohub_url"])


def run_module(module: Any) -> None:
    """Converge the servers and end the module."""
    redactor = Redactor()
    redactor.learn(*(module.params[name] for name in _SECRETS))
    counters = counters_of(module.params, redactor)

    def run_command(argv: list[str], environment: Mapping[str, str]) -> tuple[int, str, str]:
        code, out, err = module.run_command(argv, environ_update=dict(environment))
        return int(code), str(out), str(err)

    def run() -> tuple[RunResult, Mapping[str, Any]]:
        with beforehand():
            params, problems = with_one_kind_of_servers(module.params, os.environ)
            _refuse_odd_options(params, problems)
            request = request_of(params, module.check_mode, {"ansible-core": module.ansible_version}, identity_of(params))
            connection = connection_of(params, redactor, counters)
        with connection:
            with beforehand():
                target = open_target(params, request, connection, run_command)
            result = run_target(target, request, connection.journal)
            return result, {"warnings_of_servers": list(target.warnings)}

    finish(module, redactor, run, counters)


def open_target(params: Mapping[str, Any], request: RunRequest, connection: Connection, run_command: RunCommand) -> NanoTarget:
    """The target of some parameters; nothing is sent yet.

    Raises:
        AppbanError: for options that can't be used.
        PolicyError: for a list of enrolments that can't be used, with all its problems.
    """
    check_mode = request.check_mode
    settings = NanoSettings(
        prefix=params["name_prefix"].strip(),
        adopt=params["adopt"],
        web_block=params["web_block"],
        inventory=params["inventory"],
        inventory_every=timedelta(hours=params["inventory_every"]),
        push=params["push"],
        accept_fleet_size=request.accept_fleet_size,
    )
    database = EnrollmentDatabase(params["enrollments_sql"], run_command, connection.redactor) if params["enrollments_sql"] else None
    nanomdm, kmfddm = servers_of(params, connection, check_mode)
    store = None
    if params["profile_dir"]:
        store = ProfileStore(params["profile_dir"], params["profile_url"], settings.prefix, check_mode)

    # A list that somebody wrote is looked at before anything is contacted, as all documents are.
    written = _written_enrollments(params)
    listed = database.enrollments if database is not None and written is None else lambda: written or ()

    return NanoTarget(
        Servers(nanomdm, kmfddm, store, Reports(params["webhook_log"] or "", database)),
        request.policies,
        settings,
        listed,
        Outbox(request.evidence_dir, request.target),
        Ledger.open(request.evidence_dir, request.target, writable=False),
        request.now,
        request.assets,
    )


def _written_enrollments(params: Mapping[str, Any]) -> Sequence[Enrollment] | None:
    """The list of enrolments that the parameters hold or name; None where they name none."""
    if params["enrollments"] is not None:
        return enrollments_of_rows(params["enrollments"], "enrollments")
    return read_enrollments_file(params["enrollments_file"]) if params["enrollments_file"] else None


def servers_of(params: Mapping[str, Any], connection: Connection, check_mode: bool) -> tuple[NanoMdm, Kmfddm | None]:
    """The servers of parameters that name one kind of them; None where there is no KMFDDM."""
    if params["nanohub_url"]:
        hub = params["nanohub_url"], params["nanohub_api_key"], connection, check_mode
        return NanoMdm(*hub, place=NANOHUB_COMMANDS), Kmfddm(*hub, place=NANOHUB_DECLARATIONS)
    kmfddm = Kmfddm(params["kmfddm_url"], params["kmfddm_api_key"], connection, check_mode) if params["kmfddm_url"] else None
    return NanoMdm(params["nanomdm_url"], params["nanomdm_api_key"], connection, check_mode), kmfddm


def _refuse_odd_options(params: Mapping[str, Any], of_servers: Sequence[str]) -> None:
    """Options that can't work together, all at once. of_servers: what is wrong with those of the servers."""
    problems = [*of_servers]
    lists = [name for name in _LISTS if params[name] is not None]
    if not lists:
        possible = [name for name in _LISTS if not params["nanohub_url"] or name != "enrollments_sql"]
        server = "NanoHUB" if params["nanohub_url"] else "NanoMDM"
        problems.append("%s lists no enrolments, so one of %s is needed" % (server, ", ".join(possible)))
    elif {"enrollments", "enrollments_file"} <= set(lists):
        problems.append("only one of enrollments and enrollments_file can be given")
    if bool(params["profile_dir"]) != bool(params["profile_url"]):
        problems.append("profile_dir and profile_url go together")
    if params["profile_dir"] and not params["kmfddm_url"] and not params["nanohub_url"]:
        problems.append("profile_dir needs kmfddm_url or nanohub_url, because hosted profiles are declared")
    if params["inventory_every"] <= 0:
        problems.append("inventory_every must be more than 0")
    if problems:
        raise AppbanError("; ".join(problems), "", "Nothing was contacted")
