# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages that offer themselves under a blocked name are blocked with it. Pure; each backend asks its own tool."""

from __future__ import annotations

from typing import Dict, FrozenSet, List, Mapping, Sequence, Tuple

from .protected import protecting_entry

#: A name with more providers than this is a role that many packages play (``mail-transport-agent``), not an app in disguise.
MOST_PROVIDERS = 8


def known_providers(remembered: Mapping[str, Sequence[str]], names: Sequence[str]) -> Dict[str, Tuple[str, ...]]:
    """The remembered providers (provider -> blocked names), without those of names that are no longer blocked."""
    known: Dict[str, Tuple[str, ...]] = {}
    for provider, of in remembered.items():
        still = tuple(name for name in of if name in names)
        if still and provider not in names:
            known[provider] = still
    return known


def choose_providers(
    database: str,
    names: Sequence[str],
    offered: Mapping[str, Sequence[str]],
    known: Mapping[str, Tuple[str, ...]],
    installed: FrozenSet[str],
    notes: List[str],
) -> Dict[str, Tuple[str, ...]]:
    """Choose the providers to block.

    Args:
        database: the low-level database, whose protected names are left alone.
        names: blocked names.
        offered: name -> the packages that offer themselves under it; may hold more names than the blocked ones.
        known: what was chosen earlier; it stays.
        installed: names of installed packages; those are not blocked by the way.
        notes: gets one sentence for each provider that is seen for the first time, and for each that is not blocked.

    Returns:
        provider -> blocked names under which it offers itself.
    """
    chosen = dict(known)
    for name in sorted(names):
        others = sorted({each for each in offered.get(name, ()) if each not in names})
        if len(others) > MOST_PROVIDERS:
            notes.append("%d packages offer themselves under the name %s; none of them was blocked" % (len(others), name))
            continue
        for each in others:
            if each in installed:
                notes.append("the installed %s offers itself under the blocked name %s; it was left alone" % (each, name))
            elif protecting_entry(database, (each.lower(),)):
                notes.append("the protected %s offers itself under the blocked name %s; it was not blocked" % (each, name))
            elif name not in known.get(each, ()):
                chosen[each] = tuple(sorted(set(chosen.get(each, ()) + (name,))))
                notes.append("%s offers itself under the blocked name %s and is blocked with it" % (each, name))
    return chosen
