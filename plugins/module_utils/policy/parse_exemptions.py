# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exemptions as a policy's author wrote them: named, approved, limited in time, and never the rule itself."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any, Collection, Sequence

from . import scope
from .exemption_domains import BlockedDomains, belongs, near_domains
from .model import DEFAULT_MAX_DAYS, App, Exemption, ExemptionRules, Instant
from .names_compared import comparable
from .problems import child, nearest_names
from .reading import Reading
from .scope import Condition
from .serial_texts import why_no_serial
from .validators import sound


def rules_of(checked: Any) -> ExemptionRules:
    """The exemption rules of a policy; without any, a year at most."""
    if not isinstance(checked, dict):
        return ExemptionRules()
    categories, require, max_days = checked.get("categories"), checked.get("require"), checked.get("max_days")
    return ExemptionRules(
        tuple(word for word in categories if isinstance(word, str)) if isinstance(categories, list) else (),
        max_days if isinstance(max_days, int) else DEFAULT_MAX_DAYS,
        tuple(word for word in require if isinstance(word, str)) if isinstance(require, list) else (),
    )


def exemptions_of(
    checked: Any, reading: Reading, rules: ExemptionRules, apps: Sequence[App], conditions: Sequence[Condition]
) -> tuple[tuple[Exemption, ...], list[Condition]]:
    """The exemptions of a checked list, and the conditions of those that have a `when`.

    apps: those that the policy covers; none where not all of them are known. conditions: those of its rules, against which blanket
    exemptions show.
    """
    exemptions: list[Exemption] = []
    exemption_conditions: list[Condition] = []
    seen: dict[str, str] = {}
    ids = [app.id for app in apps]
    # Where apps are refused, their domains are not known.
    known = apps and not any(problem.path.startswith(("apps", "review", "domain_tiers")) for problem in reading.problems)
    domains = BlockedDomains(apps) if known else None
    for index, item in enumerate(checked if isinstance(checked, list) else ()):
        path = child("exemptions", index)
        if not isinstance(item, dict):
            continue
        name = item.get("id")
        if isinstance(name, str):
            if name in seen:
                reading.refuse(child(path, "id"), name, f"an id of its own ({seen[name]} has this one)")
            seen.setdefault(name, path)
        _check_holders(item, path, reading)
        _check_names(item, path, reading)
        _check_rules(item, path, reading, rules, ids)
        if domains is not None:
            _check_domains(item, path, reading, domains, ids)
        if "when" in item:
            condition = reading.condition(item["when"], child(path, "when"))
            if condition is not None:
                exemption_conditions.append(condition)
                if conditions and all(scope.implies(rule, condition) for rule in conditions):
                    reading.refuse(
                        child(path, "when"), item["when"], "an exemption for part of the policy's scope (this one covers all of it)"
                    )
        exemption = _build(item, path, reading, rules)
        if exemption is not None:
            exemptions.append(exemption)
    return tuple(exemptions), exemption_conditions


def _check_holders(item: dict[str, Any], path: str, reading: Reading) -> None:
    devices, users, when = "devices" in item, "users" in item, "when" in item
    follow_user = item.get("follow_user") is True
    if when and (devices or users):
        reading.refuse(child(path, "when"), item["when"], "either when, or devices and users")
    if not (devices or users or when):
        reading.refuse(path, {key: item[key] for key in ("id",) if key in item}, "one of devices, users or when")
    if users and not follow_user and not devices:
        reading.refuse(
            child(path, "users"),
            item["users"],
            "follow_user: true (every device these users use is exempt), or devices beside it (only these, while used by these users)",
        )
    if users and follow_user and devices:
        reading.refuse(
            child(path, "follow_user"), True, "no follow_user where devices are named (an exemption that stays with them), or no devices"
        )
    if "follow_user" in item and not users:
        reading.refuse(child(path, "follow_user"), item["follow_user"], "users beside it")


def _check_names(item: dict[str, Any], path: str, reading: Reading) -> None:
    listed = item.get("devices")
    for index, name in enumerate(listed if isinstance(listed, list) else ()):
        wrong = why_no_serial(name) if isinstance(name, str) else None
        if wrong is not None:
            reading.refuse(child(child(path, "devices"), index), name, *wrong)
    listed = item.get("users")
    for index, name in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(name, str) and not comparable(name):
            reading.refuse(child(child(path, "users"), index), name, "the name of a user that can be seen")


def _check_rules(item: dict[str, Any], path: str, reading: Reading, rules: ExemptionRules, apps: Sequence[str]) -> None:
    category = item.get("category")
    if isinstance(category, str) and rules.categories and category not in rules.categories:
        reading.refuse(
            child(path, "category"), category, "one of " + ", ".join(rules.categories), nearest_names(category, rules.categories)
        )
    required = (*rules.require, "category") if rules.categories else rules.require
    for key in dict.fromkeys(required):
        if key not in item:
            reading.refuse(child(path, key), None, f"the key {key} (exemption_rules asks for it)")
    listed = item.get("apps")
    for index, app in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(app, str) and app not in apps and apps:
            reading.refuse(child(child(path, "apps"), index), app, "an app of this policy", nearest_names(app, apps))


def _check_domains(item: dict[str, Any], path: str, reading: Reading, domains: BlockedDomains, apps: Collection[str]) -> None:
    listed, covered = item.get("domains"), item.get("apps", [])
    if not sound(covered) or not set(covered) <= set(apps):
        return
    blocked = domains.of(covered)
    named = [(index, name) for index, name in enumerate(listed if isinstance(listed, list) else ()) if isinstance(name, str)]
    if any(belongs(name, blocked) for _index, name in named):
        return
    for index, name in named:
        where = child(child(path, "domains"), index)
        reading.refuse(where, name, "a domain that the ban of its apps blocks, or a site below one", near_domains(name, blocked))


def _build(item: dict[str, Any], path: str, reading: Reading, rules: ExemptionRules) -> Exemption | None:
    granted = reading.day_or_instant(item.get("granted"), child(path, "granted"), last=False)
    expires = reading.day_or_instant(item.get("expires"), child(path, "expires"), last=True)
    if granted is None or expires is None:
        return None
    if expires.at <= granted.at:
        reading.refuse(child(path, "expires"), item["expires"], f"an instant after granted ({granted.written})")
    elif _days_covered(granted, expires, reading) > rules.max_days:
        reading.refuse(child(path, "expires"), item["expires"], f"at most {rules.max_days} days after granted ({granted.written})")
    if reading.problems:
        return None
    return Exemption(
        id=item["id"],
        reason=item["reason"],
        approved_by=item["approved_by"],
        granted=granted,
        expires=expires,
        devices=tuple(item.get("devices", ())),
        users=tuple(item.get("users", ())),
        follow_user=item.get("follow_user", False),
        when=item.get("when"),
        apps=tuple(item.get("apps", ())),
        domains=tuple(item.get("domains", ())),
        category=item.get("category"),
        mitigations=tuple(item.get("mitigations", ())),
    )


def _days_covered(granted: Instant, expires: Instant, reading: Reading) -> int:
    """Calendar days from the day of granting to the last day that is covered."""
    zone = reading.day_zone or timezone.utc
    last = (expires.at - timedelta(microseconds=1)).astimezone(zone).date()
    return (last - granted.at.astimezone(zone).date()).days
