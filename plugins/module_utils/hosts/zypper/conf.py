# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of zypp.conf decides whether our locks are read, and where zypper keeps what it knows of the repositories.

Read as libzypp 17.22 reads it (seen with zypper 1.14.42): only the section ``[main]``, spelled so; the last value of a key counts; a
comment is a line of its own. Newer ones, which provide ``libzypp(econf)``, read drop-in directories as well.
"""

from __future__ import annotations

import os
import re
from typing import Dict, List, NamedTuple, Optional, Tuple

from ..rpm.database import ZYPP_LOCKS, query_packages
from ..system import System

ZYPP_CONF = "/etc/zypp/zypp.conf"
_VENDOR_CONF = "/usr/etc/zypp/zypp.conf"
_DROP_INS = ("/usr/etc/zypp/zypp.conf.d", "/etc/zypp/zypp.conf.d")
_FALSE = ("0", "no", "false", "off", "never")
#: Keys that move what we know the place of.
_MOVES = ("configdir", "reposdir", "servicesdir", "cachedir", "metadatadir", "solvfilesdir", "repo.add.probe", "pluginsdir")
_SECTION = re.compile(r"\[([^\]]*)\]")


class ZyppSettings(NamedTuple):
    """What zypper does with locks on this host.

    Args:
        locks: the file that it reads them from.
        applies: whether it obeys them at all.
        source: the file that says so.
        usual: every directory is where it is by default.
    """

    locks: str = ZYPP_LOCKS
    applies: bool = True
    source: str = ZYPP_CONF
    usual: bool = True


def read_zypp_settings(system: System) -> ZyppSettings:
    """The host's settings."""
    locks, applies, source, usual = ZYPP_LOCKS, True, ZYPP_CONF, True
    for path, content in _files(system):
        values = main_values(content)
        if values.get("locksfile.path"):
            locks, source = os.path.normpath("/" + values["locksfile.path"].lstrip("/")), path
        if values.get("locksfile.apply"):
            applies, source = values["locksfile.apply"].lower() not in _FALSE, path
        usual = usual and not any(values.get(key) for key in _MOVES)
    return ZyppSettings(locks, applies, source, usual)


def main_values(content: bytes) -> Dict[str, str]:
    """The values of ``[main]``."""
    values: Dict[str, str] = {}
    section = ""
    for line in content.decode("utf-8", "replace").splitlines():
        line = line.strip()
        header = _SECTION.match(line)
        if header:
            section = header.group(1)
        elif line and line[0] not in "#;" and "=" in line and section == "main":
            key, _equals, value = line.partition("=")
            values[key.strip()] = value.strip()
    return values


def uncached_repositories(system: System) -> List[str]:
    """Enabled repositories of which zypper knows nothing yet. Asked anything, it would fetch them, even with ``--no-refresh``."""
    missing = []
    for name in system.names_in("/etc/zypp/repos.d"):
        content = system.read("/etc/zypp/repos.d/" + name) if name.endswith(".repo") else None
        for alias, enabled in _repositories(content or b""):
            if enabled and not system.names_in("/var/cache/zypp/raw/" + alias.replace("/", "_")):
                missing.append(alias)
    return missing


def _repositories(content: bytes) -> List[Tuple[str, bool]]:
    found: List[Tuple[str, bool]] = []
    for line in content.decode("utf-8", "replace").splitlines():
        line = line.strip()
        header = _SECTION.match(line)
        key, _equals, value = line.partition("=")
        if header:
            found.append((header.group(1), True))
        elif found and key.strip() == "enabled":
            found[-1] = (found[-1][0], value.strip().lower() not in _FALSE)
    return found


def _files(system: System) -> List[Tuple[str, bytes]]:
    """The configuration in the order in which later files win."""
    main = system.read(ZYPP_CONF)
    more: Dict[str, Tuple[str, bytes]] = {}
    for directory in _DROP_INS:
        for name in system.names_in(directory):
            if name.endswith(".conf"):
                # A name in /etc takes the place of the same name in /usr/etc.
                more[name] = (os.path.join(directory, name), system.read(os.path.join(directory, name)) or b"")
    vendor: Optional[bytes] = system.read(_VENDOR_CONF) if main is None else None
    files = [(ZYPP_CONF, main)] if main is not None else []
    layered = ([(_VENDOR_CONF, vendor)] if vendor is not None else []) + [more[name] for name in sorted(more)]
    concerns_us = any(key.encode("ascii") in content for _path, content in layered for key in ("locksfile",) + _MOVES)
    if concerns_us and query_packages(system, ("--whatprovides",), ("libzypp(econf)",)):
        return files + layered
    return files
