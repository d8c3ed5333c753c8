# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a demo prints: a numbered story whose every statement was checked."""

from __future__ import annotations

import sys
import textwrap

WIDTH = 116


class Story:
    """Prints the story and remembers whether every statement in it was true."""

    def __init__(self) -> None:
        self.plain = not sys.stdout.isatty()
        self.untrue: list[str] = []
        self.part = 0

    def heading(self, text: str, command: str = "") -> None:
        """A numbered part of the story."""
        self.part += 1
        title = f"{self.part}. {text}"
        print("\n" + (title if self.plain else f"\033[1m{title}\033[0m"))
        if command:
            self.line("$ " + command)

    def line(self, text: str) -> None:
        """One line, wrapped to the terminal."""
        print(textwrap.fill(text, WIDTH, initial_indent="   ", subsequent_indent="     ", break_long_words=False), flush=True)

    def row(self, text: str) -> None:
        """One line as it is."""
        print("   " + text, flush=True)

    def claim(self, text: str, true: bool) -> None:
        """One statement that was checked."""
        if not true:
            self.untrue.append(text)
        mark, colour = ("yes", 32) if true else ("NO", 31)
        mark = f"[{mark}]" if self.plain else f"\033[{colour}m[{mark}]\033[0m"
        self.line(f"{mark} {text}")
