# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is asked for: the module's parameters as checked data, with all problems of a call at once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..engine.errors import AppbanError
from .package_managers import PACKAGE_KINDS

#: Identifier kinds that the search for desktop leftovers uses.
LEFTOVER_KINDS: Tuple[str, ...] = ("display_name", "domain", "android_package")
#: Kinds of other targets: accepted, so that a catalog app can be passed whole, and not used on a host.
OTHER_KINDS: Tuple[str, ...] = (
    "ios_bundle_id",
    "macos_bundle_id",
    "apple_team_id",
    "appx_family_name",
    "store_id",
    "winget",
    "msi_product_code",
    "uninstall_name",
    "chrome_extension",
)
STATES: Tuple[str, ...] = ("absent", "lifted")
CONFIDENCES: Tuple[str, ...] = ("sure", "likely", "detect_only")
_APP_ID = re.compile(r"^[a-z0-9][a-z0-9._-]{0,79}$")
_APP_KEYS = frozenset(("id", "title", "vendor", "identifiers", "state", "remove", "block", "note"))
_BLOCKS = {"true": "soft", "false": "none", "strong": "strong"}


@dataclass(frozen=True)
class AppRequest:
    """One app on one host.

    Args:
        id: the app's id.
        names: kind -> names that may be removed and blocked.
        detect_only: kind -> names that are only looked for.
        state: ``absent`` (look, and remove and block as asked) or ``lifted`` (take our block away).
        remove: remove the app where it is found.
        block: ``none``, ``soft`` or ``strong``.
    """

    id: str
    names: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    detect_only: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    state: str = "absent"
    remove: bool = True
    block: str = "soft"

    def all_names(self, kind: str) -> Tuple[str, ...]:
        """Every name of a kind, sure or not."""
        return tuple(self.names.get(kind, ())) + tuple(self.detect_only.get(kind, ()))


@dataclass(frozen=True)
class HostRequest:
    """Everything a host is asked for in one run.

    Args:
        apps: the apps, each once.
        others: ``keep`` or ``lift``: what becomes of our blocks for apps that are not listed.
        backends: names of the backends to use; empty means every one the host has.
        on_unsupported: ``report`` or ``fail`` when a demanded block can't be made.
        allow_dependents: packages that need a banned one may be removed with it.
        max_removals: most packages that may go in one run, dependents included.
        protected: additional names or globs that must never be removed.
        providers: also block packages that offer themselves under a blocked name.
        users: accounts whose homes are searched for desktop leftovers; ``("all",)`` or ``("none",)``.
        remove_leftovers: delete desktop leftovers instead of only reporting them.
        comment: lines for the header of files that are wholly ours.
        lock_timeout: seconds to wait for a package manager's lock.
        now: the run's instant, ISO 8601 in UTC.
        plan_only: say what would be done, and change nothing of the host.
        approved: the changes, as ``{op, kind, name}``, that a plan has shown; None where there was none. Nothing else is done.
        digest: what the look is kept under for the next run; empty for not keeping it.
    """

    apps: Tuple[AppRequest, ...]
    others: str = "keep"
    backends: Tuple[str, ...] = ()
    on_unsupported: str = "report"
    allow_dependents: bool = False
    max_removals: int = 5
    protected: Tuple[str, ...] = ()
    providers: bool = True
    users: Tuple[str, ...] = ("all",)
    remove_leftovers: bool = False
    comment: Tuple[str, ...] = ()
    lock_timeout: int = 60
    now: str = ""
    plan_only: bool = False
    approved: Optional[Tuple[Mapping[str, str], ...]] = None
    digest: str = ""


def parse_host_request(parameters: Mapping[str, Any], now: str) -> HostRequest:
    """Check the module's parameters.

    Args:
        parameters: the options of ``host_app``, types already checked by Ansible.
        now: the run's instant in UTC.

    Raises:
        AppbanError: naming every problem with its path (``apps[0].identifiers.deb[1]``).
    """
    problems: List[str] = []
    apps: List[AppRequest] = []
    seen: Dict[str, int] = {}
    for index, raw in enumerate(parameters["apps"]):
        path = "apps[%d]" % index
        app = _parse_app(raw, path, parameters, problems)
        if app.id in seen:
            problems.append("%s.id: %r is listed twice, first at apps[%d]" % (path, app.id, seen[app.id]))
        seen.setdefault(app.id, index)
        apps.append(app)
    owners: Dict[Tuple[str, str], str] = {}
    for app in apps:
        for kind in PACKAGE_KINDS:
            for name in app.all_names(kind):
                first = owners.setdefault((kind, name), app.id)
                if first != app.id:
                    problems.append("%s: %r is named by two apps, %s and %s" % (kind, name, first, app.id))
    for option in ("max_removals", "lock_timeout"):
        if parameters[option] < 0:
            problems.append("%s: found %d, expected 0 or more" % (option, parameters[option]))
    if problems:
        raise AppbanError("\n  ".join(["the request can't be used:"] + problems), "", "Nothing was changed")
    return HostRequest(
        apps=tuple(apps),
        others=parameters["others"],
        backends=tuple(parameters["backends"] or ()),
        on_unsupported=parameters["on_unsupported"],
        allow_dependents=parameters["allow_dependents"],
        max_removals=parameters["max_removals"],
        protected=tuple(parameters["protected"] or ()),
        providers=parameters["providers"] == "block",
        users=tuple(parameters["users"] or ("none",)),
        remove_leftovers=parameters["remove_leftovers"],
        comment=tuple(_one_line(line) for line in (parameters["comment"] or ())),
        lock_timeout=parameters["lock_timeout"],
        now=now,
        plan_only=bool(parameters.get("plan_only")),
        approved=None if parameters.get("approved") is None else tuple(parameters["approved"]),
        digest=parameters.get("look_digest") or "",
    )


def _parse_app(raw: Any, path: str, parameters: Mapping[str, Any], problems: List[str]) -> AppRequest:
    if not isinstance(raw, Mapping):
        problems.append("%s: found %s, expected a mapping with id and identifiers" % (path, type(raw).__name__))
        return AppRequest(id="")
    for key in sorted(set(raw) - _APP_KEYS):
        problems.append("%s.%s: unknown key; known are %s" % (path, key, ", ".join(sorted(_APP_KEYS))))
    app_id = raw.get("id")
    if not isinstance(app_id, str) or not _APP_ID.match(app_id):
        problems.append("%s.id: found %r, expected lower-case letters, digits, dots and dashes" % (path, app_id))
        app_id = str(app_id)
    state = _own_or_common(raw, parameters, "state")
    if state not in STATES:
        problems.append("%s.state: found %r, expected one of %s" % (path, state, ", ".join(STATES)))
    remove = _own_or_common(raw, parameters, "remove")
    if not isinstance(remove, bool):
        problems.append("%s.remove: found %r, expected true or false" % (path, remove))
    asked = _own_or_common(raw, parameters, "block")
    block = _BLOCKS.get(str(asked).lower())
    if block is None:
        problems.append("%s.block: found %r, expected true, false or strong" % (path, asked))
    names, detect_only = _parse_identifiers(raw.get("identifiers") or {}, path + ".identifiers", problems)
    return AppRequest(app_id, names, detect_only, str(state), bool(remove), block or "none")


def _own_or_common(raw: Mapping[str, Any], parameters: Mapping[str, Any], key: str) -> Any:
    # Ansible fills the options that an app leaves out with null.
    own = raw.get(key)
    return parameters[key] if own is None else own


def _parse_identifiers(raw: Any, path: str, problems: List[str]) -> Tuple[Dict[str, Tuple[str, ...]], Dict[str, Tuple[str, ...]]]:
    names: Dict[str, List[str]] = {}
    detect_only: Dict[str, List[str]] = {}
    if not isinstance(raw, Mapping):
        problems.append("%s: found %s, expected a mapping of kinds to lists" % (path, type(raw).__name__))
        return {}, {}
    for kind, entries in raw.items():
        if kind in OTHER_KINDS:
            continue
        if kind not in PACKAGE_KINDS and kind not in LEFTOVER_KINDS:
            problems.append("%s.%s: unknown kind; known are %s" % (path, kind, ", ".join(PACKAGE_KINDS + LEFTOVER_KINDS + OTHER_KINDS)))
            continue
        if not isinstance(entries, (list, tuple)):
            problems.append("%s.%s: found %s, expected a list" % (path, kind, type(entries).__name__))
            continue
        for index, entry in enumerate(entries):
            _parse_entry(entry, "%s.%s[%d]" % (path, kind, index), kind, names, detect_only, problems)
    return _frozen(names), _frozen(detect_only)


def _parse_entry(
    entry: Any, path: str, kind: str, names: Dict[str, List[str]], detect_only: Dict[str, List[str]], problems: List[str]
) -> None:
    confidence = "sure"
    value = entry
    if isinstance(entry, Mapping):
        value = entry.get("value")
        confidence = entry.get("confidence", "sure")
        # Domains that a vendor shares with other products would drag those products in.
        if entry.get("tier") == "vendor_shared":
            return
    if not isinstance(value, str) or not value:
        problems.append("%s: found %r, expected a name or {value, confidence}" % (path, value))
        return
    if confidence not in CONFIDENCES:
        problems.append("%s.confidence: found %r, expected one of %s" % (path, confidence, ", ".join(CONFIDENCES)))
        return
    bucket = detect_only if confidence == "detect_only" else names
    listed = bucket.setdefault(kind, [])
    if value not in listed:
        listed.append(value)


def _frozen(lists: Mapping[str, List[str]]) -> Dict[str, Tuple[str, ...]]:
    return {kind: tuple(values) for kind, values in lists.items()}


def _one_line(text: Any) -> str:
    return "".join(character for character in str(text) if character.isprintable())[:200]
