"""The content cache: what goes in comes out, whatever happens to file, folder, disk or process."""

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
import warnings
import zlib

import numpy as np
import pytest

from mmsa_utils.cache import ContentCache, forget

VALUES = {
    "facts": {"width": 3, "phash": "0f", "error": "", "text": "café 😀"},
    "nothing": None,
    "row": np.linspace(0, 1, 7, dtype=np.float32),
    "grid": np.arange(6, dtype=np.int64).reshape(2, 3),
    "flags": np.array([True, False]),
    "scalar": np.array(2.5),
}
PREPARE = "import sys, numpy as np, pathlib; from mmsa_utils.cache import ContentCache\n"


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value)
        if isinstance(value, np.ndarray):
            assert found[key].dtype == value.dtype
            assert found[key].shape == value.shape


def run(code, *arguments, **options):
    """Another Python process."""
    command = [sys.executable, "-W", "error", "-c", PREPARE + code, *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **options)


def finish(process):
    """What a process prints, once it has ended well."""
    said, errors = process.communicate()
    assert process.returncode == 0, errors
    return said


def elsewhere(folder, name="cache", keys=None):
    """What a process that has just started finds in a cache, as printed."""
    keys = list(VALUES if keys is None else keys)
    code = "found = ContentCache(sys.argv[1], folder=pathlib.Path(sys.argv[2]))"
    code += f".get_many({keys!r})\nimport json; print(json.dumps(sorted(found)))"
    return json.loads(finish(run(code, name, folder, stdout=subprocess.PIPE)))


@pytest.fixture(autouse=True)
def nothing_in_memory():
    yield
    forget()


@pytest.fixture
def filled(tmp_path):
    """The file of a cache that another process has filled with many rows."""
    cache = ContentCache("cache", folder=tmp_path)
    cache.set_many({f"{k}": np.full(300, k, dtype=np.float32) for k in range(200)})
    forget()
    return cache.file


def use(cache, items, *, known=()):
    """Reads, and writes piece by piece."""
    cache.get_many([*known, *items])
    for key, value in items.items():
        cache.set_many({key: value})


# ---- values -----------------------------------------------------------------------------


def test_what_is_set_is_found_here_and_in_another_process(tmp_path):
    cache = ContentCache("cache", folder=tmp_path / "a folder" / "to make?#")
    assert cache.get_many(list(VALUES)) == {}
    cache.set_many(VALUES)
    assert_same(cache.get_many([*VALUES, "unknown", "row"]), VALUES)
    forget()
    assert_same(ContentCache("cache", folder=cache.file.parent).get_many(list(VALUES)), VALUES)
    assert elsewhere(cache.file.parent) == sorted(VALUES)
    assert elsewhere(cache.file.parent, "other name") == []


def test_only_what_is_asked_for_comes_and_the_last_value_counts(tmp_path):
    cache = ContentCache("cache", folder=tmp_path)
    cache.set_many({"one": 1, "two": 2})
    cache.set_many({"two": 3})
    assert cache.get_many(["two"]) == {"two": 3}
    cache.set_many({})
    assert cache.get_many([]) == {}


def test_arrays_cannot_be_spoilt_by_a_reader_and_other_values_are_the_readers_own(tmp_path):
    cache = ContentCache("cache", folder=tmp_path)
    cache.set_many({"row": np.zeros(3), "list": [1]})
    with pytest.raises(ValueError, match="read-only"):
        cache.get_many(["row"])["row"][0] = 1
    cache.get_many(["list"])["list"].append(2)
    assert cache.get_many(["list"]) == {"list": [1]}


def test_arrays_are_in_memory_once_a_process(filled):
    cache = ContentCache("cache", folder=filled.parent)
    one, again = (cache.get_many(["7"])["7"] for _ in range(2))
    other = ContentCache("cache", folder=filled.parent).get_many(["7"])["7"]
    assert np.shares_memory(one, again)
    assert np.shares_memory(one, other)


@pytest.mark.parametrize("value", [np.array([print]), np.array(["a"]), print, {1j}])
def test_what_would_need_pickle_is_refused(tmp_path, value):
    cache = ContentCache("cache", folder=tmp_path)
    with pytest.raises(TypeError):
        cache.set_many({"value": value})
    assert cache.get_many(["value"]) == {}


def test_the_default_folder_is_the_cache_folder_of_the_moment(tmp_path, monkeypatch):
    for name in ("one", "two"):
        monkeypatch.setenv("MMSA_CACHE", str(tmp_path / name))
        assert ContentCache("cache").get_many(["key"]) == {}
        ContentCache("cache").set_many({"key": name})
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path / "one"))
    assert ContentCache("cache").get_many(["key"]) == {"key": "one"}


# ---- a file that is broken --------------------------------------------------------------


def flipped(content):
    spoilt = bytearray(content)
    spoilt[len(spoilt) // 2] ^= 1
    return bytes(spoilt)


SPOIL = {
    "cut in half": lambda content: content[: len(content) // 2],
    "cut to its head": lambda content: content[:60],
    "something else": lambda content: b"{'content': 1}\n" * 500,
    "zeros": lambda content: bytes(len(content)),
    "one bit": flipped,
}


@pytest.mark.parametrize("spoil", SPOIL.values(), ids=SPOIL.keys())
def test_a_broken_file_is_made_anew_with_a_warning_that_names_it(filled, spoil):
    filled.write_bytes(spoil(filled.read_bytes()))
    cache = ContentCache("cache", folder=filled.parent)
    with pytest.warns(UserWarning, match=r"cache\.sqlite is broken .* made anew") as warned:
        use(cache, {"new": 1}, known=[str(k) for k in range(200)])
    assert len(warned) == 1
    assert elsewhere(filled.parent, keys=["new"]) == ["new"]


def test_a_file_that_breaks_while_it_is_in_use_gets_back_what_this_process_knows(filled):
    cache = ContentCache("cache", folder=filled.parent)
    known = cache.get_many(["1", "2"])
    filled.write_bytes(b"broken" * 1000)
    with pytest.warns(UserWarning, match="made anew"):
        cache.set_many({"new": 1})
    assert_same(cache.get_many(["1", "2"]), known)
    assert elsewhere(filled.parent, keys=["1", "2", "3", "new"]) == ["1", "2", "new"]


def test_a_table_of_another_shape_is_made_anew(tmp_path):
    file = ContentCache("cache", folder=tmp_path).file
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE items (key, value)")
    connection.close()
    cache = ContentCache("cache", folder=tmp_path)
    with pytest.warns(UserWarning, match="made anew"):
        cache.set_many({"new": 1})
    assert elsewhere(tmp_path, keys=["new"]) == ["new"]


@pytest.mark.parametrize("kind", ['["|O", 150]', '["<f4", 7]', "no json", "json"])
def test_a_row_that_someone_has_written_by_hand_is_not_taken_for_ours(filled, kind):
    value = bytes(1200)
    checksum = zlib.crc32(value, zlib.crc32(f"5\n{kind}".encode()))
    with sqlite3.connect(filled) as connection:
        changes = "UPDATE items SET kind = ?, value = ?, checksum = ? WHERE key = '5'"
        connection.execute(changes, (kind, value, checksum))
    connection.close()
    with pytest.warns(UserWarning, match="made anew"):
        assert ContentCache("cache", folder=filled.parent).get_many(["5"]) == {}


def spoilt_somewhere(content, draws):
    """A file with a few bytes changed, or cut, anywhere; its head more often than the rest."""
    end = draws.choice([200, 5000, len(content)])
    if draws.random() < 0.3:
        return content[: draws.randrange(end)]
    spoilt = bytearray(content)
    for _ in range(draws.choice([1, 3, 50])):
        spoilt[draws.randrange(end)] = draws.randrange(256)
    return bytes(spoilt)


@pytest.mark.filterwarnings("ignore:.*made anew")
def test_whatever_happens_to_a_files_bytes_no_wrong_value_comes_out(filled):
    draws, content = random.Random(0), filled.read_bytes()
    for _ in range(100):
        forget()
        filled.write_bytes(spoilt_somewhere(content, draws))
        cache = ContentCache("cache", folder=filled.parent)
        found = cache.get_many([str(k) for k in range(200)])
        assert all((row == int(key)).all() for key, row in found.items())
        cache.set_many({"new": 1})
        forget()
        assert cache.get_many(["new"]) == {"new": 1}


def test_an_empty_file_is_an_empty_cache(tmp_path):
    cache = ContentCache("cache", folder=tmp_path)
    cache.file.touch()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache.get_many(["key"]) == {}
        cache.set_many({"key": 1})
    assert elsewhere(tmp_path, keys=["key"]) == ["key"]


def test_a_deleted_file_is_an_empty_cache(filled):
    cache = ContentCache("cache", folder=filled.parent)
    assert len(cache.get_many(["1", "2"])) == 2
    filled.unlink()
    assert cache.get_many(["1", "2"]) == {}
    cache.set_many({"2": "anew"})
    assert cache.get_many(["1", "2"]) == {"2": "anew"}


# ---- a folder or a disk that does not let us ----------------------------------------------


def assert_done_without(cache, pattern):
    """Everything works, with one warning."""
    with pytest.warns(UserWarning, match=pattern) as warned:
        use(cache, VALUES)
    assert len(warned) == 1
    assert_same(cache.get_many(list(VALUES)), VALUES)


def test_where_a_file_stands_in_the_folders_place_there_is_no_cache(tmp_path):
    (tmp_path / "taken").write_text("a file")
    cache = ContentCache("cache", folder=tmp_path / "taken")
    assert_done_without(cache, r"taken.cache\.sqlite cannot be written")


def test_a_full_disk_on_making_the_folder_is_one_warning(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.mkdir", full)
    cache = ContentCache("cache", folder=tmp_path / "absent")
    assert_done_without(cache, r"cache\.sqlite cannot be written .*No space left")


def opening(monkeypatch, change):
    """Every connection to a cache is made under a condition."""
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **more: change(connect, *args, **more))


def read_only(connect, address, **more):
    return connect(address.partition("?")[0] + "?mode=ro", **more)


def test_a_read_only_file_is_read_and_what_is_new_stays_in_memory(filled, monkeypatch):
    opening(monkeypatch, read_only)
    cache = ContentCache("cache", folder=filled.parent)
    assert cache.get_many(["3"])["3"][0] == 3
    assert_done_without(cache, r"cache\.sqlite cannot be written .*readonly")
    assert cache.get_many(["4"])["4"][0] == 4


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_read_and_what_is_new_stays_in_memory(filled):
    filled.chmod(0o444)
    filled.parent.chmod(0o555)
    try:
        cache = ContentCache("cache", folder=filled.parent)
        assert cache.get_many(["3"])["3"][0] == 3
        assert_done_without(cache, r"cache\.sqlite cannot be written")
    finally:
        filled.parent.chmod(0o755)


def test_a_full_disk_is_one_warning_and_nothing_computed_is_lost(filled, monkeypatch):
    def full(connect, *args, **more):
        connection = connect(*args, **more)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    big = {f"big{k}": np.full(5000, k) for k in range(3)}
    cache = ContentCache("cache", folder=filled.parent)
    with monkeypatch.context() as patched:
        opening(patched, full)
        with pytest.warns(UserWarning, match=r"cache\.sqlite cannot be written .*full") as warned:
            use(cache, big)
    assert len(warned) == 1
    assert_same(cache.get_many(list(big)), big)
    assert elsewhere(filled.parent, keys=[*big, "3"]) == ["3"]
    cache.set_many({"later": 1})  # there is room again: all of it is written
    assert elsewhere(filled.parent, keys=[*big, "3", "later"]) == sorted([*big, "3", "later"])


@pytest.mark.skipif(os.name == "nt", reason="no such limit there")
def test_a_write_that_the_system_cuts_short_leaves_a_whole_file(filled):
    code = """
import resource, warnings
folder, limit = pathlib.Path(sys.argv[1]), int(sys.argv[2])
cache = ContentCache("cache", folder=folder)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    for k in range(20):
        cache.set_many({f"big{k}": np.zeros(3000)})
assert len(warned) == 1, [str(w.message) for w in warned]
assert len(cache.get_many([f"big{k}" for k in range(20)])) == 20
"""
    finish(run(code, filled.parent, filled.stat().st_size + 100_000))
    kept = elsewhere(filled.parent, keys=[str(k) for k in range(200)])
    assert len(kept) == 200


def test_a_file_that_another_process_keeps_locked_is_done_without(filled, monkeypatch):
    monkeypatch.setattr("mmsa_utils.cache.PATIENCE", 0.1)
    cache = ContentCache("cache", folder=filled.parent)
    other = sqlite3.connect(filled, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        assert_done_without(cache, r"cache\.sqlite cannot be written .*locked")
    finally:
        other.close()


# ---- processes --------------------------------------------------------------------------

WRITE = """
cache = ContentCache("cache", folder=pathlib.Path(sys.argv[1]))
for k in range(int(sys.argv[3])):
    cache.set_many({f"{sys.argv[2]}-{k}": np.full(500, k, dtype=np.float32)})
"""


def test_processes_that_write_at_once_lose_nothing(tmp_path):
    processes = [run(WRITE, tmp_path, name, 60) for name in "abc"]
    for process in processes:
        finish(process)
    keys = [f"{name}-{k}" for name in "abc" for k in range(60)]
    found = ContentCache("cache", folder=tmp_path).get_many(keys)
    assert sorted(found) == sorted(keys)
    assert all((found[key] == int(key[2:])).all() for key in keys)


def test_what_another_process_adds_later_is_found(filled):
    cache = ContentCache("cache", folder=filled.parent)
    assert cache.get_many(["1", "a-0"]).keys() == {"1"}
    finish(run(WRITE, filled.parent, "a", 1))
    assert cache.get_many(["1", "a-0"]).keys() == {"1", "a-0"}


def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path):
    moments = random.Random(0)
    for name in "abcde":
        process = run(WRITE, tmp_path, name, 100_000)
        while not (tmp_path / "cache.sqlite").exists():
            time.sleep(0.01)
        time.sleep(0.3 + moments.random() / 2)
        process.kill()
        process.communicate()
    keys = [f"{name}-{k}" for name in "abcde" for k in range(20_000)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ContentCache("cache", folder=tmp_path).get_many(keys)
        ContentCache("cache", folder=tmp_path).set_many({"after": 1})
    assert all((row == int(key[2:])).all() for key, row in found.items())
    assert "a-0" in found


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
def test_a_fork_and_threads_share_a_cache(filled):
    code = """
import multiprocessing, concurrent.futures
folder = pathlib.Path(sys.argv[1])
def work(k):
    cache = ContentCache("cache", folder=folder)
    assert cache.get_many(["7"])["7"][0] == 7
    cache.set_many({f"fork-{k}": k})
ContentCache("cache", folder=folder).get_many(["7"])
with multiprocessing.get_context("fork").Pool(3) as pool:
    pool.map(work, range(30))
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    list(pool.map(work, range(30, 60)))
found = ContentCache("cache", folder=folder).get_many([f"fork-{k}" for k in range(60)])
assert len(found) == 60
"""
    finish(run(code, filled.parent))


def test_thousands_of_features_are_found_in_well_under_two_seconds(tmp_path):
    rows = np.random.default_rng(0).standard_normal((4511, 1280), dtype=np.float32)
    keys = [f"{k:064x}" for k in range(len(rows))]
    ContentCache("cache", folder=tmp_path).set_many(dict(zip(keys, rows, strict=True)))
    forget()
    start = time.perf_counter()
    found = ContentCache("cache", folder=tmp_path).get_many(keys)
    stacked = np.stack([found[key] for key in keys])
    assert time.perf_counter() - start < 2
    assert (stacked == rows).all()
