# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalog: apps with their identifiers, from the collection's own files and from a user's, and the resolving of names.

A name is looked up exactly as written. What is near to it is only ever suggested (scenario B9), because the wrong guess
removes the wrong app.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Iterable, Mapping, Tuple

from . import instants
from .grammar import CATALOG_APP
from .identifiers import KINDS, SHARED_KINDS
from .model import App, Identifier
from .problems import PolicyError, Problem, child, nearest_names, show
from .protected import is_protected
from .sanitize import NotSanitized, sanitize
from .validators import sound, validate

Layer = Iterable[Tuple[str, Any]]


@dataclass(frozen=True)
class Catalog:
    """Apps by id. Every layer that was merged has had its say; see parse_catalog.

    complete: whether all of its documents could be read. Where they could not, a name that it has not may be in one of those.
    """

    apps: Mapping[str, App]
    complete: bool = True

    def vendors(self) -> dict[str, list[str]]:
        """Vendor id -> app ids of its family, sorted."""
        families: dict[str, list[str]] = {}
        for app in sorted(self.apps.values(), key=lambda app: app.id):
            if app.vendor:
                families.setdefault(app.vendor, []).append(app.id)
        return families


def parse_catalog(layers: Iterable[Layer]) -> Catalog:
    """The catalog of several layers of documents, each layer a sequence of (file name, plain document).

    A later layer adds to and overrides the earlier: identifiers are united, the later entry of the same kind and value
    stands, title, vendor and note are the later ones. Raises PolicyError with every problem of every document.
    """
    catalog, problems = merge_catalog(layers)
    if problems:
        raise PolicyError(problems)
    return catalog


def merge_catalog(layers: Iterable[Layer]) -> tuple[Catalog, list[Problem]]:
    """As parse_catalog, but what can be used of the documents and every problem of them, side by side."""
    problems: list[Problem] = []
    apps: dict[str, App] = {}
    files: dict[str, str] = {}
    for layer in layers:
        seen: dict[str, str] = {}
        for file, document in layer:
            app = _parse_document(document, file, problems, apps)
            if app is None:
                continue
            if app.id in seen:
                problems.append(Problem(file, "id", f"{app.id}, which {seen[app.id]} has too", "one file for one app"))
                continue
            seen[app.id] = files[app.id] = file
            apps[app.id] = merge_apps(apps[app.id], app) if app.id in apps else app
    _check_shared_identifiers(apps.values(), files, problems)
    return Catalog(dict(sorted(apps.items()))), problems


def parse_app(checked: Any, file: str, path: str, problems: list[Problem], known: App | None, source: str = "") -> App | None:
    """An app from its checked mapping (catalog or inline), None where too little of it is sound.

    known: the app of the same id that it will be merged over. source: what bare inline identifiers name as their source.
    """
    if not isinstance(checked, dict) or not isinstance(checked.get("id"), str):
        return None
    if known is None:
        for key in ("title", "identifiers"):
            if key not in checked:
                problems.append(Problem(file, path, f"no {key} for the new app {checked['id']}", f"the key {key}"))
        if not source and "vendor" not in checked:
            problems.append(Problem(file, path, f"no vendor for the new app {checked['id']}", "the key vendor"))
    identifiers: list[Identifier] = []
    lists = checked.get("identifiers")
    for kind, entries in lists.items() if isinstance(lists, dict) else ():
        values: set[str] = set()
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            where = child(child(child(path, "identifiers"), kind), index)
            identifier = _parse_identifier(entry, kind, file, where, problems, source)
            if identifier is None:
                continue
            if identifier.value in values:
                problems.append(Problem(file, where, f"{identifier.value} a second time", "each identifier once"))
            values.add(identifier.value)
            identifiers.append(identifier)
    platforms = _platforms(checked, file, path, problems, known)
    return App(
        checked["id"],
        _text(checked, "title") or (known.title if known else checked["id"]),
        _text(checked, "vendor") or (known.vendor if known else None),
        tuple(identifiers),
        _text(checked, "note"),
        platforms,
        (_text(checked, "platforms_source") or source or None) if platforms else None,
    )


def _platforms(checked: Mapping[str, Any], file: str, path: str, problems: list[Problem], known: App | None) -> tuple[str, ...]:
    """Where the app exists, as its mapping declares it; empty for no declaration.

    A declaration that its own identifiers contradict is refused: the app would not be looked for where these say that it is.
    """
    listed = checked.get("platforms")
    if listed is not None and not sound(listed):
        return ()
    own = tuple(listed) if isinstance(listed, list) else ()
    if len(set(own)) != len(own):
        problems.append(Problem(file, child(path, "platforms"), "a platform twice: " + ", ".join(own), "each platform once"))
    declared = own or (known.platforms if known else ())
    lists = checked.get("identifiers")
    kinds = {kind: child(child(path, "identifiers"), kind) for kind in lists} if isinstance(lists, dict) else {}
    if own and known:
        kinds = {**dict.fromkeys((each.kind for each in known.identifiers), child(path, "platforms")), **kinds}
    for kind, where in kinds.items():
        wanted = KINDS[kind].platforms
        if declared and wanted and not set(wanted) & set(declared):
            problems.append(
                Problem(file, where, f"{kind}, although the platforms of the app are {', '.join(declared)}",
                        f"{' or '.join(wanted)} among its platforms, or no such identifier")
            )  # fmt: skip
    return own


def merge_apps(earlier: App, later: App) -> App:
    """Two accounts of one app as one; see parse_catalog."""
    identifiers = {(identifier.kind, identifier.value): identifier for identifier in earlier.identifiers}
    identifiers.update({(identifier.kind, identifier.value): identifier for identifier in later.identifiers})
    declaring = later if later.platforms else earlier
    return App(
        earlier.id,
        later.title,
        later.vendor or earlier.vendor,
        tuple(identifiers.values()),
        later.note or earlier.note,
        declaring.platforms,
        declaring.platforms_source,
    )


def in_force(app: App, tiers: Iterable[str]) -> App:
    """The app with only those domains whose tier is in force; identifiers in the order of kinds and values."""
    wanted = set(tiers)
    order = {kind: index for index, kind in enumerate(KINDS)}
    kept = [identifier for identifier in app.identifiers if identifier.kind != "domain" or identifier.tier in wanted]
    return replace(app, identifiers=tuple(sorted(kept, key=lambda identifier: (order[identifier.kind], identifier.value))))


def serialize_app(app: App) -> dict[str, Any]:
    """``{id, title, vendor, identifiers: {KIND: [{value, confidence, source, last_verified, tier, note}]}, note}``.

    ``platforms`` and ``platforms_source`` are there where they are declared, so that other apps keep the version of their content.
    """
    identifiers: dict[str, list[dict[str, Any]]] = {}
    for identifier in app.identifiers:
        identifiers.setdefault(identifier.kind, []).append(
            {
                "value": identifier.value,
                "confidence": identifier.confidence,
                "source": identifier.source,
                "last_verified": identifier.last_verified.isoformat() if identifier.last_verified else None,
                "tier": identifier.tier,
                "note": identifier.note,
            }
        )
    plain: dict[str, Any] = {"id": app.id, "title": app.title, "vendor": app.vendor, "note": app.note, "identifiers": identifiers}
    if app.platforms:
        plain.update(platforms=list(app.platforms), platforms_source=app.platforms_source)
    return plain


def deserialize_app(plain: Mapping[str, Any]) -> App:
    """The inverse of serialize_app."""
    return App(
        plain["id"],
        plain["title"],
        plain["vendor"],
        tuple(
            Identifier(
                kind,
                entry["value"],
                entry["confidence"],
                entry["source"],
                date.fromisoformat(entry["last_verified"]) if entry["last_verified"] else None,
                entry["tier"],
                entry["note"],
            )
            for kind, entries in plain["identifiers"].items()
            for entry in entries
        ),
        plain["note"],
        tuple(plain.get("platforms", ())),
        plain.get("platforms_source"),
    )


def version_of(apps: Iterable[App]) -> str:
    """A short hash over the resolved content of some apps, whatever files it came from."""
    content = json.dumps([serialize_app(app) for app in apps], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def _parse_document(document: Any, file: str, problems: list[Problem], earlier: Mapping[str, App]) -> App | None:
    try:
        plain = sanitize(document, file)
    except NotSanitized as error:
        problems.extend(error.problems)
        plain = error.copied
    checked = validate(CATALOG_APP, plain, file, "$", problems)
    identifier = checked.get("id") if isinstance(checked, dict) else None
    return parse_app(checked, file, "$", problems, earlier.get(identifier) if isinstance(identifier, str) else None)


def _parse_identifier(entry: Any, kind: str, file: str, path: str, problems: list[Problem], source: str) -> Identifier | None:
    fields: dict[str, Any] = {"value": entry} if isinstance(entry, str) else entry if isinstance(entry, dict) else {}
    value = fields.get("value")
    if not isinstance(value, str):
        return None
    if is_protected(kind, value):
        problems.append(
            Problem(
                file,
                path if isinstance(entry, str) else child(path, "value"),
                f"{show(value)}, "
                + ("a domain that unrelated sites share" if kind == "domain" else "a system component or management agent"),
                "an app that devices and their management do without; no ban may name this",
            )
        )
        return None
    verified: date | None = None
    written = fields.get("last_verified")
    if isinstance(written, str):
        try:
            verified = instants.read_day(written)
        except instants.InstantError as error:
            problems.append(Problem(file, child(path, "last_verified"), show(written), str(error)))
    tier = _text(fields, "tier") or ("core" if kind == "domain" else None)
    return Identifier(
        kind, value, _text(fields, "confidence") or "sure", _text(fields, "source") or source, verified, tier, _text(fields, "note")
    )


def _check_shared_identifiers(apps: Iterable[App], files: Mapping[str, str], problems: list[Problem]) -> None:
    owners: dict[tuple[str, str], str] = {}
    for app in apps:
        for identifier in app.identifiers:
            if identifier.kind in SHARED_KINDS:
                continue
            owner = owners.setdefault((identifier.kind, identifier.value), app.id)
            if owner != app.id:
                problems.append(
                    Problem(
                        files[app.id],
                        f"identifiers.{identifier.kind}",
                        f"{show(identifier.value)}, which the app {owner} ({files[owner]}) has too",
                        "an identifier that belongs to one app",
                    )
                )


def _text(checked: Mapping[str, Any], key: str) -> str | None:
    value = checked.get(key)
    return value if isinstance(value, str) else None


def owner_of(identifier: Identifier, catalog: Catalog) -> str | None:
    """The id of the catalog's app that an identifier belongs to, None for one that is nobody's or may be shared."""
    if identifier.kind in SHARED_KINDS:
        return None
    for app in catalog.apps.values():
        if any(known.kind == identifier.kind and known.value == identifier.value for known in app.identifiers):
            return app.id
    return None


def unknown_app(name: str, catalog: Catalog) -> tuple[str, tuple[str, ...]]:
    """What to say about a name that is no app's id: (expected, nearest ids)."""
    by_title = {app.title.lower(): app.id for app in catalog.apps.values()}
    near = nearest_names(name, catalog.apps) + tuple(by_title[title] for title in nearest_names(name, by_title))
    return "the id of an app in the catalog, or an app as a mapping", tuple(dict.fromkeys(near))[:3]
