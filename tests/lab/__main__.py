# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shell in a throwaway host: python -m tests.lab [NAME [COMMAND ...]]."""

from __future__ import annotations

import subprocess
import sys

from .chroot import PATH
from .hosts import Lab


def main(arguments: list[str]) -> int:
    """Opens the host, runs the command (a login shell without one) in it, and takes the host away again."""
    lab = Lab.open(lambda line: print(line, file=sys.stderr))
    try:
        host = lab.create(arguments[0] if arguments else "h1")
        command = arguments[1:] or ["/bin/bash", "--login"]
        environment = {"PATH": PATH, "HOME": "/root", "LC_ALL": "C", "TERM": "xterm"}
        return subprocess.run(["chroot", str(host.root), *command], env=environment, check=False).returncode
    finally:
        lab.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
