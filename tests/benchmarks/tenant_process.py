# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the Intune module's code in a process of its own, for the benchmarks: prints what it took as one line of JSON.

python -m tests.benchmarks.tenant_process '{"graph_url": ...}' POLICY.json EVIDENCE_DIR NOW
"""

from __future__ import annotations

import json
import re
import resource
import sys
from pathlib import Path

from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune.module import run_module
from tests.support.intune.tenant import Ended, Module, parameters


def main() -> None:
    connection, policy, evidence_dir, now = sys.argv[1:]
    policies = [json.loads(Path(policy).read_text(encoding="utf-8"))]
    params = parameters(json.loads(connection), policies, evidence_dir, now=now, evidence="exceptions")
    module = Module(params, False)
    before = peak_kib()
    try:
        run_module(module)
    except Ended:
        pass
    took = {"failed": module.failed, "message": module.values.get("msg", ""), "changed": module.values.get("changed")}
    print(json.dumps({**took, "before_kib": before, "peak_kib": peak_kib()}))


def peak_kib() -> int:
    """Peak memory of this program. getrusage would tell that of the process it was started from, where that was more."""
    try:
        found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        found = None
    return int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
