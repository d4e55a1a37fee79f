"""Every template that the source says, found by reading it: each argument of `say` comes down to literals."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import app

SOURCE = Path(app.__file__).parent

#: The status phrases, which are said by their status.
PHRASES = [status.phrase for status in HTTPStatus if status >= 400]

Names = dict[str, list[ast.expr]]
Function = ast.FunctionDef | ast.AsyncFunctionDef


class UnclearError(Exception):
    """The template of a `say` is put together where nobody can read it: give it a whole literal."""


def templates() -> dict[str, str]:
    """Template → where it is said."""
    return {template: place for file in sorted(SOURCE.rglob("*.py")) for template, place in templates_of(file)}


def templates_of(file: Path) -> Iterator[tuple[str, str]]:
    """The templates of one file, and where they are said."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for call, scopes in _calls(tree, [_assigned(tree)]):
        place = f"{file.relative_to(SOURCE.parent)}:{call.lineno}"
        try:
            found = list(_literals(call.args[0], scopes))
        except UnclearError as error:
            raise UnclearError(f"{place}: {ast.unparse(call.args[0])}") from error
        yield from ((template, place) for template in found)


def _calls(node: ast.AST, scopes: list[Names]) -> Iterator[tuple[ast.Call, list[Names]]]:
    """The calls of `say`, each with what is assigned in its function and around it."""
    for child in ast.iter_child_nodes(node):
        inner = [*scopes, _assigned(child)] if isinstance(child, Function) else scopes
        if isinstance(child, ast.Call) and isinstance(child.func, ast.Name) and child.func.id == "say":
            yield child, inner
        yield from _calls(child, inner)


def _assigned(scope: ast.AST) -> Names:
    """What each name is assigned in a module or a function, its inner functions left out."""
    found: Names = {}
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        if isinstance(node, Function):
            continue
        waiting += ast.iter_child_nodes(node)
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            for name, value in _pairs(target, getattr(node, "value", None)):
                found.setdefault(name, []).append(value)
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            found.setdefault(node.target.id, []).append(ast.BinOp(node.target, node.op, node.value))  # none is whole
    return found


def _pairs(target: ast.expr, value: ast.expr | None) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name) and value is not None:
        yield target.id, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for part, own in zip(target.elts, value.elts, strict=False):
            yield from _pairs(part, own)


def _literals(expression: ast.expr, scopes: list[Names]) -> Iterator[str]:
    """The strings that an expression may come to: by a choice, a name, or the entry of a table."""
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        yield expression.value
    elif isinstance(expression, ast.IfExp):
        yield from _literals(expression.body, scopes)
        yield from _literals(expression.orelse, scopes)
    elif isinstance(expression, ast.Subscript):
        yield from _literals(expression.value, scopes)
    elif isinstance(expression, ast.Dict):
        for value in expression.values:
            yield from _literals(value, scopes)
    elif isinstance(expression, ast.Attribute) and expression.attr == "phrase":
        yield from PHRASES
    elif isinstance(expression, ast.Name):
        values = next((names[expression.id] for names in reversed(scopes) if expression.id in names), None)
        if values is None:
            raise UnclearError
        for value in values:
            yield from _literals(value, scopes)
    else:
        raise UnclearError
