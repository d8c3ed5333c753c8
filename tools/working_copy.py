# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy the files of this checkout to a place where tools recognise a collection by its path."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
NOT_OURS = frozenset({".git", ".build", ".venv", "evidence", "__pycache__"})


def our_files() -> list[Path]:
    """List the files that git tracks or would track, relative to the checkout; without git, all but the generated ones."""
    git = ["git", "-C", str(CHECKOUT), "-c", f"safe.directory={CHECKOUT}", "ls-files", "-z", "-co", "--exclude-standard"]
    try:
        listed = subprocess.run(git, check=True, capture_output=True, text=True).stdout.split("\0")
        names = {Path(name) for name in listed if name}
    except (OSError, subprocess.CalledProcessError):
        names = set()
        for root, folders, files in os.walk(CHECKOUT):
            folders[:] = [folder for folder in folders if folder not in NOT_OURS]
            names |= {Path(root, name).relative_to(CHECKOUT) for name in files}
    return sorted(name for name in names if (CHECKOUT / name).is_file())


def of_a_release(path: Path) -> bool:
    """Say whether a file, relative to the checkout, is what users get or tells tools how to judge it: our tests and tools are not."""
    return path.parts[0] not in {"tests", "tools"} or path == Path("tests", "config.yml")


def copy_to(collections: Path, keep: Callable[[Path], bool] = lambda path: True) -> Path:
    """Make a fresh copy of the files that ``keep`` wants below ``collections/ansible_collections`` and return it.

    The copy is a git repository of its own: tools that ask git for files must not find the one around it.
    """
    destination = collections / "ansible_collections" / "appban" / "endpoint"
    shutil.rmtree(destination, ignore_errors=True)
    for name in filter(keep, our_files()):
        target = destination / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, target)
    if shutil.which("git"):
        for arguments in (["init", "-q", "-b", "main"], ["add", "-A", "-f"]):
            subprocess.run(["git", *arguments], cwd=destination, check=True)
    return destination


if __name__ == "__main__":
    copy_to(Path(sys.argv[1]).resolve())
