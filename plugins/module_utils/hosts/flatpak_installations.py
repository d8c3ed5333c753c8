# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where flatpak keeps its apps and remotes on a host: the system's installation, extra ones, and every person's own.

Read from flatpak's files, because starting flatpak costs more than all of these reads and shows only the caller's own
installation. Layout: flatpak-installation(5), flatpak-remote(5), and the tool itself (1.14).
"""

from __future__ import annotations

import os
import re
from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple

from .home_scan import PLAIN_WORD
from .system import System

SYSTEM_PATH = "/var/lib/flatpak"
EXTRA_INSTALLATIONS = "/etc/flatpak/installations.d"
PRECONFIGURED_REMOTES = ("/etc/flatpak/remotes.d", "/usr/share/flatpak/remotes.d")

_REMOTE_GROUP = re.compile(r'remote "(.*)"\Z')


class Installation(NamedTuple):
    """One place with apps of its own.

    Args:
        path: its directory.
        option: how flatpak is told to use it (``--system``, ``--user``, ``--installation=NAME``).
        scope: as in :class:`.backend.Package`: ``system``, ``system:NAME``, ``user:ACCOUNT``, or ``user:ACCOUNT:PATH`` for a further one.
        run_as: account that has to run flatpak for it; None for root. As root flatpak refuses another account's installation.
        env: additions to flatpak's environment.
    """

    path: str
    option: str
    scope: str
    run_as: Optional[str] = None
    env: Optional[Mapping[str, str]] = None

    @property
    def config_path(self) -> str:
        """The file with its remotes."""
        return os.path.join(self.path, "repo", "config")


class Remote(NamedTuple):
    """One remote of an installation.

    Args:
        name: its name.
        filter: path of its filter file; empty for none.
        main_ref: the one app it exists for (an app that came as a file brings such a remote, gone with the app); empty otherwise.
    """

    name: str
    filter: str = ""
    main_ref: str = ""


def system_installations(system: System) -> Tuple[Installation, ...]:
    """The system's installation and those that an administrator added."""
    found = [Installation(SYSTEM_PATH, "--system", "system")]
    for name in system.names_in(EXTRA_INSTALLATIONS):
        if not name.endswith(".conf"):
            continue
        for group, values in parse_key_file(system.read(os.path.join(EXTRA_INSTALLATIONS, name)) or b""):
            match = re.match(r'Installation "(.*)"\Z', group)
            path = values.get("Path", "")
            if match and PLAIN_WORD.match(match.group(1)) and path.startswith("/"):
                found.append(Installation(path, "--installation=%s" % match.group(1), "system:%s" % match.group(1)))
    return tuple(found)


def deployed(system: System, installation: Installation, app: str) -> List[str]:
    """What is deployed of an app: ``ARCH/BRANCH`` each. Only this app's directory is looked at."""
    found = []
    top = os.path.join(installation.path, "app", app)
    for arch in system.names_in(top):
        if arch == "current" or not PLAIN_WORD.match(arch):
            continue
        for branch in system.names_in(os.path.join(top, arch)):
            if PLAIN_WORD.match(branch) and system.exists(os.path.join(top, arch, branch, "active")):
                found.append("%s/%s" % (arch, branch))
    return found


def remotes(system: System, installation: Installation) -> Tuple[Remote, ...]:
    """The remotes of an installation of the system, those included that are preconfigured and that flatpak will add at its next start."""
    groups: Dict[str, Dict[str, str]] = {}
    applied: List[str] = []
    config = system.read(installation.config_path)
    if config is None and installation.scope != "system":
        return ()
    for group, values in parse_key_file(config or b""):
        match = _REMOTE_GROUP.match(group)
        if match:
            # GLib takes groups of one name together, and of two values the later one.
            groups.setdefault(match.group(1), {}).update(values)
        elif group == "core":
            applied = [name for name in values.get("xa.applied-remotes", "").split(";") if name]
    found = [_remote(name, values) for name, values in groups.items()]
    if installation.scope == "system":
        known = set(groups).union(applied)
        found.extend(Remote(name) for name in _preconfigured(system) if name not in known)
    return tuple(found)


def _remote(name: str, values: Mapping[str, str]) -> Remote:
    return Remote(name, values.get("xa.filter", ""), values.get("xa.main-ref", "") if values.get("xa.noenumerate") == "true" else "")


def _preconfigured(system: System) -> List[str]:
    names = set()
    for directory in PRECONFIGURED_REMOTES:
        for name in system.names_in(directory):
            if name.endswith(".flatpakrepo"):
                names.add(name[: -len(".flatpakrepo")])
    return sorted(names)


def parse_key_file(content: bytes) -> List[Tuple[str, Mapping[str, str]]]:
    """The groups of a GLib key file with their values, in order; what can't be understood is left out."""
    groups: List[Tuple[str, Dict[str, str]]] = []
    for raw in content.decode("utf-8", "replace").split("\n"):
        line = (raw[:-1] if raw.endswith("\r") else raw).lstrip()
        if line.startswith("[") and line.rstrip().endswith("]"):
            groups.append((line.rstrip()[1:-1], {}))
        elif groups and "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            # A blank at the end belongs to the value.
            groups[-1][1][key.strip()] = _unescape(value.lstrip())
    return list(groups)


def _unescape(value: str) -> str:
    if "\\" not in value:
        return value
    return re.sub(r"\\(.)", lambda match: {"s": " ", "n": "\n", "t": "\t", "r": "\r"}.get(match.group(1), match.group(1)), value)
