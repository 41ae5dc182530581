"""Whole-or-not-at-all writing."""

import json
import os
import stat

import pytest

from golden.files import write_json, write_whole


def test_write_makes_folders_and_replaces(tmp_path):
    path = tmp_path / "a" / "b.txt"
    assert write_whole(path, "one") == path
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == ["b.txt"]


def test_write_keeps_the_old_file_when_it_fails(tmp_path, monkeypatch):
    path = tmp_path / "b.txt"
    write_whole(path, "old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left") as raised:
        write_whole(path, "new")
    assert raised.value.filename == str(path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["b.txt"]


def test_mode_follows_umask(tmp_path):
    umask = os.umask(0o027)
    try:
        path = write_whole(tmp_path / "b.txt", "")
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_write_json(tmp_path):
    path = write_json(tmp_path / "b.json", {"b": 1, "a": [2]})
    assert list(json.loads(path.read_text())) == ["b", "a"]
    assert path.read_text().endswith("}\n")
