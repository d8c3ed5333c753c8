# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection community.general for the lab: its chroot connection drives the hosts, its modules are the benchmark's baseline.

The lab takes it from the PyPI package ansible, which bundles it, so no Galaxy client is needed. Pinned and checked by hash.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from .root import LAB_DIRECTORY, Progress, locked

# Bundles community.general 11.4.2, made for ansible-core 2.19.
ANSIBLE_VERSION = "12.3.0"
ANSIBLE_SHA256 = "cd156f82fa87f7a899212b0efa9f7ca3a24d609212de9f78428a572eb01e5414"
INSIDE = "ansible_collections/community/general/"


class NotFetched(RuntimeError):
    """The package index did not give the pinned file; the text ends with pip's last words."""


def ensure_community_general(progress: Progress = lambda line: None, directory: Path = LAB_DIRECTORY) -> Path:
    """Returns a directory for ANSIBLE_COLLECTIONS_PATH that holds community.general; fetches it (50 MB) the first time."""
    target = directory / f"collections-{ANSIBLE_VERSION}"
    if target.is_dir():
        return target
    directory.mkdir(parents=True, exist_ok=True)
    with locked(directory / "collections.lock", progress):
        if not target.is_dir():
            progress(f"fetching community.general (in the PyPI package ansible {ANSIBLE_VERSION}, 50 MB, once)")
            scratch = Path(tempfile.mkdtemp(prefix="collections.", suffix=".tmp", dir=directory))
            try:
                _extract(_download(scratch), scratch / "collections")
                os.rename(scratch / "collections", target)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    return target


def _download(scratch: Path) -> Path:
    requirement = scratch / "requirement.txt"
    requirement.write_text(f"ansible=={ANSIBLE_VERSION} --hash=sha256:{ANSIBLE_SHA256}\n", encoding="utf-8")
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(scratch), "--requirement", str(requirement)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    wheels = list(scratch.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        said = "\n".join(done.stderr.splitlines()[-10:])
        raise NotFetched(f"pip download of ansible=={ANSIBLE_VERSION} ended with {done.returncode}; its last words:\n{said}")
    return wheels[0]


def _extract(wheel: Path, directory: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith((f"{INSIDE}plugins/", f"{INSIDE}meta/", f"{INSIDE}MANIFEST.json"))]
        archive.extractall(directory, names)
