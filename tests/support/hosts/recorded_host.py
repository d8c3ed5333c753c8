# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host made of recorded answers, for backends in unit tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.appban.endpoint.plugins.module_utils.hosts.process import CommandResult
from ansible_collections.appban.endpoint.plugins.module_utils.hosts.system import System

Answer = tuple[int, str, str]


class RecordedHost(System):
    """Answers reads from memory. A command or file that a test did not record is an error, except a missing file.

    Args:
        commands: argument vector -> (exit code, stdout, stderr); where no whole vector matches, its longest recorded beginning does.
        files: path -> content.
        links: paths that are symbolic links.
    """

    def __init__(
        self,
        commands: Mapping[tuple[str, ...], Answer | str],
        files: Mapping[str, bytes] | None = None,
        links: Sequence[str] = (),
    ) -> None:
        super().__init__(check_mode=True)
        self.commands = dict(commands)
        self.files = dict(files or {})
        self.links = set(links)
        self.asked: list[tuple[str, ...]] = []

    def which(self, program: str) -> str | None:
        """Every recorded program is there."""
        return f"/usr/bin/{program}" if any(argv[0] == program for argv in self.commands) else None

    def query(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        run_as: str | None = None,
        rests_on: Sequence[tuple[str, str]] | None = None,
    ) -> CommandResult:
        """The recorded answer."""
        asked = tuple(argv)
        self.asked.append(asked)
        for length in range(len(asked), 0, -1):
            if asked[:length] in self.commands:
                answer = self.commands[asked[:length]]
                rc, stdout, stderr = (0, answer, "") if isinstance(answer, str) else answer
                return CommandResult(asked, rc, stdout, stderr)
        raise AssertionError(f"not recorded: {asked}")

    def read(self, path: str) -> bytes | None:
        """The recorded file."""
        return self.files.get(path)

    def exists(self, path: str) -> bool:
        """Whether a recorded file is there or below."""
        return path in self.links or any(each == path or each.startswith(path + "/") for each in self.files)

    def is_link(self, path: str) -> bool:
        """Whether the path was recorded as a link."""
        return path in self.links
