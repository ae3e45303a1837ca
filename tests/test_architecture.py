"""Every public name says what it does, and notebooks import from folders.

Which folder may import which is import-linter's business, types are mypy's: both in `make lint`.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from mmsa_utils.experiments.notebooks import notebook_files
from mmsa_utils.paths import PROJECT

from .links import MADE

PACKAGE = PROJECT / "mmsa_utils"
MODULES = sorted(PACKAGE.rglob("*.py"))
FOLDERS = sorted(file.parent for file in PACKAGE.glob("*/__init__.py"))


def name_of(file: Path) -> str:
    return str(file.relative_to(PACKAGE))


def is_public(name: str) -> bool:
    return not name.startswith("_")


def promised() -> set[str]:
    """Names of methods that the package's protocols document, once for all who have them."""
    classes = [
        node
        for file in MODULES
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.ClassDef) and "Protocol" in map(ast.unparse, node.bases)
    ]
    methods = [m for node in classes for m in node.body if isinstance(m, ast.FunctionDef)]
    return {method.name for method in methods if ast.get_docstring(method)}


# What `forward` of a torch module takes is often the class's docstring's to say.
ELSEWHERE = promised() | {"forward"}


def public_definitions(file: Path) -> Iterator[tuple[str, ast.AST]]:
    """Public functions and classes of a module, and the public methods of such classes."""
    for node in ast.parse(file.read_text()).body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or not is_public(node.name):
            continue
        if "overload" in map(ast.unparse, node.decorator_list):
            continue  # the function itself follows
        yield node.name, node
        for member in node.body if isinstance(node, ast.ClassDef) else []:
            if isinstance(member, ast.FunctionDef) and is_public(member.name):
                yield f"{node.name}.{member.name}", member


def untyped(function: ast.FunctionDef) -> list[str]:
    """What a function's signature leaves without a type; `self` and `cls` need none."""
    a = function.args
    parameters = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, [a.vararg, a.kwarg])]
    missing = [p.arg for p in parameters if p.annotation is None and p.arg not in ("self", "cls")]
    return missing if function.returns else [*missing, "return"]


def test_every_folder_of_the_package_is_a_package():
    with_code = {file.parent for file in MODULES}
    assert {folder for folder in with_code if not (folder / "__init__.py").exists()} == set()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_folder_says_what_lives_there_and_what_it_exports(folder):
    tree = ast.parse((folder / "__init__.py").read_text())
    assigned = [t.id for n in tree.body if isinstance(n, ast.Assign) for t in n.targets]
    assert ast.get_docstring(tree)
    assert "__all__" in assigned


@pytest.mark.parametrize("file", MODULES, ids=name_of)
def test_every_public_name_is_documented_and_typed(file):
    definitions = list(public_definitions(file))
    assert ast.get_docstring(ast.parse(file.read_text()))
    silent = [name for name, node in definitions if not ast.get_docstring(node)]
    assert [name for name in silent if name.partition(".")[2] not in ELSEWHERE] == []
    signatures = {n: untyped(node) for n, node in definitions if isinstance(node, ast.FunctionDef)}
    assert {name: missing for name, missing in signatures.items() if missing} == {}


def code_of(file: Path) -> ast.Module:
    """A notebook's code without the lines that only IPython understands."""
    cells = [c for c in nbformat.read(file, as_version=4).cells if c.cell_type == "code"]
    lines = "\n".join(cell.source for cell in cells).splitlines()
    return ast.parse("\n".join(line for line in lines if not line.startswith(("%", "!"))))


@pytest.mark.parametrize("file", notebook_files(), ids=lambda file: file.stem)
def test_a_notebook_imports_from_folders_and_uses_no_private_name(file):
    nodes = list(ast.walk(code_of(file)))
    froms = [n for n in nodes if isinstance(n, ast.ImportFrom)]
    plain = [alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names]
    modules = [*plain, *(n.module for n in froms)]
    assert any(module.startswith("mmsa_utils") for module in modules)
    assert [m for m in modules if m.startswith("mmsa_utils") and m.count(".") > 1] == []
    used = [n.attr for n in nodes if isinstance(n, ast.Attribute)]
    used += [alias.name for n in froms for alias in n.names]
    used = [name for name in used if not re.fullmatch(r"__\w+__", name)]  # Python's own
    assert [name for name in used if not is_public(name)] == []


@pytest.mark.parametrize("file", notebook_files(), ids=lambda file: file.stem)
def test_a_notebook_takes_its_classes_and_heads_from_the_posts(file):
    froms = [node for node in ast.walk(code_of(file)) if isinstance(node, ast.ImportFrom)]
    assert {"LABELS", "HEADS"} & {alias.name for node in froms for alias in node.names} == set()


def test_the_layout_in_the_readme_names_every_folder():
    readme = (PROJECT / "README.md").read_text()
    layout = re.search(r"^## Layout\n(.*?)(?=^## |\Z)", readme, re.MULTILINE | re.DOTALL)
    assert layout
    top = [path for path in PROJECT.iterdir() if path.is_dir() and path.suffix != ".egg-info"]
    names = {path.name for path in [*top, *FOLDERS]} - MADE
    shown = {name for name in names if not name.startswith(".")}
    assert {name for name in shown if f"{name}/" not in layout[1]} == set()
