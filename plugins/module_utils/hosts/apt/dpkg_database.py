# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dpkg says, as data: the list of installed packages, and who needs whom."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, FrozenSet, Iterator, List, Mapping, Optional, Tuple

from ...engine.errors import AppbanError
from ..process import CommandResult

#: dpkg's own list of architectures, its own first; only there on a host with foreign ones.
ARCHITECTURES_PATH = "/var/lib/dpkg/arch"

#: One line a package. Fields that an old dpkg doesn't know come out empty. Provides is last, because it is the longest.
LISTING = (
    "dpkg-query",
    "-W",
    "-f=${Package}\\t${binary:Package}\\t${Version}\\t${db:Status-Abbrev}\\t${Essential}\\t${Protected}\\t${Important}\\t${Priority}\\t${Provides}\\n",
)

#: All that decides what dpkg-query says.
DPKG_INPUTS: Tuple[Tuple[str, str], ...] = (
    ("program", "dpkg-query"),
    ("status", "/var/lib/dpkg/status"),
    ("statuses", "/var/lib/dpkg/updates"),
    ("content", ARCHITECTURES_PATH),
)

_CONTINUED = re.compile(r"\n +")
_WAYS_ON = (
    ("executing hook", "Look at dpkg's own hooks (pre-invoke and post-invoke in /etc/dpkg/dpkg.cfg and dpkg.cfg.d)"),
    ("configuration error", "Correct dpkg's configuration"),
)
_REPAIR = "Repair the package database by hand (dpkg --audit)"

_FIELDS = 9
# The second letter tells what is there: not installed, or only configuration files left. All others have files on the disk.
_ABSENT = frozenset("nc")
_DEPENDENT = re.compile(r"^ (\S+) (?:pre-)?depends on ")
_DIVERTED = re.compile(r"(?:locally diverted|diverted by \S+) to: (/.*)")
_DIVERSION = re.compile(r"(?:local diversion|diversion by \S+) (?:from|to)$")
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


#: ``name TAB status`` of packages, also of those that are not there and have a selection.
SELECTIONS = ("dpkg-query", "-W", "-f=${binary:Package}\\t${db:Status-Abbrev}\\n")

# Selections that a package has which is not there, because somebody wants it so.
_SELECTED = {"h": "hold", "i": "install"}


def selections_before(output: str) -> Dict[str, str]:
    """Selections of packages that are not installed: name -> ``hold`` or ``install``, from the output of :data:`SELECTIONS`."""
    found = {}
    for name, status in _statuses(output):
        if status[1] in _ABSENT and status[0] in _SELECTED:
            found[name] = _SELECTED[status[0]]
    return found


def parse_selections(output: str, before: Mapping[str, str]) -> Tuple[Tuple[str, str, str], ...]:
    """Selections that refused installations and failed removals left while a block stood.

    Args:
        output: the output of :data:`SELECTIONS`.
        before: what :func:`selections_before` found when the block was made.

    Returns:
        ``(name, selection it has, selection it should have)``: an app that isn't there and is wanted, or is there and is to go. A hold is
        an administrator's, whenever it was made.
    """
    wrong = []
    for name, status in _statuses(output):
        if status[1] in _ABSENT:
            default = "deinstall" if status[1] == "c" else "purge"
            if status[0] == "i" and before.get(name) != "install":
                wrong.append((name, "install", before.get(name, default)))
        elif status[0] in "pr":
            wrong.append((name, "purge" if status[0] == "p" else "deinstall", "install"))
    return tuple(wrong)


def _statuses(output: str) -> Iterator[Tuple[str, str]]:
    for line in output.splitlines():
        name, _tab, status = line.partition("\t")
        if len(status) >= 2:
            yield name, status


def objection(result: CommandResult) -> str:
    """Why dpkg would not do as asked, in its own words, and what can be done."""
    # dpkg breaks a long sentence into lines, of which the later ones begin with a blank.
    told = result._replace(stderr=_CONTINUED.sub(" ", result.stderr)).explain().rstrip(":.")
    way_on = next((advice for words, advice in _WAYS_ON if words in told), _REPAIR)
    return "%s. %s and run again" % (told, way_on)


def parse_file_list(output: str) -> Tuple[str, ...]:
    """The paths in the output of ``dpkg-query -L``, each where its file really is: diversions move files."""
    paths: List[str] = []
    for line in output.split("\n"):
        diverted = _DIVERTED.match(line)
        if line.startswith("/"):
            paths.append(line)
        elif diverted and paths:
            paths[-1] = diverted.group(1)
    return tuple(path for path in dict.fromkeys(paths) if path != "/.")


def parse_owners(output: str) -> Dict[str, FrozenSet[str]]:
    """Path -> names of the packages that have it, from the output of ``dpkg-query -S``."""
    owners: Dict[str, FrozenSet[str]] = {}
    for line in output.split("\n"):
        names, colon, path = line.partition(": ")
        if colon and path.startswith("/") and not _DIVERSION.match(names):
            owners[path] = frozenset(name.split(":")[0] for name in names.split(", "))
    return owners
