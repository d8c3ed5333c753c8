# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What values of YAML a plain word in a document stands for: dates stay text, and so do yes, no, on and off."""

from __future__ import annotations

import re
from typing import Any

try:
    import yaml

    HAS_YAML = True
except ImportError:
    HAS_YAML = False

_BOOL = "tag:yaml.org,2002:bool"
_TEXT_HERE = (_BOOL, "tag:yaml.org,2002:timestamp")
# YAML 1.1 has yes, no, on and off besides, and Norway is NO.
_FLAGS = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")


def _resolvers(all_of_yaml: dict[Any, list[tuple[str, Any]]]) -> dict[Any, list[tuple[str, Any]]]:
    """PyYAML's table, first character -> tags with their patterns, without dates and with no flags but true and false."""
    kept = {first: [(tag, pattern) for tag, pattern in tags if tag not in _TEXT_HERE] for first, tags in all_of_yaml.items()}
    for first in "tTfF":
        kept.setdefault(first, []).append((_BOOL, _FLAGS))
    return kept


if HAS_YAML:

    class DocumentLoader(yaml.SafeLoader):
        """YAML whose dates, yes, no, on and off are text."""

    class LargeDocumentLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # a base that PyYAML may lack
        """As DocumentLoader, by libyaml where PyYAML has it: ten times as fast, with other words for what is no YAML."""

    DocumentLoader.yaml_implicit_resolvers = _resolvers(yaml.SafeLoader.yaml_implicit_resolvers)
    LargeDocumentLoader.yaml_implicit_resolvers = DocumentLoader.yaml_implicit_resolvers
else:
    # Nobody asks for them without HAS_YAML.
    DocumentLoader = LargeDocumentLoader = None  # type: ignore[assignment,misc]  # classes where there is PyYAML
