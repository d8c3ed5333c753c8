# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Device records of hosts, made from inventory variables: only the attributes that the policies ask for are read."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.policy.asset_index import AssetIndex
from ansible_collections.appban.endpoint.plugins.module_utils.policy.plain_types import NotPlain, plain_copy

#: Attributes that are never taken from an inventory variable of the same name: Ansible uses the name itself, or it would be
#: the account that Ansible logs in with. They come from ``appban_device``, or from what Ansible knows as said below.
OWN_MEANING = frozenset(("id", "name", "serial", "groups", "user", "platform", "os_version", "last_seen"))

_MEND = "Mend the inventory; nothing was contacted"


def device_of_host(
    host: str, variables: Mapping[str, Any], attributes: Iterable[str], assets: AssetIndex
) -> dict[str, Any]:
    """The device record of one inventory host.

    Args:
        host: inventory name; it is the device's id.
        variables: the host's variables.
        attributes: the attributes that the run's policies ask for; others are not read.
        assets: the asset facts.

    Returns:
        A plain mapping. ``appban_device`` in the inventory wins over variables of the attributes' names, and both over facts
        that Ansible happens to have gathered.

    Raises:
        AppbanError: for variables that can't describe a device.
    """
    facts = variables.get("ansible_facts") or {}
    device: dict[str, Any] = {
        "id": host,
        "name": host,
        "platform": "macos" if facts.get("system") == "Darwin" else "linux",
        "groups": sorted(variables.get("group_names") or ()),
    }
    if facts.get("distribution_version") is not None:
        device["os_version"] = str(facts["distribution_version"])
    serial = variables.get("appban_serial") or facts.get("product_serial")
    if serial not in (None, "", "NA"):
        device["serial"] = str(serial)
    # The record names a device's ownership and department whether or not a rule asks for them.
    for attribute in {"ownership", "department", *attributes} - OWN_MEANING:
        if attribute in variables:
            device[attribute] = variables[attribute]
    own = variables.get("appban_device") or {}
    if not isinstance(own, Mapping):
        raise AppbanError("appban_device is %s, expected a mapping of device attributes" % type(own).__name__, host, _MEND)
    device.update(own)
    try:
        plain: dict[str, Any] = plain_copy(device, host)
    except NotPlain as error:
        raise AppbanError("a device attribute can't be used: %s" % error, "", _MEND) from error
    return assets.join(plain)
