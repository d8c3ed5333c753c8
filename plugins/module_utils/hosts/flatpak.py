# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flatpak: apps of the system and of every person, removed by the tool, blocked by a filter on every system remote.

Looking and planning start no process: flatpak's own files say all that is needed (see flatpak_installations). ``flatpak mask``
is never used: a masked app can still be installed by hand (flatpak-mask(1)), and it pins an old version instead.
"""

from __future__ import annotations

import os
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from ..engine.plan import Change
from .backend import Block, BlockPlan, BlockRequest, Package, RemovalPlan, RemovalRequest, Unseen
from .flatpak_filter import denies, render_filter
from .flatpak_installations import Installation, Remote, deployed, remotes, system_installations, user_installations
from .owned_file import OwnedFilePlan, plan_owned_file, written_content
from .steps import CommandStep, FileStep, Steps
from .system import System

FILTER_PATH = "/etc/flatpak/appban.filter"
MECHANISM = "remote_filter"
STRENGTH = "soft"
BYPASSES = (
    "a remote added after this run, until the next run",
    "an app that comes as a file (flatpak install APP.flatpak)",
    "a person's own remotes (flatpak --user)",
    "flatpak remote-add --if-not-exists with a .flatpakrepo file, which takes the filter off the remote it names, until the next run",
    "flatpak remote-modify --no-filter",
)
_NOT_STRONG = "no stronger block than the remote filter is known for flatpak, so %s blocked softly"


class Flatpak:
    """The flatpak backend.

    Args:
        system: the host.
    """

    name = "flatpak"
    kinds: Tuple[str, ...] = ("flatpak",)
    database = "flatpak"

    def __init__(self, system: System) -> None:
        self._system = system

    def version(self) -> Optional[str]:
        """Flatpak's version, or None where this host hasn't got it."""
        program = self._system.which("flatpak")
        if program is None:
            return None
        words = self._system.query((program, "--version")).stdout.split()
        return words[-1] if words else ""

    def installed(self, names: FrozenSet[str]) -> Tuple[Package, ...]:
        """Which of the apps are deployed, and where; version is ``ARCH/BRANCH``, which flatpak's references are made of."""
        found = []
        for installation in self._installations():
            for app in sorted(names):
                for version in deployed(self._system, installation, app):
                    found.append(Package(app, version, installation.scope))
        return tuple(found)

    def unseen(self) -> Tuple[Unseen, ...]:
        """Places that could not be looked into."""
        return ()

    def files(self, packages: Sequence[Package]) -> Tuple[str, ...]:
        """See :class:`.backend.Backend`."""
        return ()

    def plan_removal(self, request: RemovalRequest) -> RemovalPlan:
        """One transaction per app and installation. An app has no dependents, and runtimes are never named."""
        by_scope = {installation.scope: installation for installation in self._installations()}
        changes = []
        for package in request.packages:
            installation = by_scope[package.scope]
            reference = "app/%s/%s" % (package.name, package.version)
            argv = ("flatpak", "uninstall", installation.option, "-y", "--noninteractive", reference)
            where = "" if package.scope == "system" else " (%s)" % package.scope
            changes.append(
                Change(
                    "delete",
                    "package",
                    "flatpak: %s %s%s" % (package.name, package.version, where),
                    before="%s %s%s\n" % (package.name, package.version, where),
                    step=CommandStep(argv, run_as=installation.run_as),
                )
            )
        return RemovalPlan(tuple(changes), request.packages)

    def plan_block(self, request: BlockRequest, owned: Mapping[str, Any]) -> BlockPlan:
        """Our filter file, named by every remote of every installation of the system.

        A remote that already has a filter of somebody else's keeps it; a name which that one does not hide is unsupported.
        """
        names = tuple(sorted(request.names))
        filter_owned = owned.get("filter", {})
        if not names and not owned and not self._system.exists(FILTER_PATH):
            return BlockPlan()
        content = render_filter(names, request.comment) if names else None
        file = plan_owned_file(self._system, FILTER_PATH, content, filter_owned)
        if file.foreign:
            reason = "%s is there and is not ours; move it away, then run again" % FILTER_PATH
            return BlockPlan(unsupported=dict.fromkeys(names, reason), unblocked=_unblocked(owned, ()))
        if content is None:
            # Without a record and without a file of ours there is nothing to lift, whatever the remotes say.
            return self._lift(owned, file) if owned or file.changes else BlockPlan()
        return self._filter(request, owned, file, content)

    def verify(self, change: Change) -> Optional[str]:
        """Look again in flatpak's files."""
        if change.kind == "file":
            wanted = written_content(change)
            return None if self._system.read(change.name) == wanted else "%s does not hold what was written" % change.name
        command = _command(change)
        installation = next(each for each in self._installations() if each.option == command.argv[2] and each.run_as == command.run_as)
        if change.kind == "package":
            _app, name, version = command.argv[-1].split("/", 2)
            return "%s is still deployed" % command.argv[-1] if version in deployed(self._system, installation, name) else None
        wanted_filter = FILTER_PATH if change.after else ""
        for remote in remotes(self._system, installation):
            if remote.name == command.argv[-1] and remote.filter != wanted_filter:
                return "its filter is %s" % (remote.filter or "none")
        return None

    # inside

    def _installations(self) -> Tuple[Installation, ...]:
        return system_installations(self._system) + user_installations(self._system)

    def _system_remotes(self) -> List[Tuple[Installation, Remote]]:
        return [(place, remote) for place in system_installations(self._system) for remote in remotes(self._system, place)]

    def _filter(self, request: BlockRequest, owned: Mapping[str, Any], file: OwnedFilePlan, content: bytes) -> BlockPlan:
        needs = tuple(change.key for change in file.changes)
        before: Mapping[str, Sequence[str]] = owned.get("remotes", {})
        changes = list(file.changes)
        drift, notes = list(file.drift), []
        ours: Dict[str, List[str]] = {}
        open_doors: Dict[str, List[str]] = {}
        for place, remote in self._system_remotes():
            if _goes_with_its_app(remote, request):
                continue
            if remote.filter not in ("", FILTER_PATH):
                for name in self._not_hidden(place, remote, request.names):
                    open_doors.setdefault(name, []).append("%s (%s)" % (remote.name, remote.filter))
                continue
            ours.setdefault(place.scope, []).append(remote.name)
            lost = not remote.filter and remote.name in before.get(place.scope, ())
            if lost:
                drift.append("remote %s lost its filter" % _shown(place, remote.name))
            elif not remote.filter and before:
                notes.append("remote %s is new and gets the filter" % _shown(place, remote.name))
            # flatpak keeps a copy for the case that the file vanishes, and renews it only when told the filter anew.
            if not remote.filter or file.changes or self._copy_is_stale(place, remote, content):
                changes.append(_set_filter(place, remote, needs))
        unsupported = {
            name: "remote %s has a filter of its own that lets it through; add the line `deny app/%s` to it" % (", ".join(doors), name)
            for name, doors in sorted(open_doors.items())
        }
        blocked = tuple(name for name in request.names if name not in unsupported)
        notes.extend(self._more_notes(request, blocked, ours))
        blocks = (Block(self.name, blocked, MECHANISM, FILTER_PATH, STRENGTH, BYPASSES),) if blocked else ()
        remembered = {"filter": file.owned, "names": list(request.names), "remotes": ours}
        return BlockPlan(tuple(changes), blocks, remembered, _unblocked(owned, request.names), tuple(drift), unsupported, tuple(notes))

    def _lift(self, owned: Mapping[str, Any], file: OwnedFilePlan) -> BlockPlan:
        """The remotes first: a remote that names a missing file would go on with flatpak's copy of it."""
        changes: List[Change] = []
        for place, remote in self._system_remotes():
            if remote.filter == FILTER_PATH:
                changes.append(self._drop_filter(place, remote))
        needs = tuple(change.key for change in changes)
        for change in file.changes:
            changes.append(Change(change.op, change.kind, change.name, change.before, change.after, needs=needs, step=change.step))
        return BlockPlan(tuple(changes), unblocked=_unblocked(owned, ()), drift=file.drift)

    def _drop_filter(self, place: Installation, remote: Remote) -> Change:
        steps: List[Any] = [CommandStep(("flatpak", "remote-modify", place.option, "--no-filter", remote.name))]
        copy = _copy_path(place, remote)
        if (self._system.read(copy) or b"").startswith(b"# backup copy of %s," % FILTER_PATH.encode("ascii")):
            steps.append(FileStep(copy, None))
        return _remote_change(place, remote, "filter %s\n" % FILTER_PATH, None, Steps(tuple(steps)))

    def _copy_is_stale(self, place: Installation, remote: Remote, content: bytes) -> bool:
        copy = self._system.read(_copy_path(place, remote))
        return copy is not None and not copy.endswith(content)

    def _not_hidden(self, place: Installation, remote: Remote, names: Sequence[str]) -> List[str]:
        theirs = self._system.read(remote.filter)
        if theirs is None:
            theirs = self._system.read(_copy_path(place, remote)) or b""
        return [name for name in names if not denies(theirs, name)]

    def _more_notes(self, request: BlockRequest, blocked: Sequence[str], ours: Mapping[str, Sequence[str]]) -> List[str]:
        notes = []
        if blocked and not ours:
            notes.append("this host has no system remote without a filter of its own; a remote added later gets ours at the next run")
        strong = [name for name in blocked if name in request.strong]
        if strong:
            notes.append(_NOT_STRONG % ("%s %s" % (", ".join(strong), "is" if len(strong) == 1 else "are")))
        for name in sorted(request.present.intersection(blocked)):
            notes.append("%s stays installed and gets no updates while it is blocked" % name)
        people = [place.scope[len("user:") :] for place in user_installations(self._system) if remotes(self._system, place)]
        if people and blocked:
            notes.append("not filtered, because they are a person's own: remotes of %s" % ", ".join(people))
        return notes


def _command(change: Change) -> CommandStep:
    step = change.step.steps[0] if isinstance(change.step, Steps) else change.step
    if not isinstance(step, CommandStep):
        raise TypeError("change %s runs no command" % change.key)
    return step


def _set_filter(place: Installation, remote: Remote, needs: Tuple[str, ...]) -> Change:
    step = CommandStep(("flatpak", "remote-modify", place.option, "--filter=%s" % FILTER_PATH, remote.name))
    text = "filter %s\n" % FILTER_PATH
    return _remote_change(place, remote, text if remote.filter else None, text, step, needs)


def _remote_change(
    place: Installation, remote: Remote, before: Optional[str], after: Optional[str], step: Any, needs: Tuple[str, ...] = ()
) -> Change:
    name = "flatpak: remote %s" % _shown(place, remote.name)
    return Change("update", "remote", name, before, after, diff=before != after, needs=needs, step=step)


def _goes_with_its_app(remote: Remote, request: BlockRequest) -> bool:
    """The remote of an app that came as a file: it offers nothing else, and uninstalling the app takes it along."""
    parts = remote.main_ref.split("/")
    return len(parts) > 1 and parts[1] in request.names


def _shown(place: Installation, remote: str) -> str:
    return remote if place.scope == "system" else "%s (%s)" % (remote, place.scope)


def _copy_path(place: Installation, remote: Remote) -> str:
    return os.path.join(place.path, "repo", "%s.filter" % os.path.basename(remote.name))


def _unblocked(owned: Mapping[str, Any], names: Sequence[str]) -> Tuple[str, ...]:
    return tuple(name for name in owned.get("names", ()) if name not in names)
