# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Site blocks as indicators of Defender for Endpoint: one per domain, for the whole tenant or for groups of its devices.

Another API with another token (Microsoft Defender for Endpoint API, "Submit or update indicator"). Indicators can't be scoped by rules or
exemptions of a policy, so they are used only where the user says whom they may reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from ...engine.errors import AppbanError
from ...engine.plan import Change
from ...mdm.http.connection import Connection
from ...mdm.http.paging import Page, read_pages
from ...mdm.http.session import Session
from ...mdm.http.urls import require_same_origin, with_query
from ...mdm.planning import ownership
from ...mdm.planning.identifiers import usable_names
from ...policy.decide import Decider
from ...policy.model import Policy
from ...policy.policy_phase import RUNNING
from . import steps
from .api.clouds import Cloud
from .api.credentials import Credentials
from .api.graph import read_page
from .api.odata import literal
from .api.permissions import INDICATORS
from .steps import Phase

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


@dataclass(frozen=True)
class SiteBlocks:
    """What is wanted of Defender.

    Args:
        indicators: domain -> body.
        apps: ids of the apps whose sites are blocked.
    """

    indicators: Mapping[str, Mapping[str, Any]]
    apps: frozenset[str]


def wanted_site_blocks(
    policies: Sequence[Policy], decider: Decider, prefix: str, settings: DefenderSettings, opened: frozenset[str]
) -> SiteBlocks:
    """The indicators that policies in force ask for.

    Args:
        opened: domains that an exemption leaves open for somebody; an indicator can't make an exception, so they are left out.

    Raises:
        AppbanError: where the user has not said whom indicators may reach.
    """
    indicators: dict[str, Mapping[str, Any]] = {}
    apps: list[str] = []
    for policy, policy_phase in zip(policies, decider.policy_phases, strict=True):
        asks = any(
            stage is not None and "block_web" in rule.stages[stage].actions
            for rule, stage in zip(policy.rules, policy_phase.stages, strict=True)
        )
        if policy.state != "enforced" or policy_phase.phase != RUNNING or not asks:
            continue
        for app in policy.apps:
            domains = [domain for domain in usable_names(app, "domain") if domain not in opened]
            apps.extend([app.id] if domains else [])
            for domain in domains:
                indicators.setdefault(domain, _indicator(policy, app.title, domain, prefix, settings))
    if indicators and not settings.device_groups and not settings.tenant_wide:
        raise AppbanError(
            "Defender indicators reach every onboarded device, exempt ones and those out of scope too",
            "web_block: defender",
            "Name the device groups that they may reach in defender_device_groups, or say defender_tenant_wide: true. Nothing was written",
        )
    return SiteBlocks(indicators, frozenset(apps))


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


def plan_site_blocks(wanted: Mapping[str, Mapping[str, Any]], current: Mapping[str, Mapping[str, Any]]) -> list[tuple[int, Change]]:
    """The changes of our indicators, with their phases."""
    changes: list[tuple[int, Change]] = []
    put = {domain: body for domain, body in wanted.items() if domain not in current or _differs(body, current[domain])}
    gone = {domain: str(body["id"]) for domain, body in current.items() if domain not in wanted}
    if put:
        before = "".join("%s\n" % domain for domain in sorted(put) if domain in current)
        after = "".join("%s\n" % domain for domain in sorted(put))
        op = "update" if all(domain in current for domain in put) else "create"
        step = steps.PutIndicators(tuple(put[domain] for domain in sorted(put)))
        changes.append((Phase.OBJECTS, Change(op, "site block", _WHAT, before or None, after, step=step)))
    if gone:
        before = "".join("%s\n" % domain for domain in sorted(gone))
        changes.append((Phase.LIFT_OBJECTS, Change("delete", "site blocks lifted", _WHAT, before, None, step=steps.DeleteIndicators(gone))))
    return changes


def _differs(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    ends, ended = (str(each.get("expirationTime") or "").partition(".")[0].rstrip("Z") for each in (wanted, found))
    same_end = ends == ended
    keys = ("action", "title", "description", "indicatorType")
    same_groups = sorted(found.get("rbacGroupNames") or []) == sorted(wanted["rbacGroupNames"])
    return not same_end or not same_groups or any((found.get(key) or "").strip() != wanted[key].strip() for key in keys)
