# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""zypper: blocks by locks in /etc/zypp/locks (fact sheet hosts_linux 4.4).

A lock keeps zypper from removing an installed package, too, so finding and removing go through rpm.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ...engine.plan import Change
from ..backend import GUARD_NAME, Block, BlockRequest
from ..owned_file import missing_directories
from ..process import CommandResult
from ..rpm.block import Answer, Draft, Providers, Simulated, guard_block, present_notes, unmarked_notes, wanted_names
from ..rpm.database import ZYPP_LOCKS
from ..rpm.front_end import RpmFrontEnd
from ..rpm.guard import plan_guard
from ..rpm.place import rpm_inputs
from ..rpm.zypp_locks import Addition, locked_names, marked_locks, set_locks
from ..steps import FileStep
from .conf import read_zypp_settings, uncached_repositories

# PackageKit selects a package for the solver without a look at its lock (PackageKit#325, and #557, which is open).
LOCK_BYPASSES = (
    "zypper install --force",
    "zypper removelock, then installing",
    "rpm -i",
    "editing %s" % ZYPP_LOCKS,
    "PackageKit (pkcon install NAME) and what installs through it, such as GNOME Software",
)
GUARD_BYPASS = "zypper removelock %s, then install --force --force-resolution" % GUARD_NAME
_SWITCHED_OFF = "locksfile.apply in %s switches all locks off: take it out there"
# zypper's exit codes (zypper(8)); the first one is any problem of libzypp's, so its question has to be there, too.
_CONFLICT = 4
_NOTHING_FOUND = 104


class Zypper(RpmFrontEnd):
    """zypper on one host."""

    name = "zypper"

    def version(self) -> Optional[str]:
        """See :class:`..backend.Backend`."""
        if self.system.which("zypper") is None:
            return None
        # "zypper 1.14.42"
        words = self.system.query(("zypper", "--version"), rests_on=[("program", "zypper")]).stdout.split()
        return words[1] if len(words) > 1 else None

    def draft(self, request: BlockRequest, owned: Mapping[str, Any], providers: Providers) -> Draft:
        """See :class:`..rpm.front_end.RpmFrontEnd`."""
        settings = read_zypp_settings(self.system)
        wanted = wanted_names(request, providers)
        # --force goes past the lock on the app and --force-resolution removes the guard: a lock on the guard itself stops both.
        locked = wanted + ((GUARD_NAME,) if request.strong - request.present else ())
        ours = {ZYPP_LOCKS: owned.get("locks", {}), **owned.get("files", {})}
        files = [settings.locks] + sorted(set(ours).union((ZYPP_LOCKS,)) - {settings.locks})
        made = list(owned.get("made_directories", ()))
        remembered = dict(providers.owned)
        changes: List[Change] = []
        drift: List[str] = []
        unmarked: List[str] = []
        for path in files:
            current = self.system.read(path)
            before = Addition.from_plain(ours.get(path, {}))
            names = before.names + tuple(name for name in marked_locks(current).names if name not in before.names)
            unmarked += unmarked_notes(request, owned, path, locked_names(current), names)
            content, added = set_locks(current, locked if path == settings.locks else (), before)
            if content is not None and current is None:
                made += [each for each in missing_directories(self.system, path) if each not in made]
            if content != current:
                changes.append(_file_change(path, current, content, tuple(each for each in made if path.startswith(each + "/"))))
            if added.names and path == ZYPP_LOCKS:
                remembered["locks"] = added.to_plain()
            elif added.names:
                remembered["files"] = {path: added.to_plain()}
            if path == settings.locks:
                held = frozenset(locked_names(content) if settings.applies else ())
                taken_out = [name for name in names if name not in locked_names(current)]
                drift += ["the lock on %s was taken out of %s" % (name, path) for name in taken_out]
            elif names and request.names:
                drift.append("our locks are in %s, and zypper reads %s (locksfile.path in %s)" % (path, settings.locks, settings.source))
        guard = plan_guard(self.system, self.keeps_guard, request, owned.get("guard", {}), known=bool(owned))
        if made and ("locks" in remembered or "files" in remembered):
            remembered["made_directories"] = made
        if guard.owned:
            remembered["guard"] = dict(guard.owned)
        asked = owned.get("asked", [name for path in files for name in marked_locks(self.system.read(path)).names if name != GUARD_NAME])
        return Draft(
            Block(self.name, wanted, "lock", settings.locks, "soft", LOCK_BYPASSES),
            guard_block(self.name, guard.covers, GUARD_BYPASS),
            changes=tuple(changes) + guard.changes,
            held=held,
            why_not="" if settings.applies else _SWITCHED_OFF % settings.source,
            owned=remembered,
            drift=tuple(drift) + providers.drift + guard.drift,
            notes=providers.notes + present_notes(request) + guard.notes + tuple(unmarked),
            unblocked=tuple(name for name in asked if name not in wanted),
        )

    def providers(self, names: Sequence[str]) -> Answer:
        """See :class:`..rpm.front_end.RpmFrontEnd`."""
        if uncached_repositories(self.system):
            return Answer({}, complete=False)
        offers: Dict[str, Tuple[str, ...]] = {}
        complete = True
        for name in names:
            result = self._ask("search", "--provides", "--match-exact", "--type", "package", name)
            found = _elements(result, "solvable")
            complete = complete and (result.rc == _NOTHING_FOUND or (result.rc == 0 and found is not None))
            offers[name] = tuple(found or ())
        return Answer(offers, complete)

    def simulate(self, names: Sequence[str]) -> Simulated:
        """See :class:`..rpm.front_end.RpmFrontEnd`."""
        missing = uncached_repositories(self.system)
        if missing:
            return Simulated(unanswered="nothing is known of the repository %s yet" % ", ".join(missing))
        admitted: Dict[str, Tuple[str, ...]] = {}
        # One by one: zypper ends at the first name that it does not know, and tells one conflict at a time.
        for name in names:
            result = self._ask("install", "--dry-run", name)
            brought = _elements(result, "to-install")
            refused = result.rc == _NOTHING_FOUND or (result.rc == _CONFLICT and "<prompt" in result.stdout)
            if not refused and (result.rc != 0 or brought is None):
                return Simulated(unanswered=_why_unanswered(result))
            if brought and not refused:
                admitted[name] = brought
        return Simulated(admitted)

    def _ask(self, *arguments: str) -> CommandResult:
        argv = ("zypper", "--non-interactive", "--no-refresh", "--xmlout", *arguments)
        result = self.system.query(argv, rests_on=self._inputs())
        if result.rc not in (0, _CONFLICT, _NOTHING_FOUND):
            # Locked, ended or broken: that may be over with the next look.
            self.system.basis.rest_on(argv, None)
        return result

    def _inputs(self) -> Optional[List[Tuple[str, str]]]:
        """What every answer of zypper from its cache rests on; None where its configuration moves any of that."""
        rpm = rpm_inputs(self.system)
        settings = read_zypp_settings(self.system)
        if rpm is None or not settings.usual:
            return None
        inputs = rpm + [
            ("program", "zypper"),
            ("content", "/etc/os-release"),
            ("content", "/root/.zypper.conf"),
            ("content", settings.locks),
        ]
        inputs += [("contents", each) for each in ("/etc/zypp", "/usr/etc/zypp", "/etc/products.d")]
        # /var/cache/zypp/solv is made from these and from the rpm database, by whoever asks first.
        return inputs + [("statuses", each) for each in ("/var/cache/zypp/raw", "/usr/lib/zypp/plugins")]


def _elements(result: CommandResult, of: str) -> Optional[Tuple[str, ...]]:
    """Names of the packages in an answer: all of them, or those inside an element; None if it can't be read."""
    from xml.etree import ElementTree

    try:
        root = ElementTree.fromstring(result.stdout)
    except ElementTree.ParseError:
        return None
    found = root.iter("solvable") if of == "solvable" else root.iterfind(".//%s/solvable" % of)
    return tuple(dict.fromkeys(each.get("name", "") for each in found if each.get("name")))


def _why_unanswered(result: CommandResult) -> str:
    from xml.etree import ElementTree

    try:
        messages = [each.text or "" for each in ElementTree.fromstring(result.stdout).iter("message") if each.get("type") == "error"]
    except ElementTree.ParseError:
        messages = []
    # Said as any other error of a command, without the markup.
    return result._replace(stderr="\n".join(messages) or result.stderr, stdout="" if messages else result.stdout).explain()


def _file_change(path: str, current: Optional[bytes], content: Optional[bytes], made: Tuple[str, ...]) -> Change:
    op = "delete" if content is None else "create" if current is None else "update"
    step = FileStep(path, content, made_directories=made, shared=True, before=current)
    return Change(op, "file", path, _text(current), _text(content), step=step)


def _text(content: Optional[bytes]) -> Optional[str]:
    return None if content is None else content.decode("utf-8", "replace")
