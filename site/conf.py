"""The course as a static site, with navigation and search: `make site`.

Sphinx reads a copy of the pages, in out/site-source, in which a few links are changed; the pages
themselves are written for GitHub and JupyterLab. Notebooks are shown as they were saved: nothing is
run. Nothing is fetched either, here or by a browser that reads the site.
"""

import re
import shutil
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

PROJECT = Path(__file__).parents[1]
PAGES = ["*.md", "data/README.md", "notebooks/*.ipynb", "notebooks/solutions/*.ipynb"]
LINK = re.compile(r"\]\(([^)#:\s]+)")

project = "Multimodal sentiment analysis"
html_title = project
extensions = ["myst_nb"]
exclude_patterns = [".doctrees"]

nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # else from a CDN; a widget is shown as its text
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
myst_heading_anchors = 6
myst_enable_extensions = ["dollarmath"]

html_theme = "furo"  # dark and light; brings its own style and no fonts
html_math_renderer = "mathml"
html_favicon = "static/icon.svg"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"


# ---- formulas, which browsers show without a script -------------------------------------


def to_mathml(tex: str, *, as_block: bool) -> str:
    """A formula of TeX as MathML. Docutils would set what belongs under a brace beside it."""
    mathml = tex2mathml(tex, as_block=as_block)
    beside = re.compile(r"^( *)<msub>\n( *<munder>.*?)^\1</msub>", re.MULTILINE | re.DOTALL)
    return beside.sub(r"\1<munder>\n\2\1</munder>", mathml)


def show_formula(page: HTML5Translator, node: nodes.math) -> None:
    """Writes a formula that stands in a line."""
    page.body.append(to_mathml(node.astext(), as_block=False))
    raise nodes.SkipNode


def show_display(page: HTML5Translator, node: nodes.math_block) -> None:
    """Writes a formula of its own."""
    page.body.append(f'<div class="math">{to_mathml(node.astext(), as_block=True)}</div>')
    raise nodes.SkipNode


# ---- the pages --------------------------------------------------------------------------


def adapt_links(text: str) -> str:
    """A page or notebook whose links lead to pages of the site.

    The README is the site's first page. JupyterLab finds a heading of a notebook by its own
    letters, the site by small ones.
    """
    text = re.sub(r"(?<=\]\()((?:\.\./)*)README\.md", r"\1index.md", text)
    return re.sub(r"\.ipynb#[^)]+", lambda match: match[0].lower(), text)


def linked_files(page: Path) -> set[Path]:
    """Pictures and other files of the project that a page shows or leads to."""
    targets = {(page.parent / target).resolve() for target in LINK.findall(page.read_text("utf-8"))}
    files = {file for file in targets if file.is_file() and file.is_relative_to(PROJECT)}
    return {file for file in files if file.suffix not in (".md", ".ipynb")}


def copy_pages(source: Path) -> None:
    """Writes into `source` what Sphinx is to read: pages, with what they show and lead to."""
    pages = [page for pattern in PAGES for page in PROJECT.glob(pattern)]
    for page in pages:
        target = source / page.relative_to(PROJECT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(adapt_links(page.read_text("utf-8")), "utf-8")
    for file in set().union(*map(linked_files, pages)):
        target = source / file.relative_to(PROJECT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    write_first_page(source)


def write_first_page(source: Path) -> None:
    """The README with the list of all pages, which the navigation is made from."""
    contents = Path(__file__).with_name("index.md").read_text("utf-8")
    text = (source / "README.md").read_text("utf-8")
    (source / "README.md").rename(source / "index.md").write_text(text + contents, "utf-8")


def setup(app: Sphinx) -> None:
    """Called by Sphinx before it looks for pages."""
    app.add_html_math_renderer("mathml", (show_formula, None), (show_display, None))
    copy_pages(Path(app.srcdir))
