# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way to the terminal: lines that hold the words of servers, devices and documents, and can do nothing to it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any


def visible(text: str) -> str:
    """The text in one line, with an escape for what nobody sees and for what would break the line or turn its direction."""
    return "".join(_escape(each) if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") else each for each in text)


def _escape(character: str) -> str:
    code = ord(character)
    return "\\x%02x" % code if code < 0x100 else "\\u%04x" % code if code < 0x10000 else "\\U%08x" % code


def visible_lines(text: str) -> list[str]:
    """The lines of a text, each visible. Nothing but a line feed ends one, so that nobody's words begin one."""
    return [visible(line) for line in text.split("\n")]


def show(action: Any, lines: Iterable[str], color: str | None = None) -> None:
    """Write lines to the terminal and the log, in one go.

    Args:
        action: the action plugin whose task it is.
        lines: of any length; none is cut.
        color: of all of them.
    """
    text = "\n".join(shown for line in lines for shown in visible_lines(line))
    if text:
        action._display.display(text, color=color)


def warn(action: Any, line: str) -> None:
    """Write a line to the terminal as a warning of Ansible.

    Args:
        action: the action plugin whose task it is.
        line: shown in one line, whatever is in it.
    """
    action._display.warning(visible(line))
