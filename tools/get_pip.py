# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand in for the get-pip script that ansible-test would fetch from a server of its own.

Python carries a pip of its own (ensurepip); it can install the pip version that ansible-test asks for from the package index
that the machine is set up for. Run by ansible-test's ``quiet_pip.py`` inside each empty virtual environment.
"""

from __future__ import annotations

import os
import subprocess
import sys

# These exist only in get-pip.
GET_PIP_OPTIONS = frozenset({"--no-setuptools", "--no-wheel"})


def main() -> None:
    """Bootstrap pip, then install what the arguments name."""
    # A process of its own: ensurepip rewrites PIP_* variables, and the second step needs them as the machine has set them.
    subprocess.run([sys.executable, "-m", "ensurepip", "--default-pip"], check=True, stdout=subprocess.DEVNULL)
    arguments = [argument for argument in sys.argv[1:] if argument not in GET_PIP_OPTIONS]
    environment = {name: value for name, value in os.environ.items() if name != "GET_PIP"}
    sys.exit(subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *arguments], env=environment, check=False).returncode)


if __name__ == "__main__":
    main()
