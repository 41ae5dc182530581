"""``ternstone bench``: the answer's form, its file, its exit status."""

import json

import numpy as np
import pytest

from golden.lstm.build import network
from golden.lstm.network import Network
from ternstone import bench_lstm
from ternstone.catalogue import BENCHES

ROW = {"figure": "utilisation", "setting": "16 lanes", "measured": 0.99, "target": ">= 0.98",
       "met": True, "how": "counted"}


@pytest.mark.parametrize("met, status", [(True, 0), (None, 0), (False, 1)])
def test_answer(ternstone, tmp_path, monkeypatch, met, status):
    monkeypatch.setattr(bench_lstm, "measure", lambda say: iter([ROW, {**ROW, "met": met}]))
    answer = ternstone("bench", "lstm", "--json")
    assert answer.status == status
    assert answer.json == {"family": "lstm", "met": met is not False,
                           "figures": [ROW, {**ROW, "met": met}]}
    assert json.loads((tmp_path / "build" / "bench-lstm.json").read_text()) == answer.json
    assert "16 lanes" in ternstone("bench", "lstm").out


def test_unknown_family(ternstone):
    answer = ternstone("bench", "lst")
    assert (answer.status, answer.err) == (
        2, "error: Family 'lst' is not known: did you mean lstm?\n")
    assert list(BENCHES) == ["lstm"]


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_states_are_as_sparse_as_asked(share):
    params = network(inputs=4, hidden=64, outputs=0, steps=5)
    zero = np.arange(64) < share * 64
    block = bench_lstm._set_states(Network.random(params, np.random.default_rng(0)), zero)
    frames = list(np.random.default_rng(1).integers(1, 128, (1, 20, 1)))
    assert ((block.trace(frames)[0] == 0) == zero[:, None].T).all()
    assert bench_lstm._columns(block, frames) == 20 + 4 * int((~zero).sum())
