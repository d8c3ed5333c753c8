# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ban that uses every mechanism of Intune, and a picture of what it makes that doesn't depend on ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.intune.tenant import Tenant
from tests.support.intune.tenant_devices import exemption, written

NOW = "2023-03-20T09:00:00Z"
LATER = "2023-03-20T17:00:00Z"
NEXT_DAY = "2023-03-21T09:00:00Z"
#: Of the fleet of seed 3: a supervised iPhone and a corporate Android, so that there are groups of exceptions.
EXEMPT = ["SN00000002", "SN00000014"]


def everything(directory: Path, **replaced: str) -> dict[str, Any]:
    """A policy whose objects are of every kind: groups, filters, profiles, catalog and compliance policies, apps, assignments."""
    return written(
        directory,
        "european-commission",
        exemption(devices=EXEMPT),
        **{"actions: [remove, block, withdraw_access]": "actions: [remove, block, block_web, withdraw_access]", **replaced},
    )


def picture(city: Tenant) -> list[str]:
    """Everything of ours in a tenant as text, ids given as names, in a fixed order: what two tenants with the same ban have in common."""
    objects = city.state()["objects"]
    names = {
        each["id"]: str(each.get("displayName") or each.get("name"))
        for path, listed in objects.items()
        for each in listed
        if path not in ("indicators", "roleScopeTags")
    }
    names.update({device["directory_id"]: str(device["id"]) for device in city.state()["devices"]})
    shown = []
    for path, listed in objects.items():
        for each in listed if path != "indicators" else ():
            ours = "managed-by=appban.endpoint" in f"{each.get('description')} {each.get('notes')}"
            if ours or any(one.get("intent") == "uninstall" for one in each.get("assignments") or []):
                body = {
                    **each,
                    "assignments": sorted(json.dumps(one["target"]) + str(one.get("intent")) for one in each.get("assignments") or []),
                }
                for rule in body.get("scheduledActionsForRule") or []:
                    rule["scheduledActionConfigurations"] = [
                        {name: value for name, value in action.items() if name != "id"} for action in rule["scheduledActionConfigurations"]
                    ]
                text = json.dumps({"in": path, **body}, sort_keys=True)
                for key, name in names.items():
                    text = text.replace(key, name)
                shown.append(text)
    return sorted(shown)
