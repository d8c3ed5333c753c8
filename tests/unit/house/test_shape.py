# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of the code: no modules that import each other in a circle, and no function that doesn't fit on a screen."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PLUGINS = ROOT / "plugins"
MOST_LINES = 60
OURS = "ansible_collections.appban.endpoint."
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in PLUGINS.rglob("*.py") if path.name != "__init__.py"}


def imported(module: str, tree: ast.AST) -> Iterator[str]:
    """Our modules that a module imports, wherever it does and whoever reads it: a type checker's import is one too."""
    package = module.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *((node.module or "").removeprefix(OURS).split("."))]).strip(".")
            for each in (name, *(f"{name}.{alias.name}" for alias in node.names)):
                if each in MODULES and each != module:
                    yield each


def circle(imports: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle; none where there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def long_functions(source: str, most: int = MOST_LINES) -> list[str]:
    """Functions of a module with more lines than that, docstring and all."""
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return [node.name for node in found if (node.end_lineno or node.lineno) - node.lineno + 1 > most]


def test_no_modules_import_each_other_in_a_circle() -> None:
    imports = {name: set(imported(name, ast.parse(path.read_text(encoding="utf-8")))) for name, path in MODULES.items()}
    assert sum(map(len, imports.values())) > 1000, "the imports were read"
    assert circle(imports) == []


def test_a_circle_is_seen() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert set(imported("plugins.modules.intune", ast.parse("def f():\n    from ..module_utils.engine import plan"))) == {
        "plugins.module_utils.engine.plan"
    }


def test_functions_fit_on_a_screen() -> None:
    found = {str(path.relative_to(ROOT)): long_functions(path.read_text(encoding="utf-8")) for path in MODULES.values()}
    assert {path: names for path, names in found.items() if names} == {}


def test_a_long_function_is_seen() -> None:
    assert long_functions("def f():\n" + "    x = 1\n" * 3, most=3) == ["f"]
    assert long_functions("def f():\n" + "    x = 1\n" * 2, most=3) == []
