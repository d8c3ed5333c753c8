# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages that offer themselves under a blocked name: apt installs one of them instead (fact sheet hosts_linux 2.4, note 1)."""

from __future__ import annotations

from typing import Dict, FrozenSet, List, Mapping, Sequence, Tuple

from .rails import protected_reason
from .system import System

#: A name with more providers than this is a role that many packages play (``mail-transport-agent``), not an app in disguise.
MOST_PROVIDERS = 8


def known_providers(remembered: Mapping[str, Sequence[str]], names: Sequence[str]) -> Dict[str, Tuple[str, ...]]:
    """What was found earlier (provider -> blocked names), without what was found for names that are no longer blocked."""
    known: Dict[str, Tuple[str, ...]] = {}
    for provider, of in remembered.items():
        still = tuple(name for name in of if name in names)
        if still and provider not in names:
            known[provider] = still
    return known


def offered_providers(
    system: System,
    names: Sequence[str],
    known: Mapping[str, Tuple[str, ...]],
    installed: FrozenSet[str],
    notes: List[str],
) -> Dict[str, Tuple[str, ...]]:
    """Ask apt's package lists, offline and without touching its cache files.

    Args:
        system: the host.
        names: blocked names.
        known: what was found earlier; it stays.
        installed: names of installed packages; those are not blocked by the way.
        notes: gets one sentence per provider seen.

    Returns:
        provider -> blocked names under which it offers itself.
    """
    result = system.query(["apt-cache", "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=", "showpkg"] + list(names))
    providers = dict(known)
    for name, offering in sorted(parse_reverse_provides(result.stdout).items()):
        others = [each for each in offering if each not in names]
        if len(others) > MOST_PROVIDERS:
            notes.append("apt: %d packages offer themselves under the name %s; none of them was blocked" % (len(others), name))
            continue
        for each in others:
            if each in installed:
                notes.append("apt: the installed %s offers itself under the blocked name %s; it was left alone" % (each, name))
            elif protected_reason("apt", each):
                notes.append("apt: the protected %s offers itself under the blocked name %s; it was not blocked" % (each, name))
            else:
                providers[each] = tuple(sorted(set(providers.get(each, ()) + (name,))))
                notes.append("apt: %s offers itself under the blocked name %s and is blocked with it" % (each, name))
    return providers


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
