# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a document from a YAML or JSON file into plain data."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from ..policy.problems import MEANING, STRUCTURE, PolicyError, Problem, child, show
from ..policy.sanitize import Invalid, NotSanitized, sanitize
from .positions import json_keys_twice, key_text, located, mark_of
from .yaml_mistakes import in_plain_words
from .yaml_values import HAS_YAML, DocumentLoader, LargeDocumentLoader

try:
    import yaml
except ImportError:
    # yaml_values.HAS_YAML says so.
    pass

MAX_BYTES = 64 * 1024 * 1024
# Characters from which on a YAML file is read by libyaml, where PyYAML has it.
LARGE = 256 * 1024


def read_bytes(path: str) -> bytes:
    """The content of a file. Raises PolicyError for one that can't be read or is larger than any policy should be."""
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        found = getattr(error, "strerror", None) or str(error)
        if isinstance(error, FileNotFoundError) and os.path.islink(path):
            found = f"a symbolic link to {os.readlink(path)}, which is not there"
        near = near_files(path) if isinstance(error, FileNotFoundError) else ()
        raise PolicyError([Problem(path, "", found, "a file that can be read", near)]) from error
    if len(content) > MAX_BYTES:
        raise PolicyError([Problem(path, "", f"more than {MAX_BYTES} bytes", "a smaller file")])
    return content


def near_files(path: str) -> tuple[str, ...]:
    """Up to three files that are there and whose names look like one that is not."""
    directory, name = os.path.split(path)
    try:
        names = os.listdir(directory or ".")
    except OSError:
        return ()
    return tuple(os.path.join(directory, near) for near in get_close_matches(name, sorted(set(names) - {name}), n=3, cutoff=0.7))


def load_document(content: bytes, path: str) -> Any:
    """The one document of a YAML or JSON file as plain data; dates stay text. Raises PolicyError, duplicate keys included."""
    document, problems = read_document(content, path)
    if problems:
        raise PolicyError(problems)
    return document


def read_document(content: bytes, path: str) -> tuple[Any, list[Problem]]:
    """As load_document, but what is wrong with single keys and values is told beside the document, so that its reader finds the rest.

    In the document such values are plain_types.INVALID. Raises PolicyError for a file that is no document at all.
    """
    text = decoded(content, path)
    loaded, problems = _load_json(text, path) if path.lower().endswith(".json") else _load_yaml(text, path)
    try:
        return sanitize(loaded, path), problems
    except NotSanitized as error:
        problems.extend(error.problems)
        if isinstance(error.copied, Invalid):
            raise PolicyError(located(problems, text, path)) from error
        return error.copied, problems


def decoded(content: bytes, path: str) -> str:
    """The text of a file in UTF-8, with or without a byte order mark. Raises PolicyError."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise PolicyError([_no_document(path, "UTF-16", "a file in UTF-8; save it with this encoding", 1, 1)]) from error
        line = content[: error.start].count(b"\n") + 1
        before = content[content.rfind(b"\n", 0, error.start) + 1 : error.start].decode("utf-8", "replace")
        found = f"the byte 0x{content[error.start]:02x}, which is not UTF-8"
        raise PolicyError([_no_document(path, found, "a file in UTF-8; save it with this encoding", line, len(before) + 1)]) from error


def _no_document(path: str, found: str, expected: str, line: int = 0, column: int = 0, kind: str = STRUCTURE) -> Problem:
    return Problem(path, "" if line else "$", found, expected, kind=kind, line=line, column=column)


def _load_yaml(text: str, path: str) -> tuple[Any, list[Problem]]:
    if not HAS_YAML:
        expected = "the Python package PyYAML (pip install pyyaml), or a file in JSON"
        raise PolicyError([_no_document(path, "no PyYAML for the Python that runs here", expected, kind=MEANING)])
    try:
        if len(text) > LARGE:
            try:
                return _constructed(LargeDocumentLoader(text), path)
            except (yaml.YAMLError, ValueError, RecursionError):
                # What is wrong is said by the reader of all other documents.
                pass
        return _constructed(DocumentLoader(text), path)
    except yaml.MarkedYAMLError as error:
        found, expected, at = in_plain_words(error)
        raise PolicyError([_no_document(path, found, expected, *(mark_of(at) if at else ()))]) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        found = f"the control character {show(text[error.position : error.position + 1])}"
        raise PolicyError([_no_document(path, found, "text without control characters", line, column)]) from error
    except yaml.YAMLError as error:
        raise PolicyError([_no_document(path, str(error).splitlines()[0], "YAML")]) from error
    except RecursionError as error:
        raise PolicyError([_no_document(path, "a document nested ever deeper", "a document nested less deeply", kind=MEANING)]) from error
    except (ValueError, TypeError, OverflowError, LookupError, AttributeError) as error:
        # SafeLoader lets errors of int(), base64 and hashing out unwrapped.
        raise PolicyError([_no_document(path, str(error).splitlines()[0] if str(error) else "a mistake", "YAML")]) from error


def _constructed(loader: Any, path: str) -> tuple[Any, list[Problem]]:
    try:
        node = loader.get_single_node()
        if node is None:
            return None, []
        problems = list(_keys_twice(node, path))
        return loader.construct_document(node), problems
    finally:
        loader.dispose()


def _keys_twice(root: Any, file: str) -> Iterator[Problem]:
    """A problem for each key that a mapping has a second time: YAML would silently take the last one."""
    seen = set()
    waiting: list[tuple[Any, tuple[Any, ...]]] = [(root, ())]
    while waiting:
        node, steps = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting.extend((item, (steps, index)) for index, item in enumerate(node.value))
        # Another kind of node comes here by an explicit tag (!!map [1]); constructing refuses it.
        if not isinstance(node, yaml.MappingNode):
            continue
        lines: dict[str, int] = {}
        for key, value in node.value:
            waiting.append((value, (steps, key_text(key))))
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            mark = mark_of(key.start_mark)
            if key.value in lines:
                yield _twice(file, _path_of((steps, key_text(key))), key.value, f" (first on line {lines[key.value]})", *mark)
            lines.setdefault(key.value, mark.line)


def _path_of(steps: tuple[Any, ...]) -> str:
    return child(_path_of(steps[0]), steps[1]) if steps else "$"


def _twice(file: str, path: str, key: str, first: str, line: int = 0, column: int = 0) -> Problem:
    found = f"the key {show(key)} a second time{first}"
    return Problem(file, path, found, "each key once", kind=STRUCTURE, of_key=True, line=line, column=column)


def _load_json(text: str, path: str) -> tuple[Any, list[Problem]]:
    double = False

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal double
        found = dict(items)
        double = double or len(found) < len(items)
        return found

    try:
        loaded = json.loads(text, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        expected = "JSON; look at this place and just before it (no comma after the last item, text and keys in double quotes, no comments)"
        raise PolicyError([_no_document(path, _lower(error.msg), expected, error.lineno, error.colno)]) from error
    except (RecursionError, ValueError) as error:
        raise PolicyError([_no_document(path, str(error).splitlines()[0], "JSON")]) from error
    if not double:
        return loaded, []
    return loaded, [_twice(path, where, key, f" (first on line {first})", *mark) for where, key, first, mark in json_keys_twice(text)]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
