# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check policies, catalogs and asset facts: validate.sh [--catalog-dir DIR]... [--assets FILE]... [--now INSTANT] POLICY...

Runs from a clone of the collection or from an installed one, wherever that is, without Ansible. Exits 0 where every document can be used,
else 1 with a line for each problem (file:line:column: path: ...).
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
import types
from typing import NoReturn

COLLECTION = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
NAME = "ansible_collections.appban.endpoint"
OLDEST_PYTHON = (3, 10)
# Name to import -> name to install.
NEEDED = {"yaml": "PyYAML", "jmespath": "jmespath"}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # 1 like any other mistake, so that a hook has two answers and no third.
        self.exit(1, "%s: %s\n" % (self.prog, message))


def main(arguments: list[str]) -> int:
    """Check what the arguments name, print a line for everything that is to be said, and return the exit status."""
    parser = _Parser(prog="validate.sh", description="Check app ban policies, catalogs and asset facts.")
    parser.add_argument("policies", nargs="*", metavar="POLICY", help="policy file, or directory of policy files")
    parser.add_argument("--catalog-dir", action="append", default=[], metavar="DIR", help="your own catalog; the last one is on top")
    parser.add_argument("--assets", action="append", default=[], metavar="FILE", help="asset facts (CSV, YAML or JSON)")
    parser.add_argument("--now", metavar="INSTANT", help="the instant that ends are compared with; default: the clock")
    options = parser.parse_intermixed_args(arguments)
    if not (options.policies or options.catalog_dir or options.assets):
        parser.error("no document was given")
    lacking = what_is_lacking()
    if lacking:
        parser.error(lacking)
    plugins = collection_plugins()
    checked_documents = importlib.import_module(plugins + ".plugin_utils.checked_documents")
    run_instant = importlib.import_module(plugins + ".module_utils.policy.run_instant").run_instant
    try:
        now = run_instant(options.now, "--now")
    except ValueError as error:
        parser.error(str(error))
    checked = checked_documents.check_documents(options.policies, options.catalog_dir, options.assets, now)
    for line in checked.lines():
        sys.stdout.write(line + "\n")
    return 1 if checked.problems else 0


def what_is_lacking() -> str:
    """What this Python lacks for the check, with what to do; empty for nothing."""
    here = "%s (Python %d.%d)" % (sys.executable, sys.version_info[0], sys.version_info[1])
    if sys.version_info < OLDEST_PYTHON:
        return "%s is too old; set APPBAN_PYTHON to Python %d.%d or later" % ((here,) + OLDEST_PYTHON)
    missing = [name for module, name in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        return "%s lacks %s; install them (pip install %s), or set APPBAN_PYTHON to a Python that has them" % (
            here,
            " and ".join(missing),
            " ".join(missing),
        )
    return ""


def collection_plugins() -> str:
    """Make this collection importable by its full name, whatever its directory is called, and return the name of its plugins."""
    sys.dont_write_bytecode = True
    parent = ""
    for part, path in zip(NAME.split("."), ([], [], [COLLECTION]), strict=True):
        parent = parent + "." + part if parent else part
        module = types.ModuleType(parent)
        module.__path__ = list(path)
        sys.modules[parent] = module
    return NAME + ".plugins"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
