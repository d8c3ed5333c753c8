# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that every target module has: the argument spec, and from its values to a run's request.

They are documented in ``doc_fragments/target.py``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from ...documents.assets import read_assets
from ...engine.errors import AppbanError, EvidenceError, unexpected
from ...engine.evidence import LEVELS, named_directory
from ...engine.guard import strictest_limits
from ...engine.run_header import Provenance
from ...engine.run_lock import RunLocked
from ...policy.instants import InstantError
from ...policy.problems import PolicyError
from ...policy.run_instant import run_instant
from ...policy.serialize import deserialize_policy
from ..http.connection import Connection, open_connection
from ..http.counters import Counters
from ..http.identity import Identity
from ..http.progress import Progress
from ..http.redaction import Redactor
from ..planning.notices import DEFAULT_BODY, DEFAULT_TITLE, NoticeText
from .run_request import NobodyLeft, RunRequest, RunResult


class Refused(AppbanError):
    """What was asked for can't be used; nothing was contacted."""


@contextmanager
def beforehand() -> Iterator[None]:
    """What goes wrong in here goes wrong before anything is contacted. Raises Refused.

    Where the evidence directory or the ledger can't be used the error stays: what was asked for is in order.
    """
    try:
        yield
    except EvidenceError:
        raise
    except (AppbanError, PolicyError) as error:
        raise Refused(str(error)) from error


def telling_refusals(module: type) -> Any:
    """A class of modules that says of its own failures before it was begun, which are those of its options, that they are refusals.

    Args:
        module: Ansible's class.
    """

    def fail_json(self: Any, msg: str, **more: Any) -> None:
        # The base class is known only at run time, so mypy knows nothing of the method.
        refused = bool(more.pop("refused", not self.began))
        if refused:
            msg = with_variables(msg, getattr(self, "argument_spec", {}), getattr(self, "params", None) or {})
        module.fail_json(self, msg, refused=refused, **more)  # type: ignore[attr-defined]

    return type("Module", (module,), {"fail_json": fail_json, "began": False})


def with_variables(message: str, spec: Mapping[str, Any], params: Mapping[str, Any]) -> str:
    """A message about options, with the environment variables that can stand in for those of them that have no value.

    Args:
        spec: the argument spec, whose fallbacks name the variables.
        params: the values of the options.
    """
    variables = [
        "%s for %s" % (option["fallback"][1][0], name)
        for name, option in spec.items()
        if "fallback" in option and not params.get(name) and re.search(r"(?<![\w.])%s(?![\w.])" % re.escape(name), message)
    ]
    return "%s. From the environment: %s" % (message.rstrip("."), ", ".join(variables)) if variables else message


def target_spec(target: str) -> dict[str, Any]:
    """The argument spec. target: default name of the record."""
    return {
        "policy": {"type": "raw", "required": True},
        "now": {"type": "str"},
        "assets": {"type": "path"},
        "evidence_dir": {"type": "path", "default": "./evidence"},
        "evidence": {"type": "str", "choices": list(LEVELS), "default": "exceptions"},
        "run_id": {"type": "str"},
        "target": {"type": "str", "default": target},
        "limits": {
            "type": "dict",
            "options": {"max_devices": {"type": "int"}, "max_percent": {"type": "float"}},
        },
        "accept_fleet_size": {"type": "int"},
        "provenance": {
            "type": "dict",
            "options": {
                "user": {"type": "str"},
                "host": {"type": "str"},
                "job": {"type": "str"},
                "commit": {"type": "str"},
                "clock": {"type": "str"},
                "now_given": {"type": "bool"},
            },
        },
        "stale_after": {"type": "int", "default": 30},
        "notice": {
            "type": "dict",
            "options": {
                "title": {"type": "str", "default": DEFAULT_TITLE},
                "body": {"type": "str", "default": DEFAULT_BODY},
                "addition": {"type": "str", "default": ""},
            },
        },
    }


def connection_spec(
    own: Mapping[str, Mapping[str, Any]], secrets: Iterable[str], environment: Mapping[str, str], from_environment: Any
) -> dict[str, Any]:
    """The argument spec of a target's connection: its own options, and what every HTTP target has.

    Args:
        secrets: names of the own options that are never shown.
        environment: own option -> the variable that stands in for it.
        from_environment: Ansible's ``env_fallback``; None where no variable is to stand in.
    """
    spec: dict[str, Any] = {
        **{name: dict(option) for name, option in own.items()},
        "validate_certs": {"type": "bool", "default": True},
        "ca_path": {"type": "path"},
        "proxy": {"type": "str"},
        "timeout": {"type": "float", "default": 30.0},
        "deadline": {"type": "float", "default": 1800.0},
        "progress_file": {"type": "path"},
    }
    for name in secrets:
        spec[name]["no_log"] = True
    if from_environment is not None:
        for name, variable in environment.items():
            spec[name]["fallback"] = (from_environment, [variable])
    return spec


def counters_of(params: Mapping[str, Any], redactor: Redactor) -> Counters:
    """The counters of a module's parameters, which tell of waits and of how far the run is where somebody wants to hear it."""
    return Counters(Progress(params.get("progress_file") or "", redactor))


def connection_of(params: Mapping[str, Any], redactor: Redactor, counters: Counters | None = None) -> Connection:
    """The connection of a module's parameters; nothing is sent yet, but the deadline starts. Raises as ``open_connection``."""
    return open_connection(
        os.environ,
        params["validate_certs"],
        params["ca_path"],
        params["proxy"],
        timeout=params["timeout"],
        deadline=params["deadline"],
        redactor=redactor,
        counters=counters,
    )


def request_of(
    params: Mapping[str, Any], check_mode: bool, versions: Mapping[str, str], identity: Identity | None = None
) -> RunRequest:
    """A run's request from a module's parameters.

    Args:
        identity: what the tenant is, whatever it is called.

    Raises:
        AppbanError: for a policy, an instant or a file that can't be used. Nothing was contacted.
    """
    try:
        given = params["policy"]
        policies = tuple(deserialize_policy(policy) for policy in (given if isinstance(given, (list, tuple)) else [given]))
        now = run_instant(params["now"], "now")
        assets = read_assets(params["assets"]) if params["assets"] else {}
    except PolicyError as error:
        raise AppbanError("The policy can't be used; nothing was contacted:\n%s" % error) from error
    except InstantError as error:
        raise AppbanError(str(error), "", "Nothing was contacted") from error
    if not policies:
        raise AppbanError("no policy was given", "", "Give the result of the lookup appban.endpoint.policy")
    # Only so that numbers that can't be used show before anything else; the run asks for them again.
    strictest_limits([params["limits"] or {}])
    notice = params["notice"] or {}
    return RunRequest(
        target=params["target"],
        policies=policies,
        now=now,
        assets=assets,
        evidence_dir=named_directory(params["evidence_dir"]),
        check_mode=check_mode,
        run_id=params["run_id"] or "",
        evidence=params["evidence"],
        limits=params["limits"],
        stale_after=timedelta(days=params["stale_after"]),
        notice=NoticeText(**notice),
        versions=versions,
        accept_fleet_size=params["accept_fleet_size"],
        provenance=Provenance.here(**{"now_given": params["now"] is not None, **_given(params["provenance"])}),
        identity=identity,
    )


def _given(options: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (options or {}).items() if value is not None}


def finish(module: Any, redactor: Redactor, run: Callable[[], tuple[RunResult, Mapping[str, Any]]], counters: Counters) -> None:
    """Run, and end the module with what came of it. The one place where an error becomes a module's failure; secrets go no further.

    Args:
        run: gives the result, and more values of the target's own.
        counters: of the run's requests and waits, which are told however it ends.
    """
    module.began = True
    try:
        result, more = run()
    except Exception as error:
        # Whatever it is: a person reads a sentence without secrets, never a traceback.
        told = _scrubbed(_told_by(counters), redactor)
        known = error if isinstance(error, (AppbanError, PolicyError)) else unexpected(error)
        module.fail_json(msg=redactor.scrub(str(known)), refused=isinstance(known, (Refused, RunLocked, NobodyLeft)), **told)
        return
    values = {**result.values, **more, **_told_by(counters), "changed": result.changed}
    if module._diff:
        values["diff"] = list(result.diff)
    clean = _scrubbed(values, redactor)
    if result.failure:
        module.fail_json(msg=redactor.scrub(result.failure), refused=False, **clean)
    else:
        module.exit_json(**clean)


def _told_by(counters: Counters) -> dict[str, Any]:
    return {"requests": counters.requests(), "waits": counters.kinds_of_waits()}


def _scrubbed(value: Any, redactor: Redactor) -> Any:
    if isinstance(value, str):
        return redactor.scrub(value)
    if isinstance(value, Mapping):
        return {key: _scrubbed(item, redactor) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_scrubbed(item, redactor) for item in value]
    return value
