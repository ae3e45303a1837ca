"""Environment variables: what they mean, and that they are read in one place."""

import ast
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import mmsa_utils
from mmsa_utils import settings
from mmsa_utils.errors import CourseError
from mmsa_utils.paths import COURSE, DEMO, PROJECT
from mmsa_utils.progress import progress_bar

PACKAGE = Path(mmsa_utils.__file__).parent


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    for name in ("DATA", "TWEETS", "CACHE", "OUT", "DEVICE", "ENGINE"):
        monkeypatch.delenv(f"MMSA_{name}", raising=False)


def test_in_a_clone_everything_lies_in_the_project():
    assert settings.out_folder() == PROJECT / "out"
    assert settings.cache_folder() == PROJECT / ".cache"
    assert settings.tweets_folder() == PROJECT / "data" / "tweets"
    assert settings.data_folder() in (COURSE, DEMO)
    assert settings.device_name() == "auto"


@pytest.mark.parametrize("kind", ["data", "tweets", "cache", "out"])
def test_a_variable_names_a_folder_relative_ones_count_from_the_project(
    kind, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    folder = getattr(settings, f"{kind}_folder")
    monkeypatch.setenv(f"MMSA_{kind.upper()}", str(tmp_path / "mine"))
    assert folder() == tmp_path / "mine"
    monkeypatch.setenv(f"MMSA_{kind.upper()}", "some/where")
    assert folder() == PROJECT / "some" / "where"


def test_the_device_can_be_named(monkeypatch):
    monkeypatch.setenv("MMSA_DEVICE", "cpu")
    assert settings.device_name() == "cpu"


def test_the_engine_can_be_named(monkeypatch):
    assert settings.engine_name() == "auto"
    monkeypatch.setenv("MMSA_ENGINE", "torch")
    assert settings.engine_name() == "torch"
    monkeypatch.setenv("MMSA_ENGINE", "tensorrt")
    with pytest.raises(CourseError, match=r"^MMSA_ENGINE=tensorrt: .*openvino"):
        settings.engine_name()


def test_progress_bars_can_be_turned_off(monkeypatch, capsys):
    for value, shown in (("on", True), ("", True), ("off", False)):
        monkeypatch.setenv("MMSA_PROGRESS", value)
        assert list(progress_bar(range(3), "counting")) == [0, 1, 2]
        assert ("counting" in capsys.readouterr().err) is shown
    monkeypatch.setenv("MMSA_PROGRESS", "no")
    with pytest.raises(CourseError, match=r"^MMSA_PROGRESS=no: set"):
        progress_bar(range(3))


def test_the_demo_set_is_not_the_courses_posts(tmp_path, monkeypatch):
    monkeypatch.setenv("MMSA_DATA", "data/demo")
    with pytest.raises(CourseError, match=r"data/README\.md"):
        settings.course_folder()
    monkeypatch.setenv("MMSA_DATA", str(tmp_path))
    assert settings.course_folder() == tmp_path


@pytest.mark.parametrize("kind", ["data", "tweets", "cache", "out"])
def test_a_name_that_no_folder_can_have_is_one_message(kind, tmp_path, monkeypatch):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for wrong in ("~nobody-of-this-name/x", *([str(loop)] * (sys.version_info < (3, 13)))):
        monkeypatch.setenv(f"MMSA_{kind.upper()}", wrong)
        with pytest.raises(CourseError, match=f"^MMSA_{kind.upper()}=") as error:
            getattr(settings, f"{kind}_folder")()
        assert wrong in str(error.value)
        assert "\n" not in str(error.value)


def test_data_sets_that_are_named_alike_have_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setenv("MMSA_OUT", str(tmp_path))
    folders = {settings.run_folder("posts", print_ * 2) for print_ in ("0123abcd", "0123abce")}
    assert folders == {tmp_path / "posts-0123abcd", tmp_path / "posts-0123abce"}


# ---- data/course ------------------------------------------------------------------------


@pytest.fixture
def course(tmp_path, monkeypatch):
    """In the place of data/course: a folder that is not there yet."""
    monkeypatch.setattr(settings, "COURSE", tmp_path / "course")
    return tmp_path / "course"


def test_without_posts_of_ones_own_the_demo_set_is_taken_and_nothing_said(course, capsys):
    assert settings.data_folder() == DEMO
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["train.txt", "posts.csv", "posts.jsonl"])
def test_posts_of_ones_own_are_taken(course, capsys, name):
    course.mkdir()
    (course / name).touch()
    assert settings.data_folder() == settings.course_folder() == course
    assert capsys.readouterr().out == ""


def test_an_empty_folder_is_said_in_one_line_and_once(course, capsys):
    course.mkdir()
    (course / ".DS_Store").touch()
    assert settings.data_folder() == settings.data_folder() == DEMO
    assert capsys.readouterr().out == f"{course} is empty: this is the demo set\n"


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("posts/train.txt", "posts/train.txt (name "),
        ("a/b/Train.TXT", "a/b/Train.TXT (name "),
        ("train.txt.txt", "train.txt.txt (rename it to train.txt)"),
        ("Train.txt", "Train.txt (rename it to train.txt)"),
        ("train", "train (rename it to train.txt)"),
        ("posts.zip", "posts.zip (unpack it)"),
        ("a/posts.ZIP", "a/posts.ZIP (unpack it)"),
        ("data/1.jpg", "no list of posts in it"),
        ("other.zip", "no list of posts in it"),
    ],
)
def test_a_list_in_another_place_stops_and_is_named(place, says, course):
    file = course / place
    file.parent.mkdir(parents=True)
    if file.suffix.lower() == ".zip":
        name = "notes.txt" if file.stem == "other" else "posts/train.txt"
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(name, "guid,tag")
    else:
        file.write_text("guid,tag")
    if (course / "train.txt").exists():
        pytest.skip("the same name on a file system that does not know capital letters")
    for folder in (settings.data_folder, settings.course_folder):
        with pytest.raises(CourseError, match="MMSA_DATA=data/demo") as error:
            folder()
        assert says in str(error.value)
        assert "\n" not in str(error.value)


def test_what_is_no_folder_at_all_is_named(course):
    course.symlink_to(course.parent / "gone")
    with pytest.raises(CourseError, match="no folder that can be read"):
        settings.data_folder()
    course.unlink()
    course.write_text("a file")
    with pytest.raises(CourseError, match="no folder that can be read"):
        settings.data_folder()


# ---- outside a clone --------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with a copy of the package alone, as `pip install .` leaves it."""
    folder = tmp_path_factory.mktemp("installed")
    shutil.copytree(
        PACKAGE, folder / "mmsa_utils", ignore=shutil.ignore_patterns("weights", "__pycache__")
    )
    return folder


def said(installed, tmp_path, expression, **variables):
    """What the installed package says in a working directory of its own: lines."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("MMSA_", "XDG_"))}
    result = subprocess.run(
        [sys.executable, "-c", f"from mmsa_utils import settings as s; {expression}"],
        env={**plain, "PYTHONPATH": str(installed), "HOME": str(tmp_path / "home"), **variables},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    return (result.stdout or result.stderr).splitlines()


def test_outside_a_clone_nothing_is_written_beside_the_package(installed, tmp_path):
    lines = said(installed, tmp_path, "print(s.out_folder(), s.cache_folder(), sep=chr(10))")
    assert lines[0] == str(tmp_path / "out")
    assert not lines[1].startswith(str(installed))
    assert "mmsa_utils" in lines[1]


def test_outside_a_clone_relative_folders_count_from_the_working_directory(installed, tmp_path):
    assert said(installed, tmp_path, "print(s.data_folder())", MMSA_DATA="posts") == [
        str(tmp_path / "posts")
    ]


def test_outside_a_clone_there_are_no_posts_until_they_are_named(installed, tmp_path):
    last = said(installed, tmp_path, "s.data_folder()")[-1]
    assert "CourseError" in last
    assert "set MMSA_DATA" in last


# ---- read in one place ------------------------------------------------------------------


def environment_uses(file):
    """Lines of a module that touch the environment, but for giving a variable a default."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    defaults = {
        id(node.func.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "setdefault"
    }
    names = {"environ", "environb", "getenv", "getenvb"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in names:
            if not (file == PACKAGE / "__init__.py" and id(node) in defaults):
                yield f"{file.relative_to(PACKAGE)}:{node.lineno}"
        elif isinstance(node, ast.ImportFrom) and names & {alias.name for alias in node.names}:
            yield f"{file.relative_to(PACKAGE)}:{node.lineno}"


def test_no_module_but_settings_reads_the_environment():
    files = [file for file in PACKAGE.rglob("*.py") if file != PACKAGE / "settings.py"]
    assert len(files) > 20
    assert [line for file in files for line in environment_uses(file)] == []
    assert list(environment_uses(PACKAGE / "settings.py"))  # the search does find something
