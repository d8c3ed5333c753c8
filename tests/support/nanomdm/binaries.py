# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pinned servers that tools/nano_servers.sh builds, and NanoMDM's database schema out of its source."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
INSTALLER = CHECKOUT / "tools" / "nano_servers.sh"
GO = CHECKOUT / ".build" / "go"
NANOMDM = GO / "bin" / "nanomdm"
KMFDDM = GO / "bin" / "kmfddm"
NANOHUB = GO / "bin" / "nanohub"
#: The servers that a kind of test needs, by the names of their programs.
PAIR, HUB = (NANOMDM.name, KMFDDM.name), (NANOHUB.name,)


def servers_are_built() -> bool:
    """Whether there is nothing to build any more, as far as can be seen at a glance."""
    return NANOMDM.exists() and KMFDDM.exists()


def missing_servers(names: Sequence[str] = PAIR) -> list[str]:
    """Build servers if they are not there; what keeps them from being built, empty when they are ready."""
    done = subprocess.run([str(INSTALLER), *names], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode == 0:
        return []
    return [f"{' and '.join(names)} could not be built: {done.stderr.strip()[-1500:]}"]


def nanomdm_schema() -> str:
    """The tables that NanoMDM's PostgreSQL storage needs, from the very source that was built. Raises FileNotFoundError."""
    found = sorted((GO / "mod" / "github.com" / "micromdm").glob("nanomdm@*/storage/pgsql/schema.sql"))
    if not found:
        raise FileNotFoundError(f"no schema.sql of NanoMDM below {GO / 'mod'}; remove {GO} and run {INSTALLER}")
    return found[-1].read_text(encoding="utf-8")
