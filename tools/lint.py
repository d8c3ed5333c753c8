# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run every check of ``make lint``, all of them even if one fails, and say at the end which failed.

Arguments name the checks to run (``make lint LINT_ARGS="ruff mypy"``); without any, all run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import host_code
import working_copy

CHECKOUT = working_copy.CHECKOUT
WORK = CHECKOUT / ".build" / "lint"
TOOLS = CHECKOUT / ".build" / "venv-lint" / "bin"
EXAMPLE = "docs/execution-environment.yml"
PYTHON = str(CHECKOUT / ".venv" / "bin" / "python")
# mypy --strict holds for these rooms and for these tools.
TYPED = ("plugins/module_utils", "plugins/plugin_utils", "plugins/modules", "plugins/lookup", "plugins/filter", "plugins/action")
TYPED_TOOLS = tuple(f"tools/{name}.py" for name in ("cores", "get_pip", "host_code", "interpreters", "lint", "sanity", "working_copy"))


@dataclass(frozen=True)
class Check:
    """One check: a command that must end with status 0 and, where ``forbidden`` says so, without certain lines."""

    name: str
    command: list[str]
    directory: Path = CHECKOUT
    environment: dict[str, str] = field(default_factory=dict)
    forbidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """What one check came to."""

    check: Check
    passed: bool
    output: str
    seconds: float


def checks(collection: Path) -> list[Check]:
    """List all checks, the slow ones first. ``collection`` is a copy of the checkout below ``ansible_collections/``."""
    host_files = [str(path) for path in host_code.files()]
    packages = [host_code.module_name(Path(room)) for room in TYPED if any((CHECKOUT / room).rglob("*.py"))]
    release = collection.parents[2] / "release"
    tarball = f"appban-endpoint-{version()}.tar.gz"
    importer_settings = {"GALAXY_IMPORTER_CHECK_REQUIRED_TAGS": "true", "GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "false"}
    ruff = [PYTHON, "-m", "ruff", "check", "--output-format", "concise"]
    mypy = [PYTHON, "-m", "mypy"]
    docs = ["--plugin-docs", "--validate-collection-refs", "self", "--disallow-unknown-collection-refs"]
    python = [str(path) for path in working_copy.our_files() if path.suffix == ".py"]
    listed = [
        Check("ansible-lint", [tool("ansible-lint"), "--nocolor"], collection, {"ANSIBLE_COLLECTIONS_PATH": str(WORK)}),
        Check("galaxy-importer", [tool("python"), "-m", "galaxy_importer.main", tarball], release, importer_settings, ("ERROR", "WARNING")),
        Check("mypy", [*mypy, *(part for package in packages for part in ("-p", package))]),
        Check("mypy-tools", [*mypy, *TYPED_TOOLS], environment={"MYPYPATH": "tools"}),
        Check("antsibull-docs", [tool("antsibull-docs"), "lint-collection-docs", *docs, "."], collection),
        Check("antsibull-changelog", [tool("antsibull-changelog"), "lint"], collection),
        Check("changelog-yaml", [tool("antsibull-changelog"), "lint-changelog-yaml", "--strict", "changelogs/changelog.yaml"], collection),
        Check("execution-environment", [tool("ansible-builder"), "introspect", str(collection.parents[2])], forbidden=("ERROR", "WARNING")),
        Check("execution-environment-example", [tool("ansible-builder"), "create", "-f", EXAMPLE, "-c", str(WORK / "environment")]),
        Check("ruff", [*ruff, "."]),
        # What the oldest ansible-test asks of the layout and ruff has no rule for.
        Check("pycodestyle", [tool("pycodestyle"), "--max-line-length=160", "--select=E3,E7,W6", "--ignore=E741", *python]),
        # Unused and undefined names, and with this target every syntax and annotation that Python 3.8 can't read.
        Check("ruff-python-3.8", [*ruff, "--select", "F,FA", "--target-version", "py38", *host_files]),
        Check("vermin-python-3.8", [tool("vermin"), "--no-config-file", "--target=3.8-", "--violations", "--no-tips", *host_files]),
        Check("import-old-pythons", [PYTHON, "tools/host_code.py"]),
        Check("yamllint", [tool("yamllint"), "--strict", "."], collection),
    ]
    if shutil.which("shellcheck"):
        listed.append(Check("shellcheck", ["shellcheck", *shell_scripts()]))
    else:
        print("lint: shellcheck is not installed, so the shell scripts are not checked (Debian: apt-get install shellcheck)")
    return listed


def tool(name: str) -> str:
    """Say where a program of the lint environment is."""
    return str(TOOLS / name)


def version() -> str:
    """Read the collection's version from galaxy.yml."""
    for line in (CHECKOUT / "galaxy.yml").read_text(encoding="utf-8").splitlines():
        if line.startswith("version:"):
            return line.split(":", 1)[1].strip()
    sys.exit("galaxy.yml has no version")


def shell_scripts() -> list[str]:
    """List our files that a shell runs, by their first line."""
    found = []
    for path in working_copy.our_files():
        with (CHECKOUT / path).open("rb") as file:
            first = file.readline(100)
        if first.startswith(b"#!") and (first.rstrip().endswith(b"sh")):
            found.append(str(path))
    return found


def run(check: Check) -> Result:
    """Run one check with a home of its own, without the caller's Ansible settings and without a terminal."""
    started = time.monotonic()
    keep = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment = {
        **keep,
        "HOME": str(WORK / "home"),
        "PATH": os.pathsep.join([str(TOOLS), str(CHECKOUT / ".venv" / "bin"), os.environ.get("PATH", os.defpath)]),
        "NO_COLOR": "1",
        **check.environment,
    }
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        check.command,
        cwd=check.directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    clean = not any(line.startswith(check.forbidden) for line in done.stdout.splitlines()) if check.forbidden else True
    return Result(check, done.returncode == 0 and clean, done.stdout.strip(), time.monotonic() - started)


def build_release(collection: Path) -> None:
    """Build the tarball that galaxy-importer reads."""
    release = collection.parents[2] / "release"
    shutil.rmtree(release, ignore_errors=True)
    command = [tool("ansible-galaxy"), "collection", "build", "--output-path", str(release)]
    subprocess.run(command, cwd=collection, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "HOME": str(WORK / "home")})


def main() -> int:
    """Run the checks that the arguments name, two at a time; return 1 if any fails."""
    (WORK / "home").mkdir(parents=True, exist_ok=True)
    collection = working_copy.copy_to(WORK)
    wanted = sys.argv[1:]
    listed = [check for check in checks(collection) if not wanted or check.name in wanted]
    if len(listed) < len(wanted):
        sys.exit(f"lint: of {', '.join(wanted)} only these are checks: {', '.join(check.name for check in listed)}")
    if any(check.name == "galaxy-importer" for check in listed):
        build_release(collection)
    failed = []
    with ThreadPoolExecutor(max(2, os.cpu_count() or 1)) as pool:
        for result in pool.map(run, listed):
            skipped = result.output.startswith("skipped:")
            word = "FAILED" if not result.passed else result.output if skipped else "passed"
            print(f"== {result.check.name}: {word} ({result.seconds:.0f} s)", flush=True)
            if result.output and not result.passed:
                print(result.output, flush=True)
            if not result.passed:
                failed.append(result.check.name)
    print(f"lint: FAILED: {', '.join(failed)}" if failed else f"lint: {len(listed)} checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
