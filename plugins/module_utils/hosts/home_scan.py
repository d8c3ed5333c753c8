# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a person's home a look at flatpak rests on: who owns it, what may set another place for data, what is deployed.

One home costs some twenty system calls, because a server may have thousands of them. The same scan makes the mark by which the next run
knows that nothing has changed, so this file and what it imports travel with every look. No link of a person's is followed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

from .open_places import LISTED, OpenPlaces, enter, error_name, status_in
from .slow_places import is_slow, slow_mounts
from .trust import Trust

#: Files of a home in which a login may say where programs keep their data.
SETTINGS: Tuple[str, ...] = (
    ".profile",
    ".bash_profile",
    ".bash_login",
    ".zshenv",
    ".zprofile",
    ".xprofile",
    ".xsessionrc",
    ".pam_environment",
)
#: systemd's directory of such files
ENVIRONMENT: Tuple[str, str] = (".config", "environment.d")
#: flatpak's default place in a home
USER_PATH: Tuple[str, str, str] = (".local", "share", "flatpak")
PLAIN_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*\Z")

#: State of a directory of settings that holds more of them than are read.
TOO_MANY = "many"

_MOST_NAMES = 500


class PlaceFacts(NamedTuple):
    """A place where a flatpak installation of a person's may be.

    Args:
        problem: why it could not be looked into (``link``, or the name of an error); empty if it could.
        at: where that was.
        there: it is there.
        uid: who owns it.
        deployed: ``(application, ARCH/BRANCH)`` of the asked ones.
        config: state of the file with the remotes; empty for none.
        odd: files that flatpak would open and that are no regular files.
    """

    problem: str = ""
    at: str = ""
    there: bool = False
    uid: int = -1
    deployed: Tuple[Tuple[str, str], ...] = ()
    config: str = ""
    odd: Tuple[str, ...] = ()


class HomeFacts(NamedTuple):
    """A home.

    Args:
        problem: why it could not be looked into, as above; ``ENOENT`` where nothing is.
        identity: device and inode.
        uid: who owns it.
        settings: ``(path below the home, state)`` of the files that may set another place for data.
        flatpak: flatpak's default place in it.
    """

    problem: str = ""
    identity: Tuple[int, int] = (0, 0)
    uid: int = -1
    settings: Tuple[Tuple[str, str], ...] = ()
    flatpak: PlaceFacts = PlaceFacts()


def scan_home(places: OpenPlaces, path: str, apps: Sequence[str]) -> HomeFacts:
    """Look at one home.

    Args:
        places: opens it.
        path: the home.
        apps: application ids; what is deployed of others is not looked at.
    """
    try:
        home = places.open(path)
    except OSError as error:
        return HomeFacts(error_name(error))
    try:
        status = os.fstat(home)
        facts = HomeFacts("", (status.st_dev, status.st_ino), status.st_uid)
        try:
            settings = _settings(home, path)
            # On a server that maps root to nobody a home may be seen and not entered.
            return facts._replace(settings=settings, flatpak=_scan_below(home, path, USER_PATH, apps))
        except OSError as error:
            return facts._replace(problem=error_name(error))
    finally:
        os.close(home)


def scan_place(places: OpenPlaces, path: str, apps: Sequence[str]) -> PlaceFacts:
    """Look at a place that settings name, as :func:`scan_home` looks at the default one."""
    try:
        directory = places.open(path)
    except OSError as error:
        name = error_name(error)
        return PlaceFacts() if name == "ENOENT" else PlaceFacts(name, path)
    try:
        return _scan_installation(directory, path, apps)
    finally:
        os.close(directory)


def homes_input(homes: Sequence[str], places: Sequence[str], apps: Sequence[str]) -> str:
    """The input (:class:`.basis.Input`) of a scan, as text."""
    return json.dumps({"homes": list(homes), "places": list(places), "apps": sorted(apps)}, separators=(",", ":"))


def facts_mark(facts: Sequence[Any]) -> str:
    """The mark of what was found, in the order of the input."""
    digest = hashlib.sha256()
    for each in facts:
        digest.update(repr(each).encode("utf-8", "backslashreplace"))
    return digest.hexdigest()


def homes_mark(trust: Trust, of: str) -> str:
    """The mark of an input now. A place that may not answer has none: OSError."""
    asked = json.loads(of)
    slow = slow_mounts()
    if slow and any(is_slow(each, slow) for each in asked["homes"] + asked["places"]):
        raise OSError(errno.EREMOTE, "a file system of a network")
    apps = asked["apps"]
    with OpenPlaces(trust) as places:
        found: List[Any] = [scan_home(places, each, apps) for each in asked["homes"]]
        return facts_mark(found + [scan_place(places, each, apps) for each in asked["places"]])


def _settings(home: int, path: str) -> Tuple[Tuple[str, str], ...]:
    found = []
    for name in SETTINGS:
        status = status_in(home, name)
        if status is not None:
            found.append(_setting(home, path, name, status))
    try:
        config = enter(home, ENVIRONMENT[0])
    except OSError as error:
        if error.errno != errno.ENOENT and error.errno != errno.ELOOP:
            raise
        return tuple(found)
    try:
        directory = os.open(ENVIRONMENT[1], LISTED, dir_fd=config)
    except (FileNotFoundError, NotADirectoryError):
        return tuple(found)
    finally:
        os.close(config)
    try:
        for name in _names(directory):
            status = status_in(directory, name)
            if name.endswith(".conf") and status is not None:
                found.append(("/".join(ENVIRONMENT + (name,)), _told(status)))
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        found.append(("/".join(ENVIRONMENT), TOO_MANY))
    finally:
        os.close(directory)
    return tuple(found)


def _setting(home: int, path: str, name: str, status: os.stat_result) -> Tuple[str, str]:
    """A settings file; people who keep theirs in one directory have a link to there, which is taken as a name below the home."""
    if not stat.S_ISLNK(status.st_mode):
        return name, _told(status)
    to = os.readlink(name, dir_fd=home)
    below = os.path.relpath(os.path.normpath(os.path.join(path, to)), path)
    parts = below.split("/")
    if parts[0] in (".", ".."):
        return name, "0"
    current = os.dup(home)
    try:
        for part in parts[:-1]:
            following = enter(current, part)
            os.close(current)
            current = following
        target = status_in(current, parts[-1])
        return (below, _told(target)) if target is not None else (name, "0")
    except OSError:
        return name, "0"
    finally:
        os.close(current)


def _scan_below(home: int, path: str, parts: Sequence[str], apps: Sequence[str]) -> PlaceFacts:
    current = os.dup(home)
    try:
        for part in parts:
            path = os.path.join(path, part)
            following = enter(current, part)
            os.close(current)
            current = following
        return _scan_installation(current, path, apps)
    except OSError as error:
        name = error_name(error)
        return PlaceFacts() if name == "ENOENT" else PlaceFacts(name, path)
    finally:
        os.close(current)


def _scan_installation(directory: int, path: str, apps: Sequence[str]) -> PlaceFacts:
    facts = PlaceFacts("", "", True, os.fstat(directory).st_uid)
    try:
        odd: List[str] = []
        config = _in(directory, "repo", "config")
        for parts in (("repo", "config"), ("overrides", "global"), (".changed",)) + tuple(("overrides", app) for app in apps):
            status = config if parts[-1] == "config" else _in(directory, *parts)
            if status is not None and not stat.S_ISREG(status.st_mode):
                odd.append("/".join(parts))
        facts = facts._replace(config="" if config is None else _told(config), odd=tuple(odd))
    except OSError as error:
        return facts._replace(problem=error_name(error), at=path)
    for app in apps:
        versions, problem = _deployed(directory, app)
        facts = facts._replace(deployed=facts.deployed + tuple((app, version) for version in versions))
        if problem:
            facts = facts._replace(problem=problem, at=os.path.join(path, "app", app))
    return facts


def _in(directory: int, *parts: str) -> Optional[os.stat_result]:
    """The status of something below a directory; a link on the way is told as itself."""
    current = os.dup(directory)
    try:
        for part in parts[:-1]:
            try:
                following = enter(current, part)
            except FileNotFoundError:
                return None
            except OSError as error:
                if error.errno == errno.ELOOP:
                    return status_in(current, part)
                raise
            os.close(current)
            current = following
        return status_in(current, parts[-1])
    finally:
        os.close(current)


def _deployed(directory: int, app: str) -> Tuple[List[str], str]:
    """``ARCH/BRANCH`` of what is deployed of an app, for flatpak goes by the link ``active``; and why there may be more."""
    found = []
    problem = ""
    try:
        for arch in _names_below(directory, ("app", app)):
            if arch == "current":
                continue
            for branch in _names_below(directory, ("app", app, arch)):
                active = _in(directory, "app", app, arch, branch)
                if active is not None and stat.S_ISLNK(active.st_mode):
                    # flatpak would follow it, and find what lies elsewhere.
                    problem = "link"
                elif active is not None and _in(directory, "app", app, arch, branch, "active") is not None:
                    if PLAIN_WORD.match(arch) and PLAIN_WORD.match(branch):
                        found.append("%s/%s" % (arch, branch))
                    else:
                        problem = "name"
    except OSError as error:
        problem = error_name(error)
    return found, problem


def _names_below(directory: int, parts: Sequence[str]) -> List[str]:
    current = os.dup(directory)
    try:
        for part in parts:
            following = enter(current, part)
            os.close(current)
            current = following
        listed = os.open(".", LISTED, dir_fd=current)
        try:
            return _names(listed)
        finally:
            os.close(listed)
    except FileNotFoundError:
        return []
    finally:
        os.close(current)


def _names(directory: int) -> List[str]:
    found = []
    with os.scandir(directory) as entries:
        for entry in entries:
            found.append(entry.name)
            if len(found) > _MOST_NAMES:
                raise OSError(errno.EFBIG, "more than %d names" % _MOST_NAMES)
    return sorted(found)


def _told(status: os.stat_result) -> str:
    return "%o %d %d %d %d" % (status.st_mode, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
