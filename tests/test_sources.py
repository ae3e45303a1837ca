"""Hashes of code: what is done counts, what is said about it does not, in every process."""

import subprocess
import sys

from mmsa_utils.sources import class_digest, source_digest

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
