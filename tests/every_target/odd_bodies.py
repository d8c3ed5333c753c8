# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that are valid and not what was asked for: their kinds at each server, and how a read is answered with one."""

from __future__ import annotations

import re
from typing import Any, cast

from tests.support.intune.tenant import requests

from .nano_world import NanoWorld
from .world import World

KINDS = {
    "intune": (
        "null_body", "text_body", "empty_body", "list_body", "error_body", "value_null", "value_object", "value_text", "no_value",
        "string_item", "null_item", "list_item", "item_without_id", "bad_json", "html",
    ),
    "jamf_pro": (
        "item_without_id", "item_id_null", "item_null", "item_text", "results_null", "results_missing", "results_object", "results_text",
        "body_null", "body_list", "body_text", "login_page", "bad_json", "html",
    ),
    "nanomdm": ("bad_json", "html"),
    "tiny_mdm": (
        "item_without_id", "item_null", "item_text", "item_list", "items_null", "items_text", "items_missing", "body_null", "body_text",
        "body_list", "body_error", "bad_json", "html",
    ),
}  # fmt: skip
IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/)\d+(?=/|$)|[0-9A-F]{8}-[0-9A-F-]{27}")


def reads_of(world: World, run: Any) -> list[str]:
    """What a run reads, each kind of address once, as an expression that finds it."""
    asked = requests(run.exchanges) if world.name == "intune" else run.exchanges
    paths = [each["path"].partition("?")[0] for each in asked if each["method"] == "GET"]
    # In a batch addresses have no version before them.
    short = [re.sub(r"^/(graph/)?(v1\.0|beta)(?=/)", "", path) for path in paths]
    return sorted({"[^/]+".join(re.escape(part) for part in IDS.split(path)) + r"($|\?)" for path in short})


def spoil(world: World, path: str, kind: str) -> None:
    """From now on these reads are answered so."""
    order = [{"match": {"method": "GET", "path": path}, "nth": "all", "kind": kind}]
    if world.name == "nanomdm":
        for front in (cast(NanoWorld, world).nano.kmfddm, cast(NanoWorld, world).nano.nanomdm):
            front.faults(order)
    else:
        cast(Any, world).simulation.faults(order)
