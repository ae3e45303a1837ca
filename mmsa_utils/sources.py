"""Hashes of code: what computed a number is part of the name under which it is kept."""

import ast
import hashlib
from collections.abc import Iterable
from pathlib import Path
from types import CodeType


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, _Documented) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def source_digest(files: Iterable[Path]) -> str:
    """A hash of what Python files do: comments, docstrings and layout do not count."""
    trees = (_without_docstrings(ast.parse(file.read_text("utf-8"))) for file in sorted(files))
    return _digest(ast.dump(tree) for tree in trees)


def _constant(value: object) -> str:
    if isinstance(value, CodeType):
        return _code(value)
    if isinstance(value, frozenset):  # their order differs from process to process
        return repr(sorted(map(_constant, value)))
    return repr(value)


def _code(code: CodeType) -> str:
    return repr([code.co_code.hex(), code.co_names, *map(_constant, code.co_consts)])


def class_digest(kind: type) -> str:
    """A hash of what a class's own methods do, also where no file has them, as in a notebook."""
    methods = (getattr(value, "__func__", value) for value in vars(kind).values())
    codes = [method.__code__ for method in methods if hasattr(method, "__code__")]
    return _digest(_code(code) for code in codes)
