# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the files of this collection that run on managed hosts, and try them with the old Pythons those may have.

Run as a program, it imports every one of these files with each Python from 3.8 to 3.10 that this machine has.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import interpreters
import working_copy

COLLECTION = "ansible_collections.appban.endpoint"
# Where host code starts; what these files import goes to the host with them.
STARTS = ("plugins/module_utils/engine", "plugins/module_utils/hosts", "plugins/modules/host_app.py")
OLD_PYTHONS = range(8, 11)

# Runs with the old Python: imports the files as a host would, with ansible.module_utils but without other packages.
TRY_IMPORTS = """
import importlib, sys, traceback
sys.dont_write_bytecode = True
sys.path[:0] = [sys.argv[1], sys.argv[2]]
failed = 0
for name in sys.argv[3:]:
    try:
        importlib.import_module(name)
    except BaseException:
        failed = 1
        print("import of " + name + " failed:")
        traceback.print_exc(file=sys.stdout)
sys.exit(failed)
"""


def files(checkout: Path = working_copy.CHECKOUT) -> list[Path]:
    """List the Python files that reach a managed host, relative to the checkout, with everything of ours they import."""
    waiting = [path for start in STARTS for path in _python_files(checkout / start)]
    reached: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path in reached:
            continue
        reached.add(path)
        waiting += _imported(path, checkout)
        # AnsiballZ ships the __init__.py of every package on the way.
        waiting += [parent / "__init__.py" for parent in path.parents if checkout in parent.parents and (parent / "__init__.py").is_file()]
    return sorted(path.relative_to(checkout) for path in reached)


def module_name(path: Path) -> str:
    """Name the module that a file, relative to the checkout, is imported as."""
    parts = path.with_suffix("").parts
    return ".".join((COLLECTION, *(parts[:-1] if parts[-1] == "__init__" else parts)))


def main() -> int:
    """Import the host code with every old Python found; return 1 if any import fails."""
    pythons = interpreters.find(OLD_PYTHONS)
    if not pythons:
        print("skipped: none of Python 3.8 to 3.10 is on this machine (vermin and ruff have judged the same files by reading them)")
        return 0
    names = [module_name(path) for path in files()]
    ansible_only = working_copy.CHECKOUT / ".build" / "host-code"
    ansible_only.mkdir(parents=True, exist_ok=True)
    link = ansible_only / "ansible"
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(_ansible())
    status = 0
    for version, python in pythons.items():
        command = [str(python), "-I", "-c", TRY_IMPORTS, str(working_copy.CHECKOUT / ".build" / "c"), str(ansible_only), *names]
        done = subprocess.run(command, check=False)
        print(f"Python {version}: {len(names)} files {'FAILED' if done.returncode else 'import'}", flush=True)
        status = status or done.returncode
    return status


def _ansible() -> Path:
    command = [str(working_copy.CHECKOUT / ".venv" / "bin" / "python"), "-c", "import ansible; print(ansible.__path__[0])"]
    return Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())


def _python_files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.py")) if path.is_dir() else [path] if path.is_file() else []


def _imported(path: Path, checkout: Path) -> Iterator[Path]:
    package = module_name(path.relative_to(checkout)).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _located(alias.name, checkout)
        elif isinstance(node, ast.ImportFrom):
            start = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (start, node.module or "") if part)
            yield from _located(module, checkout)
            for alias in node.names:
                yield from _located(f"{module}.{alias.name}", checkout)


def _located(name: str, checkout: Path) -> Iterator[Path]:
    if name.startswith(f"{COLLECTION}."):
        place = checkout.joinpath(*name[len(COLLECTION) + 1 :].split("."))
        for candidate in (place.with_name(f"{place.name}.py"), place / "__init__.py"):
            if candidate.is_file():
                yield candidate


if __name__ == "__main__":
    sys.exit(main())
