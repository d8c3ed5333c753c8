# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of the policy language as data: policies, apps, exemptions and decisions.

Standard library only and fit for Python 3.8, because the engine carries these models to managed hosts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Dict, Mapping, Optional, Tuple, Union

# Canonical order: from the mildest to the strictest.
ACTIONS = ("audit", "advise", "remove", "block", "block_web", "withdraw_access")
STATES = ("enforced", "report_only", "lifted")
ON_EXPIRY = ("keep", "lift")
CONFIDENCES = ("sure", "likely", "detect_only")
DOMAIN_TIERS = ("core", "extended", "vendor_shared")
DEFAULT_DOMAIN_TIERS = ("core", "extended")
DEFAULT_MAX_DAYS = 365

# The strictest first. Over several policies a device gets the strictest verdict for an app.
VERDICTS = ("enforce", "exempt", "report_only", "pending", "unclassified", "review", "lifted", "not_applicable", "out_of_scope")
# The strongest first. Over several policies and apps a device has the strongest scope.
SCOPES = ("in_scope", "unclassified", "out_of_scope")

# An authored condition: a mapping of attributes with any, all, not, or a JMESPath expression.
When = Union[str, Mapping[str, Any]]
# One device as an adapter or an inventory describes it: attribute -> value, unknown ones null or left out.
Device = Mapping[str, Any]


@dataclass(frozen=True)
class Instant:
    """A moment: `at` in UTC, `written` as its author wrote it."""

    at: datetime
    written: str

    @property
    def utc(self) -> str:
        """The moment in UTC, ``2023-03-14T23:00:00Z``, for those who don't know the document's time zone."""
        return self.at.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True)
class Identifier:
    """One platform-specific name of an app."""

    kind: str
    value: str
    confidence: str
    source: str
    last_verified: Optional[date] = None
    tier: Optional[str] = None
    note: Optional[str] = None


@dataclass(frozen=True)
class App:
    """An app with every identifier that counts for a policy, or that the catalog knows.

    platforms: where it exists at all, with the source that says so; empty where nobody has declared it.
    """

    id: str
    title: str
    vendor: Optional[str]
    identifiers: Tuple[Identifier, ...] = ()
    note: Optional[str] = None
    platforms: Tuple[str, ...] = ()
    platforms_source: Optional[str] = None

    def exists_on(self, platform: str) -> bool:
        """Whether the app exists on a known platform, as far as anybody has declared where it does."""
        # Every iPhone app can be installed on an iPad.
        return not self.platforms or platform in self.platforms or (platform == "ipados" and "ios" in self.platforms)


@dataclass(frozen=True)
class Authority:
    """Who decided the ban, with what reference, on whose advice."""

    issued_by: str
    reference: Optional[str] = None
    advised_by: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Effective:
    """From when until when a policy holds."""

    start: Instant
    until: Optional[Instant] = None
    on_expiry: str = "keep"
    review_on: Optional[date] = None


@dataclass(frozen=True)
class Stage:
    """What a rule asks for from an instant on."""

    start: Instant
    actions: Tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """Who (`when`) and what, by stages in the order of time."""

    name: str
    when: When
    stages: Tuple[Stage, ...]


@dataclass(frozen=True)
class Exemption:
    """A named, approved, time-limited exception. Active while granted <= now < expires."""

    id: str
    reason: str
    approved_by: str
    granted: Instant
    expires: Instant
    devices: Tuple[str, ...] = ()
    users: Tuple[str, ...] = ()
    follow_user: bool = False
    when: Optional[When] = None
    apps: Tuple[str, ...] = ()
    domains: Tuple[str, ...] = ()
    category: Optional[str] = None
    mitigations: Tuple[str, ...] = ()


@dataclass(frozen=True)
class ExemptionRules:
    """What every exemption of a policy must keep to."""

    categories: Tuple[str, ...] = ()
    max_days: int = DEFAULT_MAX_DAYS
    require: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Limits:
    """Blast radius: how many devices one run may newly affect."""

    max_devices: Optional[int] = None
    max_percent: Optional[float] = None


@dataclass(frozen=True)
class Policy:
    """A parsed policy whose apps are resolved against the catalog."""

    id: str
    title: str
    effective: Effective
    rules: Tuple[Rule, ...]
    apps: Tuple[App, ...]
    review: Tuple[App, ...] = ()
    authority: Optional[Authority] = None
    contact: Optional[str] = None
    state: str = "enforced"
    timezone: Optional[str] = None
    domain_tiers: Tuple[str, ...] = DEFAULT_DOMAIN_TIERS
    exemptions: Tuple[Exemption, ...] = ()
    exemption_rules: ExemptionRules = ExemptionRules()
    limits: Limits = Limits()
    sources: Tuple[str, ...] = ()
    notes: Optional[str] = None
    attributes: Tuple[str, ...] = ()
    file: str = ""
    sha256: str = ""
    catalog_version: str = ""


@dataclass(frozen=True)
class PolicyVerdict:
    """What one policy says about one app on one device."""

    policy: str
    verdict: str
    state: str
    actions: Tuple[str, ...] = ()
    would: Tuple[str, ...] = ()
    rule: Optional[str] = None
    stage: Optional[int] = None
    stage_from: Optional[Instant] = None
    next_stage_from: Optional[Instant] = None
    exemption: Optional[Exemption] = None
    exemption_state: Optional[str] = None
    domains: Tuple[str, ...] = ()
    missing: Tuple[str, ...] = ()

    def to_plain(self) -> Dict[str, Any]:
        return {
            "policy": self.policy,
            "rule": self.rule,
            "stage": self.stage,
            "state": self.state,
            "actions": list(self.actions),
            "exemption": self.exemption.id if self.exemption else None,
            "verdict": self.verdict,
        }


@dataclass(frozen=True)
class AppDecision:
    """What all policies together say about one app on one device."""

    app: str
    verdict: str
    actions: Tuple[str, ...]
    would: Tuple[str, ...]
    leading: Optional[PolicyVerdict]
    policies: Tuple[PolicyVerdict, ...]
    exempted: Optional[PolicyVerdict]
    domains: Tuple[str, ...]
    missing: Tuple[str, ...]
    reason: str

    def to_plain(self) -> Dict[str, Any]:
        leading = self.leading
        return {
            "verdict": self.verdict,
            "actions": list(self.actions),
            "would": list(self.would),
            "rule": leading.rule if leading else None,
            "stage": leading.stage if leading else None,
            "stage_from": leading.stage_from.utc if leading and leading.stage_from else None,
            "next_stage_from": leading.next_stage_from.utc if leading and leading.next_stage_from else None,
            "policies": [verdict.to_plain() for verdict in self.policies],
            "exemption": self.serialize_exemption(),
            "missing": list(self.missing),
            "reason": self.reason,
        }

    def serialize_exemption(self) -> Optional[Dict[str, Any]]:
        if self.exempted is None or self.exempted.exemption is None:
            return None
        exemption = self.exempted.exemption
        return {
            "id": exemption.id,
            "state": self.exempted.exemption_state,
            "policy": self.exempted.policy,
            "category": exemption.category,
            "reason": exemption.reason,
            "approved_by": exemption.approved_by,
            "granted": exemption.granted.written,
            "expires": exemption.expires.written,
            "mitigations": list(exemption.mitigations),
            "domains": list(self.domains),
        }


@dataclass(frozen=True)
class Verdicts:
    """All that is decided about a device but its name; devices that are alike share one.

    exemptions: those that hold for it or have held, by position in the decider's index.
    """

    now: str
    scope: str
    apps: Mapping[str, AppDecision]
    decision_due: Tuple[str, ...]
    notes: Tuple[str, ...]
    exemptions: Tuple[int, ...] = ()


@dataclass(frozen=True)
class Decision:
    """What the policies say about one device at one instant."""

    # A fleet has many.
    __slots__ = ("device", "verdicts")

    device: str
    verdicts: Verdicts

    @property
    def scope(self) -> str:
        return self.verdicts.scope

    @property
    def apps(self) -> Mapping[str, AppDecision]:
        return self.verdicts.apps

    @property
    def decision_due(self) -> Tuple[str, ...]:
        return self.verdicts.decision_due

    @property
    def notes(self) -> Tuple[str, ...]:
        return self.verdicts.notes

    def to_plain(self) -> Dict[str, Any]:
        """The decision as JSON-able data, nothing in it shared with another decision."""
        return {
            "device": self.device,
            "now": self.verdicts.now,
            "scope": self.verdicts.scope,
            "apps": {app: decision.to_plain() for app, decision in self.verdicts.apps.items()},
            "decision_due": list(self.verdicts.decision_due),
            "notes": list(self.verdicts.notes),
        }
