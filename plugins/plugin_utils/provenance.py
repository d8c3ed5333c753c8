# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who runs the playbook, from what: for the header of every record of the run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any

from ..module_utils.engine.run_header import Provenance

#: Variables that an automation controller gives to its jobs.
_JOB_VARIABLES = ("awx_job_id", "tower_job_id")
_GIT_TIMEOUT = 10


def find_provenance(policies: Iterable[str], variables: Mapping[str, Any], now_given: bool) -> Provenance:
    """User, controller, job, commit and clock of a run.

    Args:
        policies: paths of the policy files.
        variables: of the task.
        now_given: the run's instant is not the clock's.
    """
    known = Provenance.here(now_given=now_given, commit=commit_of(policies))
    job = next((str(variables[name]) for name in _JOB_VARIABLES if variables.get(name) not in (None, "")), known.job)
    return Provenance(known.user, known.host, job, known.commit, now_given, "", known.wall_clock())


def commit_of(paths: Iterable[str]) -> str:
    """The commit that the repository of these files has checked out, of several repositories each one's; empty where there is none.

    It ends with ``-dirty`` where one of these files is not as it is in that commit, or where nobody can tell.
    """
    files: dict[str, list[str]] = {}
    for path in dict.fromkeys(os.path.realpath(path) for path in paths):
        files.setdefault(os.path.dirname(path), []).append(os.path.basename(path))
    dirty: dict[str, bool] = {}
    for directory, names in files.items():
        commit = (_git(directory, "rev-parse", "--verify", "--quiet", "HEAD") or "").strip()
        if commit:
            # A file that is ignored is in no commit either. The names are names, not patterns.
            told = _git(directory, "--literal-pathspecs", "--no-optional-locks", "status", "--porcelain", "--ignored", "--", *names)
            dirty[commit] = dirty.get(commit, False) or told != ""
    return ", ".join(commit + ("-dirty" if is_dirty else "") for commit, is_dirty in dirty.items())


def _git(directory: str, *arguments: str) -> str | None:
    """What git says in a directory; None where it fails, or where there is none of both."""
    if not os.path.isdir(directory):
        return None
    # What a hook or a pipeline has set is about another repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", directory, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_GIT_TIMEOUT,
            check=False,
            env=environment,
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return done.stdout if done.returncode == 0 else None
