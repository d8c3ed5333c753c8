# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write what the code's own capability data says into docs/capabilities.md and docs/limits.md, each part between its markers.

Run it with ``PYTHONPATH=.build/c .venv/bin/python tools/write_capabilities.py`` after a change of a package manager or of a target.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping

from ansible_collections.appban.endpoint.plugins.module_utils.hosts.capabilities import render_bypasses, render_markdown
from ansible_collections.appban.endpoint.plugins.module_utils.mdm.planning import capability
from ansible_collections.appban.endpoint.plugins.module_utils.targets.intune import capabilities as intune
from ansible_collections.appban.endpoint.plugins.module_utils.targets.jamf_pro import capabilities as jamf_pro
from ansible_collections.appban.endpoint.plugins.module_utils.targets.nanomdm import capabilities as nanomdm

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"

#: Page -> name of a part -> what makes it. A part stands between ``<!-- NAME: begin -->`` and ``<!-- NAME: end -->``.
PAGES: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "capabilities.md": {
        "capabilities of intune": lambda: capability.render_markdown(intune.TABLE, intune.NAMES),
        "capabilities of jamf_pro": lambda: capability.render_markdown(jamf_pro.TABLE, jamf_pro.NAMES),
        "capabilities of nanomdm": lambda: capability.render_markdown(nanomdm.TABLE, nanomdm.NAMES),
        "capabilities of hosts": render_markdown,
    },
    "limits.md": {"bypasses of hosts": render_bypasses},
}


def with_part(text: str, name: str, content: str) -> str:
    """The text with what stands between the markers of a part replaced.

    Raises:
        ValueError: when a marker is missing or there twice.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"expected one line {begin} and, after it, one line {end}")
    head, rest = text.split(begin)
    return f"{head}{begin}\n\n{content}\n{end}{rest.split(end)[1]}"


def main() -> None:
    """Rewrite the pages."""
    for page, parts in PAGES.items():
        text = (DOCS / page).read_text(encoding="utf-8")
        for name, render in parts.items():
            text = with_part(text, name, render())
        (DOCS / page).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
