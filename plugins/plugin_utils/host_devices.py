# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Device records of hosts, made from inventory variables: only the attributes that the policies ask for are read."""

from __future__ import annotations

from typing import Any, Iterable, Iterator, Mapping, Sequence

from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.policy.asset_index import AssetIndex
from ansible_collections.appban.endpoint.plugins.module_utils.policy.devices import VOCABULARY, words_expected
from ansible_collections.appban.endpoint.plugins.module_utils.policy.problems import nearest_names, show
from ansible_collections.appban.endpoint.plugins.module_utils.policy.sanitize import NotSanitized, sanitize
from ansible_collections.appban.endpoint.plugins.module_utils.policy.serial_texts import why_no_serial
from ansible_collections.appban.endpoint.plugins.plugin_utils.role_variables import options_of_role, problems_of_variables

#: Attributes that are never taken from an inventory variable of the same name: Ansible uses the name itself, or it would be
#: the account that Ansible logs in with. They come from ``appban_device``, or from what Ansible knows as said below.
OWN_MEANING = frozenset(("id", "name", "serial", "groups", "user", "platform", "os_version", "last_seen"))


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
        found = str.__str__(own) if isinstance(own, str) else list(own) if isinstance(own, (list, tuple)) else own
        raise AppbanError("appban_device is %s, expected a mapping of device attributes" % show(found), host)
    device.update(own)
    try:
        plain: dict[str, Any] = sanitize(device, host)
    except NotSanitized as error:
        raise AppbanError("a device attribute can't be used: %s" % error, host) from error
    wrong = ["%s is %s, expected one of %s%s" % each for each in _outside_vocabularies(plain)]
    if wrong:
        raise AppbanError("; ".join(wrong), host)
    return assets.join(plain)


def numbers_as_serials(hosts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A note where serial numbers of the inventory are numbers: YAML has then dropped leading zeros, or read the rest in another base.

    Args:
        hosts: host -> its variables.
    """
    found = [host for host, variables in hosts.items() if isinstance(_given_serial(variables), (int, float))]
    if not found:
        return []
    shown = _shown({host: str(_given_serial(hosts[host])) for host in found})
    return ["appban_serial is a number on %s: put it in quotes, a number loses its leading zeros" % shown]


def serials_that_are_none(hosts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Notes where a serial number of the inventory is what makers write where there is none, or what a spreadsheet made of it.

    Args:
        hosts: host -> its variables.
    """
    found: dict[str, dict[str, str]] = {}
    for host, variables in hosts.items():
        serial = _given_serial(variables)
        why = why_no_serial(str.__str__(serial)) if isinstance(serial, str) and serial and serial != "NA" else None
        if why is not None:
            expected, meant = why
            found.setdefault(expected, {})[host] = show(str.__str__(serial)) + (" (perhaps %s)" % meant[0] if meant else "")
    return ["appban_serial is no serial number on %s: expected %s" % (_shown(each), expected) for expected, each in sorted(found.items())]


def problems_of_hosts(hosts: Mapping[str, Mapping[str, Any]], names: Iterable[str] = ()) -> dict[str, list[str]]:
    """What is wrong with the role's variables -> the hosts of which that is so.

    Args:
        hosts: host -> its variables.
        names: more variables than those that each host has its own value of.
    """
    looked_at = sorted({*names, *(name for name in options_of_role("host") if name.startswith("appban_host_"))})
    found: dict[str, list[str]] = {}
    for host, variables in hosts.items():
        for problem in problems_of_variables("host", variables, looked_at):
            found.setdefault(problem, []).append(host)
    return found


def hosts_named(hosts: Sequence[str]) -> str:
    """Some hosts in a few words: ``a``, ``a and b``, ``a and 39 more hosts``."""
    if len(hosts) < 3:
        return " and ".join(hosts)
    return "%s and %d more hosts" % (hosts[0], len(hosts) - 1)


def _shown(serials: Mapping[str, str]) -> str:
    told = ", ".join("%s %s" % each for each in list(serials.items())[:5]) + (", ..." if len(serials) > 5 else "")
    return "%s (%s)" % ("1 host" if len(serials) == 1 else "%d hosts" % len(serials), told)


def _given_serial(variables: Mapping[str, Any]) -> Any:
    own = variables.get("appban_device")
    return own["serial"] if isinstance(own, Mapping) and "serial" in own else variables.get("appban_serial")


def _outside_vocabularies(device: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Attribute, value, the words of its vocabulary and the nearest of them, for each value that is none of these."""
    for attribute in sorted(VOCABULARY):
        words = words_expected(attribute, device.get(attribute))
        if words:
            near = nearest_names(device[attribute], words)
            yield attribute, show(device[attribute]), ", ".join(words), " (did you mean %s?)" % " or ".join(near) if near else ""
