# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a document from a YAML or JSON file into plain data."""

from __future__ import annotations

import json
from typing import Any

from ..policy.plain_types import NotPlain, plain_copy
from ..policy.problems import STRUCTURE, PolicyError, Problem, show

try:
    import yaml

    HAS_YAML = True
except ImportError:
    HAS_YAML = False

MAX_BYTES = 64 * 1024 * 1024


def read_bytes(path: str) -> bytes:
    """The content of a file. Raises PolicyError for one that can't be read or is larger than any policy should be."""
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        found = getattr(error, "strerror", None) or str(error)
        raise PolicyError([Problem(path, "$", found, "a file that can be read")]) from error
    if len(content) > MAX_BYTES:
        raise PolicyError([Problem(path, "$", f"more than {MAX_BYTES} bytes", "a smaller file")])
    return content


def load_document(content: bytes, path: str) -> Any:
    """The one document of a YAML or JSON file as plain data; dates stay text. Raises PolicyError, duplicate keys included."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise PolicyError([Problem(path, "$", f"a byte on line {line} that is not UTF-8", "a file in UTF-8", kind=STRUCTURE)]) from error
    loaded = _load_json(text, path) if path.lower().endswith(".json") else _load_yaml(text, path)
    try:
        return plain_copy(loaded, path)
    except NotPlain as error:
        raise PolicyError([error.problem]) from error


if HAS_YAML:

    class _DocumentLoader(yaml.SafeLoader):
        """YAML without dates of its own (they stay text, with their offsets) and without duplicate keys."""

        def __init__(self, text: str, problems: list[Problem], path: str) -> None:
            super().__init__(text)
            self.problems = problems
            self.path = path

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            seen: dict[str, int] = {}
            # Another kind of node comes here by an explicit tag (!!map [1]); the base class refuses it.
            for key, _value in node.value if isinstance(node, yaml.MappingNode) else ():
                if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                    line = key.start_mark.line + 1
                    if key.value in seen:
                        self.problems.append(
                            Problem(
                                self.path,
                                f"line {line}",
                                f"the key {show(key.value)} a second time (first on line {seen[key.value]})",
                                "each key once",
                                kind=STRUCTURE,
                            )
                        )
                    seen.setdefault(key.value, line)
            return super().construct_mapping(node, deep)

    _DocumentLoader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _load_yaml(text: str, path: str) -> Any:
    if not HAS_YAML:
        raise PolicyError([Problem(path, "$", "no PyYAML for the Python that runs here", "the Python package PyYAML, or a file in JSON")])
    problems: list[Problem] = []
    try:
        loader = _DocumentLoader(text, problems, path)
        try:
            loaded = loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}" if mark else "$"
        raise PolicyError([Problem(path, where, error.problem or error.context or "a mistake", "YAML", kind=STRUCTURE)]) from error
    except yaml.YAMLError as error:
        raise PolicyError([Problem(path, "$", str(error).splitlines()[0], "YAML", kind=STRUCTURE)]) from error
    except RecursionError as error:
        raise PolicyError([Problem(path, "$", "a document nested ever deeper", "a document nested less deeply")]) from error
    except (ValueError, TypeError, OverflowError, LookupError, AttributeError) as error:
        # SafeLoader lets errors of int(), base64 and hashing out unwrapped.
        raise PolicyError(
            [Problem(path, "$", str(error).splitlines()[0] if str(error) else "a mistake", "YAML", kind=STRUCTURE)]
        ) from error
    if problems:
        raise PolicyError(problems)
    return loaded


def _load_json(text: str, path: str) -> Any:
    problems: list[Problem] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in items:
            if key in found:
                problems.append(Problem(path, "$", f"the key {show(key)} a second time", "each key once", kind=STRUCTURE))
            found[key] = value
        return found

    try:
        loaded = json.loads(text, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        raise PolicyError([Problem(path, f"line {error.lineno}", error.msg, "JSON", kind=STRUCTURE)]) from error
    except (RecursionError, ValueError) as error:
        raise PolicyError([Problem(path, "$", str(error).splitlines()[0], "JSON", kind=STRUCTURE)]) from error
    if problems:
        raise PolicyError(problems)
    return loaded
