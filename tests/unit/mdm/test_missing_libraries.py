# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Libraries that may be missing: every file can be imported without them, and their use says what to install."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import importlib, pkgutil, sys
for name in ("requests", "cryptography"):
    sys.modules[name] = None
room = "ansible_collections.appban.endpoint.plugins.module_utils."
for package in (room + "mdm", room + "targets"):
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        importlib.import_module(found.name)
from ansible_collections.appban.endpoint.plugins.module_utils.engine.errors import AppbanError
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.http.connection import open_connection
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.api.client_assertion import read_certificate
for use in (lambda: open_connection({}), lambda: read_certificate("x", None, None)):
    try:
        use()
    except AppbanError as error:
        print(error)
"""


def test_everything_can_be_imported_without_them_and_use_says_what_to_install() -> None:
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env=environment)
    requests, cryptography = done.stdout.splitlines()
    assert "python -m pip install requests" in requests
    assert "python -m pip install cryptography" in cryptography
