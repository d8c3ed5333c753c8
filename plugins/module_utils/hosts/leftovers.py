# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traces of a banned app that no package manager knows: AppImages, launchers of web apps, Waydroid's launchers.

They are findings, and deleted only on request. Lifting a ban brings none of them back. Only what matches leaves this file:
the names of a person's other files are never returned, logged or stored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from ..engine.plan import Change
from .accounts import Account, people
from .backend import Unseen
from .desktop_entry import appimage_names, is_installed_web_app, is_named, leads_to, parse_desktop_entry
from .found_files import FoundFile, is_there, read_found, search
from .request import AppRequest
from .steps import FoundFileStep
from .system import System

#: directory below a home -> how many levels of it are searched for AppImages
_HOME_PLACES: Tuple[Tuple[Tuple[str, ...], int], ...] = (
    ((), 1),
    (("Applications",), 3),
    (("AppImages",), 2),
    (("Downloads",), 3),
    (("Desktop",), 2),
    (("bin",), 1),
    ((".local", "bin"), 1),
)
_SYSTEM_PLACES: Tuple[Tuple[str, int], ...] = (("/opt", 3), ("/usr/local", 2))
_HOME_LAUNCHERS: Tuple[Tuple[Tuple[str, ...], int], ...] = (((".local", "share", "applications"), 3), (("Desktop",), 1))
_SYSTEM_LAUNCHERS: Tuple[Tuple[str, int], ...] = (("/usr/local/share/applications", 3), ("/usr/share/applications", 2))
#: What lies here belongs to a package; deleting it would break that package's files.
_OF_PACKAGES = "/usr/share/applications"
_LAUNCHER_LIMIT = 65536
_USER_DIRECTORY = re.compile(r'XDG_(DOWNLOAD|DESKTOP)_DIR="\$HOME/([^"]+)"\Z')


@dataclass(frozen=True)
class LeftoverQuery:
    """What to look for, for one app.

    Args:
        app: the app's id.
        display_names: patterns of whole names, case apart.
        domains: what a launcher may lead to.
        android_packages: exact names.
        actionable: False where the identifiers are ``detect_only``: what is found is never deleted.
    """

    app: str
    display_names: Tuple[str, ...] = ()
    domains: Tuple[str, ...] = ()
    android_packages: Tuple[str, ...] = ()
    actionable: bool = True

    def __bool__(self) -> bool:
        return bool(self.display_names or self.domains or self.android_packages)


@dataclass(frozen=True)
class Leftover:
    """One file that was found.

    Args:
        app: the app's id.
        kind: ``appimage``, ``web_app`` or ``waydroid``.
        user: whose home it is in; empty for the system.
        file: which one.
        actionable: whether it may be deleted.
    """

    app: str
    kind: str
    user: str
    file: FoundFile
    actionable: bool

    def to_plain(self) -> Dict[str, str]:
        """The finding as the module returns it."""
        return {"app": self.app, "kind": self.kind, "path": self.file.shown, "user": self.user}


def leftover_queries(apps: Iterable[AppRequest]) -> Tuple[LeftoverQuery, ...]:
    """What to look for, for the apps of a run; identifiers that are ``detect_only`` and apps that stay are only looked for."""
    queries = []
    for app in apps:
        for names, sure in ((app.names, True), (app.detect_only, False)):
            query = LeftoverQuery(
                app.id,
                tuple(names.get("display_name", ())),
                tuple(names.get("domain", ())),
                tuple(names.get("android_package", ())),
                sure and app.remove and app.state == "absent",
            )
            if query:
                queries.append(query)
    return tuple(queries)


class Leftovers:
    """The search for desktop leftovers on one host.

    Args:
        system: the host.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        #: sentences for a person, about searches that were not complete
        self.notes: List[str] = []
        #: homes that were to be searched and could not be
        self.unseen: List[Unseen] = []

    def find(self, queries: Iterable[LeftoverQuery], users: Sequence[str]) -> Tuple[Leftover, ...]:
        """Search the system's directories and the homes.

        Args:
            queries: what to look for; without any nothing is read.
            users: ``("all",)``, ``("none",)`` or names of accounts.
        """
        asked = [query for query in queries if query]
        if not asked:
            return ()
        found: List[Leftover] = []
        for place, depth in _SYSTEM_PLACES:
            found.extend(self._appimages(asked, "", place, (), depth))
        for place, depth in _SYSTEM_LAUNCHERS:
            found.extend(self._launchers(asked, "", place, (), depth))
        for account in self._accounts(users):
            own_places = self._own_places(account)
            for below, depth in _HOME_PLACES + own_places:
                found.extend(self._appimages(asked, account.name, account.home, below, depth))
            for below, depth in _HOME_LAUNCHERS + own_places:
                found.extend(self._launchers(asked, account.name, account.home, below, depth))
        # A file may be found for two reasons, and a file of two names in two places: each place counts once.
        # Sorted so that of two reasons the one that allows to delete it stays.
        unique = {(leftover.app, leftover.file.path): leftover for leftover in sorted(found, key=lambda each: each.actionable)}
        return tuple(sorted(unique.values(), key=lambda leftover: (leftover.file.path, leftover.app)))

    def plan_removal(self, leftovers: Iterable[Leftover]) -> Tuple[Change, ...]:
        """One change per file that may be deleted."""
        changes: Dict[str, Change] = {}
        for leftover in leftovers:
            name = leftover.file.shown
            if leftover.actionable and name not in changes:
                text = "%s of %s\n" % (leftover.kind, leftover.app)
                changes[name] = Change("delete", "file", name, before=text, apps=(leftover.app,), step=FoundFileStep(leftover.file))
        return tuple(changes.values())

    def verify(self, change: Change) -> Optional[str]:
        """Whether the very file that was found is gone."""
        return "%s is still there" % change.name if is_there(change.step.file) else None

    # inside

    def _accounts(self, users: Sequence[str]) -> List[Account]:
        if tuple(users) == ("none",):
            return []
        return [account for account in people(self._system) if tuple(users) == ("all",) or account.name in users]

    def _own_places(self, account: Account) -> Tuple[Tuple[Tuple[str, ...], int], ...]:
        """Where this person's desktop keeps downloads and the desktop, if it has other names than in English."""
        content = b""
        for file in self._search(account.home, (".config",), 1, lambda name: name == "user-dirs.dirs"):
            content = read_found(file, _LAUNCHER_LIMIT) or b""
        known = {below for below, _depth in _HOME_PLACES}
        places = []
        for line in content.decode("utf-8", "replace").splitlines():
            match = _USER_DIRECTORY.match(line.strip())
            parts = tuple(part for part in match.group(2).split("/") if part) if match else ()
            if parts and not {".", ".."}.intersection(parts) and parts not in known:
                places.append((parts, 2))
        return tuple(places)

    def _appimages(self, asked: Sequence[LeftoverQuery], user: str, root: str, below: Tuple[str, ...], depth: int) -> List[Leftover]:
        found = []
        for file in self._search(root, below, depth, lambda name: bool(appimage_names(name))):
            names = appimage_names(file.parts[-1])
            for query in asked:
                if any(is_named(name, query.display_names) for name in names):
                    found.append(Leftover(query.app, "appimage", user, file, query.actionable))
        return found

    def _launchers(self, asked: Sequence[LeftoverQuery], user: str, root: str, below: Tuple[str, ...], depth: int) -> List[Leftover]:
        found = []
        for file in self._search(root, below, depth, lambda name: name.endswith(".desktop")):
            entry = None
            for query in asked:
                may_go = query.actionable and not (user == "" and root == _OF_PACKAGES)
                if file.parts[-1] in ["waydroid.%s.desktop" % package for package in query.android_packages]:
                    found.append(Leftover(query.app, "waydroid", user, file, may_go))
                    continue
                if entry is None:
                    entry = parse_desktop_entry(read_found(file, _LAUNCHER_LIMIT) or b"")
                named = is_installed_web_app(entry) and is_named(entry.get("Name", ""), query.display_names)
                if named or leads_to(entry, query.domains):
                    found.append(Leftover(query.app, "web_app", user, file, may_go))
        return found

    def _search(self, root: str, below: Tuple[str, ...], depth: int, wanted: Callable[[str], bool]) -> List[FoundFile]:
        self._system.reads += 1
        files, too_much = search(root, below, depth, wanted)
        if too_much:
            self.notes.append("the search for leftovers in %s ended early: too many files" % "/".join((root.rstrip("/"),) + below))
        return files
