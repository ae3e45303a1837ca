"""What README.md shows first."""

import nbformat
import pytest

from mmsa_utils.config import LABELS
from mmsa_utils.experiments.front import example, notebook_minutes
from mmsa_utils.paths import PROJECT


def test_the_example_is_a_post_of_the_demo_set_with_the_networks_answer():
    shown = example()
    assert shown["text"].startswith("What a treat")
    assert (PROJECT / shown["image"]).is_file()
    assert shown["label"] == "positive"
    assert list(shown["says"]) == ["text and picture", "the text alone", "the picture alone"]
    for probabilities in shown["says"].values():
        assert tuple(probabilities) == LABELS
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("says", "minutes"),
    [
        ("**Time**: about 3 minutes on 2 CPU cores, 1 with a GPU.", ("3", "1")),
        ("- **Time** about 1 minute on 2 CPU cores,\n  about 0.5 with a GPU", ("1", "0.5")),
        ("**Time**: about 2 minutes on 2 CPU cores, the same with a GPU", ("2", "2")),
        ("**Time**: half a minute on 2 CPU cores, and as long with a GPU", ("½", "½")),
        ("**Time**: not long", ("?", "?")),
    ],
)
def test_minutes_are_those_that_a_notebook_names(says, minutes, tmp_path):
    cells = [nbformat.v4.new_markdown_cell(f"# 3 · Text\n\n{says}")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "03_text.ipynb")
    assert notebook_minutes([tmp_path / "03_text.ipynb"]) == {3: minutes}
