# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rpm database, shared by dnf and zypper: what is installed, what may not go, and removal with rpm itself.

rpm obeys no exclude and no lock, removes exactly what it is told, refuses when something installed needs it, and can't install
a replacement; dnf and zypper do the opposite of each (fact sheet hosts_linux 3.2, 3.3, 4.3).
"""

from __future__ import annotations

import os
import re
import stat
from fnmatch import fnmatchcase
from typing import Dict, FrozenSet, Iterable, List, Optional, Sequence, Tuple

from ...engine.errors import AppbanError
from ...engine.plan import Change
from ..backend import Package, Refusal, RemovalPlan, RemovalRequest
from ..locks import Lock
from ..process import CommandResult
from ..steps import CommandStep
from ..system import System
from .dnf_conf import effective_excludes
from .place import rpm_inputs
from .zypp_locks import locked_names

DNF_CONF = "/etc/dnf/dnf.conf"
ZYPP_LOCKS = "/etc/zypp/locks"
#: what dnf never removes; dnf 4 reads both directories (dnf.conf(5), protected_packages)
PROTECTED_DIRECTORIES = ("/etc/yum/protected.d", "/etc/dnf/protected.d")
#: what zypper demands to stay (zypp.conf, "commit.*" and systemCheck)
SYSTEM_CHECKS = ("/etc/zypp/systemCheck", "/etc/zypp/systemCheck.d")

_FORMAT = r"%{NAME}\t%{EPOCHNUM}\t%{VERSION}-%{RELEASE}\t%{ARCH}\n"
_FULL_NAME = r"%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}"
_MOST_ARGUMENTS = 500
_NEEDED = re.compile(r"is needed by \(installed\) (\S+)\s*$")
_MISSING = re.compile(r"package .* is not installed|no package provides .*")
_MOST_ROUNDS = 50
# dnf and libzypp protect themselves; rpm does not know that.
_MANAGERS = frozenset(("rpm", "dnf", "dnf5", "yum", "zypper", "libzypp"))


def query_packages(system: System, options: Sequence[str], names: Iterable[str]) -> List[Package]:
    """Ask rpm about names, in one call.

    Args:
        system: the host, only read.
        options: more options of ``rpm -q`` (``--whatprovides``).
        names: what to ask for; nothing is asked when empty.

    Returns:
        The installed packages that rpm answers with; ``version`` is ``[epoch:]version-release.arch``.

    Raises:
        AppbanError: the database can't be read. An answer that is missing is never taken for "not installed".
    """
    asked = sorted(set(names))
    if not asked:
        return []
    argv = ("rpm", "-q", *options, "--qf", _FORMAT, "--", *asked)
    result = system.query(argv, rests_on=rpm_inputs(system))
    packages = []
    # rpm's exit code is the number of names that are not there, so only its words tell a miss from a failure.
    for line in result.stdout.splitlines():
        fields = line.split("\t")
        if len(fields) == 4:
            epoch = "" if fields[1] == "0" else "%s:" % fields[1]
            packages.append(Package(fields[0], "%s%s.%s" % (epoch, fields[2], fields[3])))
        elif line.strip() and not _MISSING.fullmatch(line.strip()):
            raise _unreadable(argv, result)
    # On a database that can't be opened rpm says that every package "is not installed", after an error.
    if any(line.startswith("error:") for line in result.stderr.splitlines()) or (result.rc and not result.stdout.strip()):
        raise _unreadable(argv, result)
    return packages


def installed_packages(system: System, names: FrozenSet[str]) -> Tuple[Package, ...]:
    """Which of the names are installed, by exact name, with what protects or holds them.

    rpm also understands ``name-version`` where a name is asked for, so the answer is compared with the question.
    """
    found = sorted({package for package in query_packages(system, (), names) if package.name in names}, key=_full_name)
    if not found:
        return ()
    protected = protected_packages(system)
    return tuple(Package(each.name, each.version, protected=_why_protected(each, protected), held=hold_of(system, each)) for each in found)


def protected_packages(system: System) -> FrozenSet[str]:
    """Names that dnf or zypper must not remove on this host."""
    names = set(_MANAGERS)
    for directory in PROTECTED_DIRECTORIES:
        for name in system.names_in(directory):
            if name.endswith(".conf"):
                names.update(_words(system.read(os.path.join(directory, name))))
    files = [SYSTEM_CHECKS[0]] + [os.path.join(SYSTEM_CHECKS[1], name) for name in system.names_in(SYSTEM_CHECKS[1])]
    for path in files:
        # "requires:glibc", one a line (libzypp's systemCheck).
        names.update(word[len("requires:") :] for word in _words(system.read(path)) if word.startswith("requires:"))
    return frozenset(names)


def hold_of(system: System, package: Package) -> str:
    """What would keep dnf or zypper from removing an installed package: ``excluded``, ``lock`` or nothing."""
    spellings = (package.name, _full_name(package))
    # A lock in another place (locksfile.path) goes unseen here, which changes nothing: rpm obeys neither.
    for reason, patterns in (("excluded", effective_excludes(system.read(DNF_CONF))), ("lock", locked_names(system.read(ZYPP_LOCKS)))):
        if any(fnmatchcase(spelling, pattern) for spelling in spellings for pattern in patterns):
            return reason
    return ""


def package_files(system: System, packages: Sequence[Package]) -> Tuple[str, ...]:
    """The files and links that the packages brought, and no other installed package."""
    if not packages:
        return ()
    names = sorted(_full_name(package) for package in packages)
    paths = _listed_files(system, names)
    owners = set()
    for first in range(0, len(paths), _MOST_ARGUMENTS):
        argv = ("rpm", "-qf", "--qf", _FULL_NAME + r"\n", "--", *paths[first : first + _MOST_ARGUMENTS])
        owners.update(system.query(argv, rests_on=rpm_inputs(system)).stdout.splitlines())
    # Of a path that is gone, and of one that is nobody's, rpm says so in words.
    others = sorted(each for each in owners - set(names) if each and " " not in each)
    shared = set(_listed_files(system, others)) if others else set()
    return tuple(path for path in paths if path not in shared)


def _listed_files(system: System, names: Sequence[str]) -> List[str]:
    argv = ("rpm", "-q", "--qf", r"[%{FILEMODES}\t%{FILENAMES}\n]", "--", *names)
    found = set()
    for line in system.query(argv, rests_on=rpm_inputs(system)).stdout.split("\n"):
        mode, tab, path = line.partition("\t")
        if tab and path.startswith("/") and not stat.S_ISDIR(int(mode) & 0xFFFF):
            found.add(path)
    return sorted(found)


def plan_rpm_removal(system: System, backend: str, request: RemovalRequest) -> RemovalPlan:
    """What ``rpm -e`` of exactly these packages means; see :meth:`..backend.Backend.plan_removal`."""
    requested = tuple(sorted(set(request.packages), key=_full_name))
    if not requested:
        return RemovalPlan()
    names = tuple(sorted({package.name for package in requested}))
    to_remove: Dict[str, Package] = {_full_name(package): package for package in requested}
    for _round in range(_MOST_ROUNDS):
        result = system.query(("rpm", "-e", "--test", "--", *sorted(to_remove)), rests_on=rpm_inputs(system))
        if result.rc == 0:
            break
        more = sorted({match.group(1) for match in (_NEEDED.search(line) for line in result.stderr.splitlines()) if match} - set(to_remove))
        if not more:
            message = "rpm would not remove %s: %s. Look at this host by hand"
            return _refused(backend, "unsolvable", names, to_remove, message, result.explain())
        for package in query_packages(system, (), more):
            to_remove[_full_name(package)] = package
    else:
        return _refused(
            backend, "unsolvable", names, to_remove, "the packages that need %s have no end (%s). Look at this host by hand", "gave up"
        )
    return _judged(system, backend, request, requested, to_remove)


def verify_removal(system: System, change: Change) -> Optional[str]:
    """None if none of the packages that the change names is installed any more."""
    gone = [line.split(" ", 1) for line in (change.before or "").splitlines()]
    left = {(package.name, package.version) for package in query_packages(system, (), [fields[0] for fields in gone])}
    still = sorted(fields[0] for fields in gone if (fields[0], fields[-1]) in left)
    return "still installed: %s" % ", ".join(still) if still else None


def rpm_lock(system: System, timeout: int) -> Lock:
    """The locks that an rpm transaction has to wait for: zypper's own, then the database's.

    rpm waits for its lock only on a terminal; without one it fails at once.
    """
    path = system.query(("rpm", "--eval", "%{_rpmlock_path}"), rests_on=rpm_inputs(system)).stdout.strip()
    zypp = Lock("/run/zypp.pid", timeout, process=True)
    if not path.startswith("/"):
        return zypp
    return Lock(path, timeout, taken_by_command=True, first=zypp)


def _judged(
    system: System, backend: str, request: RemovalRequest, requested: Tuple[Package, ...], to_remove: Dict[str, Package]
) -> RemovalPlan:
    names = tuple(sorted({package.name for package in requested}))
    protected = protected_packages(system)
    removes = tuple(to_remove[key] for key in sorted(to_remove))
    more = tuple(each for each in removes if each not in requested)
    dependents = tuple(sorted({package.name for package in more}))
    refusals = []
    kept = sorted({each.name for each in removes if each.protected or _why_protected(each, protected)})
    if kept:
        message = "%s must stay on this host (protected.d, systemCheck or running kernel), so nothing is removed. Take it out of the policy"
        refusals.append(Refusal(backend, "protected", names, _plan_lines(removes), message % ", ".join(kept)))
    if dependents and not request.allow_dependents:
        message = "%s would go along with %s, because it needs it. Remove it first, or set allow_dependents"
        refusals.append(Refusal(backend, "dependents", names, _plan_lines(removes), message % (", ".join(dependents), ", ".join(names))))
    if refusals:
        return RemovalPlan((), removes, dependents, tuple(refusals))
    lines = ["%s %s" % (package.name, package.version) for package in removes]
    change = Change(
        op="delete",
        kind="package",
        name="%s: %s" % (backend, ", ".join(lines)),
        before="\n".join(lines) + "\n",
        step=CommandStep(("rpm", "-e", "--", *sorted(to_remove)), lock=rpm_lock(system, request.lock_timeout)),
    )
    return RemovalPlan((change,), removes, dependents)


def _refused(backend: str, reason: str, names: Tuple[str, ...], to_remove: Dict[str, Package], message: str, detail: str) -> RemovalPlan:
    removes = tuple(to_remove[key] for key in sorted(to_remove))
    return RemovalPlan((), removes, (), (Refusal(backend, reason, names, _plan_lines(removes), message % (", ".join(names), detail)),))


def _plan_lines(removes: Sequence[Package]) -> Tuple[str, ...]:
    return tuple("remove %s %s" % (package.name, package.version) for package in removes)


def _full_name(package: Package) -> str:
    """``name-version-release.arch``, which names one installed package even where two versions or architectures are there."""
    return "%s-%s" % (package.name, package.version.split(":", 1)[-1])


def _why_protected(package: Package, protected: FrozenSet[str]) -> str:
    if package.name in protected:
        return "protected"
    # Kernel packages of every distribution begin so, and uname has the version they were built for (on SUSE without the last digit).
    if package.name.startswith("kernel") and os.uname().release.startswith(package.version.split(":", 1)[-1].split("-", 1)[0]):
        return "running_kernel"
    return ""


def _words(content: Optional[bytes]) -> List[str]:
    words: List[str] = []
    for line in (content or b"").decode("utf-8", "replace").splitlines():
        words.extend(re.split(r"[\s,]+", line.split("#", 1)[0].strip()))
    return [word for word in words if word]


def _unreadable(argv: Tuple[str, ...], result: CommandResult) -> AppbanError:
    problem = "cannot read the rpm database: %s" % result.explain()
    if "sqlite failure" in result.stderr or "lock" in result.stderr:
        # Anybody who may read the database may lock it.
        look = "See who holds it with: fuser -v /var/lib/rpm/rpmdb.sqlite*. If nobody does, run rpm -qa on the host and repair what it says"
        return AppbanError(problem, " ".join(argv[:2]), look)
    return AppbanError(problem, " ".join(argv[:2]), "Run rpm -qa on the host and repair what it says")
