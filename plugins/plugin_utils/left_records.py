# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records that an earlier release left where nobody looks for them: beside its own playbooks, in the installed collection.

There a relative evidence directory of a tenant was made from the directory of the playbook. The next forced installation deletes it.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable

_ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
_OURS = os.path.join("ansible_collections", "appban", "endpoint")
_RUN = re.compile(r"\d{8}T\d{6}Z(-\d+)?")


def notes_of_left_records(evidence_dir: str, given: str, collection_paths: Iterable[str], playbook_directory: str) -> list[str]:
    """A note for each directory with records that is not the run's own, with the command that moves them.

    Args:
        evidence_dir: of the run, absolute.
        given: the same as it was given.
        collection_paths: where Ansible looks for collections.
        playbook_directory: of the playbook that runs; empty for none.
    """
    bases = [os.path.join(_ROOT, "playbooks"), *(os.path.join(path, _OURS, "playbooks") for path in collection_paths), playbook_directory]
    places: dict[str, None] = {}
    for base in bases:
        for name in ("evidence", *([given] if given and not os.path.isabs(given) else [])):
            if base:
                places[os.path.realpath(os.path.join(base, name))] = None
    left = [place for place in places if place != os.path.realpath(evidence_dir) and has_records(place)]
    return [
        "an earlier release left records and ledgers in %s, and this run does not know them. Move them before you go on: "
        "mkdir -p %s && mv -n %s/* %s/" % (place, shlex.quote(evidence_dir), shlex.quote(place), shlex.quote(evidence_dir))
        for place in left
    ]


def has_records(directory: str) -> bool:
    """Whether there are runs with records, or ledgers, in a directory."""
    try:
        names = os.listdir(directory)
    except OSError:
        return False
    for name in names:
        if name.endswith(".ledger.jsonl"):
            return True
        if _RUN.fullmatch(name):
            try:
                if any(each.endswith((".jsonl", ".jsonl.partial")) for each in os.listdir(os.path.join(directory, name))):
                    return True
            except OSError:
                continue
    return False
