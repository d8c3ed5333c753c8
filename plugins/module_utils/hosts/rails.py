# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rails: what no policy may ask of a host, checked over all apps and package managers at once, before any change. Pure.

A rail answers with data: problems as sentences, refusals as :class:`.backend.Refusal`. The caller does nothing at all on a
host with a refusal, so one wrong name never half-removes a list of right ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from .backend import Package, Refusal, RemovalPlan, RemovalRequest
from .package_managers import DATABASES, PACKAGE_MANAGERS
from .protected import protecting_entry

#: a glob of the user's own must hold at least this many characters that stand for themselves
MIN_LITERALS = 4

_NAMES = {each.database: each.names for each in PACKAGE_MANAGERS}


@dataclass(frozen=True)
class Removal:
    """What was asked of one backend, and what it would do.

    Args:
        backend: the backend's name.
        request: the packages that shall go.
        plan: the backend's answer.
    """

    backend: str
    request: RemovalRequest
    plan: RemovalPlan


def check_name(backend: str, name: str) -> Optional[str]:
    """Whether a name is one exact name of this package manager.

    Args:
        backend: a backend's name (``apt``) or an identifier kind (``deb``).
        name: the identifier as the policy gives it.

    Returns:
        None, or one sentence that says what is wrong and what is expected.

    Raises:
        KeyError: for a backend that does not exist.
    """
    rule = _NAMES[DATABASES[backend]]
    if rule.allows(name):
        return None
    shown = name if len(name) <= 60 else name[:57] + "..."
    if set(name).intersection("*?[]"):
        return "%s: %r is a pattern, and a ban names packages exactly. Write each name out" % (backend, shown)
    return "%s: %r is not a package name. Expected %s, nothing else" % (backend, shown, rule.expected)


def check_globs(globs: Iterable[str]) -> List[str]:
    """Problems of the user's own ``protected`` globs, one sentence each; a plain name is never a problem."""
    problems = []
    for glob in globs:
        literals = len(re.sub(r"\[[^]]*\]|[*?]", "", glob))
        if not glob.strip():
            problems.append("protected: an empty entry protects nothing. Take it out")
        elif set(glob).intersection("*?[") and literals < MIN_LITERALS:
            problems.append(
                "protected: %r has %d literal characters and would match nearly anything. Use at least %d, or the exact name"
                % (glob, literals, MIN_LITERALS)
            )
    return problems


def protected_reason(backend: str, name: str, extra_globs: Iterable[str] = ()) -> Optional[str]:
    """Why a package may be neither removed nor blocked.

    Args:
        backend: a backend's name or an identifier kind.
        name: exact package name; a Debian architecture (``libc6:i386``) and a Homebrew tap are looked through.
        extra_globs: the user's own ``protected`` entries.

    Returns:
        The reason with the entry that matched, or None.
    """
    rule = _NAMES[DATABASES[backend]]
    return protecting_entry(DATABASES[backend], rule.protected_as(rule.bare(name).lower()), extra_globs)


def check_names(names: Mapping[str, Iterable[str]], protected: Iterable[str] = ()) -> List[Refusal]:
    """The names a task works with, before the host is looked at: for removal and block alike.

    A block of a protected package is as bad as its removal: it would stop its security updates.

    Args:
        names: backend's name -> the names that its identifiers give.
        protected: the user's own ``protected`` entries.

    Returns:
        Every refusal: reason ``invalid_name`` or ``protected``, one per name.
    """
    extra = tuple(protected)
    refusals = []
    for backend in sorted(names):
        for name in sorted(set(names[backend])):
            problem = check_name(backend, name)
            if problem is not None:
                refusals.append(Refusal(backend, "invalid_name", (name,), (), problem))
                continue
            reason = protected_reason(backend, name, extra)
            if reason is not None:
                refusals.append(_protected(backend, name, reason, ()))
    return refusals


def check_removals(removals: Sequence[Removal], protected: Iterable[str] = (), max_removals: Optional[int] = None) -> List[Refusal]:
    """Everything that speaks against a host's removals, over all apps and package managers at once.

    Args:
        removals: every backend's request and plan.
        protected: the user's own ``protected`` entries.
        max_removals: most packages that may go from this host in one run, dependents included; None for no limit.

    Returns:
        The backends' own refusals and ours. Empty means the plans may be carried out as they are.
    """
    extra = tuple(protected)
    refusals: List[Refusal] = []
    for removal in removals:
        refusals.extend(removal.plan.refusals)
        refusals.extend(_check_protected(removal, extra))
        refusals.extend(_check_dependents(removal))
    refusals.extend(_check_count(removals, max_removals))
    return refusals


def _check_protected(removal: Removal, extra: Tuple[str, ...]) -> List[Refusal]:
    refused = {name for refusal in removal.plan.refusals if refusal.reason == "protected" for name in refusal.names}
    refusals = []
    for package in _unique(removal.request.packages + removal.plan.removes):
        if package.name in refused:
            continue
        reason = package.protected or protected_reason(removal.backend, package.name, extra)
        if reason:
            refusals.append(_protected(removal.backend, package.name, reason, _plan_lines(removal.plan)))
    return refusals


def _check_dependents(removal: Removal) -> List[Refusal]:
    """Refuse a plan that removes packages nobody asked for. Backends promise this; it is checked again here."""
    requested = {package.name for package in removal.request.packages}
    more = sorted({package.name for package in removal.plan.removes if package.name not in requested})
    if not more or removal.request.allow_dependents or any(refusal.reason == "dependents" for refusal in removal.plan.refusals):
        return []
    message = "%s: the removal would also take %s. Remove them first, or set allow_dependents" % (removal.backend, ", ".join(more))
    return [Refusal(removal.backend, "dependents", tuple(sorted(requested)), _plan_lines(removal.plan), message)]


def _check_count(removals: Sequence[Removal], max_removals: Optional[int]) -> List[Refusal]:
    if max_removals is None:
        return []
    # By name: one app in forty users' homes, or in two architectures, is one removal to the person who set the limit.
    counted: Set[Tuple[str, str]] = set()
    for removal in removals:
        for package in removal.plan.removes or removal.request.packages:
            counted.add((DATABASES[removal.backend], package.name))
    if len(counted) <= max_removals:
        return []
    message = "this run would remove %d packages, and max_removals is %d. Look at the plan, then raise max_removals" % (
        len(counted),
        max_removals,
    )
    lines = tuple("remove %s (%s)" % (name, database) for database, name in sorted(counted))
    return [Refusal("all", "max_removals", tuple(sorted({name for _unused, name in counted})), lines, message)]


def _protected(backend: str, name: str, reason: str, plan: Tuple[str, ...]) -> Refusal:
    message = "%s: %s is protected (%s) and is neither removed nor blocked. Take it out of the policy" % (backend, name, reason)
    return Refusal(backend, "protected", (name,), plan, message)


def _plan_lines(plan: RemovalPlan) -> Tuple[str, ...]:
    return tuple("remove %s" % package.name for package in _unique(plan.removes))


def _unique(packages: Iterable[Package]) -> List[Package]:
    """One package per name; of several the one that says it is protected."""
    by_name: Dict[str, Package] = {}
    for package in packages:
        if package.name not in by_name or package.protected:
            by_name[package.name] = package
    return list(by_name.values())
