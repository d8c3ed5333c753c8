# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first line of a record: what was to be enforced, by whom, from what, when. The same for tenants and hosts."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, Optional, Sequence

#: Variables in which automation controllers and pipelines say which job runs.
JOB_VARIABLES = ("JOB_ID", "AWX_JOB_ID", "CI_JOB_ID", "GITHUB_RUN_ID", "BUILD_ID")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # An account without a name, as containers have.
        return "uid %d" % os.getuid()


@dataclass(frozen=True)
class Provenance:
    """Who runs it, from what.

    Args:
        user: the account on the controller.
        host: the controller.
        job: id of the job of an automation controller or pipeline; empty for none.
        commit: the commit of the repository that the policies are in; empty where they are in none. It ends with ``-dirty`` where one of
            them is not as it is in that commit.
        now_given: the run's instant was given and is not the clock's.
        part: which part of a job this is, where one job is several runs; empty for the whole.
        clock: the wall clock of the run in UTC; empty takes the clock.
    """

    user: str = ""
    host: str = ""
    job: str = ""
    commit: str = ""
    now_given: bool = False
    part: str = ""
    clock: str = ""

    @classmethod
    def here(cls, environment: Optional[Mapping[str, str]] = None, **known: Any) -> "Provenance":
        """Of this process. known: fields that somebody else has found out."""
        found = os.environ if environment is None else environment
        told: Dict[str, Any] = {
            "user": _user(),
            "host": socket.gethostname(),
            "job": next((found[name] for name in JOB_VARIABLES if found.get(name)), ""),
        }
        told.update({name: value for name, value in known.items() if value is not None})
        return cls(**told)

    def wall_clock(self) -> str:
        """The wall clock in UTC, ``2023-03-15T08:00:00Z``."""
        return self.clock or datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def run_header(
    now: str,
    check_mode: bool,
    policies: Sequence[Mapping[str, Any]],
    limits: Mapping[str, Any],
    versions: Mapping[str, str],
    provenance: Provenance,
    ledger_sha256: Optional[str],
) -> Dict[str, Any]:
    """The header without what the record itself adds.

    Args:
        now: the run's instant in UTC.
        policies: in plain form.
        ledger_sha256: hash of the ledger as the run found it; None where there is none.
    """
    return {
        "now": now,
        "now_given": provenance.now_given,
        "wall_clock": provenance.wall_clock(),
        "mode": "check" if check_mode else "apply",
        "part": provenance.part or None,
        "job": provenance.job or None,
        "run_by": {"user": provenance.user or None, "host": provenance.host or None, "commit": provenance.commit or None},
        "policies": policy_lines(policies),
        "limits": dict(limits),
        "versions": dict(versions),
        "ledger_sha256": ledger_sha256,
    }


def policy_lines(policies: Sequence[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """What a record says of each policy."""
    names = ("policy", "title", "state", "sha256", "catalog_version", "contact", "authority", "effective")
    return [{name: policy[name] for name in names} for policy in policies]
