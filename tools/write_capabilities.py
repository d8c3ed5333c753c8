# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the capability matrix of hosts into README.md, between its markers.

Run it with ``PYTHONPATH=.build/c .venv/bin/python tools/write_capabilities.py`` after a change of a backend.
"""

from __future__ import annotations

import pathlib

from ansible_collections.appban.endpoint.plugins.module_utils.hosts.capabilities import render_markdown

README = pathlib.Path(__file__).resolve().parent.parent / "README.md"
BEGIN = "<!-- capabilities: begin -->"
END = "<!-- capabilities: end -->"


def with_matrix(text: str, matrix: str) -> str:
    """The text with what stands between the markers replaced.

    Raises:
        ValueError: when a marker is missing or there twice.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"expected one line {BEGIN} and, after it, one line {END}")
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n{matrix}{END}{rest.split(END)[1]}"


def main() -> None:
    """Rewrite the file."""
    README.write_text(with_matrix(README.read_text(encoding="utf-8"), render_markdown()), encoding="utf-8")


if __name__ == "__main__":
    main()
