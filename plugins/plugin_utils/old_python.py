# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Translate the crash of a module on a host whose Python is too old into one message.

ansible-core 2.16 still talks to Python 2.7 and 3.6. There a module of ours ends in a SyntaxError or an ImportError, with which nobody
can do anything; later versions of ansible-core crash themselves, or refuse the interpreter in words of their own.
"""

from __future__ import annotations

import re
import shlex
from typing import Any, Callable, Mapping

#: The oldest Python that host code of this collection runs on, as (major, minor).
OLDEST_PYTHON = (3, 8)
_PROBE = "import sys; print('python=%d.%d.%d' % sys.version_info[:3])"
_ANSWER = re.compile(r"^python=(\d+)\.(\d+)\.(\d+)\s*$", re.MULTILINE)
# What a newer ansible-core says itself where it can.
_REFUSAL = re.compile(r"requires (?:a minimum of Python version|Python) (\d+)\.(\d+)")


def is_crash(result: Mapping[str, Any]) -> bool:
    """Say whether a module's raw result is no answer of the module: it crashed, or ansible-core refused its interpreter."""
    return bool(result.get("failed")) and ("module_stderr" in result or _refusal(result) is not None)


def probe_command(interpreter: str) -> str:
    """Return the shell command that asks an interpreter for its version; every Python since 2.6 understands it."""
    return "%s -c %s" % (interpreter, shlex.quote(_PROBE))


def old_python_message(result: Mapping[str, Any], interpreter: str, run: Callable[[str], str]) -> str | None:
    """Explain a module's failure by its host's Python, if that is the reason.

    Args:
        result: What the module returned, raw.
        interpreter: The interpreter that Ansible ran it with.
        run: Runs a shell command on the host and returns its standard output; called only after a crash.

    Returns:
        What happened, which Python was found and what to do; None where the Python is new enough or could not be asked.
    """
    if not is_crash(result):
        return None
    answer = _ANSWER.search(run(probe_command(interpreter)))
    if not answer:
        return None
    needed = max(OLDEST_PYTHON, _refusal(result) or OLDEST_PYTHON)
    if (int(answer[1]), int(answer[2])) >= needed:
        return None
    return (
        "The Python of this host is too old: %s is Python %s, and %s or later is needed. Nothing was looked at or changed on this "
        "host. Install a newer Python there and set ansible_python_interpreter to its path."
        % (interpreter, ".".join(answer.groups()), "%d.%d" % needed)
    )


def _refusal(result: Mapping[str, Any]) -> tuple[int, int] | None:
    """The oldest Python that ansible-core takes on a host, as (major, minor), if that is what it complains about."""
    refusal = _REFUSAL.search("\n".join(str(result.get(name, "")) for name in ("msg", "module_stdout", "module_stderr", "exception")))
    return (int(refusal[1]), int(refusal[2])) if refusal else None
