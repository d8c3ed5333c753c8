# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what a tenant's module returned to what a person reads. Pure."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.appban.endpoint.plugins.plugin_utils.run_summary import summary_lines

#: What a module says only when it failed.
_FAILED_WITHOUT_WORDS = "failed without a message: run again with -vvv"


def tenant_trouble(result: Mapping[str, Any]) -> str:
    """What a person has to look at, or an empty text. A module of ours says ``msg`` only where it failed."""
    message = str(result.get("msg") or "").strip()
    return message or ("" if "evidence" in result else _FAILED_WITHOUT_WORDS)


def tenant_text(result: Mapping[str, Any], run: Mapping[str, Any], check_mode: bool) -> list[str]:
    """The summary of a tenant.

    Args:
        result: what the module returned.
        run: what ``run_begin`` returned.
        check_mode: nothing was changed.
    """
    if "record" not in result:
        return ["no record was made, so nothing is claimed of this tenant; why is said at the end"]
    return summary_lines(
        result["record"], run, result["evidence"], check_mode, result["notes"], result["drift"], result["conflicts"], result["changes"]
    )
