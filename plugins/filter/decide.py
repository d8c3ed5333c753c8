# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.policy.decide import Decider
from ..module_utils.policy.parse import now_utc
from ..module_utils.policy.problems import PolicyError, Problem, child, show
from ..module_utils.policy.sanitize import NotSanitized, sanitize
from ..module_utils.policy.serialize import deserialize_policy


def decide(policies: Any, devices: Any, now: Any = None) -> Any:
    """Decisions of policies about one device (a mapping, gives a mapping) or several (a list, gives a list)."""
    try:
        moment = datetime.now(UTC) if now is None else _moment(now)
        listed = [policies] if isinstance(policies, Mapping) else policies
        if not isinstance(listed, (list, tuple)):
            raise PolicyError(
                [Problem("policies", "$", show(policies), "the result of the lookup appban.endpoint.policy, or a list of them")]
            )
        decider = Decider([deserialize_policy(policy) for policy in listed], moment)
        if isinstance(devices, Mapping):
            return decider.decide(_device(devices, "$")).to_plain()
        if not isinstance(devices, (list, tuple)):
            raise PolicyError([Problem("devices", "$", show(devices), "a mapping of device attributes, or a list of such mappings")])
        return [decider.decide(_device(device, child("$", index))).to_plain() for index, device in enumerate(devices)]
    except PolicyError as error:
        raise AnsibleFilterError(f"appban.endpoint.decide can't decide:\n{error}") from error


def _moment(now: Any) -> datetime:
    if isinstance(now, datetime):
        return now
    return now_utc(str(now))


def _device(device: Any, path: str) -> dict[str, Any]:
    try:
        plain = sanitize(device, "devices")
    except NotSanitized as error:
        raise PolicyError(error.problems) from error
    if not isinstance(plain, dict):
        raise PolicyError([Problem("devices", path, show(plain), "a mapping of device attributes")])
    return plain


class FilterModule:
    """The filter appban.endpoint.decide."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"decide": decide}
