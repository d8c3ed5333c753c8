# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dpkg says, as data: the list of installed packages, and who needs whom."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import FrozenSet, List, Optional, Tuple

from ..engine.errors import AppbanError

#: One line a package. Fields that an old dpkg doesn't know come out empty. Provides is last, because it is the longest.
LISTING = (
    "dpkg-query",
    "-W",
    "-f=${Package}\\t${binary:Package}\\t${Version}\\t${db:Status-Abbrev}\\t${Essential}\\t${Protected}\\t${Important}\\t${Priority}\\t${Provides}\\n",
)

_FIELDS = 9
# The second letter tells what is there: not installed, or only configuration files left. All others have files on the disk.
_ABSENT = frozenset("nc")
_DEPENDENT = re.compile(r"^ (\S+) (?:pre-)?depends on ")
_PROVIDED = re.compile(r"\s*([^\s(,:]+)")


@dataclass(frozen=True)
class DpkgPackage:
    """One installed package.

    Args:
        name: name without architecture.
        unique: name as dpkg wants it on its command line, with the architecture where the name alone is ambiguous.
        version: version.
        hold: whether its selection is ``hold``.
        protected: ``essential``, ``protected``, ``required``, or empty.
        provides: names it provides.
    """

    name: str
    unique: str
    version: str
    hold: bool = False
    protected: str = ""
    provides: FrozenSet[str] = frozenset()

    @property
    def line(self) -> str:
        """The package in a plan."""
        return "%s %s" % (self.unique, self.version)


def parse_listing(output: str) -> Tuple[DpkgPackage, ...]:
    """Read the output of :data:`LISTING`.

    Raises:
        AppbanError: a line without all the fields. To skip it could hide a banned app.
    """
    packages: List[DpkgPackage] = []
    # Only newlines part the lines: other separators that str.splitlines knows may stand in a field.
    for number, line in enumerate(output.split("\n"), 1):
        if not line:
            continue
        fields = line.split("\t", _FIELDS - 1)
        if len(fields) != _FIELDS or len(fields[3]) < 2:
            where = "dpkg-query, line %d: %r" % (number, line[:80])
            raise AppbanError("the list of installed packages can't be understood", where, "Check the database with dpkg --audit")
        name, unique, version, status, essential, protected, important, priority, provides = fields
        if status[1] in _ABSENT:
            continue
        packages.append(
            DpkgPackage(
                name=name,
                unique=unique or name,
                version=version,
                hold=status[0] == "h",
                protected=_protection(essential, protected, important, priority),
                provides=_provided(provides),
            )
        )
    return tuple(packages)


def parse_dependents(stderr: str) -> Tuple[str, ...]:
    """Who stands in the way of a removal, from the messages of ``dpkg --no-act --purge`` in the C locale."""
    found = []
    for line in stderr.split("\n"):
        match = _DEPENDENT.match(line)
        if match and match.group(1) not in found:
            found.append(match.group(1))
    return tuple(found)


def knows_protected(version: Optional[str]) -> bool:
    """Whether a dpkg of this version knows ``Protected: yes`` (since 1.20.1)."""
    match = re.match(r"(?:\d+:)?(\d+)\.(\d+)\.(\d+)", version or "")
    return match is not None and tuple(int(part) for part in match.groups()) >= (1, 20, 1)


def _protection(essential: str, protected: str, important: str, priority: str) -> str:
    if essential == "yes":
        return "essential"
    if "yes" in (protected, important):
        return "protected"
    return "required" if priority == "required" else ""


def _provided(field: str) -> FrozenSet[str]:
    names = set()
    for part in field.split(","):
        match = _PROVIDED.match(part)
        if match:
            names.add(match.group(1))
    return frozenset(names)


def parse_selections(output: str) -> Tuple[Tuple[str, str, str], ...]:
    """Selections that contradict what is there, from ``name TAB status`` lines.

    Returns:
        ``(name, selection it has, selection it should have)``: an app that isn't there and is wanted, or is there and is to go.
    """
    wrong = []
    for line in output.splitlines():
        name, _tab, status = line.partition("\t")
        if status[:2] in ("in", "hn"):
            wrong.append((name, "install" if status[0] == "i" else "hold", "purge"))
        elif status[:1] in ("p", "r") and status[1:2] not in _ABSENT:
            wrong.append((name, "purge" if status[0] == "p" else "deinstall", "install"))
    return tuple(wrong)
