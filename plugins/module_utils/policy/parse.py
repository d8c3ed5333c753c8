# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From an authored document to a Policy, with every problem of the document at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timezone
from typing import Any

from . import catalog as catalogs
from . import instants, parse_exemptions, scope
from .catalog import Catalog
from .grammar import POLICY
from .instants import InstantError
from .model import (
    ACTIONS,
    DEFAULT_DOMAIN_TIERS,
    App,
    Authority,
    Effective,
    Instant,
    Limits,
    Policy,
    Rule,
    Stage,
    When,
)
from .problems import PolicyError, Problem, child, nearest_names, show
from .reading import Reading, Said
from .sanitize import NotSanitized, sanitize
from .scope import Condition
from .validators import validate


def parse_policy(document: Any, file: str, catalog: Catalog, sha256: str = "") -> Policy:
    """The policy of an authored document, its apps resolved against the catalog.

    document: what a YAML or JSON reader made of the file. file: its name for messages. sha256: of the file's bytes, kept as it
    is. Raises PolicyError with every Problem found, of structure and of meaning.
    """
    problems: list[Problem] = []
    try:
        plain = sanitize(document, file)
    except NotSanitized as error:
        problems.extend(error.problems)
        plain = error.copied
    checked = validate(POLICY, plain, file, "$", problems)
    if not isinstance(checked, dict):
        raise PolicyError(problems)
    policy = _build(checked, Reading(file, problems), catalog)
    if problems or policy is None:
        raise PolicyError(problems)
    return replace(policy, sha256=sha256)


def _build(checked: dict[str, Any], reading: Reading, catalog: Catalog) -> Policy | None:
    name = checked.get("policy")
    _read_zones(checked, reading)
    effective = _effective(checked.get("effective"), reading)
    rules, conditions = _rules(checked.get("rules"), reading, effective)
    apps, review = _apps(checked, reading, catalog)
    exemption_rules = parse_exemptions.rules_of(checked.get("exemption_rules"))
    exemptions, exemption_conditions = parse_exemptions.exemptions_of(
        checked.get("exemptions"),
        reading,
        exemption_rules,
        # Without knowing all apps of the policy no exemption's app is refused.
        [*apps, *review] if catalog.complete else [],
        conditions,
    )
    if reading.problems or effective is None or not isinstance(name, str):
        return None
    attributes = set().union(*(scope.attributes(condition) for condition in (*conditions, *exemption_conditions)))
    if any(app.platforms for app in (*apps, *review)):
        attributes.add("platform")
    limits = checked.get("limits") or {}
    return Policy(
        id=name,
        title=checked["title"],
        effective=effective,
        rules=rules,
        apps=apps,
        review=review,
        authority=_authority(checked.get("authority")),
        contact=checked.get("contact"),
        state=checked.get("state", "enforced"),
        timezone=checked.get("timezone"),
        domain_tiers=tuple(checked.get("domain_tiers", DEFAULT_DOMAIN_TIERS)),
        exemptions=exemptions,
        exemption_rules=exemption_rules,
        limits=Limits(limits.get("max_devices"), limits.get("max_percent")),
        sources=tuple(checked.get("sources", ())),
        notes=checked.get("notes"),
        attributes=tuple(sorted(attributes)),
        file=reading.file,
        catalog_version=catalogs.version_of((*apps, *review)),
    )


def _read_zones(checked: dict[str, Any], reading: Reading) -> None:
    zone = checked.get("timezone")
    if isinstance(zone, str):
        try:
            reading.zone = instants.read_zone(zone)
        except InstantError as error:
            reading.refuse("timezone", zone, str(error))
            # One unknown zone is one problem, not one more for every instant that relies on it.
            reading.zone = timezone.utc
    elif zone is not None:
        # Refused for its form, which is one problem as well.
        reading.zone = timezone.utc
    start = checked.get("effective", {}).get("from") if isinstance(checked.get("effective"), dict) else None
    reading.day_zone = reading.zone
    if reading.zone is None and isinstance(start, str):
        try:
            reading.day_zone = instants.written_offset(start)
        except InstantError:
            reading.day_zone = None


def _effective(checked: Any, reading: Reading) -> Effective | None:
    if not isinstance(checked, dict):
        return None
    start = reading.instant(checked.get("from"), "effective.from")
    until = _until(checked.get("until"), start, reading)
    if start and until and until.at <= start.at:
        reading.refuse("effective.until", checked["until"], f"an instant after effective.from ({start.written})")
    review_on: date | None = None
    if isinstance(checked.get("review_on"), str):
        try:
            review_on = instants.read_day(checked["review_on"])
        except InstantError as error:
            reading.refuse("effective.review_on", checked["review_on"], str(error))
    on_expiry = checked.get("on_expiry", "keep")
    if "on_expiry" in checked and "until" not in checked:
        reading.refuse("effective.on_expiry", on_expiry, "the key until beside it, or no on_expiry")
    return Effective(start, until, on_expiry, review_on) if start else None


def _until(value: Any, start: Instant | None, reading: Reading) -> Instant | None:
    if not isinstance(value, str):
        return None
    if not value.startswith("P"):
        return reading.instant(value, "effective.until")
    try:
        duration = instants.read_duration(value)
        zone = reading.day_zone
        if start is None or zone is None:
            return None
        return Instant(instants.add_duration(start.at, duration, zone), value)
    except InstantError as error:
        reading.refuse("effective.until", value, str(error))
        return None


def _rules(checked: Any, reading: Reading, effective: Effective | None) -> tuple[tuple[Rule, ...], list[Condition]]:
    rules: list[Rule] = []
    conditions: list[Condition] = []
    names: dict[str, str] = {}
    takes_all = False
    for index, item in enumerate(checked if isinstance(checked, list) else ()):
        path = child("rules", index)
        if not isinstance(item, dict):
            continue
        name = item.get("name")
        if isinstance(name, str):
            if name in names:
                reading.refuse(child(path, "name"), Said(f"the name {show(name)}, which {names[name]} has too"), "names that differ")
            names.setdefault(name, path)
        condition = reading.condition(item["when"], child(path, "when")) if "when" in item else None
        if condition is not None and takes_all:
            reading.refuse(path, Said("a rule that is never reached"), "no rule after one with an empty when, which matches every device")
        stages = _stages(item, path, reading, effective)
        if condition is not None:
            takes_all = takes_all or condition == scope.ALWAYS
            conditions.append(condition)
            when: When = item["when"]
            rules.append(Rule(name if isinstance(name, str) else "", when, stages))
    return tuple(rules), conditions


def _stages(item: dict[str, Any], path: str, reading: Reading, effective: Effective | None) -> tuple[Stage, ...]:
    if ("actions" in item) == ("stages" in item):
        reading.refuse(path, Said("both actions and stages" if "actions" in item else "neither actions nor stages"), "one of the two")
        return ()
    if "actions" in item:
        actions = _actions(item["actions"], child(path, "actions"), reading)
        return (Stage(effective.start, actions),) if effective and actions else ()
    stages: list[Stage] = []
    for index, entry in enumerate(item["stages"] if isinstance(item["stages"], list) else ()):
        where = child(child(path, "stages"), index)
        if not isinstance(entry, dict):
            continue
        actions = _actions(entry.get("actions"), child(where, "actions"), reading)
        start = reading.instant(entry["from"], child(where, "from")) if "from" in entry else effective.start if effective else None
        if start is None or effective is None:
            continue
        if start.at < effective.start.at:
            reading.refuse(child(where, "from"), entry["from"], f"an instant not before effective.from ({effective.start.written})")
        elif stages and start.at <= stages[-1].start.at:
            reading.refuse(
                child(where, "from") if "from" in entry else where,
                entry.get("from", Said("no from")),
                f"an instant after the stage before it ({stages[-1].start.written})",
            )
        stages.append(Stage(start, actions))
    return tuple(stages)


def _actions(checked: Any, path: str, reading: Reading) -> tuple[str, ...]:
    actions = [action for action in checked if isinstance(action, str)] if isinstance(checked, list) else []
    if len(set(actions)) != len(actions):
        reading.refuse(path, Said("an action twice: " + ", ".join(actions)), "each action once")
    return tuple(action for action in ACTIONS if action in actions)


def _authority(checked: Any) -> Authority | None:
    if not isinstance(checked, dict):
        return None
    return Authority(checked["issued_by"], checked.get("reference"), tuple(checked.get("advised_by", ())))


def _apps(checked: dict[str, Any], reading: Reading, catalog: Catalog) -> tuple[tuple[App, ...], tuple[App, ...]]:
    tiers = (
        [tier for tier in checked.get("domain_tiers", DEFAULT_DOMAIN_TIERS) if isinstance(tier, str)]
        if (isinstance(checked.get("domain_tiers", ()), (list, tuple)))
        else []
    )
    banned, banned_by_name = _app_list(checked.get("apps"), "apps", checked, reading, catalog)
    review, review_by_name = _app_list(checked.get("review"), "review", checked, reading, catalog)
    for app_id in banned_by_name:
        if app_id in review_by_name:
            reading.refuse(review_by_name[app_id], app_id, f"an app that isn't banned too ({banned_by_name[app_id]})")
    # A family kept under review leaves out those of its apps that are banned.
    review = {app_id: app for app_id, app in review.items() if app_id not in banned}
    banned = {app_id: app for app_id, app in banned.items() if app_id in banned_by_name or app_id not in review_by_name}
    return (
        tuple(catalogs.in_force(app, tiers) for app in banned.values()),
        tuple(catalogs.in_force(app, tiers) for app in review.values()),
    )


def _app_list(
    checked: Any, key: str, document: dict[str, Any], reading: Reading, catalog: Catalog
) -> tuple[dict[str, App], dict[str, str]]:
    """The apps of a list by id, and for those named outright the path where."""
    apps: dict[str, App] = {}
    named: dict[str, str] = {}
    families = catalog.vendors()
    named_families: dict[str, str] = {}
    for index, item in enumerate(checked if isinstance(checked, list) else ()):
        path = child(key, index)
        if isinstance(item, str) and item.startswith("vendor:"):
            vendor = item[len("vendor:") :]
            if item in named_families:
                reading.refuse(path, Said(f"{item}, which {named_families[item]} names too"), "each family once")
            named_families.setdefault(item, path)
            if vendor not in families and catalog.complete:
                reading.refuse(path, item, "a vendor in the catalog", tuple(f"vendor:{near}" for near in nearest_names(vendor, families)))
            for app_id in families.get(vendor, ()):
                apps.setdefault(app_id, catalog.apps[app_id])
            continue
        app: App | None = None
        if isinstance(item, str):
            app = catalog.apps.get(item)
            if app is None and catalog.complete:
                reading.refuse(path, item, *catalogs.unknown_app(item, catalog))
        elif isinstance(item, dict):
            app = _inline_app(item, path, document, reading, catalog)
        if app is None:
            continue
        if app.id in named:
            reading.refuse(path, Said(f"{app.id}, which {named[app.id]} names too"), "each app once")
        named.setdefault(app.id, path)
        apps[app.id] = app
    return apps, named


def _inline_app(item: dict[str, Any], path: str, document: dict[str, Any], reading: Reading, catalog: Catalog) -> App | None:
    known = catalog.apps.get(item["id"]) if isinstance(item.get("id"), str) else None
    app = catalogs.parse_app(item, reading.file, path, reading.problems, known, f"policy {document.get('policy')}")
    if app is None:
        return None
    for identifier in app.identifiers:
        owner = catalogs.owner_of(identifier, catalog)
        if owner not in (None, app.id):
            reading.refuse(
                f"{path}.identifiers.{identifier.kind}", identifier.value, f"an identifier of no other app (the catalog has it for {owner})"
            )
    return catalogs.merge_apps(known, app) if known else app


def now_utc(text: str) -> datetime:
    """The instant of a `now` option; raises PolicyError."""
    try:
        return instants.read_now(text)
    except InstantError as error:
        raise PolicyError([Problem("now", "$", show(text), str(error))]) from error
