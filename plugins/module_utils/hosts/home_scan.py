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

from .data_places import speaks_of_places
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

_MOST_NAMES = 500
#: Versions of one application in one place that a run deals with, and directories that it goes through to find them.
_MOST_DEPLOYED = 5
_MOST_BRANCHES = 500
#: Bytes of one home's settings that are read in all; a login reads every one of them each time, so they are small.
_SETTINGS_LIMIT = 1 << 20
# NONBLOCK: opening somebody's named pipe would wait for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Setting(NamedTuple):
    """A file of a home that may set another place for data.

    Args:
        name: path below the home.
        content: what is in it. By content the next look knows it again, for a store through a mapping may leave the times as they were.
        problem: why it was not read; empty if it was.
    """

    name: str
    content: bytes = b""
    problem: str = ""


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
        settings: the files that speak of another place for data, or could not be read.
        flatpak: flatpak's default place in it.
    """

    problem: str = ""
    identity: Tuple[int, int] = (0, 0)
    uid: int = -1
    settings: Tuple[Setting, ...] = ()
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


def is_deployed(places: OpenPlaces, path: str, app: str, version: str) -> bool:
    """Whether one version (``ARCH/BRANCH``) of an application is deployed in a place; True where nobody can tell."""
    try:
        directory = places.open(path)
        try:
            return _in(directory, "app", app, *(version.split("/") + ["active"])) is not None
        finally:
            os.close(directory)
    except FileNotFoundError:
        return False
    except OSError:
        return True


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


def _settings(home: int, path: str) -> Tuple[Setting, ...]:
    """The settings of a home. A file that can't be read is noted, because it may set another place."""
    reader = _Settings()
    for name in SETTINGS:
        status = status_in(home, name)
        if status is not None and stat.S_ISLNK(status.st_mode):
            reader.read_linked(home, path, name)
        elif status is not None:
            reader.read(home, name, name, status)
    place = ENVIRONMENT[0]
    try:
        config = enter(home, ENVIRONMENT[0])
        try:
            place = "/".join(ENVIRONMENT)
            directory = enter(config, ENVIRONMENT[1], LISTED)
        finally:
            os.close(config)
        try:
            for name in _names(directory):
                status = status_in(directory, name) if name.endswith(".conf") else None
                if status is not None and not (stat.S_ISLNK(status.st_mode) and os.readlink(name, dir_fd=directory) == os.devnull):
                    reader.read(directory, name, "/".join(ENVIRONMENT + (name,)), status)
        finally:
            os.close(directory)
    except FileNotFoundError:
        pass
    except OSError as error:
        reader.miss(place, error)
    return tuple(reader.found)


class _Settings:
    """Reads the settings of one home."""

    def __init__(self) -> None:
        self.found: List[Setting] = []
        self.left = _SETTINGS_LIMIT

    def miss(self, name: str, error: OSError) -> None:
        """Note a file that could not be read and so may set any place."""
        if len(self.found) <= _MOST_NAMES:
            self.found.append(Setting(name, problem=error_name(error)))

    def read(self, directory: int, name: str, shown: str, status: os.stat_result) -> None:
        """Read one file; a directory in its place says nothing."""
        if stat.S_ISDIR(status.st_mode):
            return
        try:
            content = self._content(directory, name, status)
        except FileNotFoundError:
            return
        except OSError as error:
            self.miss(shown, error)
            return
        if speaks_of_places(content):
            self.found.append(Setting(shown, content))

    def read_linked(self, home: int, path: str, name: str) -> None:
        """Read a settings file behind a link within the home, as people have who keep all settings in one directory.

        Only where no further link has a say: a link to a link, or ``..`` after one, may lead anywhere.
        """
        try:
            to = os.readlink(name, dir_fd=home)
            below = to[len(path) + 1 :] if to.startswith(path + "/") else to
            parts = [part for part in below.split("/") if part not in ("", ".")]
            if to == os.devnull:
                return
            if below.startswith("/") or ".." in parts or not parts:
                raise OSError(errno.ELOOP, "a link to somewhere else")
            current = os.dup(home)
            try:
                for part in parts[:-1]:
                    following = enter(current, part)
                    os.close(current)
                    current = following
                status = status_in(current, parts[-1])
                if status is not None:
                    self.read(current, parts[-1], name, status)
            finally:
                os.close(current)
        except FileNotFoundError:
            return
        except OSError as error:
            self.miss(name, error)

    def _content(self, directory: int, name: str, status: os.stat_result) -> bytes:
        if stat.S_ISLNK(status.st_mode):
            raise OSError(errno.ELOOP, "a link")
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "no regular file")
        descriptor = os.open(name, _FILE, dir_fd=directory)
        with os.fdopen(descriptor, "rb", buffering=0) as handle:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "no regular file")
            content = b""
            while True:
                # One byte more than is left shows that there is more.
                part = handle.read(self.left + 1)
                content += part
                self.left -= len(part)
                if self.left < 0:
                    self.left = 0
                    raise OSError(errno.EFBIG, "too large")
                if not part:
                    return content


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
    found: List[str] = []
    problem = ""
    left = _MOST_BRANCHES
    try:
        for arch in _names_below(directory, ("app", app)):
            if arch == "current":
                continue
            for branch in _names_below(directory, ("app", app, arch)):
                left -= 1
                if left < 0:
                    raise OSError(errno.EFBIG, "more than a person can have made by flatpak")
                active = _in(directory, "app", app, arch, branch)
                if active is not None and stat.S_ISLNK(active.st_mode):
                    # flatpak would follow it, and find what lies elsewhere.
                    problem = "link"
                elif active is not None and _in(directory, "app", app, arch, branch, "active") is not None:
                    if not (PLAIN_WORD.match(arch) and PLAIN_WORD.match(branch)):
                        problem = "name"
                        continue
                    if len(found) >= _MOST_DEPLOYED:
                        raise OSError(errno.EFBIG, "too many versions")
                    found.append("%s/%s" % (arch, branch))
            left -= 1
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
