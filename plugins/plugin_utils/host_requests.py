# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a decision about a host to what its ``host_app`` task is asked for. Pure."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from ansible_collections.appban.endpoint.plugins.module_utils.hosts.request import LEFTOVER_KINDS, PACKAGE_KINDS

#: Verdicts under which the app is looked for and nothing is done.
_LOOKED_FOR = ("report_only", "pending", "review")


def apps_of_policies(policies: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Every app of the policies in plain form, with the identifiers that matter on a host; those of two policies united.

    Where two policies differ in the confidence of an identifier, the surer one counts: one of them asks for its removal.
    """
    apps: dict[str, dict[str, Any]] = {}
    for policy in policies:
        for app in list(policy["apps"]) + list(policy["review"]):
            merged = apps.setdefault(app["id"], {"id": app["id"], "identifiers": {}})
            for kind in PACKAGE_KINDS + LEFTOVER_KINDS:
                for entry in app["identifiers"].get(kind, ()):
                    if entry.get("tier") == "vendor_shared":
                        continue
                    known = merged["identifiers"].setdefault(kind, [])
                    _add(known, {"value": entry["value"], "confidence": entry["confidence"]})
    return apps


def _add(known: list[dict[str, str]], entry: dict[str, str]) -> None:
    for each in known:
        if each["value"] == entry["value"]:
            if each["confidence"] == "detect_only":
                each["confidence"] = entry["confidence"]
            return
    known.append(entry)


def request_of_decision(decision: Mapping[str, Any], apps: Mapping[str, Mapping[str, Any]], block: str) -> dict[str, Any] | None:
    """The parameters ``apps`` and ``others`` of a host's task; None where the host must not be touched at all.

    Args:
        decision: the decision in plain form.
        apps: from :func:`apps_of_policies`.
        block: form of a demanded block, ``true`` or ``strong``.

    An app that the device is exempt from, or for which it is out of scope, is not looked for; a block of ours that stands
    from before is lifted. An app for which the device is unclassified is neither looked for nor lifted.
    """
    wanted = []
    lifted = []
    unclassified = False
    for app_id, part in sorted(decision["apps"].items()):
        verdict = part["verdict"]
        if verdict == "unclassified":
            unclassified = True
        elif verdict == "enforce":
            actions = part["actions"]
            form = block if "block" in actions else "false"
            wanted.append({**apps[app_id], "state": "absent", "remove": "remove" in actions, "block": form})
        elif verdict in _LOOKED_FOR:
            wanted.append({**apps[app_id], "state": "absent", "remove": False, "block": "false"})
        else:
            lifted.append({"id": app_id, "identifiers": {}, "state": "lifted"})
    if unclassified:
        # What we don't know we don't touch: blocks of the unclassified apps stay, so the others are lifted by name.
        return {"apps": wanted + lifted, "others": "keep"} if wanted or lifted else None
    return {"apps": wanted, "others": "lift"}
