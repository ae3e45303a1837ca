"""Hashes of code: what is done counts, what is said about it does not, in every process."""

import inspect
import pickle
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest

from mmsa_utils.sources import class_digest, described, source_digest

CODE = '''"""A module."""

def double(x: int) -> int:
    """Twice as much."""
    return 2 * x  # two
'''


def digest(tmp_path, code):
    (tmp_path / "module.py").write_text(code)
    return source_digest([tmp_path / "module.py"])


def test_comments_docstrings_and_layout_do_not_count_and_a_constant_does(tmp_path):
    plain = digest(tmp_path, CODE)
    said = (
        CODE.replace("Twice as much", "Two times").replace("# two", "# 2").replace("2 * x", "2*x")
    )
    assert digest(tmp_path, said) == plain
    assert digest(tmp_path, CODE.replace("2 * x", "3 * x")) != plain


def test_files_count_in_any_order(tmp_path):
    files = [tmp_path / "a.py", tmp_path / "b.py"]
    for number, file in enumerate(files):
        file.write_text(f"x = {number}")
    assert source_digest(files) == source_digest(files[::-1]) != source_digest(files[:1])


CLASS = """
class Own:
    def seen(self, word):
        return word in {{"alpha", "beta", "gamma", "delta"}} or (lambda: {number})()
"""


def test_a_class_is_named_by_what_its_methods_do_in_every_process():
    code = f"{CLASS.format(number=1)}\nfrom mmsa_utils.sources import class_digest\n"
    code += "print(class_digest(Own))"
    said = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={
            "PYTHONHASHSEED": seed}).stdout.strip()
        for seed in ("1", "2", "3")
    ]  # fmt: skip
    here: dict = {}
    exec(CLASS.format(number=1), here)
    assert set(said) == {class_digest(here["Own"])}
    exec(CLASS.format(number=2), here)
    assert class_digest(here["Own"]) not in said


# What a class `Own` depends on, by what it is: the number is the change.
PARTS = {
    "a constant": "class Own: WIDE = {n}",
    "constants in a set": "class Own: WORDS = {{'a', 'b', 'c', 'd', {n}}}",
    "an array": "import numpy\nclass Own: WEIGHTS = numpy.array([0, {n}])",
    "a default": "class Own:\n def seen(self, wide={n}): return wide",
    "a default by name": "class Own:\n def seen(self, *, wide={n}): return wide",
    "a property": "class Own:\n @property\n def wide(self): return {n}",
    "a remembered property": "from functools import cached_property\n"
    "class Own:\n @cached_property\n def wide(self): return {n}",
    "a remembered method": "from functools import cache\n"
    "class Own:\n @cache\n def wide(self): return {n}",
    "a class method": "class Own:\n @classmethod\n def wide(cls): return {n}",
    "a decorated method": "from contextlib import contextmanager\n"
    "class Own:\n @contextmanager\n def wide(self): yield {n}",
    "a decorator of a library": "from contextlib import ContextDecorator\n"
    "class First(ContextDecorator):\n"
    " def __enter__(self): pass\n"
    " def __exit__(self, *error): pass\n"
    "class Second(First): deep = True\n"
    "class Own:\n @[First, Second][{n} - 1]()\n def wide(self): return 1",
    "an own decorator": "from functools import wraps\n"
    "def times(n):\n"
    " def wrap(f):\n"
    "  @wraps(f)\n"
    "  def wrapped(self): return n * f(self)\n"
    "  return wrapped\n"
    " return wrap\n"
    "class Own:\n @times({n})\n def wide(self): return 1",
    "a part of a call": "from functools import partialmethod\n"
    "class Own:\n def seen(self, wide): return wide\n same = partialmethod(seen, {n})",
    "what is inherited": "class Base:\n def wide(self): return {n}\nclass Own(Base): pass",
    "the library's class": "import collections as c\n"
    "class Own([c.OrderedDict, c.Counter, c.UserDict][{n}]): pass",
    "a constant outside": "WIDE = {n}\nclass Own:\n def wide(self): return WIDE",
    "a function outside": "def half(x): return x / {n}\n"
    "class Own:\n def seen(self, x): return [half(y) for y in x]",
    "a class outside": "class Block:\n WIDE = {n}\n"
    "class Own:\n def __init__(self): self.block = Block()",
    "what is around": "def make(wide):\n class Own:\n  def seen(self): return wide\n return Own\n"
    "Own = make({n})",
}


def digest_of(code):
    space: dict = {"__name__": "__main__"}
    exec(code, space)
    return class_digest(space["Own"])


@pytest.mark.parametrize("part", PARTS)
def test_whatever_a_class_depends_on_counts(part):
    first, second = (digest_of(PARTS[part].format(n=n)) for n in (1, 2))
    assert first != second
    assert first == digest_of(PARTS[part].format(n=1))


def test_all_of_it_is_told_alike_in_every_process():
    codes = [code.format(n=1) for code in PARTS.values()]
    script = (
        "from mmsa_utils.sources import class_digest\n"
        f"for code in {codes!r}:\n"
        "    space = {'__name__': '__main__'}\n"
        "    exec(code, space)\n"
        "    print(class_digest(space['Own']))\n"
    )
    for seed in ("1", "2"):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env={
            "PYTHONHASHSEED": seed})  # fmt: skip
        assert done.stdout.split() == [digest_of(code) for code in codes]


def test_what_is_said_of_a_class_and_what_it_does_not_read_count_for_nothing():
    plain = "class Own:\n WIDE = 1\n def seen(self, x): return x.other"
    said = plain.replace("Own:", 'Own:\n "What it is."')
    assert digest_of(f"# first\n\nother = 5\n{said}") == digest_of(plain)


def test_a_class_that_has_been_pickled_or_asked_for_its_hints_is_the_same():
    class Own:
        wide: int = 1

    before = class_digest(Own)
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(Own())
    assert "__slotnames__" in vars(Own), "pickling has written it there"
    assert inspect.get_annotations(Own) == {"wide": int}
    assert class_digest(Own) == before


def test_a_class_that_names_itself_or_an_empty_name_has_a_digest():
    assert digest_of("class Own:\n def same(self): return super().__eq__(Own)")
    later = "def make():\n class Own:\n  def seen(self): return late\n return Own\n late = 1"
    assert digest_of(f"{later}\nOwn = make()")


def test_values_are_told_by_what_they_are_and_objects_are_not():
    assert described(np.int64(3)) != described(np.int64(4))
    numbers = np.zeros(5000)
    before = described(numbers)
    numbers[2500] = 1
    assert described(numbers) != before
    assert described(lambda: 1) != described(lambda: 2)
    assert described(object()) == ""


def test_a_module_beside_the_notebook_is_told_by_its_source(tmp_path):
    module = ModuleType("layers")
    module.__file__ = str(tmp_path / "layers.py")
    (tmp_path / "layers.py").write_text("WIDE = 1")
    before = described(module)
    (tmp_path / "layers.py").write_text("WIDE = 2  # changed")
    assert described(module) != before
    assert described(np) == "numpy"
