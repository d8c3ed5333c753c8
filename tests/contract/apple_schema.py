# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apple's published schema of device management, read strictly: profiles, declarations and commands held against it.

    schema = AppleSchema(vendor_file)                   # the fixture, which skips loudly where the files are not at hand
    schema.profile_violations(content)                  # lines of what Apple's schema says against a profile's bytes
    schema.command_violations(content, "macOS")         # and against keys that this platform does not have
    schema.declaration("com.apple.configuration.app.settings").support("iOS", "Allowed.DeniedApps").introduced

Operating systems are named as Apple names them: iOS (iPadOS included), macOS, tvOS, visionOS, watchOS.
"""

from __future__ import annotations

import datetime
import plistlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

FOLDER = "apple-device-management"
PLATFORMS = ("iOS", "macOS", "tvOS", "visionOS", "watchOS")
#: What a file of the folder names itself by.
_KINDS = {
    "payloadtype": "mdm/profiles",
    "requesttype": "mdm/commands",
    "declarationtype": "declarative/declarations",
}
_TYPES: Mapping[str, Any] = {
    "<string>": str,
    "<integer>": int,
    "<real>": float,
    "<boolean>": bool,
    "<date>": datetime.datetime,
    "<data>": bytes,
    "<array>": list,
    "<dictionary>": dict,
}
_ANY = "ANY"
_NEVER = "n/a"
_TOKEN = "ServerToken"

Key = Mapping[str, Any]


@dataclass(frozen=True)
class Support:
    """What one operating system makes of a key or of a whole payload, what it inherits included.

    Versions are numbers, None for never. ``user_enrollment`` is allowed, required, forbidden or ignored; ``enrollments`` are those
    that a declaration is for.
    """

    introduced: tuple[int, ...] | None
    deprecated: tuple[int, ...] | None = None
    removed: tuple[int, ...] | None = None
    supervised: bool = False
    user_enrollment: str = "allowed"
    enrollments: tuple[str, ...] = ()
    multiple: bool = False


@dataclass(frozen=True)
class Document:
    """One payload, command or declaration as the schema describes it."""

    name: str
    keys: Sequence[Key]
    systems: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def key(self, path: str) -> Key:
        """The description of a key at a path such as ``Allowed.DeniedApps``. Raises KeyError."""
        return list(self._way(path))[-1]

    def support(self, platform: str, path: str = "") -> Support:
        """What an operating system makes of the whole, or of the key at a path. Raises KeyError for a key that isn't there."""
        facts = dict(self.systems.get(platform, {"introduced": _NEVER}))
        for each in self._way(path) if path else ():
            facts.update((each.get("supportedOS") or {}).get(platform, {}))
        return Support(
            _version(facts.get("introduced")),
            _version(facts.get("deprecated")),
            _version(facts.get("removed")),
            bool(facts.get("supervised", False)),
            str((facts.get("userenrollment") or {}).get("mode", "allowed")),
            tuple(facts.get("allowed-enrollments") or ()),
            bool(facts.get("multiple", False)),
        )

    def violations(self, content: Mapping[str, Any], where: str, platform: str = "", more: Sequence[Key] = ()) -> list[str]:
        """What the schema says against some content. ``more`` are keys that it may have besides."""
        inherited = self.systems.get(platform, {})
        never = platform and inherited.get("introduced", _NEVER) == _NEVER
        return [f"{where}: {platform} has no {self.name}"] if never else list(_mapping(content, [*more, *self.keys], where, platform))

    def _way(self, path: str) -> Iterator[Key]:
        keys = self.keys
        for name in path.split("."):
            found = next((each for each in keys if each["key"] == name), None)
            if found is None:
                raise KeyError(f"{self.name} has no key {path}")
            yield found
            keys = found.get("subkeys") or ()


class AppleSchema:
    """The schema in its folder.

    Args:
        find: finds a vendor's file by its path below the contracts.
    """

    def __init__(self, find: Callable[[str], Path]) -> None:
        self._find = find
        self._read: dict[Path, Document] = {}

    def payload(self, payload_type: str) -> Document:
        """A payload of profiles, ``TopLevel`` and ``CommonPayloadKeys`` included. Raises KeyError."""
        return self._document("payloadtype", payload_type)

    def command(self, request_type: str) -> Document:
        """A command. Raises KeyError."""
        return self._document("requesttype", request_type)

    def declaration(self, declaration_type: str) -> Document:
        """A declaration; ``any`` is the keys of all of them. Raises KeyError."""
        if declaration_type == self.facts["declaration"]["type"]:
            return _document_of_facts(self.facts["declaration"])
        return self._document("declarationtype", declaration_type)

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """What the edition for version 27.0 says of blocks of apps."""
        found: Mapping[str, Any] = yaml.safe_load(self._find(f"{FOLDER}/27.0-facts.yaml").read_text(encoding="utf-8"))
        return found

    def profile_violations(self, content: bytes, platform: str = "") -> list[str]:
        """What the schema says against a profile and each of its payloads."""
        profile = plistlib.loads(content)
        found = self.payload("TopLevel").violations(profile, "profile", platform)
        names = [each.get("PayloadIdentifier") for each in profile.get("PayloadContent", [])]
        found += [f"profile: payloads share the identifier {name}" for name in sorted({name for name in names if names.count(name) > 1})]
        for number, payload in enumerate(profile.get("PayloadContent", [])):
            found += self.payload_violations(payload, f"profile.PayloadContent.{number}", platform)
        return found

    def payload_violations(self, payload: Mapping[str, Any], where: str = "payload", platform: str = "") -> list[str]:
        """What the schema says against one payload of a profile."""
        try:
            document = self.payload(payload.get("PayloadType", ""))
        except KeyError as error:
            return [f"{where}: {error.args[0]}"]
        return document.violations(payload, where, platform, self.payload("CommonPayloadKeys").keys)

    def declaration_violations(self, declaration: Mapping[str, Any], platform: str = "") -> list[str]:
        """What the schema says against a declaration. Its token is the server's to give, so it may be missing."""
        outer = self.declaration("any")
        keys = [each for each in outer.keys if each["key"] != _TOKEN or _TOKEN in declaration]
        found = list(
            _mapping(declaration, [{**each, "subkeys": _open()} if each["key"] == "Payload" else each for each in keys], "declaration", "")
        )
        for name in ("Identifier", _TOKEN):
            if len(str(declaration.get(name, "")).encode("utf-8")) > 64:
                found.append(f"declaration.{name}: more than 64 octets")
        try:
            document = self.declaration(declaration.get("Type", ""))
        except KeyError as error:
            return [*found, f"declaration: {error.args[0]}"]
        payload = declaration.get("Payload")
        return found + document.violations(payload, "declaration.Payload", platform) if isinstance(payload, dict) else found

    def command_violations(self, content: bytes, platform: str = "") -> list[str]:
        """What the schema says against a command's property list, as a server takes it."""
        sent = plistlib.loads(content)
        outer = [_required("CommandUUID", "<string>"), {**_required("Command", "<dictionary>"), "subkeys": _open()}]
        found = list(_mapping(sent, outer, "sent", ""))
        command = sent.get("Command")
        if not isinstance(command, dict):
            return found
        try:
            document = self.command(command.get("RequestType", ""))
        except KeyError as error:
            return [*found, f"command: {error.args[0]}"]
        return found + document.violations(command, "command", platform, [_required("RequestType", "<string>")])

    def _document(self, kind: str, name: str) -> Document:
        path = self._files[kind].get(name)
        if path is None:
            raise KeyError(f"the schema has no {kind} {name!r}")
        if path not in self._read:
            found = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
            self._read[path] = Document(name, found.get("payloadkeys") or (), found["payload"]["supportedOS"])
        return self._read[path]

    @cached_property
    def _files(self) -> Mapping[str, Mapping[str, Path]]:
        """By the name that each file gives itself, without reading the large ones as YAML."""
        return {
            kind: {_own_name(path, kind): path for path in self._find(f"{FOLDER}/{folder}").rglob("*.yaml")}
            for kind, folder in _KINDS.items()
        }


def _own_name(path: Path, kind: str) -> str:
    found = re.search(rf"^  {kind}: (\S+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert found, f"{path} has no {kind}"
    return found.group(1)


def _version(text: str | None) -> tuple[int, ...] | None:
    if text is None or text == _NEVER:
        return None
    return tuple(int(number) for number in str(text).split("."))


def _required(name: str, kind: str) -> Key:
    return {"key": name, "type": kind, "presence": "required"}


def _open() -> list[Key]:
    return [{"key": _ANY, "type": "<any>"}]


def _mapping(content: Mapping[str, Any], keys: Sequence[Key], where: str, platform: str) -> Iterator[str]:
    known = {each["key"]: each for each in keys}
    anything = next((each for each in keys if each["key"].startswith(_ANY)), None)
    for name, value in content.items():
        described = known.get(name, anything)
        if described is None:
            yield f"{where}.{name}: Apple has no such key"
        elif _lacks(platform, described):
            yield f"{where}.{name}: {platform} has no such key"
        else:
            yield from _value(value, described, f"{where}.{name}", platform)
    for name, described in known.items():
        if described.get("presence") == "required" and name not in content and described is not anything:
            yield f"{where}.{name}: missing"


def _lacks(platform: str, described: Key) -> bool:
    return bool((described.get("supportedOS") or {}).get(platform, {}).get("introduced") == _NEVER)


def _value(value: Any, described: Key, where: str, platform: str) -> Iterator[str]:
    if described["type"] == "<any>":
        return
    expected = _TYPES[described["type"]]
    # A whole number is a real too, but true is no number.
    if value.__class__ is not expected and not (expected is float and value.__class__ is int):
        yield f"{where}: {type(value).__name__} instead of {expected.__name__}"
        return
    if "rangelist" in described and value not in described["rangelist"]:
        yield f"{where}: {value!r} is not one of {described['rangelist']}"
    limits = described.get("range") or {}
    if limits and not limits.get("min", value) <= value <= limits.get("max", value):
        yield f"{where}: {value!r} is outside {limits}"
    if "format" in described and not re.search(described["format"], value):
        yield f"{where}: {value!r} does not have the form {described['format']}"
    subkeys: Sequence[Key] = described.get("subkeys") or ()
    if expected is dict and subkeys:
        yield from _mapping(value, subkeys, where, platform)
        needed = described.get("needs_one_of")
        if needed and not set(needed) & set(value):
            yield f"{where}: needs one of {needed}"
    elif expected is list:
        for number, item in enumerate(value):
            yield from _value(item, subkeys[0], f"{where}.{number}", platform)
    elif expected is str and subkeys:
        # Where text has subkeys, they are the values that it may have.
        named = next((each for each in subkeys if each["key"] == value), None)
        if named is None:
            yield f"{where}: Apple has no {value!r} here"
        elif _lacks(platform, named):
            yield f"{where}: {platform} has no {value!r} here"


def _document_of_facts(facts: Mapping[str, Any]) -> Document:
    """The declaration that the folder has facts of, and no file, in the form of the files."""
    systems: dict[str, dict[str, Any]] = {}
    for name in PLATFORMS:
        enrollments = facts["enrollments"][name]
        systems[name] = {"introduced": _NEVER}
        if enrollments != _NEVER:
            systems[name] = {"introduced": facts["introduced"], "allowed-enrollments": enrollments}
    binary = {
        "key": "BinaryIdentifier",
        "type": "<dictionary>",
        "needs_one_of": facts["keys"]["Allowed.DeniedBinaries"]["needs_one_of"],
        "subkeys": [_part_of_binary(name, fact) for name, fact in facts["binary_identifier"].items()],
    }
    items = {"apps": {"key": "AppIdentifier", "type": "<string>"}, "binaries": binary}
    allowed = [_key_of_fact(path, fact, items) for path, fact in facts["keys"].items()]
    return Document(facts["type"], [{"key": "Allowed", "type": "<dictionary>", "subkeys": allowed}], systems)


def _part_of_binary(name: str, fact: Any) -> Key:
    part: dict[str, Any] = {"key": name, "type": "<string>"}
    if isinstance(fact, list):
        part["rangelist"] = fact
    elif "40 hex" in fact:
        part["format"] = "^[0-9A-Fa-f]{40}$"
    return part


def _key_of_fact(path: str, fact: Mapping[str, Any], items: Mapping[str, Key]) -> Key:
    name = path.removeprefix("Allowed.")
    only_mac = fact.get("os", "").startswith("macOS")
    without = {"macOS"} if fact.get("macOS") == _NEVER else set(PLATFORMS) - {"macOS"} if only_mac else set()
    described: dict[str, Any] = {"key": name, "supportedOS": {each: {"introduced": _NEVER} for each in without}}
    if "default" in fact:
        return {**described, "type": "<boolean>", "default": fact["default"]}
    return {
        **described,
        "type": "<array>",
        "combinetype": fact["combine"],
        "subkeys": [items["binaries" if "Binaries" in name else "apps"]],
    }
