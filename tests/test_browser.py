"""The form of notebook 7 as a student uses it: JupyterLab in a real browser.

Typed, chosen, clicked and read in Chromium, which has to be on this machine; nothing is fetched
from a network.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

import mmsa_utils
from mmsa_utils.paths import DEMO, NOTEBOOKS
from mmsa_utils.prediction import Prediction

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

NOTEBOOK = "07_your_own_post.ipynb"
NEEDED = (
    "import ",
    "model_folder =",
    "load_model(",
    "prediction_form(",
)  # in the cells that the form needs
TEXT = "What a sad & rainy day <3"
PICTURE = DEMO / "data" / "147.jpg"
SECONDS = 120  # to wait for anything, on a busy machine

SILENT = {"fetchNews": "false", "checkForUpdates": False}
SERVER = [
    *("--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"),
    "--LabApp.extension_manager=readonly",  # the other one asks PyPI
]
BROWSER = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",  # offline
]


def find_browser(own: str) -> str | None:
    """The path of a Chromium: this machine's, or the one that Playwright has fetched."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next(filter(None, map(shutil.which, names)), None)
    return found or (own if Path(own).is_file() else None)


def copy_needed(folder: Path) -> None:
    """Writes a copy of the notebook that has only what its form needs."""
    book = nbformat.read(NOTEBOOKS / NOTEBOOK, as_version=4)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    book.cells = [cell for cell in code if any(word in cell.source for word in NEEDED)]
    for cell in book.cells:
        cell.outputs, cell.execution_count = [], None
    folder.mkdir()
    nbformat.write(book, folder / NOTEBOOK)


def make_environment(folder: Path) -> dict[str, str]:
    """Variables for a JupyterLab that knows nothing of this machine's own settings."""
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(SILENT))
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    return os.environ | {name: str(folder / place) for name, place in places.items()}


def wait_for_address(server: "subprocess.Popen[bytes]", runtime: Path) -> str:
    """Where the server answers, with its token: it writes that once it listens."""
    file, deadline = runtime / f"jpserver-{server.pid}.json", time.monotonic() + SECONDS
    while not file.exists() or not file.read_text():
        assert server.poll() is None, "JupyterLab has ended"
        assert time.monotonic() < deadline, "JupyterLab does not start"
        time.sleep(0.1)
    facts = json.loads(file.read_text())
    return f"{facts['url']}lab/tree/{NOTEBOOK}?token={facts['token']}"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the notebook in a JupyterLab of its own."""
    folder = tmp_path_factory.mktemp("lab")
    copy_needed(folder / "notebooks")
    environment = make_environment(folder)
    command = [sys.executable, "-m", "jupyterlab", *SERVER]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [*command, f"--ServerApp.root_dir={folder / 'notebooks'}"],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield wait_for_address(server, folder / "runtime")
        finally:
            server.terminate()  # ends its kernels as well
            server.wait(timeout=SECONDS)


@pytest.fixture(scope="module")
def page(request: pytest.FixtureRequest) -> Iterator["sync_api.Page"]:
    """The notebook, run, with its form in sight."""
    with sync_api.sync_playwright() as playwright:
        found = find_browser(playwright.chromium.executable_path)
        if not found:
            pytest.skip("no Chromium here: install chromium, or run `playwright install chromium`")
        lab = request.getfixturevalue("lab")  # only where there is a browser
        browser = playwright.chromium.launch(executable_path=found, args=BROWSER)
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        page.set_default_timeout(1000 * SECONDS)
        page.goto(lab)
        page.get_by_text("| Idle").wait_for()  # the kernel
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.get_by_placeholder("The post's text").wait_for()
        yield page
        browser.close()


def ask(page: "sync_api.Page", text: str, picture: Path) -> str:
    """Fills the form as a person does; the answer as it stands on the page."""
    page.get_by_role("button", name="Clear").click()
    page.get_by_placeholder("The post's text").fill(text)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Picture").click()
    chooser.value.set_files(picture)
    page.get_by_role("button", name="Picture (1)").wait_for()
    page.get_by_role("button", name="Predict").click()
    answer = page.locator(".jp-OutputArea .widget-html-content")
    answer.filter(has_text=re.compile(r"Read: |cannot")).wait_for()
    shown: str = answer.inner_text()
    return re.sub(r"\s+", " ", shown)


def read_bars(said: str, answer: Prediction) -> dict[str, list[float]]:
    """The percentages that stand on the page, by what they are of."""
    names = {"the whole post": "whole", "text alone": "text", "picture alone": "image"}
    bars = " ".join(rf"{name} ([0-9.]+)%" for name in answer.classes)
    found = re.findall(rf"({'|'.join(names)}): \w+ {bars}", said)
    return {names[name]: [float(number) / 100 for number in numbers] for name, *numbers in found}


def test_the_form_says_in_a_browser_what_the_model_says_in_python(page: "sync_api.Page") -> None:
    said = ask(page, TEXT, PICTURE)
    answer = mmsa_utils.load_model().predict(text=TEXT, image=PICTURE)
    assert f"This post is {answer.label}, with a probability of" in said
    assert PICTURE.name in said
    bars = read_bars(said, answer)
    assert bars["whole"] == pytest.approx(answer.probabilities.tolist(), abs=0.002)
    for modality in ("text", "image"):
        assert bars[modality] == pytest.approx(answer.views[modality].tolist(), abs=0.002)


def test_a_broken_picture_is_a_line_in_the_form(page: "sync_api.Page", tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_text("no picture at all")
    said = ask(page, TEXT, broken)
    assert "cannot be read as a picture" in said
    assert "Traceback" not in page.content()
