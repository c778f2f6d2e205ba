"""The per-text cache: whole entries only, even with concurrent writers."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from evaluator.models.runtime import Run
from evaluator.models.text_cache import TextCache
from evaluator.models.unique_texts import encode_unique


def test_round_trip(tmp_path):
    cache = TextCache(tmp_path)
    values = [np.arange(6, dtype=np.float32).reshape(2, 3), {"a": [1, "x"]}]
    cache.put_many("n", ["one", "two\ud800"], values)
    array, mapping, missing = cache.get_many("n", ["one", "two\ud800", "three"])
    assert array.dtype == np.float32
    assert (array == values[0]).all()
    assert mapping == values[1]
    assert missing is None
    assert cache.get_many("other", ["one"]) == [None]


@pytest.mark.parametrize(
    "damage", [b"", b"N", b"Nhalf", b"J{", b"X...", b"N\x93NUMPY\x01\x00v\x00{'descr': '|O'"]
)
def test_damaged_entries_are_absent(tmp_path, damage):
    cache = TextCache(tmp_path)
    cache.put_many("n", ["one"], [np.ones(3)])
    cache.path("n", "one").write_bytes(damage)
    assert cache.get_many("n", ["one"]) == [None]


def test_concurrent_writers(tmp_path):
    cache = TextCache(tmp_path)
    texts = [f"t{i}" for i in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda k: cache.put_many("n", texts, [np.full(50, float(k))] * 40), range(8)))
    for value in cache.get_many("n", texts):
        assert len(set(value.tolist())) == 1
    assert cache.info()["entries"] == 40


def test_prune_keeps_what_was_used_last(tmp_path):
    cache = TextCache(tmp_path)
    cache.put_many("n", ["old", "new"], [np.ones(100), np.ones(100)])
    os.utime(cache.path("n", "old"), (1, 1))
    size = cache.path("n", "new").stat().st_size
    assert cache.prune(size) == {"kept": 1, "removed": 1, "bytes": size}
    assert cache.get_many("n", ["old"]) == [None]


def test_each_text_is_encoded_once_in_order_of_length(tmp_path):
    calls = []

    def encode(batch):
        calls.append(batch)
        return [len(t) for t in batch]

    run = Run(batch_size=2, cache=TextCache(tmp_path))
    assert encode_unique(["ccc", "a", "bb", "a"], "n", encode, run, "x") == {"a": 1, "bb": 2, "ccc": 3}
    assert calls == [["a", "bb"], ["ccc"]]
    encode_unique(["ccc", "dddd"], "n", encode, replace(run, batch_size=9), "x")
    assert calls[2:] == [["dddd"]]


def test_prune_clears_what_killed_writers_left(tmp_path):
    cache = TextCache(tmp_path)
    cache.put_many("n", ["one"], [np.ones(3)])
    folder = cache.path("n", "one").parent
    for name, age in ((".old", 1), (".writing", None)):
        (folder / name).write_bytes(b"half")
        if age is not None:
            os.utime(folder / name, (age, age))
    assert cache.prune(10**6)["kept"] == 1
    assert not (folder / ".old").exists()
    assert (folder / ".writing").exists()


def test_a_full_disk_leaves_no_half_entry(tmp_path, monkeypatch):
    def refuse(self, target):
        raise OSError("no space left on device")

    monkeypatch.setattr("pathlib.Path.replace", refuse)
    cache = TextCache(tmp_path)
    cache.put_many("n", ["one"], [np.ones(3)])
    assert cache.get_many("n", ["one"]) == [None]
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_entries_pruned_by_another_process_are_not_an_error(tmp_path, monkeypatch):
    cache = TextCache(tmp_path)
    cache.put_many("n", ["one", "two"], [np.ones(3)] * 2)
    gone, original = cache.path("n", "one"), type(tmp_path).stat

    def stat(self, **options):
        if self == gone:
            raise FileNotFoundError(self)
        return original(self, **options)

    monkeypatch.setattr(type(tmp_path), "stat", stat)
    assert cache.info()["entries"] == 1


def test_the_folder_stays_below_its_limit(tmp_path):
    cache = TextCache(tmp_path, max_bytes=4_000)
    for round_ in range(10):
        cache.put_many("space", [f"{round_} {i}" for i in range(5)], [np.zeros(20, dtype=np.float32)] * 5)
        assert cache.info()["bytes"] <= 4_000
    assert cache.get_many("space", ["9 4"])[0] is not None
    assert cache.get_many("space", ["0 0"]) == [None]
    # Another process finds what is there and continues from it.
    TextCache(tmp_path, max_bytes=1_000).put_many("space", ["x"], ["y"])
    assert cache.info()["bytes"] <= 1_000
