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

_MOST_NAMES = 500
_INSIDE = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LISTED = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


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


def scan_home(trust: Trust, path: str, apps: Sequence[str]) -> HomeFacts:
    """Look at one home.

    Args:
        trust: the trust rule.
        path: the home.
        apps: application ids; what is deployed of others is not looked at.
    """
    try:
        home = _open_place(trust, path)
    except OSError as error:
        return HomeFacts(_name_of(error))
    try:
        status = os.fstat(home)
        facts = HomeFacts("", (status.st_dev, status.st_ino), status.st_uid)
        try:
            settings = _settings(home, path)
            # On a server that maps root to nobody a home may be seen and not entered.
            return facts._replace(settings=settings, flatpak=_scan_below(home, path, USER_PATH, apps))
        except OSError as error:
            return facts._replace(problem=_name_of(error))
    finally:
        os.close(home)


def scan_place(trust: Trust, path: str, apps: Sequence[str]) -> PlaceFacts:
    """Look at a place that settings name, as :func:`scan_home` looks at the default one."""
    try:
        directory = _open_place(trust, path)
    except OSError as error:
        name = _name_of(error)
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
    found: List[Any] = [scan_home(trust, each, apps) for each in asked["homes"]]
    return facts_mark(found + [scan_place(trust, each, apps) for each in asked["places"]])


def _open_place(trust: Trust, path: str) -> int:
    place = trust.place(path)
    current = os.open(place.directory, _INSIDE)
    for name in place.below:
        try:
            following = _enter(current, name)
        finally:
            os.close(current)
        current = following
    return current


def _enter(directory: int, name: str) -> int:
    """Open a directory in a directory. A link raises ELOOP, whatever the system calls it."""
    try:
        return os.open(name, _INSIDE, dir_fd=directory)
    except NotADirectoryError:
        status = _status(directory, name)
        if status is not None and stat.S_ISLNK(status.st_mode):
            raise OSError(errno.ELOOP, "a link") from None
        raise FileNotFoundError(errno.ENOENT, "no directory") from None


def _status(directory: int, name: str) -> Optional[os.stat_result]:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _settings(home: int, path: str) -> Tuple[Tuple[str, str], ...]:
    found = []
    for name in SETTINGS:
        status = _status(home, name)
        if status is not None:
            found.append(_setting(home, path, name, status))
    try:
        config = _enter(home, ENVIRONMENT[0])
    except OSError as error:
        if error.errno != errno.ENOENT and error.errno != errno.ELOOP:
            raise
        return tuple(found)
    try:
        directory = os.open(ENVIRONMENT[1], _LISTED, dir_fd=config)
    except (FileNotFoundError, NotADirectoryError):
        return tuple(found)
    finally:
        os.close(config)
    try:
        for name in _names(directory):
            status = _status(directory, name)
            if name.endswith(".conf") and status is not None:
                found.append(("/".join(ENVIRONMENT + (name,)), _told(status)))
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
            following = _enter(current, part)
            os.close(current)
            current = following
        target = _status(current, parts[-1])
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
            following = _enter(current, part)
            os.close(current)
            current = following
        return _scan_installation(current, path, apps)
    except OSError as error:
        name = _name_of(error)
        return PlaceFacts() if name == "ENOENT" else PlaceFacts(name, path)
    finally:
        os.close(current)


def _scan_installation(directory: int, path: str, apps: Sequence[str]) -> PlaceFacts:
    facts = PlaceFacts("", "", True, os.fstat(directory).st_uid)
    where = path
    try:
        odd: List[str] = []
        config = _in(directory, "repo", "config")
        for parts in (("repo", "config"), ("overrides", "global"), (".changed",)) + tuple(("overrides", app) for app in apps):
            status = config if parts[-1] == "config" else _in(directory, *parts)
            if status is not None and not stat.S_ISREG(status.st_mode):
                odd.append("/".join(parts))
        deployed: List[Tuple[str, str]] = []
        for app in apps:
            where = os.path.join(path, "app", app)
            deployed.extend((app, version) for version in _deployed(directory, app))
        told = "" if config is None else _told(config)
        return facts._replace(deployed=tuple(deployed), config=told, odd=tuple(odd))
    except OSError as error:
        return facts._replace(problem=_name_of(error), at=where)


def _in(directory: int, *parts: str) -> Optional[os.stat_result]:
    """The status of something below a directory; a link on the way is told as itself."""
    current = os.dup(directory)
    try:
        for part in parts[:-1]:
            try:
                following = _enter(current, part)
            except FileNotFoundError:
                return None
            except OSError as error:
                if error.errno == errno.ELOOP:
                    return _status(current, part)
                raise
            os.close(current)
            current = following
        return _status(current, parts[-1])
    finally:
        os.close(current)


def _deployed(directory: int, app: str) -> List[str]:
    """``ARCH/BRANCH`` of what is deployed of an app: flatpak goes by the link ``active``."""
    found = []
    for arch in _names_below(directory, ("app", app)):
        if arch == "current" or not PLAIN_WORD.match(arch):
            continue
        for branch in _names_below(directory, ("app", app, arch)):
            if PLAIN_WORD.match(branch) and _in(directory, "app", app, arch, branch, "active") is not None:
                found.append("%s/%s" % (arch, branch))
    return found


def _names_below(directory: int, parts: Sequence[str]) -> List[str]:
    current = os.dup(directory)
    try:
        for part in parts:
            following = _enter(current, part)
            os.close(current)
            current = following
        listed = os.open(".", _LISTED, dir_fd=current)
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


def _name_of(error: OSError) -> str:
    return "link" if error.errno == errno.ELOOP else errno.errorcode.get(error.errno or 0, "EIO")
