# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The versions of ansible-core that are tested, each in a virtual environment of its own below ``.build/``.

What is in an environment, and at which exact version, is said by ``tools/cores/VERSION.txt``.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import working_copy

# venv.sh's exit status.
NO_SUITABLE_PYTHON = 3


class CoreMissing(RuntimeError):
    """This machine has no Python for an ansible-core; the text says which one is needed."""


class CoreFailed(RuntimeError):
    """The virtual environment of an ansible-core could not be made; the text is what pip said."""


@dataclass(frozen=True)
class Core:
    """One ansible-core to test with: its minor version, the Python that it runs on, and the pip that its ansible-test bootstraps."""

    version: str
    python: str
    pip: str

    @property
    def environment(self) -> Path:
        """The directory of its virtual environment."""
        return working_copy.CHECKOUT / ".build" / f"venv-core-{self.version}"

    @property
    def requirements(self) -> str:
        """The file that pins what is in the environment, relative to the checkout."""
        return f"tools/cores/{self.version}.txt"

    def prepare(self) -> None:
        """Make the virtual environment, or bring it up to date.

        Raises:
            CoreMissing: No suitable Python is on this machine.
            CoreFailed: pip failed.
        """
        minor = self.python.partition(".")[2]
        place = str(self.environment.relative_to(working_copy.CHECKOUT))
        command = [str(working_copy.CHECKOUT / "tools" / "venv.sh"), place, self.requirements, minor, minor]
        made = subprocess.run(
            command,
            cwd=working_copy.CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        if made.returncode == NO_SUITABLE_PYTHON:
            raise CoreMissing(f"ansible-core {self.version} is not tested: it needs Python {self.python}, which was not found here")
        if made.returncode:
            raise CoreFailed(f"the virtual environment for ansible-core {self.version} could not be made:\n{made.stdout}")


#: All of them, in their order. README, meta/runtime.yml and the roles name the first one as the floor.
CORES = (
    Core("2.16", "3.11", "23.1.2"),
    Core("2.18", "3.11", "24.2"),
    Core("2.19", "3.11", "24.2"),
    Core("2.20", "3.12", "25.2"),
    Core("2.21", "3.12", "25.2"),
    Core("2.22", "3.13", "25.2"),
)
OLDEST, NEWEST = CORES[0], CORES[-1]
#: The one that requirements-dev.txt has, on which nearly all tests run.
DEVELOPMENT = CORES[2]


def must_have_all() -> bool:
    """Whether a Python that is missing is a failure: where everything has to be proved, in CI."""
    return os.environ.get("CI", "").lower() in {"true", "1", "yes"}
