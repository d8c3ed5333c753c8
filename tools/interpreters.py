# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the Python interpreters of this machine that really run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

PROBE_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
PROBE = f"import ensurepip, venv; {PROBE_VERSION}"


def find(minors: range) -> dict[str, Path]:
    """Map each version found ("3.8", "3.11", ...) to an interpreter that runs and can make a virtual environment.

    A version manager's shim may exist for versions that don't run, so every candidate is asked for its version.
    """
    found: dict[str, Path] = {}
    for minor in minors:
        for candidate in _candidates(f"3.{minor}"):
            if _version(candidate) == f"3.{minor}":
                found[f"3.{minor}"] = candidate
                break
    return found


def find_version(version: str) -> Path | None:
    """Find an interpreter of a version ("2.7", "3.6") that runs, however little else it can do; None where there is none."""
    return next((candidate for candidate in _candidates(version) if _version(candidate, PROBE_VERSION) == version), None)


def link_all(minors: range, directory: Path) -> dict[str, Path]:
    """Fill ``directory`` with a ``python3.X`` link for every interpreter found, and return them as `find` does.

    With this folder first in PATH, tools that look for ``python3.X`` find one that works.
    """
    found = find(minors)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for version, interpreter in found.items():
        (directory / f"python{version}").symlink_to(interpreter)
    return found


def _candidates(version: str) -> list[Path]:
    name = f"python{version}"
    managed = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    candidates = [Path("/usr/bin") / name, *sorted(managed.glob(f"{version}.*/bin/{name}"), reverse=True)]
    on_path = shutil.which(name)
    if on_path:
        candidates.insert(0, Path(on_path))
    return [candidate for candidate in candidates if candidate.exists()]


def _version(interpreter: Path, probe: str = PROBE) -> str:
    try:
        asked = subprocess.run([str(interpreter), "-c", probe], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""
