# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Site blocks as indicators of Defender for Endpoint: one per domain, for the whole tenant or for groups of its devices.

Another API with another token (Microsoft Defender for Endpoint API, "Submit or update indicator"). Indicators can't be scoped by rules or
exemptions of a policy, so they are used only where the user says whom they may reach.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ....engine.errors import AppbanError
from ....engine.plan import Change
from ....mdm.http.connection import Connection
from ....mdm.http.paging import Page, read_pages
from ....mdm.http.session import Session
from ....mdm.http.urls import require_same_origin, with_query
from ....mdm.planning import ownership
from ....mdm.planning.fleet import FleetDevice
from ....mdm.planning.identifiers import usable_names
from ....mdm.planning.order import Phase
from ....mdm.planning.plan_draft import PlanDraft, Step
from ....policy.decide import Decider
from ....policy.model import Policy
from ....policy.policy_phase import RUNNING
from ..api.clouds import Cloud
from ..api.credentials import Credentials
from ..api.graph import read_page
from ..api.odata import literal
from ..api.permissions import INDICATORS

_PATH = "/api/indicators"
_WHAT = "Defender indicators"


@dataclass(frozen=True)
class DefenderSettings:
    """Whom indicators may reach.

    Args:
        device_groups: names of device groups in Defender; empty only together with tenant_wide.
        tenant_wide: the user's word that every onboarded device may be reached, exempt ones and those out of scope too.
        platforms: platforms whose devices are onboarded, so that the site counts as blocked there.
    """

    device_groups: tuple[str, ...] = ()
    tenant_wide: bool = False
    platforms: tuple[str, ...] = ("windows",)


class Defender:
    """Reads and writes our indicators."""

    def __init__(self, cloud: Cloud, credentials: Credentials, connection: Connection, check_mode: bool) -> None:
        self.session = Session(
            cloud.defender_url or "",
            credentials,
            connection,
            check_mode,
            how_to_grant="Grant the app registration the application permission %s of WindowsDefenderATP in Entra, with admin consent",
        )

    def ours(self, prefix: str, policies: frozenset[str]) -> dict[str, Mapping[str, Any]]:
        """Domain -> indicator of ours for these policies. Only own indicators are visible to an app with Ti.ReadWrite."""

        def fetch(where: str) -> Page:
            return read_page(self.session.get(where, what="read the indicators", needs=INDICATORS))

        base_url = self.session.base_url
        first = with_query(_PATH, {"$filter": "startswith(title,%s)" % literal(prefix + " ")})
        found: dict[str, Mapping[str, Any]] = {}
        for page in read_pages(first, fetch, "read the indicators", lambda link: require_same_origin(link, base_url, "indicators")):
            for body in page.items:
                if ownership.is_ours(body.get("description"), dict.fromkeys(policies)):
                    found[str(body["indicatorValue"])] = body
        return found

    def put(self, indicators: Sequence[Mapping[str, Any]]) -> None:
        """Submit or update indicators; the same one twice is one."""
        for body in indicators:
            what = "block the site %s" % body["indicatorValue"]
            self.session.post(_PATH, what=what, body=body, needs=INDICATORS, repeatable=True)

    def delete(self, ids: Mapping[str, str]) -> None:
        """Delete indicators. ids: by domain."""
        for domain, each in ids.items():
            self.session.delete("%s/%s" % (_PATH, each), what="unblock the site %s" % domain, needs=INDICATORS)


def wanted_site_blocks(
    policies: Sequence[Policy], decider: Decider, prefix: str, settings: DefenderSettings, opened: frozenset[str]
) -> dict[str, Mapping[str, Any]]:
    """The indicators that policies in force ask for, by domain.

    Args:
        opened: domains that an exemption leaves open for somebody; an indicator can't make an exception, so they are left out.

    Raises:
        AppbanError: where the user has not said whom indicators may reach.
    """
    indicators: dict[str, Mapping[str, Any]] = {}
    for policy, policy_phase in zip(policies, decider.policy_phases, strict=True):
        asks = any(
            stage is not None and "block_web" in rule.stages[stage].actions
            for rule, stage in zip(policy.rules, policy_phase.stages, strict=True)
        )
        if policy.state != "enforced" or policy_phase.phase != RUNNING or not asks:
            continue
        for app in policy.apps:
            for domain in usable_names(app, "domain"):
                if domain not in opened:
                    indicators.setdefault(domain, _indicator(policy, app.title, domain, prefix, settings))
    if indicators and not settings.device_groups and not settings.tenant_wide:
        raise AppbanError(
            "Defender indicators reach every onboarded device, exempt ones and those out of scope too",
            "web_block: defender",
            "Name the device groups that they may reach in defender_device_groups, or say defender_tenant_wide: true. Nothing was written",
        )
    return indicators


def _indicator(policy: Policy, title: str, domain: str, prefix: str, settings: DefenderSettings) -> dict[str, Any]:
    body: dict[str, Any] = {
        "indicatorValue": domain,
        "indicatorType": "DomainName",
        "action": "Block",
        "title": "%s %s %s" % (prefix, policy.id, domain),
        "severity": "Informational",
        "rbacGroupNames": list(settings.device_groups),
    }
    until = policy.effective.until
    if until is not None and policy.effective.on_expiry == "lift":
        # The service ends it by itself then, whether or not a run happens. A ban that stays until somebody decides has no end here.
        body["expirationTime"] = until.utc
    marker = ownership.Marker((policy.id,), "defender_indicators", ownership.spec_hash(body))
    body["description"] = ownership.describe(marker, "The site of %s, blocked for the ban %s." % (title, policy.id))
    return body


class Indicators:
    """Our indicators as parts of a plan: those to submit are one change, and so are those to delete."""

    def __init__(self, defender: Defender, policies: Sequence[Policy], fleet: Sequence[FleetDevice], platforms: Sequence[str]) -> None:
        self.defender = defender
        self.policies = policies
        self.fleet = fleet
        self.platforms = platforms

    def plan(self, wanted: Mapping[str, Mapping[str, Any]], current: Mapping[str, Mapping[str, Any]], draft: PlanDraft) -> None:
        """Plan the changes. wanted, current: domain -> indicator."""
        put = sorted(domain for domain, body in wanted.items() if domain not in current or _differs(body, current[domain]))
        gone = {domain: str(body["id"]) for domain, body in current.items() if domain not in wanted}
        if put:
            step = Step(self.defender.put, ([wanted[domain] for domain in put],))
            before = _lines(domain for domain in put if domain in current) or None
            op = "update" if set(put) <= current.keys() else "create"
            reached = self._devices(put, lambda verdicts: verdicts == {"enforce"})
            change = Change(op, "site block", _WHAT, before, _lines(put), apps=self._apps(put), reaches=reached, step=step)
            draft.add(Phase.OBJECTS, change)
        if gone:
            step = Step(self.defender.delete, (gone,))
            released = self._devices(gone, lambda verdicts: bool(verdicts - {"out_of_scope", "unclassified"}))
            change = Change(
                "delete", "site blocks lifted", _WHAT, _lines(sorted(gone)), apps=self._apps(gone), releases=released, step=step
            )  # fmt: skip
            draft.add(Phase.LIFT_OBJECTS, change)

    def _apps(self, domains: Iterable[str]) -> tuple[str, ...]:
        apps = (app for policy in self.policies for app in policy.apps)
        return tuple(sorted({app.id for app in apps if not set(domains).isdisjoint(usable_names(app, "domain"))}))

    def _devices(self, domains: Iterable[str], concerned: Callable[[set[str]], bool]) -> frozenset[int]:
        """Positions of the onboarded devices that a change is about: indicators know no policy, so it is those that want them."""
        apps = self._apps(domains)
        return frozenset(
            index
            for index, each in enumerate(self.fleet)
            if each.device.platform in self.platforms
            and concerned({each.decision.apps[app].verdict for app in apps if app in each.decision.apps})
        )


def _lines(domains: Iterable[str]) -> str:
    return "".join("%s\n" % domain for domain in domains)


def _differs(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    ends, ended = (str(each.get("expirationTime") or "").partition(".")[0].rstrip("Z") for each in (wanted, found))
    same_groups = sorted(found.get("rbacGroupNames") or []) == sorted(wanted["rbacGroupNames"])
    keys = ("action", "title", "description", "indicatorType")
    return ends != ended or not same_groups or any((found.get(key) or "").strip() != wanted[key].strip() for key in keys)
