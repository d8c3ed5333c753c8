# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab needs from the machine, and what is missing, in words that say what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from .apt_sources import NoArchive, codename, debian_sources
from .root import HERE, Progress, ensure_root

INSTALLER = HERE / "install_tools.sh"


def missing_prerequisites(progress: Progress = lambda line: None) -> list[str]:
    """Everything that keeps this machine from being a lab; empty when it can be one.

    As root on Debian the build tool is installed first (one small package from the machine's own archive).
    """
    problems = []
    if not sys.platform.startswith("linux") or not codename():
        problems.append("this machine is not Debian: run the tests on Debian, or in a privileged Debian container")
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        problems.append("not root: chroot and mount need it; run the tests as root (on a throwaway machine or container)")
    if problems:
        return problems
    problems += _mount_problem()
    if shutil.which("mmdebstrap") is None:
        progress("installing mmdebstrap")
        done = subprocess.run([str(INSTALLER)], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            problems.append(f"mmdebstrap is missing and could not be installed: run {INSTALLER} by hand. It said: {done.stderr.strip()}")
    try:
        debian_sources(codename())
    except NoArchive as error:
        problems.append(f"no archive to build from: {error}")
    return problems


def _mount_problem() -> list[str]:
    """Tries, in a child process with a namespace of its own, whether an overlay may be mounted."""
    done = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/tmp"],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode == 0:
        return []
    said = done.stderr.strip()
    return [f"root may not mount here ({said}): give the container the capability SYS_ADMIN, for example docker run --privileged"]


def main(arguments: list[str]) -> int:
    """Builds the root ahead of time: python -m tests.lab.prerequisites (0 when the lab is ready)."""

    def progress(line: str) -> None:
        print(f"lab: {line}", file=sys.stderr, flush=True)

    problems = missing_prerequisites(progress)
    for problem in problems:
        progress(problem)
    if problems:
        return 1
    print(ensure_root(progress))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
