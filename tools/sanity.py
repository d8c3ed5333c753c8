# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ``ansible-test sanity`` with the oldest supported ansible-core and with a newer one, each in a copy of its own.

Both runs go on at once; their output is printed one after the other. Arguments are passed on to ansible-test.
"""

from __future__ import annotations

import ast
import configparser
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import interpreters
import working_copy

WORK = working_copy.CHECKOUT / ".build" / "sanity"
# ansible-test looks at no other versions.
PYTHON_MINORS = range(8, 15)
NO_SUITABLE_PYTHON = 3


@dataclass(frozen=True)
class Core:
    """One ansible-core to test with: its virtual environment, and the pip version that its ansible-test bootstraps."""

    version: str
    environment: Path
    pip: str


@dataclass(frozen=True)
class Run:
    """What one run of ansible-test came to."""

    core: Core
    python: str
    output: str
    status: int
    seconds: float


OLDEST = Core("2.19", working_copy.CHECKOUT / ".venv", "24.2")
NEWER = Core("2.21", working_copy.CHECKOUT / ".build" / "venv-core-2.21", "25.2")


def main() -> int:
    """Run sanity for each core that this machine can run, print everything, and return the exit status."""
    shutil.rmtree(working_copy.CHECKOUT / ".build" / "sanity" / "cores", ignore_errors=True)
    bin_directory = WORK / "bin"
    interpreters.link_all(PYTHON_MINORS, bin_directory)
    cores = [OLDEST]
    newer = subprocess.run(
        [
            str(working_copy.CHECKOUT / "tools" / "venv.sh"),
            str(NEWER.environment.relative_to(working_copy.CHECKOUT)),
            "requirements-core-2.21.txt",
            "12",
        ],
        cwd=working_copy.CHECKOUT,
        check=False,
    ).returncode
    if newer == 0:
        cores.append(NEWER)
    elif newer == NO_SUITABLE_PYTHON:
        print("sanity: skipping ansible-core 2.21, which needs Python 3.12 or 3.13", flush=True)
    else:
        print("sanity: the virtual environment for ansible-core 2.21 could not be made", flush=True)
        return newer

    failed = []
    with ThreadPoolExecutor(len(cores)) as pool:
        for run in pool.map(lambda core: sanity(core, bin_directory, sys.argv[1:]), cores):
            print(f"== ansible-test sanity, ansible-core {run.core.version}, Python {run.python} ({run.seconds:.0f} s)")
            print(run.output, flush=True)
            if run.status:
                failed.append(run.core.version)
    if failed:
        print(f"sanity: FAILED with ansible-core {', '.join(failed)}")
        return 1
    print(f"sanity: passed with ansible-core {', '.join(core.version for core in cores)}")
    return 0


def sanity(core: Core, bin_directory: Path, arguments: list[str]) -> Run:
    """Run all sanity tests of one ansible-core on a fresh copy of the checkout."""
    started = time.monotonic()
    place = WORK / "cores" / core.version
    collection = working_copy.copy_to(place)
    environment = private_environment(core, bin_directory)
    python = str(core.environment / "bin" / "python")
    asked = subprocess.run([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True, check=True)
    version = asked.stdout.strip()
    # One Python each, the environment's own: the two runs then cover two versions instead of each covering both.
    command = [python, str(core.environment / "bin" / "ansible-test"), "sanity", "--python", version, "--color", "no", "--truncate", "0"]
    done = subprocess.run(
        [*command, *arguments],
        cwd=collection,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Run(core, version, done.stdout, done.returncode, time.monotonic() - started)


def private_environment(core: Core, bin_directory: Path) -> dict[str, str]:
    """Build the environment of one run: a home of its own with our get-pip in ansible-test's cache, and only working interpreters."""
    home = WORK / "home" / core.version
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    shutil.copy(working_copy.CHECKOUT / "tools" / "get_pip.py", cache / f"get_pip_{core.pip.replace('.', '_')}.py")
    write_pip_settings(home)
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON", "VIRTUAL_ENV", "PYENV_"))}
    return {
        **keep,
        "HOME": str(home),
        "PATH": os.pathsep.join([str(bin_directory), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"]),
    }


def write_pip_settings(home: Path) -> None:
    """Give pip below ``home`` the settings it has here: ansible-test passes no PIP_* variable on, and the home is another one."""
    command = [str(OLDEST.environment / "bin" / "python"), "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    settings = configparser.RawConfigParser()
    settings["global"] = {"cache-dir": str(WORK / "pip-cache"), "quiet": "1"}
    for line in listed.stdout.splitlines():
        name, _equals, value = line.partition("=")
        section, _dot, key = name.rpartition(".")
        section = "global" if section == ":env:" else section
        if not settings.has_section(section):
            settings.add_section(section)
        settings.set(section, key, ast.literal_eval(value))
    path = home / ".config" / "pip" / "pip.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)  # an index's address may hold a password
    with path.open("w", encoding="utf-8") as file:
        settings.write(file)


if __name__ == "__main__":
    sys.exit(main())
