# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traces of a banned app that no package manager knows: AppImages, launchers of web apps, Waydroid's launchers.

They are findings, and deleted only on request. Lifting a ban brings none of them back. Only what matches leaves this file:
the names of a person's other files are never returned, logged or stored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ..engine.plan import Change
from .accounts import Home, People, people_of, unreadable_home
from .backend import Unseen
from .desktop_entry import appimage_names, is_installed_web_app, is_named, leads_to, parse_desktop_entry
from .found_files import (
    LAUNCHER_LIMIT,
    FoundFile,
    Search,
    Searched,
    is_there,
    levels_input,
    printable,
    search_home,
    search_root,
    searched_digest,
    searched_mark,
)
from .open_places import OpenPlaces
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
#: Leftovers of one home that a run deals with; a person may make any number of files that look like some.
_MOST_FOUND = 200
_APPIMAGE = ".appimage"
_LAUNCHER = ".desktop"


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


class _HomeResults(NamedTuple):
    """What matters of one home: the leftovers, whose user is entered later, where the search was not complete, and the rest in short."""

    found: Tuple[Leftover, ...]
    problems: Tuple[Tuple[Search, str], ...]
    digest: str


class Leftovers:
    """The search for desktop leftovers on one host.

    Args:
        system: the host.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        #: sentences for a person, about searches that were not complete
        self.notes: List[str] = []
        #: homes and places that were to be searched and could not be
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
            found.extend(self._in_system(asked, place, Search((), depth, _APPIMAGE)))
        for place, depth in _SYSTEM_LAUNCHERS:
            found.extend(self._in_system(asked, place, Search((), depth, _LAUNCHER)))
        found.extend(self._in_homes(asked, users))
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

    def _in_system(self, asked: Sequence[LeftoverQuery], place: str, search: Search) -> List[Leftover]:
        root = self._system.trust.place(place).path
        self._system.reads += 1
        with OpenPlaces(self._system.trust) as places:
            (searched,) = results = search_root(places, root, (search,), LAUNCHER_LIMIT)
        # What the place is called leads to the root, so the root's name alone would not notice another link.
        self._system.basis.add("kind", place)
        self._system.basis.add("levels", levels_input((root,), (search,), None), searched_mark((searched_digest(results),)))
        self._tell(root, search, searched)
        return _matching(asked, "", place == _OF_PACKAGES, search, searched)

    def _in_homes(self, asked: Sequence[LeftoverQuery], users: Sequence[str]) -> List[Leftover]:
        if tuple(users) == ("none",):
            return []
        people = people_of(self._system)
        everybody = tuple(users) == ("all",)
        if everybody:
            self.unseen.extend(people.unseen)
        homes = [home for home in people.homes if home.is_of_a_person() and (everybody or people.name_of(home.facts.uid) in users)]
        found: List[Leftover] = []
        for home, results in zip(homes, self._search(asked, people, [home.path for home in homes])):
            for search, problem in results.problems:
                self._tell(home.path, search, Searched(problem=problem))
            if results.found:
                user = _owner(people, home)
                found.extend(replace(each, user=user) for each in results.found)
        return found

    def _search(self, asked: Sequence[LeftoverQuery], people: People, roots: Sequence[str]) -> List[_HomeResults]:
        """Search many homes, and the places that each home's settings name. Of each home only the results are kept in memory."""
        searches = tuple(Search(below, depth, _APPIMAGE) for below, depth in _HOME_PLACES)
        searches += tuple(Search(below, depth, _LAUNCHER) for below, depth in _HOME_LAUNCHERS)
        endings = (_APPIMAGE, _LAUNCHER)

        def look(root: str) -> _HomeResults:
            results = search_home(places, root, searches, endings, LAUNCHER_LIMIT)
            found = [each for search, searched in results for each in _matching(asked, "-", False, search, searched)]
            problems = [(search, searched.problem) for search, searched in results if searched.problem]
            if len(found) > _MOST_FOUND:
                problems.append((Search((), 1, ""), "many"))
            return _HomeResults(
                tuple(found[:_MOST_FOUND]),
                tuple(problems),
                searched_digest([searched for _search, searched in results], with_contents=True),
            )

        with OpenPlaces(self._system.trust) as places:
            found = people.scan(roots, look, lambda problem: _HomeResults((), ((Search((), 1, ""), problem),), "!"))
        if roots:
            slow = any(people.is_slow(root) for root in roots)
            mark = "!slow" if slow else searched_mark([each.digest for each in found])
            self._system.basis.add("levels", levels_input(roots, searches, endings), mark)
        return found

    def _tell(self, root: str, search: Search, searched: Searched) -> None:
        if searched.problem:
            told = unreadable_home("/".join((root.rstrip("/"),) + search.below), searched.problem)
            if told not in self.unseen:
                self.unseen.append(told)


def _matching(asked: Sequence[LeftoverQuery], user: str, of_packages: bool, search: Search, searched: Searched) -> List[Leftover]:
    found = []
    for file, content in zip(searched.files, searched.contents):
        entry: Optional[Any] = None
        for query in asked:
            if search.ending == _APPIMAGE:
                if any(is_named(name, query.display_names) for name in appimage_names(file.parts[-1])):
                    found.append(Leftover(query.app, "appimage", user, file, query.actionable))
                continue
            may_go = query.actionable and not of_packages
            if file.parts[-1] in ["waydroid.%s.desktop" % package for package in query.android_packages]:
                found.append(Leftover(query.app, "waydroid", user, file, may_go))
                continue
            entry = parse_desktop_entry(content) if entry is None else entry
            named = is_installed_web_app(entry) and is_named(entry.get("Name", ""), query.display_names)
            if named or leads_to(entry, query.domains):
                found.append(Leftover(query.app, "web_app", user, file, may_go))
    return found


def _owner(people: People, home: Home) -> str:
    name = people.name_of(home.facts.uid)
    return printable(name) if name is not None else "uid %d" % home.facts.uid
