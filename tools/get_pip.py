# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand in for the get-pip script that ansible-test would fetch from a server of its own.

Python carries a pip of its own (ensurepip); it can install the pip version that ansible-test asks for from the package index
that the machine is set up for. Run by ansible-test's ``quiet_pip.py`` inside each empty virtual environment, some fifty times for all
versions of ansible-core, so what it has installed is kept beside this file and copied the next time: 0.2 s instead of 4.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

# These exist only in get-pip.
GET_PIP_OPTIONS = frozenset({"--no-setuptools", "--no-wheel"})


def main() -> None:
    """Put what the arguments name into this environment, from an earlier time or with pip."""
    packages = Path(sysconfig.get_path("purelib"))
    asked = sorted(argument for argument in sys.argv[1:] if not argument.startswith("-"))
    kept = Path(os.environ["GET_PIP"]).parent / re.sub(r"[^\w.-]+", "_", "-".join([f"python{sysconfig.get_python_version()}", *asked]))
    if not kept.is_dir():
        install()
        scratch = Path(f"{kept}.{os.getpid()}.tmp")
        shutil.copytree(packages, scratch)
        try:
            scratch.rename(kept)
        except OSError:
            # Somebody else was quicker.
            shutil.rmtree(scratch)
    else:
        shutil.copytree(kept, packages, dirs_exist_ok=True)


def install() -> None:
    """Bootstrap pip, then install what the arguments name; end the program if that fails."""
    # A process of its own: ensurepip rewrites PIP_* variables, and the second step needs them as the machine has set them.
    subprocess.run([sys.executable, "-m", "ensurepip", "--default-pip"], check=True, stdout=subprocess.DEVNULL)
    arguments = [argument for argument in sys.argv[1:] if argument not in GET_PIP_OPTIONS]
    environment = {name: value for name, value in os.environ.items() if name != "GET_PIP"}
    done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *arguments], env=environment, check=False)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
