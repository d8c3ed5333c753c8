# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read and write the scope of an object in the Classic API: whom it is for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.etree import ElementTree

from ..objects import Scope
from .classic_xml import Pair, flag_of, number_of, text_of

#: What a scope has besides devices and groups, by part. All of it is written, empty: a write changes only what it mentions, so what is
#: left out of it stays in force, an exclusion of somebody else's for example.
PROFILE_ELSEWHERE = {
    "": ("buildings", "departments", "jss_users", "jss_user_groups"),
    "limitations": ("users", "user_groups", "network_segments", "ibeacons"),
    "exclusions": (
        "buildings", "departments", "users", "user_groups", "network_segments", "jss_users", "jss_user_groups", "ibeacons",
    ),
}  # fmt: skip
RESTRICTED_ELSEWHERE = {"": ("buildings", "departments"), "exclusions": ("buildings", "departments", "users")}


class ScopeForm:
    """How the scope of one kind of objects looks.

    Args:
        device: "mobile_device" or "computer".
        elsewhere: what else there is in it, by part.
        all_users: whether it has a switch for all users.
    """

    def __init__(self, device: str, elsewhere: dict[str, tuple[str, ...]], all_users: bool) -> None:
        self.device = device
        self.elsewhere = elsewhere
        self.all_users = all_users
        self.everything = "all_%ss" % device
        self.devices = "%ss" % device
        self.groups = "%s_groups" % device

    def read(self, element: ElementTree.Element | None) -> Scope:
        """The scope of an object; an empty one if there is none."""
        if element is None:
            return Scope()
        devices, groups = self.devices, self.groups
        names = {number_of(item): text_of(item, "name") for path in (groups, "exclusions/" + groups) for item in items(element, path)}
        return Scope(
            everything=flag_of(element, self.everything),
            devices=numbers(element, devices),
            groups=numbers(element, groups),
            excluded_devices=numbers(element, "exclusions/" + devices),
            excluded_groups=numbers(element, "exclusions/" + groups),
            foreign=tuple(sorted(set(self.foreign(element)))),
            names=names,
        )

    def foreign(self, element: ElementTree.Element) -> Iterator[str]:
        """What isn't ours by its kind, as texts."""
        for child in element:
            if child.tag == "exclusions":
                for part in child:
                    if part.tag not in (self.devices, self.groups):
                        yield from named(part, "exclusions." + part.tag)
            elif child.tag not in (self.everything, self.devices, self.groups):
                yield from named(child, child.tag)

    def write(self, scope: Scope) -> Pair:
        """The whole scope, what is empty included.

        Raises:
            ValueError: for one with what we never write.
        """
        if scope.foreign:
            raise ValueError("a scope with foreign parts can't be written: %s" % ", ".join(scope.foreign))
        parts: list[Pair] = [(self.everything, scope.everything)]
        if self.all_users:
            parts.append(("all_jss_users", False))
        parts += self.listed(scope.devices, scope.groups) + [(name, ()) for name in self.elsewhere[""]]
        if "limitations" in self.elsewhere:
            parts.append(("limitations", [(name, ()) for name in self.elsewhere["limitations"]]))
        excluded = self.listed(scope.excluded_devices, scope.excluded_groups)
        parts.append(("exclusions", excluded + [(name, ()) for name in self.elsewhere["exclusions"]]))
        return ("scope", parts)

    def listed(self, devices: Iterable[int], groups: Iterable[int]) -> list[Pair]:
        """Devices and groups, by id."""
        return [
            (self.devices, [(self.device, [("id", number)]) for number in sorted(devices)]),
            (self.groups, [("%s_group" % self.device, [("id", number)]) for number in sorted(groups)]),
        ]


MOBILE_SCOPE = ScopeForm("mobile_device", PROFILE_ELSEWHERE, True)
MAC_SCOPE = ScopeForm("computer", PROFILE_ELSEWHERE, True)
RESTRICTED_SCOPE = ScopeForm("computer", RESTRICTED_ELSEWHERE, False)


def differences(wanted: Scope, found: Scope) -> list[str]:
    """In what two scopes differ, in words."""
    problems = []
    if wanted.everything != found.everything:
        problems.append("the scope is %s" % ("everything" if found.everything else "not everything"))
    for name in ("devices", "groups", "excluded_devices", "excluded_groups"):
        missing = getattr(wanted, name) - getattr(found, name)
        extra = getattr(found, name) - getattr(wanted, name)
        words = [text % ", ".join(map(str, sorted(ids))) for text, ids in (("without %s", missing), ("with %s besides", extra)) if ids]
        if words:
            problems.append("the scope's %s are %s" % (name.replace("_", " "), " and ".join(words)))
    if wanted.foreign != found.foreign:
        problems.append("the scope also has %s" % ("; ".join(found.foreign) or "nothing else"))
    return problems


def items(element: ElementTree.Element, path: str) -> list[ElementTree.Element]:
    """The entries of a list in a scope."""
    return [item for item in element.findall(path + "/*") if item.tag != "size"]


def numbers(element: ElementTree.Element, path: str) -> frozenset[int]:
    """The ids of the entries of a list."""
    return frozenset(number_of(item) for item in items(element, path))


def named(element: ElementTree.Element, path: str) -> Iterator[str]:
    """Every entry below an element, whatever its kind: "exclusions.buildings: HQ"; a switch that is on by its own name."""
    if not len(element):
        text = (element.text or "").strip()
        if text and text.lower() != "false":
            yield path if text.lower() == "true" else "%s: %s" % (path, text)
        return
    for child in element:
        if child.tag == "size":
            continue
        identity = text_of(child, "name") or text_of(child, "id")
        if identity:
            yield "%s: %s" % (path, identity)
        else:
            yield from named(child, "%s.%s" % (path, child.tag))
