# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a decision about a host to what its ``host_app`` task is asked for. Pure."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from ansible_collections.appban.endpoint.plugins.module_utils.hosts.package_managers import PACKAGE_KINDS
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.request import LEFTOVER_KINDS

#: Verdicts under which the app is looked for and nothing is done.
LOOKED_FOR = ("report_only", "pending", "review")


def apps_of_policies(policies: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, dict[str, list[dict[str, str]]]]]:
    """Every app of the policies in plain form: app id -> policy id -> the identifiers that matter on a host."""
    apps: dict[str, dict[str, dict[str, list[dict[str, str]]]]] = {}
    for policy in policies:
        for app in list(policy["apps"]) + list(policy["review"]):
            identifiers = apps.setdefault(app["id"], {}).setdefault(policy["policy"], {})
            for kind in PACKAGE_KINDS + LEFTOVER_KINDS:
                for entry in app["identifiers"].get(kind, ()):
                    if entry.get("tier") != "vendor_shared":
                        _add(identifiers.setdefault(kind, []), entry["value"], entry["confidence"])
    return apps


def _add(known: list[dict[str, str]], value: str, confidence: str) -> None:
    for each in known:
        if each["value"] == value:
            if each["confidence"] == "detect_only":
                each["confidence"] = confidence
            return
    known.append({"value": value, "confidence": confidence})


def _asked(app_id: str, by_policy: Mapping[str, Mapping[str, Any]], part: Mapping[str, Any]) -> dict[str, Any]:
    """The app with the identifiers of the policies that ask for what is done here.

    A policy that is only proposed, not yet in force or not about this device gives no name that is removed or blocked. Where
    two that count differ in the confidence of an identifier, the surer one does: one of them asks for its removal.
    """
    verdicts = ("enforce",) if part["verdict"] == "enforce" else LOOKED_FOR
    identifiers: dict[str, list[dict[str, str]]] = {}
    for said in part["policies"]:
        if said["verdict"] in verdicts:
            for kind, entries in by_policy.get(said["policy"], {}).items():
                for entry in entries:
                    _add(identifiers.setdefault(kind, []), entry["value"], entry["confidence"])
    return {"id": app_id, "identifiers": identifiers, "state": "absent"}


def is_doubted(part: Mapping[str, Any]) -> bool:
    """Whether an app is left alone because, under one policy of perhaps several, the device is unclassified."""
    return part["verdict"] != "enforce" and any(said["verdict"] == "unclassified" for said in part["policies"])


def request_of_decision(decision: Mapping[str, Any], apps: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, Any] | None:
    """The parameters ``apps`` and ``others`` of a host's task; None where the host must not be touched at all.

    Args:
        decision: the decision in plain form.
        apps: from :func:`apps_of_policies`.

    Where a block is demanded the app says nothing of it: its form is the host's own, an option of its task.

    An app that the device is exempt from, or for which it is out of scope, is not looked for; a block of ours that stands
    from before is lifted. An app for which the device is unclassified, be it under one policy of several, is neither looked
    for nor lifted.
    """
    wanted = []
    lifted = []
    unclassified = False
    for app_id, part in sorted(decision["apps"].items()):
        verdict = part["verdict"]
        if is_doubted(part):
            unclassified = True
        elif verdict == "enforce":
            actions = part["actions"]
            not_blocked = {} if "block" in actions else {"block": "false"}
            wanted.append({**_asked(app_id, apps[app_id], part), "remove": "remove" in actions, **not_blocked})
        elif verdict in LOOKED_FOR:
            wanted.append({**_asked(app_id, apps[app_id], part), "remove": False, "block": "false"})
        else:
            lifted.append({"id": app_id, "identifiers": {}, "state": "lifted"})
    if unclassified:
        # What we don't know we don't touch: blocks of the unclassified apps stay, so the others are lifted by name.
        return {"apps": wanted + lifted, "others": "keep"} if wanted or lifted else None
    return {"apps": wanted, "others": "lift"}
