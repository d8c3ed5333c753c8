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
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from ..found_files import printable
from ..home_scan import PLAIN_WORD
from ..system import System

SYSTEM_PATH = "/var/lib/flatpak"
EXTRA_INSTALLATIONS = "/etc/flatpak/installations.d"
PRECONFIGURED_REMOTES = ("/etc/flatpak/remotes.d", "/usr/share/flatpak/remotes.d")

_INSTALLATION_GROUP = re.compile(r'Installation "(.*)"\Z')
# The names that flatpak takes for a further installation; it ignores all others.
_INSTALLATION_NAME = re.compile(r"(?!(?:default|system|user)\Z)[A-Za-z0-9_.+-]+\Z")
_REMOTE_GROUP = re.compile(r'remote "(.*)"\Z')


class Installation(NamedTuple):
    """One place with apps of its own.

    Args:
        path: its directory.
        option: how flatpak is told to use it (``--system``, ``--user``, ``--installation=NAME``).
        scope: as in :class:`..backend.Package`: ``system``, ``system:NAME``, ``user:ACCOUNT``, or ``user:ACCOUNT:PATH`` for a further one.
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
    for _file, name, path in _further(system):
        if _is_understood(name, path):
            found.append(Installation(path, "--installation=%s" % name, "system:%s" % name))
    return tuple(found)


def not_understood(system: System) -> List[str]:
    """Installations that an administrator describes and that flatpak can't be told to use: one sentence each."""
    told = (
        "flatpak's installation '%s' in %s, which %s describes, was not looked into: flatpak takes no such name or place. Correct it there"
    )
    return [
        told % (printable(name), printable(path), printable(file))
        for file, name, path in _further(system)
        if not _is_understood(name, path)
    ]


def _further(system: System) -> Iterator[Tuple[str, str, str]]:
    """File, name and place of every installation that is described."""
    for each in system.names_in(EXTRA_INSTALLATIONS):
        if not each.endswith(".conf"):
            continue
        file = os.path.join(EXTRA_INSTALLATIONS, each)
        for group, values in parse_key_file(system.read(file) or b""):
            match = _INSTALLATION_GROUP.match(group)
            if match and values.get("Path"):
                yield file, match.group(1), values["Path"]


def _is_understood(name: str, path: str) -> bool:
    return _INSTALLATION_NAME.match(name) is not None and path.startswith("/")


def deployed(system: System, installation: Installation, app: str) -> List[str]:
    """What is deployed of an app: ``ARCH/BRANCH`` each. Only this app's directory is looked at."""
    return ["%s/%s" % (arch, branch) for arch, branch in _versions(system, installation, app) if _is_reference(arch, branch)]


def misnamed(system: System, installation: Installation, app: str) -> List[str]:
    """Paths of what looks deployed of an app, under names that no reference of flatpak's has, so that nobody can tell it to remove it."""
    top = os.path.join(installation.path, "app", app)
    return [os.path.join(top, arch, branch) for arch, branch in _versions(system, installation, app) if not _is_reference(arch, branch)]


def _versions(system: System, installation: Installation, app: str) -> Iterator[Tuple[str, str]]:
    top = os.path.join(installation.path, "app", app)
    for arch in system.names_in(top):
        if arch == "current":
            continue
        for branch in system.names_in(os.path.join(top, arch)):
            if system.exists(os.path.join(top, arch, branch, "active")):
                yield arch, branch


def _is_reference(arch: str, branch: str) -> bool:
    # ostree takes no word in a reference that begins with anything else than a letter, a digit or "_".
    return bool(PLAIN_WORD.match(arch) and PLAIN_WORD.match(branch))


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
