# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running a target's module from its action plugin: paths made absolute, progress shown, and the plan where Ansible shows none."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase

from ..module_utils.policy.sanitize import sanitize
from .controller_paths import absolute_options
from .plan_text import diff_lines
from .progress_display import pace_here, progress_shown
from .shown_lines import show
from .tenant_settings import TARGETS

_MOST_LINES = 2000


def run_tenant_module(action: ActionBase, target: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The result of the module of a target.

    Args:
        action: the plugin of the task.
        target: name of the module and of its target.
        variables: of the task.
    """
    task = action._task
    options = dict(task.args)
    if getattr(action._connection, "transport", "") == "local":
        # Elsewhere the files are those of another machine.
        options = absolute_options(options, TARGETS[target]("environment"), task_environment(action))
    with _shown_meanwhile(action, options, variables) as more:
        result: dict[str, Any] = action._execute_module(
            module_name="appban.endpoint." + target, module_args={**options, **more}, task_vars=dict(variables), wrap_async=task.async_val
        )
    if task.diff and not is_shown(result, task.failed_when):
        show_diff(action, result.get("diff") or ())
    return result


@contextmanager
def _shown_meanwhile(action: ActionBase, options: Mapping[str, Any], variables: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Show what the module writes of its progress. Gives the option for it; none where the file would be another machine's or stay open."""
    task = action._task
    elsewhere = getattr(action._connection, "transport", "") != "local"
    if elsewhere or task.async_val or task.no_log or options.get("progress_file"):
        yield {}
        return
    name = str(variables.get("inventory_hostname") or options.get("target") or task.action)

    def tell(line: str) -> None:
        show(action, [line])

    with progress_shown(name, tell, pace_here(), constants.DEFAULT_LOCAL_TMP) as path:
        yield {"progress_file": path} if path else {}


def is_shown(result: Mapping[str, Any], failed_when: Any) -> bool:
    """Whether Ansible shows the diff of a result itself: it does so of what has changed something and has not failed."""
    return bool(result.get("changed")) and (not result.get("failed") or bool(failed_when))


def show_diff(action: ActionBase, pairs: Any) -> None:
    """Print a plan as Ansible prints a diff."""
    shown: list[str] = []
    for pair in sanitize(list(pairs), "diff"):
        shown.extend(diff_lines(pair.get("before"), pair.get("after"), str(pair.get("before_header") or "")))
        shown.append("")
        if len(shown) > _MOST_LINES:
            shown[_MOST_LINES:] = ["... and more, see plan.md of the run"]
            break
    show(action, shown)


def task_environment(action: ActionBase) -> dict[str, str]:
    """The environment that the module will have: the controller's with that of the task over it."""
    found = dict(os.environ)
    given = action._task.environment or []
    for each in given if isinstance(given, list) else [given]:
        if each:
            found.update({str(name): str(value) for name, value in dict(action._templar.template(each)).items()})
    return found
