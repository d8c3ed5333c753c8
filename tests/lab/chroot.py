# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running commands inside a directory tree, in a fixed environment."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Programs that a host shall not have are put aside here: the lab goes on using them, and nothing that runs on the host finds them.
ASIDE = "/usr/lib/lab"
PATH = f"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:{ASIDE}"


class CommandFailed(RuntimeError):
    """A command inside the tree ended with an error; the text holds the command and all it said."""


@dataclass(frozen=True)
class User:
    """An account of the lab's root."""

    name: str
    uid: int
    home: str


ROOT = User("root", 0, "/root")
JANA = User("jana", 1001, "/home/jana")
USERS = {user.name: user for user in (ROOT, JANA)}


def run(
    tree: Path,
    argv: Sequence[str],
    *,
    user: str = "root",
    check: bool = False,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str = "/",
    timeout: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Runs argv (a list, no shell) inside tree and returns what it said, as text.

    The environment is the same on every machine (C locale, no front end, nothing inherited); without stdin the command
    reads from /dev/null. With check, a non-zero exit raises CommandFailed with the output of both streams.
    """
    account = USERS[user]
    environment = {
        "PATH": PATH,
        "LC_ALL": "C",
        "TZ": "UTC",
        "DEBIAN_FRONTEND": "noninteractive",
        "HOME": account.home,
        "USER": account.name,
        "LOGNAME": account.name,
        **(env or {}),
    }
    command = ["chroot", f"--userspec={account.uid}:{account.uid}", str(tree)]
    if cwd != "/":
        command += ["env", f"--chdir={cwd}"]
    command += argv
    done = subprocess.run(
        command,
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        errors="replace",
        env=environment,
        timeout=timeout,
        check=False,
    )
    if check and done.returncode != 0:
        raise CommandFailed(f"{' '.join(argv)} ended with {done.returncode}\n{done.stdout}{done.stderr}".rstrip())
    return done
