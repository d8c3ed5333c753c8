# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a person's settings put flatpak's user installation, as far as files say it. Pure text.

flatpak(1): the user installation is ``$FLATPAK_USER_DIR``, else ``$XDG_DATA_HOME/flatpak``, else ``~/.local/share/flatpak``. Such
variables are set in shell profiles, in systemd's environment.d(5) and by pam_env(8). Of a profile only plain assignments are
understood; no code of a person's is interpreted. A line that names such a variable, does more than use it and is not understood as a
whole is told.
"""

from __future__ import annotations

import os
import re
from typing import List, NamedTuple, Optional, Tuple

_VARIABLES = (b"XDG_DATA_HOME", b"FLATPAK_USER_DIR")
_NAME = re.compile(r"(?<![A-Za-z0-9_])(XDG_DATA_HOME|FLATPAK_USER_DIR)(?![A-Za-z0-9_])")
_PAM = re.compile(r"(XDG_DATA_HOME|FLATPAK_USER_DIR)\s")
_PAM_VALUE = re.compile(r"\b(?:OVERRIDE|DEFAULT)=")
_HOME = re.compile(r"\$HOME\b|\$\{HOME\}|@\{HOME\}")
_OWN_DEFAULT = r"\$\{%s:?[-=]([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}"
_ENDS = " \t;&|()<>"
#: Before the bare name these words of a shell set nothing: they export it, forget it, test it or show it.
_HARMLESS = frozenset(
    ("export", "readonly", "unset", "declare", "typeset", "local", "[", "[[", "test", "echo", "systemctl")
    + ("dbus-update-activation-environment",)
)
_KEYWORDS = frozenset(("if", "elif", "then", "else", "while", "until", "do", "!", "sudo"))
_PART = re.compile(r"[;&|(){}]")
#: Places of one file, and of one home, that are followed.
MOST_PLACES = 10
_TOO_MANY = "more than %d places"


class DataPlaces(NamedTuple):
    """What a settings file says.

    Args:
        flatpak: absolute paths where flatpak's user installation may be by it.
        not_understood: the first line about it that can't be read as plain text; empty if all could.
    """

    flatpak: Tuple[str, ...] = ()
    not_understood: str = ""


def speaks_of_places(content: bytes) -> bool:
    """Whether a settings file mentions the place of flatpak's user installation."""
    joined = content.replace(b"\\\n", b"")
    return any(variable in joined for variable in _VARIABLES)


def is_shells(name: str) -> bool:
    """Whether a shell reads a file, by its path. systemd and PAM take the whole rest of a line as the value."""
    return not name.endswith(".conf") and os.path.basename(name) not in (".pam_environment", "environment")


def data_places(content: bytes, home: str, shell: bool = True) -> DataPlaces:
    """Read one settings file.

    Args:
        content: of the file.
        home: the home of the person whose login reads it.
        shell: a shell reads it.
    """
    if not speaks_of_places(content):
        return DataPlaces()
    places: List[str] = []
    not_understood = ""
    for line in _lines(content):
        found = _places_of(line, home, shell)
        if found is None:
            not_understood = not_understood or line[:200]
        else:
            places.extend(found)
    different = tuple(dict.fromkeys(places))
    if len(different) > MOST_PLACES:
        not_understood = not_understood or _TOO_MANY % MOST_PLACES
    return DataPlaces(different[:MOST_PLACES], not_understood)


def _lines(content: bytes) -> List[str]:
    """The lines that mention it, without comments; a backslash at the end of a line joins the next one."""
    found: List[str] = []
    open_line = ""
    for raw in content.split(b"\n"):
        line = open_line + os.fsdecode(raw)
        open_line = ""
        if line.lstrip().startswith("#"):
            continue
        if line.endswith("\\"):
            open_line = line[:-1]
            continue
        found.append(line)
    found.append(open_line)
    return [line.strip() for line in found if _NAME.search(line)]


def _places_of(line: str, home: str, shell: bool) -> Optional[List[str]]:
    """The places that a line names; None where only a shell could say them."""
    # No path has a zero byte; what a shell makes of one differs from shell to shell.
    if "\0" in line:
        return None
    if shell:
        before, mark, _comment = line.partition(" #")
        if mark and not re.search(r"[\"'\\`$]", before):
            line = before
    pam = _PAM.match(line)
    if pam is not None:
        values = [_value(line[each.end() :], pam.group(1), home, "") for each in _PAM_VALUE.finditer(line)]
        return _absolute(pam.group(1), [value and value[0] for value in values]) if values else None
    found: List[str] = []
    for mention in _NAME.finditer(line):
        before, after, name = line[: mention.start()], line[mention.end() :], mention.group(1)
        if re.search(r"(?<!\\)(?:\$|[$@]\{[!#]?)\Z", before):
            # It is used. Such a use may also be an assignment of its own.
            if before.endswith("{") and re.match(r":?=", after):
                return None
            continue
        if not after.startswith("="):
            if not _is_harmless(before, after):
                return None
            continue
        inside = before[-1:] if before[-1:] in ("'", '"') else ""
        if before and not inside and before[-1] not in _ENDS + "{":
            return None
        value = _value(after[1:], name, home, inside)
        places = _absolute(name, [value[0]]) if value is not None and _is_end(value[1].strip(), shell) else None
        if places is None:
            return None
        found.extend(places)
    return found


def _is_harmless(before: str, after: str) -> bool:
    words = _PART.split(before)[-1].replace('"', " ").split()
    while words and words[0] in _KEYWORDS:
        words.pop(0)
    return bool(words) and words[0] in _HARMLESS and (not after or after[0] in ' \t;&|)"')


def _is_end(rest: str, shell: bool) -> bool:
    """Whether an assignment ends where its value does."""
    return not rest or (shell and (rest[0] in ";&|)#}" or re.match(r"[A-Za-z_][A-Za-z0-9_]*=", rest) is not None))


def _absolute(name: str, values: List[Optional[str]]) -> Optional[List[str]]:
    """The places of flatpak by values of a variable; None where one leads nobody knows where."""
    places = []
    for value in values:
        if value is None or (value and not value.startswith("/")) or ".." in value.split("/"):
            # A relative path depends on where a program is started; what ".." means depends on links.
            return None
        if value:
            places.append(os.path.normpath(os.path.join(value, "flatpak") if name == "XDG_DATA_HOME" else value))
    return places


def _value(rest: str, name: str, home: str, inside: str) -> Optional[Tuple[str, str]]:
    """What is assigned, and what follows it; None where only a shell could say it.

    Args:
        rest: what follows the equals sign.
        name: the variable.
        home: the person's home.
        inside: the quote that is open there; empty for none.
    """
    # The variable's own default is the usual way to write "unless it is set".
    rest = re.sub(_OWN_DEFAULT % name, lambda match: match.group(1).strip("\"'"), rest)
    value: List[str] = []
    quote = inside
    at = 0
    if not quote and re.match(r"~(?=[/\s;&|)]|\Z)", rest):
        value.append(home)
        at = 1
    while at < len(rest):
        each = rest[at]
        known = _HOME.match(rest, at) if quote != "'" else None
        if known is not None:
            value.append(home)
            at = known.end()
            continue
        if each == quote:
            quote = ""
        elif not quote and each in "'\"":
            quote = each
        elif not quote and each in _ENDS:
            break
        elif each in "`$" or (each == "\\" and (quote != "'" or bool(inside))) or rest.startswith("@{", at):
            return None
        else:
            value.append(each)
        at += 1
    return None if quote else ("".join(value), rest[at:])
