"""Links of pages, notebooks and the site: those that lead nowhere are found, sound ones are not."""

import nbformat
import pytest

from mmsa_utils.paths import PROJECT

from . import links

OTHER = """# The other page

## What's new, in 2 lines?
## What's new, in 2 lines?
## `code` and *more*

<a id="mark"></a>

## 参考文献
"""


@pytest.fixture
def project(tmp_path):
    """A folder with a page to link to, a picture, a notebook, and what is not the project's."""
    (tmp_path / "other.md").write_text(OTHER, encoding="utf-8")
    (tmp_path / "a picture.png").write_bytes(b"")
    (tmp_path / "book.ipynb").write_text(notebook("# The book\n\n## Try it\n\n## Why?"))
    for made in ("out", ".hidden"):
        (tmp_path / made).mkdir()
        (tmp_path / made / "made.md").write_text("[nowhere](nowhere.md)")
    return tmp_path


def notebook(*texts: str) -> str:
    """A notebook of markdown cells, as it stands in a file."""
    cells = [nbformat.v4.new_markdown_cell(text) for text in texts]
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells))


def test_the_course_has_no_link_that_leads_nowhere():
    assert links.check_pages(PROJECT) == []


@pytest.mark.parametrize(
    "target",
    [
        "other.md",
        "other.md#the-other-page",
        "other.md#whats-new-in-2-lines",
        "other.md#whats-new-in-2-lines-1",
        "other.md#code-and-more",
        "other.md#mark",
        "other.md#参考文献",
        "#here",
        "book.ipynb",
        "book.ipynb#Try-it",
        "a%20picture.png",
        "https://example.org/nowhere#at-all",
    ],
)
def test_a_link_that_leads_somewhere_is_right(project, target):
    (project / "page.md").write_text(f"# Here\n\nA [link]({target}).", encoding="utf-8")
    assert links.check_pages(project) == []


@pytest.mark.parametrize(
    ("target", "wrong"),
    [
        ("nowhere.md", "is not there"),
        ("Other.md", "is not there"),
        ("other.md#The-other-page", "has no such place"),
        ("other.md#whats-new-in-2-lines-2", "has no such place"),
        ("#there", "has no such place"),
        ("book.ipynb#try-it", "has no such place"),  # JupyterLab does not find it
        ("book.ipynb#Why?", "has no such place"),  # the site does not
        ("a%20picture.png#top", "has no such place"),
        ("out/made.md", "is not part of the project"),
        ("../", "is not part of the project"),
    ],
)
def test_a_link_that_leads_nowhere_is_named_with_its_line(project, target, wrong):
    (project / "page.md").write_text(f"# Here\n\nA [link]({target}).", encoding="utf-8")
    assert links.check_pages(project) == [f"page.md, line 3: {target} {wrong}"]


@pytest.mark.parametrize(
    "text",
    [
        "![a picture](nowhere)",
        "[a][b]\n\n[b]: nowhere",
        'some <img src="nowhere"> inside',
        '<p>\n<a href="nowhere">x</a>\n</p>',
        "| a |\n|---|\n| [x](nowhere) |",
    ],
)
def test_each_way_to_link_is_read(project, text):
    (project / "page.md").write_text(text)
    (wrong,) = links.check_pages(project)
    assert wrong.endswith("nowhere is not there")


def test_what_only_looks_like_a_link_is_none(project):
    (project / "page.md").write_text("`[x](nowhere)`\n\n```\n[x](nowhere)\n```\n")
    assert links.check_pages(project) == []


def test_a_link_of_a_notebook_is_named_with_its_cell(project):
    (project / "more.ipynb").write_text(notebook("# More", "Text\n\n[x](nowhere.md)"))
    assert links.check_pages(project) == ["more.ipynb, cell 2, line 3: nowhere.md is not there"]


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ('<a href="#top">x</a><p id="top"></p><a href="https://example.org">y</a>', []),
        ('<a href="two.html">x</a>', ["one.html: two.html is not there"]),
        ('<a href="#top">x</a>', ["one.html: #top has no such place"]),
        (
            '<script src="https://example.org/x.js"></script>',
            ["one.html: https://example.org/x.js would be fetched from the web"],
        ),
    ],
)
def test_a_site_is_checked_as_a_browser_finds_it(tmp_path, html, said):
    (tmp_path / "one.html").write_text(html)
    assert links.check_site(tmp_path) == said


def test_the_command_says_what_is_wrong_and_ends_with_1(project, capsys):
    options = [str(project), "--site", str(project / "site")]
    assert links.main(options) == 0
    assert capsys.readouterr().out == "Every link leads somewhere.\n"
    (project / "page.md").write_text("[x](nowhere)")
    assert links.main(options) == 1
    assert "page.md, line 1: nowhere is not there" in capsys.readouterr().out
