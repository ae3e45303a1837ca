"""Hashes of code: what computed a number is part of the name under which it is kept."""

import ast
import dis
import hashlib
import sys
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cache, cached_property, partial, partialmethod
from pathlib import Path
from types import CellType, CodeType, EllipsisType, FunctionType, MethodType, ModuleType
from typing import Any


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


# ---- code without a file ----------------------------------------------------------------

_PLAIN = str | bytes | int | float | complex | range | slice | EllipsisType | Enum | None
_METHODS = MethodType | staticmethod | classmethod | property | cached_property
_HOLDERS = _METHODS | partial | partialmethod  # of functions
_HELD = ("__self__", "__func__", "__wrapped__", "func", "args", "keywords", "fget", "fset")
# What Python writes into a class, some of it only once it is asked for or pickled, and no method
# depends on.
_ABOUT = {"__module__", "__doc__", "__firstlineno__", "__static_attributes__", "__slotnames__"}
_ABOUT |= {"__annotations__", "__annotations_cache__", "__annotate__", "__annotate_func__"}


def class_digest(kind: type) -> str:
    """A hash of what a class does, also where no file has it, as in a notebook.

    Its methods count, under decorators too, with the defaults of their arguments; its constants;
    the classes that it inherits from; and the values, functions and classes that its methods
    find by name. Of what a library has, only the name counts; of an object that is neither plain
    nor an array or tensor, only the class.
    """
    return _digest([repr(_of_class(kind, set()))])


def described(value: object) -> str:
    """What a value is, alike in every process; nothing where that cannot be told.

    Functions and classes of a notebook are told by what they do, those of a library by name,
    arrays and tensors by their numbers, and what is in a list by all of this.
    """
    known = _known(value, set())
    if known is None:
        return ""
    return known if isinstance(known, str) else repr(known)


_Told = str | list[Any]  # a list of these in turn


def _known(value: Any, seen: set[int]) -> _Told | None:
    """As `described`; `seen` has the functions and classes that have been told already."""
    if isinstance(value, _PLAIN):
        return repr(value)
    if isinstance(value, CodeType):
        return _code(value)
    if isinstance(value, type):
        return _name(value) if _is_library(value.__module__) else _of_class(value, seen)
    if isinstance(value, FunctionType):
        return _of_function(value, seen)
    if isinstance(value, ModuleType):
        return _of_module(value)
    if isinstance(value, set | frozenset):  # their order differs from process to process
        return sorted((_told(part, seen) for part in value), key=repr)
    if isinstance(value, dict):
        value = list(value.items())
    if isinstance(value, list | tuple):
        return [_told(part, seen) for part in value]
    if isinstance(value, _HOLDERS) or hasattr(type(value), "cache_info"):  # of functools
        return [_told(getattr(value, name, None), seen) for name in _HELD]
    if hasattr(type(value), "dtype") and hasattr(type(value), "tolist"):
        return [str(value.dtype), _told(value.tolist(), seen)]
    return None


def _told(value: object, seen: set[int]) -> _Told:
    """As `_known`, and where that is nothing the value's class, with a name if it has one."""
    known = _known(value, seen)
    if known is None:
        return [_known(type(value), seen), str(getattr(value, "__name__", ""))]
    return known


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _of_module(module: ModuleType) -> str:
    file = Path(getattr(module, "__file__", None) or "")
    own = file.suffix == ".py" and not _is_library(module.__name__)
    return source_digest([file]) if own else module.__name__


def _code(code: CodeType) -> _Told:
    constants = [_told(constant, set()) for constant in code.co_consts]
    return [code.co_code.hex(), list(code.co_names), constants]


def _of_class(kind: type, seen: set[int]) -> _Told:
    if id(kind) in seen:
        return kind.__qualname__
    seen.add(id(kind))
    parts: list[_Told] = []
    for base in kind.__mro__:
        if base is not kind and _is_library(base.__module__):
            parts.append(_name(base))
        else:
            own = {name: value for name, value in vars(base).items() if name not in _ABOUT}
            parts += _pairs(own, seen)
    return parts


def _of_function(function: FunctionType, seen: set[int]) -> _Told:
    inside = getattr(function, "__wrapped__", None)
    if _is_library(function.__globals__.get("__name__", "")):  # a decorator's, if it wraps one
        name = f"{function.__globals__['__name__']}.{function.__code__.co_qualname}"
        if inside is None:
            return name
        return [name, _told(inside, seen), *_pairs(_around(function), seen)]
    if id(function) in seen:
        return function.__qualname__
    seen.add(id(function))
    given = (function.__defaults__, function.__kwdefaults__, inside)
    names = _global_names(function.__code__) & set(function.__globals__)
    found = {name: function.__globals__[name] for name in names} | _around(function)
    told = [_told(part, seen) for part in given]
    return [_code(function.__code__), *told, *_pairs(found, seen)]


def _pairs(values: Mapping[str, Any], seen: set[int]) -> list[_Told]:
    return [[name, _told(value, seen)] for name, value in sorted(values.items())]


_EMPTY = CellType()  # of a name that has no value yet


def _around(function: FunctionType) -> dict[str, Any]:
    """What a function finds by name in the functions around it, by name."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {name: cell.cell_contents for name, cell in cells if cell != _EMPTY}


def _global_names(code: CodeType) -> set[str]:
    """The names of a module that code reads, in functions inside of it too."""
    loads = (step for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL")
    inner = (_global_names(part) for part in code.co_consts if isinstance(part, CodeType))
    return {step.argval for step in loads}.union(*inner)


@cache
def _is_library(module: str) -> bool:
    """Whether a module is of this package, of Python or installed: named by its version."""
    top = module.partition(".")[0]
    file = getattr(sys.modules.get(top), "__file__", None) or ""
    installed = not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)
    known = installed or top in {__package__, *sys.stdlib_module_names}
    return known and top != "__main__"
