# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flatpak installations of people: found in every home and where settings put them, each with who may act on it."""

from __future__ import annotations

import os
from typing import Dict, FrozenSet, List, NamedTuple, Optional, Sequence, Set, Tuple

from ..accounts import PART_FAILS, Home, people_of, unreadable_home
from ..backend import Unseen
from ..data_places import MOST_PLACES, data_places, is_shells, speaks_of_places
from ..found_files import printable
from ..home_scan import SETTINGS, USER_PATH, PlaceFacts
from ..system import System, Unreadable
from .installations import Installation

#: Files in which an administrator sets variables for everybody's login, and directories of such files.
SYSTEM_SETTINGS = ("/etc/environment", "/etc/profile", "/etc/zsh/zshenv", "/etc/security/pam_env.conf")
SYSTEM_SETTINGS_DIRECTORIES = (("/etc/profile.d", ".sh"), ("/etc/environment.d", ".conf"), ("/usr/lib/environment.d", ".conf"))
LIMIT_NOTE = (
    "a person's own flatpak is looked for in ~/%s and where %s, ~/.config/environment.d or the system's files of that kind "
    "set XDG_DATA_HOME or FLATPAK_USER_DIR in plain words; where anything else sets them, nobody looked"
) % ("/".join(USER_PATH), ", ".join("~/" + each for each in SETTINGS))
#: What is told of one home's settings at most; the reason is the same for all of it.
_MOST_TOLD = 5
#: Deployments of one account, in all its places, that a run deals with.
_MOST_DEPLOYED = 20


class Personal(NamedTuple):
    """One installation of a person's.

    Args:
        place: how flatpak is told to use it, and as whom.
        deployed: ``(application, ARCH/BRANCH)``.
    """

    place: Installation
    deployed: Tuple[Tuple[str, str], ...]


class PersonalFlatpaks:
    """What people have installed for themselves of some applications.

    Args:
        system: the host, only read.
        apps: application ids.
    """

    def __init__(self, system: System, apps: FrozenSet[str]) -> None:
        self._system = system
        self._people = people_of(system, sorted(apps))
        self._scopes: Set[str] = set()
        self._seen: Set[str] = set()
        #: owners of installations, whatever is in them; by number, because to ask for a name may mean to ask a directory service
        self.owners: List[int] = []
        #: further installations of an account that has one already: a second home, a copy of a home, another place for data
        self.further: List[str] = []
        self.unseen: List[Unseen] = list(self._people.unseen)
        self.found: List[Personal] = []
        homes = self._people.homes
        self._counts: Dict[int, int] = {}
        for home in homes:
            self._enter_guarded(home, os.path.join(home.path, *USER_PATH), home.facts.flatpak)
        elsewhere = self._elsewhere(homes)
        for path, facts in zip(elsewhere, self._people.look_at_places(list(elsewhere))):
            # Looked at as it is named, for a link of root's may lead elsewhere tomorrow; known by its path without links, as homes are.
            self._enter_guarded(_home_of(facts.uid, elsewhere[path]), path, facts)

    def names_of_owners(self, most: int) -> str:
        """Whose installations there are, in words for a person."""
        known = sorted({self._people.name_of(uid) or "account %d" % uid for uid in dict.fromkeys(self.owners[:most])})
        more = len(set(self.owners)) - len(known)
        return ", ".join(known) + (" and %d more" % more if more > 0 else "")

    # inside

    def _enter_guarded(self, home: Home, path: str, facts: PlaceFacts) -> None:
        try:
            self._enter(home, self._without_links(path) if facts is not home.facts.flatpak else path, facts)
        except PART_FAILS:
            self.unseen.append(unreadable_home(path, "odd"))

    def _enter(self, home: Home, path: str, facts: PlaceFacts) -> None:
        if facts.problem:
            self.unseen.append(unreadable_home(facts.at, facts.problem))
        if not facts.there or path in self._seen:
            return
        self._seen.add(path)
        mine = (home.facts.uid,) + home.claimed_by
        if facts.uid not in mine and not path.startswith(home.path + "/"):
            if facts.deployed:
                # Settings may name anything. Nobody acts on it as somebody whose home has nothing to do with it.
                note = "%s, which settings of %s name, belongs to account %d and was left alone" % (
                    printable(path),
                    printable(home.path),
                    facts.uid,
                )
                self.unseen.append(Unseen("home_unreadable", note))
            return
        if facts.config:
            if facts.uid in self.owners:
                self.further.append(path)
            self.owners.append(facts.uid)
        runner = facts.uid if facts.uid in mine else home.facts.uid
        if not facts.deployed:
            return
        name = self._people.name_of(runner)
        why = self._why_not(runner, name, path, facts)
        if why or name is None:
            self.unseen.append(Unseen("account_unknown" if name is None else "home_unreadable", why))
            return
        deployed = facts.deployed[: max(0, _MOST_DEPLOYED - self._counts.get(runner, 0))]
        self._counts[runner] = self._counts.get(runner, 0) + len(deployed)
        if len(deployed) < len(facts.deployed):
            note = "%s holds more than the %d deployments of one account that a run deals with: there are too many" % (
                printable(path),
                _MOST_DEPLOYED,
            )
            self.unseen.append(Unseen("home_unreadable", note))
        if not deployed:
            return
        scope = "user:%s" % printable(name)
        if scope in self._scopes:
            scope = "%s:%s" % (scope, printable(path))
        # Two paths may look the same where something in them can't be printed.
        unique, number = scope, 1
        while unique in self._scopes:
            number += 1
            unique = "%s (%d)" % (scope, number)
        scope = unique
        self._scopes.add(scope)
        place = Installation(path, "--user", scope, None if runner == 0 else name, {"FLATPAK_USER_DIR": path})
        self.found.append(Personal(place, deployed))

    def _why_not(self, runner: int, name: Optional[str], path: str, facts: PlaceFacts) -> str:
        """Why flatpak is not run for an installation; empty if it may."""
        apps = ", ".join(dict.fromkeys(app for app, _version in facts.deployed))
        if name is None:
            return "%s in %s belongs to account %d, which this host has no name for, so nobody can remove it as its owner" % (
                apps,
                printable(path),
                runner,
            )
        if runner == 0 and not self._system.trust.is_trusted_directory(path):
            return "%s in %s was left alone: others than root may write there, so flatpak is not run in it as root" % (
                apps,
                printable(path),
            )
        if facts.odd:
            odd = printable(os.path.join(path, facts.odd[0]))
            return "%s of %s was left alone: %s is no regular file, so flatpak was not run" % (apps, printable(name), odd)
        return ""

    def _elsewhere(self, homes: Sequence[Home]) -> Dict[str, List[Home]]:
        """Other places of installations by people's settings, and whose settings those are."""
        common = self._system_settings()
        found: Dict[str, List[Home]] = {}
        for home in homes:
            everybodys = [data_places(content, home.path, is_shells(path)) for path, content in common]
            for (path, _content), each in zip(common, everybodys):
                if each.not_understood:
                    note = "flatpak of people may be elsewhere: this of %s can't be read without a shell: %s"
                    self._tell(note % (path, printable(each.not_understood)))
            for path in dict.fromkeys([path for each in everybodys for path in each.flatpak] + self._own_places(home)):
                found.setdefault(path, []).append(home)
        return {path: owners for path, owners in found.items() if path not in self._seen}

    def _own_places(self, home: Home) -> List[str]:
        try:
            return self._read_own_places(home)
        except PART_FAILS:
            self.unseen.append(unreadable_home(home.path, "odd"))
            return []

    def _read_own_places(self, home: Home) -> List[str]:
        """Where a home's own settings put data; what they leave open is told, in few notes."""
        places: List[str] = []
        unclear: List[str] = []
        for setting in home.facts.settings:
            if setting.problem:
                self._tell_few(unclear, unreadable_home(os.path.join(home.path, setting.name), setting.problem))
                continue
            told = data_places(setting.content, home.path, is_shells(setting.name))
            if told.not_understood:
                note = "flatpak of the owner of %s may be elsewhere: this of its settings can't be read without a shell: %s"
                note %= (printable(home.path), printable(told.not_understood))
                self._tell_few(unclear, Unseen("home_unreadable", note))
            places.extend(path for path in told.flatpak if path not in places)
        if len(places) > MOST_PLACES:
            self._tell("settings of %s name too many places for data, of which %d were looked at" % (printable(home.path), MOST_PLACES))
        return places[:MOST_PLACES]

    def _without_links(self, path: str) -> str:
        try:
            return self._system.trust.place(path).path
        except OSError:
            # Whoever looks there meets the same error, and tells it.
            return path

    def _tell(self, note: str) -> None:
        unseen = Unseen("home_unreadable", note)
        if unseen not in self.unseen:
            self.unseen.append(unseen)

    def _tell_few(self, told: List[str], unseen: Unseen) -> None:
        """Tell something of one home, unless enough was told of it."""
        if len(told) < _MOST_TOLD:
            told.append(unseen.note)
            self.unseen.append(unseen)

    def _system_settings(self) -> List[Tuple[str, bytes]]:
        paths = list(SYSTEM_SETTINGS)
        for directory, ending in SYSTEM_SETTINGS_DIRECTORIES:
            try:
                paths.extend(os.path.join(directory, name) for name in self._system.names_in(directory) if name.endswith(ending))
            except Unreadable as error:
                self._tell("flatpak of people may be elsewhere: %s" % error)
        contents = []
        for path in paths:
            try:
                content = self._system.read(path) or b""
            except Unreadable as error:
                self._tell("flatpak of people may be elsewhere: %s" % error)
                continue
            if speaks_of_places(content):
                contents.append((path, content))
        return contents


def _home_of(uid: int, homes: Sequence[Home]) -> Home:
    """Of the homes whose settings name a place, the one of the account that owns the place."""
    return next((home for home in homes if uid == home.facts.uid or uid in home.claimed_by), homes[0])
