# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the capability matrices of hosts, of Intune and of Jamf Pro into README.md, each between its markers.

Run it with ``PYTHONPATH=.build/c .venv/bin/python tools/write_capabilities.py`` after a change of a backend or of a target.
"""

from __future__ import annotations

import pathlib

from ansible_collections.appban.endpoint.plugins.module_utils.hosts.capabilities import render_markdown
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning import capability
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune import capabilities as intune
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro import capabilities as jamf_pro
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm import capabilities as nanomdm

README = pathlib.Path(__file__).resolve().parent.parent / "README.md"
BEGIN = "<!-- capabilities: begin -->"
END = "<!-- capabilities: end -->"
INTUNE_BEGIN = "<!-- capabilities of intune: begin -->"
INTUNE_END = "<!-- capabilities of intune: end -->"
JAMF_PRO_BEGIN = "<!-- capabilities of jamf_pro: begin -->"
JAMF_PRO_END = "<!-- capabilities of jamf_pro: end -->"
NANOMDM_BEGIN = "<!-- capabilities of nanomdm: begin -->"
NANOMDM_END = "<!-- capabilities of nanomdm: end -->"


def intune_matrix() -> str:
    """The matrix of Intune."""
    return capability.render_markdown(intune.TABLE, intune.NAMES)


def jamf_pro_matrix() -> str:
    """The matrix of Jamf Pro."""
    return capability.render_markdown(jamf_pro.TABLE, jamf_pro.NAMES)


def nanomdm_matrix() -> str:
    """The matrix of NanoMDM and KMFDDM."""
    return capability.render_markdown(nanomdm.TABLE, nanomdm.NAMES)


def with_matrix(text: str, matrix: str, begin: str = BEGIN, end: str = END) -> str:
    """The text with what stands between the markers replaced.

    Raises:
        ValueError: when a marker is missing or there twice.
    """
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"expected one line {begin} and, after it, one line {end}")
    head, rest = text.split(begin)
    return f"{head}{begin}\n{matrix}{end}{rest.split(end)[1]}"


def main() -> None:
    """Rewrite the file."""
    text = with_matrix(README.read_text(encoding="utf-8"), render_markdown())
    text = with_matrix(text, intune_matrix(), INTUNE_BEGIN, INTUNE_END)
    text = with_matrix(text, jamf_pro_matrix(), JAMF_PRO_BEGIN, JAMF_PRO_END)
    README.write_text(with_matrix(text, nanomdm_matrix(), NANOMDM_BEGIN, NANOMDM_END), encoding="utf-8")


if __name__ == "__main__":
    main()
