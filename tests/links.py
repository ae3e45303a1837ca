"""Every link of the course's pages and notebooks: is what it leads to there?

Offline: a link to the web is not followed. Files and pictures have to exist in the project; a place
on a page has to be a heading there. Where the site has been built, its pages are looked at, too:

    python -m tests.links [FOLDER] [--site FOLDER]
"""

import argparse
import itertools
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
from markdown_it import MarkdownIt
from markdown_it.token import Token

from mmsa_utils.paths import PROJECT

MADE = {"build", "out"}  # folders of a working clone that are not the project's
MARKDOWN = MarkdownIt("commonmark").enable("table")
SHOWN = ("text", "code_inline")  # parts of a heading of which its anchor is made
LEADS = {"a": "href", "area": "href", "img": "src", "script": "src", "link": "href"}


class Tags(HTMLParser):
    """The links of some HTML, `(tag, target)`, and the names of its places."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.places: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Called by the parser for each tag."""
        found = dict(attributes)
        self.places |= {value for name in ("id", "name") if (value := found.get(name))}
        if target := found.get(LEADS.get(tag, "")):
            self.links.append((tag, target))


@dataclass
class Page:
    """A page or notebook: its links as `(where, target)`, and the anchors of its headings."""

    file: Path
    links: list[tuple[str, str]] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)


# ---- reading ----------------------------------------------------------------------------


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading, and MyST in the site."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def number_repeated(anchors: list[str]) -> list[str]:
    """The second of two equal headings gets a -1, the third a -2."""
    seen: Counter[str] = Counter()
    numbered = []
    for anchor in anchors:
        numbered.append(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return numbered


def texts_of(file: Path) -> list[tuple[str, str]]:
    """The markdown of a file by where it stands; of a notebook a text for each cell."""
    if file.suffix != ".ipynb":
        return [("line", file.read_text(encoding="utf-8"))]
    cells = nbformat.read(file, as_version=4).cells
    texts = enumerate(cells, start=1)
    return [(f"cell {n}, line", cell.source) for n, cell in texts if cell.cell_type == "markdown"]


def headings_of(tokens: list[Token]) -> list[str]:
    """What the headings say, without their markup."""
    pairs = itertools.pairwise(tokens)
    inside = [after.children or [] for token, after in pairs if token.type == "heading_open"]
    return ["".join(part.content for part in parts if part.type in SHOWN) for parts in inside]


def targets_of(tokens: list[Token]) -> Iterator[tuple[int, str]]:
    """Where links and pictures lead, with the line of the block that they stand in."""
    for block in tokens:
        line = block.map[0] + 1 if block.map else 0
        for token in [block, *(block.children or [])]:
            if token.type in ("html_block", "html_inline"):
                yield from ((line, target) for _, target in Tags(token.content).links)
            elif target := token.attrGet("href") or token.attrGet("src"):
                yield line, str(target)


def read_page(file: Path) -> Page:
    """A page's links and anchors.

    In a notebook an anchor has a heading's own letters, as JupyterLab wants it, and only those
    headings have one that the site finds as well, by small letters.
    """
    page, headings = Page(file), []
    for where, text in texts_of(file):
        tokens = MARKDOWN.parse(text)
        headings += headings_of(tokens)
        page.links += [(f"{where} {line}", target) for line, target in targets_of(tokens)]
        page.anchors |= Tags(text).places
    anchors = number_repeated([slug(heading) for heading in headings])
    if file.suffix == ".ipynb":
        own = [heading.strip().replace(" ", "-") for heading in headings]
        anchors = [
            name for name, anchor in zip(own, anchors, strict=True) if name.lower() == anchor
        ]
    page.anchors |= set(anchors)
    return page


def pages_of(folder: Path) -> list[Path]:
    """The pages and notebooks of a clone, without what was made or installed there."""
    files = [*folder.rglob("*.md"), *folder.rglob("*.ipynb")]
    return sorted(file for file in files if is_kept(file.relative_to(folder)))


def is_kept(path: Path) -> bool:
    """Whether a path, relative to the project, is part of it."""
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and not MADE & set(path.parts[:1])


# ---- checking ---------------------------------------------------------------------------


def complaint(page: Page, target: str, *, pages: dict[Path, Page], folder: Path) -> str | None:
    """What is wrong with a link, or None."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return None  # to the web, or a picture inside a notebook
    leads = (page.file.parent / unquote(parts.path)).resolve() if parts.path else page.file
    if not leads.exists():
        return "is not there"
    if not leads.is_relative_to(folder) or not is_kept(leads.relative_to(folder)):
        return "is not part of the project"
    anchors = pages.get(leads, Page(leads)).anchors  # none in what is no page
    if parts.fragment and unquote(parts.fragment) not in anchors:
        return "has no such place"
    return None


def check_pages(folder: Path) -> list[str]:
    """What is wrong with the links of a project's pages and notebooks, a line each."""
    folder = folder.resolve()
    pages = {file: read_page(file) for file in pages_of(folder)}
    return [
        f"{page.file.relative_to(folder)}, {where}: {target} {wrong}"
        for page in pages.values()
        for where, target in page.links
        if (wrong := complaint(page, target, pages=pages, folder=folder))
    ]


def check_site(folder: Path) -> list[str]:
    """What is wrong in a built site: dead links, and what a page would fetch from the web."""
    folder, wrong = folder.resolve(), []
    pages = {file: Tags(file.read_text("utf-8")) for file in sorted(folder.rglob("*.html"))}
    links = {file: Page(file, anchors=page.places) for file, page in pages.items()}
    for file, page in pages.items():
        for tag, target in page.links:
            said = complaint(links[file], target, pages=links, folder=folder)
            if tag != "a" and urlsplit(target).scheme in ("http", "https"):
                said = "would be fetched from the web"
            if said:
                wrong.append(f"{file.relative_to(folder)}: {target} {said}")
    return wrong


def main(arguments: list[str] | None = None) -> int:
    """The command; its exit status is 1 where a link leads nowhere."""
    parser = argparse.ArgumentParser(prog="python -m tests.links", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=PROJECT)
    parser.add_argument("--site", type=Path, default=PROJECT / "out" / "site")
    options = parser.parse_args(arguments)
    wrong = check_pages(options.folder) + check_site(options.site)
    print("\n".join(wrong or ["Every link leads somewhere."]))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
