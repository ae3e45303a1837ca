"""The static site (`make site`): every page is there, and reads well in a real browser.

Built once, from the saved outputs; skipped where the extra `site` is not installed, and what needs
Chromium where there is none. Nothing is fetched from a network.
"""

import functools
import http.server
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmsa_utils.experiments.notebooks import notebook_files, solution_files
from mmsa_utils.paths import NOTEBOOKS, PROJECT

from . import links

for needed in ("sphinx", "myst_nb", "furo"):
    pytest.importorskip(needed, reason="the site's packages are not installed: make site")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from .test_browser import BROWSER, find_browser  # noqa: E402 (needs playwright)

BOOKS = [file.relative_to(PROJECT) for file in [*notebook_files(), *solution_files()]]
NAMES = [
    "index.html",
    *("report.html", "report.zh.html", "MODEL_CARD.html", "data/README.html"),
    *("GLOSSARY.html", "TROUBLESHOOTING.html", "CONTRIBUTING.html"),
    *(book.with_suffix(".html").as_posix() for book in BOOKS),
]
PHONE = {"width": 390, "height": 844}
CONTRAST = 4.5  # WCAG 2.2, level AA, for text of any size
# The contrast of each visible text with what is behind it: [ratio, text], where too low.
LOW_CONTRAST = """limit => {
    const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    const rgb = (colour, under) => {  // as drawn over what is under it
        canvas.fillStyle = `rgb(${under})`; canvas.fillRect(0, 0, 1, 1);
        canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const behind = e => rgb(getComputedStyle(e).backgroundColor,
                            e.parentElement ? behind(e.parentElement) : [255, 255, 255]);
    const light = colour => {
        const [r, g, b] = colour.map(c => c / 255)
            .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ratio = e => {
        const back = behind(e), front = rgb(getComputedStyle(e).color, back);
        const [a, b] = [light(back), light(front)].sort((a, b) => a - b);
        return (b + 0.05) / (a + 0.05);
    };
    const texts = e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    return [...document.querySelectorAll("article *")]
        .filter(e => texts(e) && e.checkVisibility({opacityProperty: true}))
        .map(e => [ratio(e), e.textContent.trim().slice(0, 40)])
        .filter(([found]) => found < limit);
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server of files that does not write what it serves."""

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site's folder; a warning of Sphinx is an error."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning"]
    places = ["--conf-dir", PROJECT / "site", "--doctree-dir", source / ".doctrees", source, out]
    done = subprocess.run([*command, *places], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where a server on this machine has the site."""
    handler = functools.partial(Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def page(request: pytest.FixtureRequest) -> Iterator["sync_api.Page"]:
    """A browser's page, as wide as a phone, that keeps what goes wrong in `page.wrong`."""
    with sync_api.sync_playwright() as playwright:
        found = find_browser(playwright.chromium.executable_path)
        if not found:
            pytest.skip("no Chromium here: install chromium, or run `playwright install chromium`")
        address = request.getfixturevalue("address")  # only where there is a browser
        browser = playwright.chromium.launch(executable_path=found, args=BROWSER)
        page = browser.new_page(viewport=PHONE, base_url=address)
        page.wrong = []
        page.on("console", lambda said: said.type == "error" and page.wrong.append(said.text))
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on("requestfailed", lambda failed: page.wrong.append(failed.url))
        yield page
        browser.close()


def test_every_page_is_there_and_can_be_reached(site):
    there = {file.relative_to(site).as_posix() for file in site.rglob("*.html")}
    assert there - set(NAMES) == {"genindex.html", "search.html"}
    first = links.Tags((site / "index.html").read_text("utf-8"))
    assert set(NAMES) - {target for _, target in first.links} == {"index.html"}


def test_no_link_is_dead_and_nothing_would_be_fetched(site):
    assert links.check_site(site) == []


def test_notebooks_are_shown_as_they_were_saved(site):
    page = (site / "notebooks" / f"{notebook_files()[0].stem}.html").read_text("utf-8")
    saved = (NOTEBOOKS / notebook_files()[0].name).read_text("utf-8")
    assert page.count("<img") >= saved.count('"image/png"') > 0


def test_a_formula_is_mathml_with_the_words_below_their_braces(site):
    page = (site / "notebooks" / "08_why.html").read_text("utf-8")
    braces = re.findall(r"⏟</mo>\s*</munder>\s*<mtext>[^<]+</mtext>\s*</(\w+)>", page)
    assert braces == ["munder"] * page.count("⏟") != []


@pytest.mark.parametrize("name", NAMES)
def test_a_page_reads_well_on_a_phone_in_the_light_and_in_the_dark(page, name):
    page.wrong.clear()
    page.goto(name)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(LOW_CONTRAST, CONTRAST) == [], scheme
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.wrong == []


def test_the_dark_page_is_dark(page):
    page.goto("index.html")
    colours = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours[0] == "rgb(255, 255, 255)"
    assert max(map(int, colours[1][4:-1].split(","))) < 64


def test_the_search_finds_a_word_of_the_glossary(page):
    page.wrong.clear()
    page.goto("search.html?q=mojibake")
    page.get_by_role("link", name="Mojibake").first.wait_for()
    assert page.wrong == []


def test_the_navigation_of_a_phone_opens(page):
    page.goto("index.html")
    entry = page.locator(".sidebar-drawer").get_by_role("link", name="3 · Text only", exact=True)
    assert entry.evaluate("e => e.getBoundingClientRect().right") <= 0
    page.locator("header label[for=__navigation]").click()
    entry.click()
    page.wait_for_url("**/03_text_only.html")
