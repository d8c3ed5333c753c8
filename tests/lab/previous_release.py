# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as it was before, out of the repository's own history, to upgrade from."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

from .community_general import ensure_community_general
from .root import CHECKOUT

# "Know an access token in one place": hosts as of 0.2.0, before interruption, attributes and lost ledgers were seen to.
COMMIT = "08a9f2f"
# "Find missing directories in one place, and write flatpak's baseline tasks once": tenants as of 0.2.0, before records of format 2.
TENANTS_COMMIT = "22c7f13"
# A checkout may belong to somebody else than root, who runs the lab.
GIT = ("git", "-c", f"safe.directory={CHECKOUT}", "-C", str(CHECKOUT))


class NotInHistory(RuntimeError):
    """The commit can't be had here; the text says why and what helps."""


def unpack_previous_release(directory: Path, commit: str = COMMIT) -> Path:
    """Puts the collection of a previous commit below a directory; returns the collection's own. Raises NotInHistory."""
    try:
        done = subprocess.run(
            ["git", "-c", f"safe.directory={CHECKOUT}", "-C", str(CHECKOUT), "archive", "--format=tar", commit],
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        raise NotInHistory("git is not installed") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise NotInHistory(f"git has no commit {commit} here (a shallow clone? `git fetch --unshallow` helps): {said}")
    collection = directory / "ansible_collections" / "appban" / "endpoint"
    collection.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(collection, filter="data")
    return collection


def environment_of(collection: Path) -> dict[str, str]:
    """What Ansible has to be given to use that collection and no other of its name."""
    return {"ANSIBLE_COLLECTIONS_PATH": os.pathsep.join((str(collection.parents[2]), str(ensure_community_general()))), "PYTHONPATH": ""}
