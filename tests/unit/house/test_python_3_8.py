# Copyright (c) 2026 appban contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What linters miss of Python 3.8: type expressions that it evaluates when the module is imported."""

from __future__ import annotations

import ast

import host_code
import pytest
import working_copy

# Subscripting these needs Python 3.9; ``X | Y`` between them needs 3.10. In annotations neither is evaluated.
BUILTIN_TYPES = {"list", "dict", "tuple", "set", "frozenset", "type"}
PLAIN_TYPES = BUILTIN_TYPES | {"str", "int", "float", "bool", "bytes", "object"}


class RuntimeTypes(ast.NodeVisitor):
    """Collect type expressions outside annotations that Python 3.8 can't evaluate."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.visit(node.value)

    def visit_arg(self, node: ast.arg) -> None:
        """Leave the annotation of an argument alone."""

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for part in (*node.decorator_list, node.args, *node.body):
            self.visit(part)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.value, ast.Name) and node.value.id in BUILTIN_TYPES:
            self.found.append(f"line {node.lineno}: {ast.unparse(node)}")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        sides = (node.left, node.right)
        named = any(isinstance(side, ast.Name) and side.id in PLAIN_TYPES for side in sides)
        none = any(isinstance(side, ast.Constant) and side.value is None for side in sides)
        if isinstance(node.op, ast.BitOr) and (named or none):
            self.found.append(f"line {node.lineno}: {ast.unparse(node)}")
        self.generic_visit(node)


def runtime_types(source: str) -> list[str]:
    visitor = RuntimeTypes()
    visitor.visit(ast.parse(source))
    return visitor.found


def test_host_code_evaluates_no_type_that_python_3_8_lacks() -> None:
    reached = host_code.files()
    assert reached
    found = {str(path): runtime_types((working_copy.CHECKOUT / path).read_text(encoding="utf-8")) for path in reached}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "source", ["A = list[int]", "A = str | None", "cast(dict[str, int], x)", "def f(x=tuple[int]): ...", "isinstance(x, int | str)"]
)
def test_runtime_types_are_noticed(source: str) -> None:
    assert len(runtime_types(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "x: list[int] = []",
        "def f(a: str | None = None) -> dict[str, int]: return {}",
        "A = one | other",
        "A = Dict[str, int]",
        "x = list_[0]",
    ],
)
def test_other_expressions_are_let_through(source: str) -> None:
    assert runtime_types(source) == []
