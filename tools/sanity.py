# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ``ansible-test sanity`` with every ansible-core that is tested, each on a copy of the checkout.

Every version judges what users get; our tests and tools, which are more than half of the lines, are judged by the one that the tests run
on (``--whole``: by every one). Two run at a time; their output is printed one after the other. ``--cores=2.16,2.22`` names the versions
to run. All other arguments are passed on to ansible-test.
"""

from __future__ import annotations

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cores
import interpreters
import working_copy

WORK = working_copy.CHECKOUT / ".build" / "sanity"
HOME = WORK / "home"
# ansible-test looks at no other versions.
PYTHON_MINORS = range(8, 15)
ONLY = "--cores="
WHOLE = "--whole"
AT_ONCE = 2
# What an ansible-test wants from a git host, where an air-gapped machine can't get it -> the same from the package index.
FROM_INDEX = {"dill": "dill==0.4.1"}
GIT_HOST = re.compile(r"^(\S+) @ https?://.*$", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """What one run of ansible-test came to; ``missing`` says why there was none."""

    core: cores.Core
    output: str
    passed: bool
    seconds: float
    missing: str = ""


def main() -> int:
    """Run sanity for each core that this machine can run, print everything, and return the exit status."""
    asked = [argument[len(ONLY) :].split(",") for argument in sys.argv[1:] if argument.startswith(ONLY)]
    wanted = [core for core in cores.CORES if not asked or core.version in asked[0]]
    arguments = [argument for argument in sys.argv[1:] if not argument.startswith((ONLY, WHOLE))]
    shutil.rmtree(WORK / "cores", ignore_errors=True)
    bin_directory = WORK / "bin"
    interpreters.link_all(PYTHON_MINORS, bin_directory)
    prepare_home(wanted)
    environment = private_environment(bin_directory)

    # ansible-test keeps a virtual environment per Python and set of requirements in the home, for all cores that ask for the same.
    # Cores of one Python therefore run one after the other, the longest row first.
    rows = [[core for core in wanted if core.python == python] for python in {core.python for core in wanted}]
    rows.sort(key=len, reverse=True)
    runs: list[Run] = []

    def run_row(row: list[cores.Core]) -> list[Run]:
        return [sanity(core, environment, arguments, WHOLE in sys.argv or core == cores.DEVELOPMENT) for core in row]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for row in pool.map(run_row, rows):
            for run in row:
                print(f"== ansible-test sanity, ansible-core {run.core.version}, Python {run.core.python} ({run.seconds:.0f} s)")
                print(run.missing or run.output, flush=True)
                runs.append(run)
    return verdict(runs)


def verdict(runs: list[Run]) -> int:
    """Say what passed, what failed and, loudly, what could not be run; return the exit status."""
    missing = [run for run in runs if run.missing]
    failed = [run.core.version for run in runs if not run.missing and not run.passed]
    if cores.must_have_all():
        failed += [run.core.version for run in missing]
    for run in missing:
        print(f"!! sanity: NOT TESTED: {run.missing}")
    if failed:
        print(f"sanity: FAILED with ansible-core {', '.join(failed)}")
        return 1
    print(f"sanity: passed with ansible-core {', '.join(run.core.version for run in runs if run.passed) or 'none'}")
    return 0


def sanity(core: cores.Core, environment: dict[str, str], arguments: list[str], whole: bool) -> Run:
    """Run all sanity tests of one ansible-core on a fresh copy of the checkout, or of its part that is released."""
    started = time.monotonic()
    try:
        core.prepare()
    except cores.CoreMissing as missing:
        return Run(core, "", False, 0, str(missing))
    except cores.CoreFailed as error:
        return Run(core, str(error), False, time.monotonic() - started)
    take_from_index(core)
    place = WORK / "cores" / core.version
    collection = working_copy.copy_to(place) if whole else working_copy.copy_to(place, working_copy.of_a_release)
    programs = core.environment / "bin"
    # One Python each, the environment's own: the runs together then cover three versions instead of each covering all.
    command = [str(programs / "python"), str(programs / "ansible-test"), "sanity", "--python", core.python]
    done = subprocess.run(
        [*command, "--color", "no", "--truncate", "0", *arguments],
        cwd=collection,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Run(core, done.stdout, done.returncode == 0, time.monotonic() - started)


def take_from_index(core: cores.Core) -> None:
    """Have an ansible-test install from the package index what it would fetch from a git host."""
    for path in core.environment.glob("lib/python*/site-packages/ansible_test/_data/requirements/sanity.*.txt"):
        text = path.read_text(encoding="utf-8")
        changed = GIT_HOST.sub(lambda found: FROM_INDEX.get(found[1], found[0]), text)
        if changed != text:
            path.write_text(changed, encoding="utf-8")


def prepare_home(wanted: list[cores.Core]) -> None:
    """Make the home of the runs: our get-pip under the names that ansible-test looks for in its cache, and pip's settings."""
    cache = HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for pip in {core.pip for core in wanted}:
        shutil.copy(working_copy.CHECKOUT / "tools" / "get_pip.py", cache / f"get_pip_{pip.replace('.', '_')}.py")
    write_pip_settings()


def private_environment(bin_directory: Path) -> dict[str, str]:
    """Build the environment of the runs: a home of their own, nothing of the caller's Ansible and Python, only working interpreters."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON", "VIRTUAL_ENV", "PYENV_"))}
    return {
        **keep,
        "HOME": str(HOME),
        "PATH": os.pathsep.join([str(bin_directory), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"]),
    }


def write_pip_settings() -> None:
    """Give pip below the home the settings it has here: ansible-test passes no PIP_* variable on, and the home is another one."""
    command = [sys.executable, "-m", "pip", "config", "list"]
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
    path = HOME / ".config" / "pip" / "pip.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)  # an index's address may hold a password
    with path.open("w", encoding="utf-8") as file:
        settings.write(file)


if __name__ == "__main__":
    sys.exit(main())
