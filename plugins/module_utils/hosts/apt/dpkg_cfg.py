# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dpkg's own configuration makes it do by force, read as dpkg reads it: fragments, the main file, root's own; a later line wins."""

from __future__ import annotations

import os
import re
from typing import Optional, Set

from ..system import System

CONFIG_PATH = "/etc/dpkg/dpkg.cfg"
FRAGMENTS = "/etc/dpkg/dpkg.cfg.d"
# Every command of ours has root's home, and so has an administrator's.
OWN_PATH = "/root/.dpkg.cfg"

_FRAGMENT = re.compile(r"[0-9A-Za-z_-]+\Z")
_OPTION = re.compile(r"(force|no-force|refuse)(?:-|\s*=\s*|\s+)(\S.*)\Z")


def forcing_file(system: System, thing: str) -> str:
    """The file that makes dpkg force something; empty where it does not.

    Args:
        system: the host, only read. What is read is noted as what the look rests on.
        thing: as in ``--force-THING``.

    Raises:
        Unreadable: a file, or the directory of the fragments, can't be read.
    """
    paths = [os.path.join(FRAGMENTS, name) for name in system.names_in(FRAGMENTS) if _FRAGMENT.match(name)]
    found = ""
    for path in paths + [CONFIG_PATH, OWN_PATH]:
        forced = forces((system.read(path) or b"").decode("utf-8", "replace"), thing)
        if forced is not None:
            found = path if forced else ""
    return found


def forces(content: str, thing: str) -> Optional[bool]:
    """Whether the last word of a file on the matter is to force it; None where it says nothing of it."""
    found = None
    for line in content.split("\n"):
        option = _OPTION.match(line.rstrip())
        if option and _things(option.group(2)) & {thing, "all"}:
            found = option.group(1) == "force"
    return found


def _things(value: str) -> Set[str]:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return set(value.split(","))
