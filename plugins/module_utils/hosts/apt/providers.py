# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""apt's own word on which packages offer themselves under a name (fact sheet hosts_linux 2.4, note 1). Offline."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence

from ..system import System
from .places import ASKS_ONLY, Inputs


def offered_under(system: System, names: Sequence[str], inputs: Optional[Inputs]) -> Dict[str, List[str]]:
    """Ask apt's package lists: name -> the packages that provide it.

    Args:
        system: the host.
        names: names of packages.
        inputs: what the answer rests on.
    """
    asked = system.query(("apt-cache",) + ASKS_ONLY + ("showpkg",) + tuple(names), rests_on=inputs)
    return parse_reverse_provides(asked.stdout)


def parse_reverse_provides(output: str) -> Dict[str, List[str]]:
    """Read ``apt-cache showpkg``: package -> the packages that provide it, each once."""
    found: Dict[str, List[str]] = {}
    package = ""
    inside = False
    for line in output.splitlines():
        if line.startswith("Package: "):
            package, inside = line[len("Package: ") :].strip().split(":")[0], False
        elif line.startswith("Reverse Provides:"):
            inside = True
        elif inside and line.strip():
            provider = line.split()[0].split(":")[0]
            if provider not in found.setdefault(package, []):
                found[package].append(provider)
    return {name: providers for name, providers in found.items() if providers}
