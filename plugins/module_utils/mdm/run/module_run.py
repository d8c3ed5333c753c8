# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module of a target from its parameters to its end: the same for every target that is one connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Any, TypeVar

from ..http.connection import Connection
from ..http.identity import Identity
from ..http.redaction import Redactor
from ..planning.group_names import refuse_unreadable_groups
from .options import beforehand, connection_of, counters_of, finish, request_of
from .run_request import RunRequest, RunResult, Target
from .target_run import run_target

TargetT = TypeVar("TargetT", bound=Target)


def run_tenant(
    module: Any,
    secrets: Iterable[str],
    identity_of: Callable[[Mapping[str, Any]], Identity | None],
    opened: Callable[[RunRequest, Connection], AbstractContextManager[TargetT]],
    more: Callable[[TargetT], Mapping[str, Any]] | None = None,
    judged: Callable[[RunResult], RunResult] | None = None,
) -> None:
    """Converge a tenant and end the module.

    Args:
        secrets: names of the options that are never shown.
        identity_of: what the tenant is, from the parameters.
        opened: opens the target; nothing is sent by that. What it raises is a refusal.
        more: what the module returns besides.
        judged: the result as the target's own options want it told.
    """
    params = module.params
    redactor = Redactor()
    redactor.learn(*(params[name] for name in secrets))
    counters = counters_of(params, redactor)

    def run() -> tuple[RunResult, Mapping[str, Any]]:
        with beforehand():
            request = request_of(params, module.check_mode, {"ansible-core": module.ansible_version}, identity_of(params))
            refuse_unreadable_groups(request.policies)
            connection = connection_of(params, redactor, counters)
        with connection, ExitStack() as stack:
            with beforehand():
                target = stack.enter_context(opened(request, connection))
            result = run_target(target, request, connection.journal)
            return judged(result) if judged else result, more(target) if more else {}

    finish(module, redactor, run, counters)
