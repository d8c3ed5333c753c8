# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How an action plugin fails over a user's mistake: with the message, once."""

from __future__ import annotations

from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail

from .shown_lines import show, visible_lines


class ActionRefusal(AnsibleActionFail):
    """A failure whose message says where the mistake is.

    ansible-core would show the message of an AnsibleActionFail twice: in the task's result and, from 2.19 on, before it with an excerpt
    of the playbook that the task is in, which is ours and has nothing to do with the mistake; until 2.18 with the hint at a traceback.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        # ansible-core 2.16 to 2.18.
        result = getattr(self, "result", None)
        if isinstance(result, dict):
            result.pop("exception", None)

    @property
    def omit_exception_key(self) -> bool:
        """Asked for by ansible-core 2.19 and later: whether the result goes without the exception, which is what would be shown."""
        return True


def refusal(action: Any, text: str) -> ActionRefusal:
    """The failure of an action plugin with a message, whose lines are shown as lines.

    In the task's result they would stand in one line of JSON, so there only their number is said.

    Args:
        action: the action plugin whose task fails.
        text: the message; behind its first line one line for each problem.
    """
    first, *problems = visible_lines(text)
    problems = [line for line in problems if line]
    if len(problems) < 2:
        return ActionRefusal(" ".join([first, *problems]))
    show(action, problems, constants.COLOR_ERROR)
    return ActionRefusal("%s %d problems, each in a line of its own above" % (first, len(problems)))
