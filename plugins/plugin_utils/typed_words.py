# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words of a command line that Ansible drops without a word, and lists that it takes for one text. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..module_utils.engine.errors import AppbanError

#: Where Ansible keeps what stands in the text of -e and is no NAME=VALUE.
_LEFT_OVER = "_raw_params"
#: Only what looks like a file is shown: the rest may be a part of a secret.
_FILE = re.compile(r"[^\s'\"]*(/[^\s'\"]*|\.(ya?ml|json|csv))")
_LIST = re.compile(r"\s*\[.*\]\s*", re.DOTALL)
_MEND = "several policies are a list in JSON: -e '{\"policy_file\": [\"A.yml\", \"B.yml\"]}'. Nothing was contacted"


def refuse_lost_words(policies: Sequence[str], variables: Mapping[str, Any]) -> None:
    """Refuse a run of which Ansible would drop a part.

    Args:
        policies: paths as they were given.
        variables: of the task.

    Raises:
        AppbanError: with what to type instead.
    """
    left = str(variables.get(_LEFT_OVER) or "").strip()
    if left:
        words = [word.strip("[],'\"") for word in left.split()]
        files = [word for word in words if _FILE.fullmatch(word)]
        told = ", ".join(files) or ("a word" if len(words) == 1 else "%d words" % len(words))
        raise AppbanError(
            "behind an extra variable (-e) stands what belongs to none, and Ansible drops it: %s" % told,
            "",
            "Put a value with spaces into quotes of its own; " + _MEND,
        )
    for path in policies:
        if _LIST.fullmatch(path):
            raise AppbanError("policy_file is a text that looks like a list: %s" % path[:200], "", "Give it as a list: " + _MEND)
