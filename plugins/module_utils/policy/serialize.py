# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies as plain JSON-able data and back: what the lookup returns and what modules and filters get."""

from __future__ import annotations

from datetime import date
from typing import Any, Mapping

from . import catalog, instants, scope
from .devices import PLATFORMS
from .grammar import WHEN
from .model import (
    ACTIONS,
    ON_EXPIRY,
    STATES,
    Authority,
    Effective,
    Exemption,
    ExemptionRules,
    Instant,
    Limits,
    Policy,
    Rule,
    Stage,
)
from .problems import PolicyError, Problem, show
from .sanitize import NotSanitized, sanitize
from .validators import sound, validate

FORMAT = 1


def serialize_policy(policy: Policy) -> dict[str, Any]:
    """A policy as plain data. Instants are ``{at: UTC, written: as authored}``; deserialize_policy is the inverse."""
    authority = policy.authority
    return {
        "format": FORMAT,
        "policy": policy.id,
        "title": policy.title,
        "authority": None
        if authority is None
        else {"issued_by": authority.issued_by, "reference": authority.reference, "advised_by": list(authority.advised_by)},
        "contact": policy.contact,
        "state": policy.state,
        "timezone": policy.timezone,
        "effective": {
            "from": _instant(policy.effective.start),
            "until": _instant(policy.effective.until) if policy.effective.until else None,
            "on_expiry": policy.effective.on_expiry,
            "review_on": policy.effective.review_on.isoformat() if policy.effective.review_on else None,
        },
        "rules": [
            {
                "name": rule.name,
                "when": sanitize(rule.when, policy.file),
                "stages": [{"from": _instant(stage.start), "actions": list(stage.actions)} for stage in rule.stages],
            }
            for rule in policy.rules
        ],
        "exemptions": [_exemption(exemption) for exemption in policy.exemptions],
        "exemption_rules": {
            "categories": list(policy.exemption_rules.categories),
            "max_days": policy.exemption_rules.max_days,
            "require": list(policy.exemption_rules.require),
        },
        "limits": {"max_devices": policy.limits.max_devices, "max_percent": policy.limits.max_percent},
        "domain_tiers": list(policy.domain_tiers),
        "apps": [catalog.serialize_app(app) for app in policy.apps],
        "review": [catalog.serialize_app(app) for app in policy.review],
        "attributes": list(policy.attributes),
        "sources": list(policy.sources),
        "notes": policy.notes,
        "file": policy.file,
        "sha256": policy.sha256,
        "catalog_version": policy.catalog_version,
    }


def deserialize_policy(data: Any) -> Policy:
    """The policy of what serialize_policy made, lazy and tagged containers included. Raises PolicyError for anything else."""
    try:
        return _verified(_read(sanitize(data, "policy")))
    except NotSanitized as error:
        raise PolicyError(error.problems) from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        name = data.get("policy") if isinstance(data, Mapping) else None
        raise PolicyError(
            [Problem(str(name or "policy"), "$", show(data) if not isinstance(data, Mapping) else "a mapping of another form",
                     "the result of the lookup appban.endpoint.policy, unchanged")]
        ) from error  # fmt: skip


def _read(plain: Any) -> Policy:
    if plain["format"] != FORMAT:
        raise ValueError("format")
    effective, authority, rules = plain["effective"], plain["authority"], plain["exemption_rules"]
    return Policy(
        id=plain["policy"],
        title=plain["title"],
        effective=Effective(
            _read_instant(effective["from"]),
            _read_instant(effective["until"]) if effective["until"] else None,
            effective["on_expiry"],
            date.fromisoformat(effective["review_on"]) if effective["review_on"] else None,
        ),
        rules=tuple(
            Rule(
                rule["name"],
                rule["when"],
                tuple(Stage(_read_instant(stage["from"]), tuple(stage["actions"])) for stage in rule["stages"]),
            )
            for rule in plain["rules"]
        ),
        apps=tuple(catalog.deserialize_app(app) for app in plain["apps"]),
        review=tuple(catalog.deserialize_app(app) for app in plain["review"]),
        authority=None if authority is None else Authority(authority["issued_by"], authority["reference"], tuple(authority["advised_by"])),
        contact=plain["contact"],
        state=plain["state"],
        timezone=plain["timezone"],
        domain_tiers=tuple(plain["domain_tiers"]),
        exemptions=tuple(_read_exemption(exemption) for exemption in plain["exemptions"]),
        exemption_rules=ExemptionRules(tuple(rules["categories"]), rules["max_days"], tuple(rules["require"])),
        limits=Limits(plain["limits"]["max_devices"], plain["limits"]["max_percent"]),
        sources=tuple(plain["sources"]),
        notes=plain["notes"],
        attributes=tuple(plain["attributes"]),
        file=plain["file"],
        sha256=plain["sha256"],
        catalog_version=plain["catalog_version"],
    )


def _verified(policy: Policy) -> Policy:
    """The policy, if everything that decisions rest on is what the parser would have let through; else ValueError."""
    texts: list[Any] = [policy.id, policy.title, policy.file, policy.sha256, policy.catalog_version]
    flags: list[Any] = []
    problems: list[Problem] = []
    for when in (*(rule.when for rule in policy.rules), *(held.when for held in policy.exemptions if held.when is not None)):
        if not sound(validate(WHEN, when, "policy", "$", problems)):
            raise ValueError("when")
        scope.compile_when(when)
    for rule in policy.rules:
        texts.append(rule.name)
        if not rule.stages or not {action for stage in rule.stages for action in stage.actions} <= set(ACTIONS):
            raise ValueError("stages")
        texts.extend(stage.start.written for stage in rule.stages)
    for held in policy.exemptions:
        texts += [held.id, held.reason, held.approved_by, held.granted.written, held.expires.written]
        texts += [*held.devices, *held.users, *held.apps, *held.domains, *held.mitigations]
        flags.append(held.follow_user)
    for app in (*policy.apps, *policy.review):
        texts += [app.id, app.title]
        if not set(app.platforms) <= set(PLATFORMS):
            raise ValueError("platforms")
        for identifier in app.identifiers:
            texts += [identifier.kind, identifier.value, identifier.confidence, identifier.source]
    words_known = policy.state in STATES and policy.effective.on_expiry in ON_EXPIRY
    if policy.timezone is not None:
        instants.read_zone(policy.timezone)
    if not (words_known and all(isinstance(text, str) for text in texts) and all(isinstance(flag, bool) for flag in flags)):
        raise TypeError("text")
    return policy


def _exemption(exemption: Exemption) -> dict[str, Any]:
    return {
        "id": exemption.id,
        "devices": list(exemption.devices),
        "users": list(exemption.users),
        "follow_user": exemption.follow_user,
        "when": None if exemption.when is None else sanitize(exemption.when, exemption.id),
        "apps": list(exemption.apps),
        "domains": list(exemption.domains),
        "category": exemption.category,
        "reason": exemption.reason,
        "approved_by": exemption.approved_by,
        "granted": _instant(exemption.granted),
        "expires": _instant(exemption.expires),
        "mitigations": list(exemption.mitigations),
    }


def _read_exemption(plain: Any) -> Exemption:
    return Exemption(
        id=plain["id"],
        reason=plain["reason"],
        approved_by=plain["approved_by"],
        granted=_read_instant(plain["granted"]),
        expires=_read_instant(plain["expires"]),
        devices=tuple(plain["devices"]),
        users=tuple(plain["users"]),
        follow_user=plain["follow_user"],
        when=plain["when"],
        apps=tuple(plain["apps"]),
        domains=tuple(plain["domains"]),
        category=plain["category"],
        mitigations=tuple(plain["mitigations"]),
    )


def _instant(instant: Instant) -> dict[str, str]:
    return {"at": instants.utc_text(instant.at), "written": instant.written}


def _read_instant(plain: Any) -> Instant:
    return Instant(instants.read_now(plain["at"]), plain["written"])
