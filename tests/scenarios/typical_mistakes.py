# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mistakes that people make in their first days with the README's policy and inventory, and the commands that they make them with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

POLICY, INVENTORY, ASSETS = "policy.yml", "inventory.yml", "assets.csv"
GOOD_ASSETS = "serial,department,ownership\nSN-0101,town-hall,corporate\nPRESS-0007,press,corporate\n"
VALIDATE = f"appban.endpoint.validate -e policy_file={POLICY}"
WITH_ASSETS = f"{VALIDATE} -e appban_assets={ASSETS}"
ENFORCE = f"appban.endpoint.enforce -i {INVENTORY} -e policy_file={POLICY} --check"
#: So that what is said of several tenants comes in the order of the inventory.
ONE_AFTER_THE_OTHER = {"ANSIBLE_FORKS": "1"}
#: The README's policy asks for a small first step; where the limits are not what a mistake is about, they are out of its way.
WIDE = ' -e \'{"appban_limits": {"max_percent": 100}}\''


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    Args:
        title: what somebody did, as a heading.
        command: behind ``ansible-playbook``.
        typed: file -> texts that stand in it and what is typed in their place.
        files: file -> its whole content.
        tenant: the inventory's Intune tenant is a server that answers, with this many devices; 0 for none that is ever asked.
        environment: more environment variables of the command.
        ended: its exit status.
        under_way: another run over the tenant is under way.
        tenants: how many tenants there are of which something is said.
    """

    title: str
    command: str = VALIDATE
    typed: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    tenant: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    ended: int = 2
    under_way: bool = False
    tenants: int = 1


def in_policy(*typed: tuple[str, str]) -> dict[str, tuple[tuple[str, str], ...]]:
    return {POLICY: typed}


def in_inventory(*typed: tuple[str, str]) -> dict[str, tuple[tuple[str, str], ...]]:
    return {INVENTORY: typed}


def in_assets(content: bytes) -> dict[str, bytes]:
    return {ASSETS: content}


MISTAKES = (
    # What people type into a policy.
    Mistake("An app that nobody knows", typed=in_policy(("  - tiktok  ", "  - tiktock "))),
    Mistake("A key that is spelt almost right", typed=in_policy(("exemptions:\n", "exemption:\n"))),
    Mistake("A word that is almost one of ours", typed=in_policy(("state: enforced ", "state: enforce "))),
    Mistake("An action that does not exist", typed=in_policy(("[remove, block]", "[remove, uninstall]"))),
    Mistake("A key twice", typed=in_policy(("limits:", "timezone: Europe/London\nlimits:"))),
    Mistake("A tab in place of spaces", typed=in_policy(("  - name: City", "\t- name: City"))),
    Mistake("A colon in a text without quotes", typed=in_policy(("title: TikTok on", "title: TikTok: on"))),
    Mistake("A day as it is written at home", typed=in_policy(("until: P6M", "until: 31.12.2023"))),
    Mistake("A day that is not in the calendar", typed=in_policy(("2023-12-31T23:59:59", "2023-02-30T23:59:59"))),
    Mistake("A time zone that is an abbreviation", typed=in_policy(("Europe/Prague", "CEST"))),
    Mistake("A ban that ends before it begins", typed=in_policy(("until: P6M", "until: 2022-06-01"))),
    Mistake("A value outside a vocabulary", typed=in_policy(("{ownership: corporate}", "{ownership: Company}"))),
    Mistake("An expression with a wrong function", typed=in_policy(("{ownership: corporate}", "\"contain(groups, 'field')\""))),
    Mistake("A serial number without quotes", typed=in_policy(("[PRESS-0007]", "[0012345]"))),
    Mistake("A serial number that is none", typed=in_policy(("[PRESS-0007]", "[To be filled by O.E.M.]"))),
    Mistake(
        "An exemption without an approval, for longer than the rules allow",
        typed=in_policy(("    approved_by: Head of Security\n", ""), ("2023-12-31T23:59:59", "2025-12-31")),
    ),
    Mistake("A share of more than everybody", typed=in_policy(("max_percent: 20", "max_percent: 150"))),
    Mistake(
        "Six mistakes at once",
        typed=in_policy(
            ("  - tiktok  ", "  - tiktock "),
            ("state: enforced ", "state: enforce "),
            ("[remove, block]", "[remove, uninstall]"),
            ("Europe/Prague", "CEST"),
            ("    approved_by: Head of Security\n", ""),
            ("max_percent: 20", "max_percent: 150"),
        ),
    ),
    # What spreadsheets make of a list of devices.
    Mistake("A table with semicolons", WITH_ASSETS, files=in_assets(GOOD_ASSETS.replace(",", ";").encode())),
    Mistake(
        "A table in the encoding of another system",
        WITH_ASSETS,
        files=in_assets(GOOD_ASSETS.replace("press", "tisk. oddělení").encode("cp1250")),
    ),
    Mistake("A table that was saved as Unicode text", WITH_ASSETS, files=in_assets(GOOD_ASSETS.encode("utf-16"))),
    Mistake(
        "Serial numbers that a spreadsheet has changed",
        WITH_ASSETS,
        files=in_assets(b'serial,department\n"=""0012""",finance\n\'0012,finance\n8.96529E+19,finance\nc02a,finance\nC02A,sales\n'),
    ),
    Mistake("A value outside a vocabulary, in a table", WITH_ASSETS, files=in_assets(GOOD_ASSETS.replace("corporate", "Company").encode())),
    # The command and the inventory.
    Mistake("No policy", f"appban.endpoint.enforce -i {INVENTORY} --check"),
    Mistake("A policy from a variable of the shell that is not set", f"appban.endpoint.enforce -i {INVENTORY} -e policy_file= --check"),
    Mistake("Two policies in one text", f"appban.endpoint.enforce -i {INVENTORY} -e 'policy_file={POLICY} policies/second.yml' --check"),
    Mistake("A file that is not there", ENFORCE.replace("policy.yml", "polcy.yml")),
    Mistake("No inventory", f"appban.endpoint.enforce -e policy_file={POLICY} --check"),
    Mistake(
        "A group that is spelt almost right",
        ENFORCE,
        typed=in_inventory(("appban_tenants:", "appban_tenant:"), ("appban_hosts:", "appban-hosts:")),
    ),
    Mistake("A limit to a host that is not there", f"{ENFORCE} --limit city-intun", ended=1),
    Mistake(
        "A target that does not exist",
        f"{ENFORCE} --limit city-intune",
        typed=in_inventory(("appban_target: intune", "appban_target: intunes")),
    ),
    Mistake(
        "One tenant under two names",
        f"{ENFORCE} --limit city-jamf,schools-jamf",
        typed=in_inventory(
            (
                "appban_hosts:\n",
                "    schools-jamf:\n      appban_target: jamf_pro\n      appban_connection: {url: https://City.jamfcloud.com/}\nappban_hosts:\n",
            )
        ),
        environment=ONE_AFTER_THE_OTHER,
        tenants=2,
    ),
    Mistake(
        "A tenant without its kind, and one without its options",
        f"{ENFORCE} --limit appban_tenants",
        typed=in_inventory(
            ("      appban_target: intune\n", ""),
            (
                "appban_connection: {url: https://city.jamfcloud.com}    # JAMF_CLIENT_ID, JAMF_CLIENT_SECRET",
                "appban_connection:    # JAMF_URL, JAMF_CLIENT_ID, JAMF_CLIENT_SECRET",
            ),
        ),
        environment=ONE_AFTER_THE_OTHER,
        tenants=2,
    ),
    Mistake("A limit that is spelt almost right", f'{ENFORCE} --limit city-intune -e \'{{"appban_limits": {{"max_percents": 20}}}}\''),
    Mistake(
        "An option that is spelt almost right",
        f"{ENFORCE} --limit city-intune",
        typed=in_inventory(("        client_id:", "        clientid:")),
    ),
    Mistake("No secret", f"{ENFORCE} --limit city-intune"),
    Mistake(
        "An address that ends in a path",
        f"{ENFORCE} --limit city-jamf",
        typed=in_inventory(("https://city.jamfcloud.com", "https://city.jamfcloud.com/JSSResource")),
        environment={"JAMF_CLIENT_ID": "any", "JAMF_CLIENT_SECRET": "any"},
    ),
    Mistake("A variable that is spelt almost right", f"{ENFORCE} --limit city-intune -e appban_evidence_level=all"),
    Mistake("An instant in words", f"{ENFORCE} --limit city-intune -e appban_now=yesterday"),
    Mistake("A word that fails on nothing", f"{ENFORCE} --limit city-intune -e appban_fail_on=unmatched"),
    Mistake("An evidence directory that is a file", f"{ENFORCE} --limit city-intune -e appban_evidence_dir={POLICY}"),
    Mistake(
        "Variables of hosts that have the wrong form",
        f"{ENFORCE} --limit appban_hosts",
        typed=in_inventory(
            ("    ownership: corporate ", "    appban_host_block: stron\n    ownership: corporate "),
            ("{appban_serial: PRESS-0007, department: press}", "{appban_device: PRESS-0007}"),
        ),
    ),
    Mistake(
        "A host without its facts",
        f"{ENFORCE} --limit appban_hosts",
        typed=in_inventory(("    ownership: corporate ", "    ownership: Company ")),
    ),
    # With a server that answers.
    Mistake("A secret that is wrong", ENFORCE, tenant=200, environment={"AZURE_CLIENT_SECRET": "not-the-secret"}),
    Mistake("A first run over the whole fleet", ENFORCE, tenant=200),
    Mistake("Two runs at once", ENFORCE, tenant=200, under_way=True),
    Mistake("A serial number that has lost a zero", ENFORCE + WIDE, typed=in_policy(("[PRESS-0007]", "[SN000007]")), tenant=200, ended=0),
    Mistake("A ban that begins next year", ENFORCE, typed=in_policy(("2023-03-15T00:00:00", "2024-03-15T00:00:00")), tenant=200, ended=0),
)
