# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a document, said so that its author can mend it."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Iterable

STRUCTURE = "structure"
MEANING = "meaning"


@dataclass(frozen=True)
class Problem:
    """One mistake in one document.

    file: the document's name as the user gave it. path: where inside it (``rules[1].stages[0].from``; ``$`` is the whole
    document, empty where the file can't even be read as a document). found, expected: short texts. nearest: known names that
    look like what was found. kind: STRUCTURE where the JSON Schema sees the mistake too, MEANING where only the parser can.
    of_key: what is wrong is the key at the end of the path, not its value. line, column: where in the file, counted from 1;
    0 for not known.
    """

    file: str
    path: str
    found: str
    expected: str
    nearest: tuple[str, ...] = ()
    kind: str = MEANING
    of_key: bool = False
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        text = f"{where}: {self.path}: " if self.path else f"{where}: "
        text += f"found {self.found}, expected {self.expected}"
        if self.nearest:
            text += f" (did you mean {' or '.join(self.nearest)}?)"
        return text


class PolicyError(Exception):
    """Every problem of the documents at hand; the only error this package raises for a user's mistake."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        # The same mistake may be seen on two ways; it is said once.
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def show(value: Any, limit: int = 60) -> str:
    """A short printable form of a value, whatever it is."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "an empty mapping" if not value else f"a mapping of {len(value)} key{'' if len(value) == 1 else 's'}"
    if isinstance(value, list):
        return "an empty list" if not value else f"a list of {len(value)} item{'' if len(value) == 1 else 's'}"
    if isinstance(value, int) and abs(value) > 10**limit:
        # Python refuses to write very long numbers out.
        return "a very large number"
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


#: What consoles and people call what has another word here.
_CALLED_OTHERWISE = {
    "true": ("yes", "y", "on"),
    "false": ("no", "n", "off"),
    "corporate": ("company", "corporateowned", "business", "work", "organization", "organisation", "managed", "institutional"),
    "personal": ("private", "byod", "own", "employee", "user"),
    "macos": ("mac", "osx", "os x", "mac os x", "darwin"),
    "ios": ("iphone", "iphoneos", "iphone os"),
    "ipados": ("ipad",),
    "windows": ("win", "win10", "win11", "pc"),
    "linux": ("ubuntu", "debian", "fedora", "rhel", "suse"),
    "chromeos": ("chromebook", "chrome os"),
    "remove": ("uninstall", "delete", "erase", "purge"),
    "block": ("deny", "ban", "prevent", "prohibit", "forbid"),
    "block_web": ("block_website", "block_domains", "block_url", "web"),
    "audit": ("report", "log", "detect", "monitor"),
    "advise": ("warn", "notify", "inform", "message"),
    "enforced": ("active", "enabled", "on", "present"),
    "lifted": ("inactive", "disabled", "off", "absent", "removed", "ended"),
    "report_only": ("audit", "dry_run", "monitor", "test"),
    "keep": ("stay", "continue"),
    "lift": ("end", "stop", "expire"),
}


def nearest_names(name: Any, known: Iterable[str]) -> tuple[str, ...]:
    """Up to three known names that look like a mistyped one, or mean what it means. They are only ever shown, never used instead."""
    if not isinstance(name, str):
        return ()
    spelled = name[:80].strip().lower()
    names = list(known)
    meant = tuple(each for each in names if spelled in _CALLED_OTHERWISE.get(each, ()))
    return meant or tuple(get_close_matches(spelled, names, n=3, cutoff=0.6))


def child(path: str, key: Any) -> str:
    """The path of a key or list index below a path."""
    if isinstance(key, int) and not isinstance(key, bool):
        return f"{'' if path == '$' else path}[{key}]"
    text = str(key)
    if len(text) <= 60 and text.replace("_", "").replace("-", "").isalnum() and text.isascii():
        return text if path == "$" else f"{path}.{text}"
    return f"{'' if path == '$' else path}[{show(text)}]"
