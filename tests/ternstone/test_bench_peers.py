"""``ternstone bench peers``: every twin is made, and a figure that is missed is said."""

import dataclasses

import pytest

from ternstone import bench_peers
from ternstone.bench import PEERS
from ternstone.bench_peers import TWINS, cost, luts
from tests.fpga.small import needs_tools

AND = next(twin for twin in TWINS if twin.peer == "invertible-and-2025")


def test_luts_and_cost():
    cells = {"LUT4": 10, "carry": 3, "LUT RAM": 2}
    assert luts(cells) == 10 + 6 + 8
    assert cost({**cells, "cycles": 5, "mhz": 12}) == 10
    assert cost({**cells, "cycles": 5}) is None


def test_every_twin_has_a_peer():
    assert len({twin.name for twin in TWINS}) == len(TWINS)
    for twin in TWINS:
        other = PEERS[twin.peer]
        assert {"LUT4", "FF", "cycles", "flow", "version", "exactness"} <= other.keys()
        assert "synth_ecp5" in other["flow"]
        # What is ranked is ranked by all three figures.
        assert not twin.ranked or cost(other)


@needs_tools
def test_measured(monkeypatch, tmp_path):
    """The smallest twin, as if it were ranked: ahead of the peer, and behind one of a thousandth of
    its cycles."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bench_peers, "SEEDS", range(1, 2))
    other = PEERS[AND.peer] | {"mhz": 50}
    for cycles, met in ((45, True), (0.045, False)):
        monkeypatch.setitem(PEERS, AND.peer, {**other, "cycles": cycles})
        equal, ranked, *_ = bench_peers._measured(dataclasses.replace(AND, ranked=True))
        assert equal["figure"] == "mismatches" and equal["measured"] == 0 and equal["met"]
        assert ranked["met"] is met
        ours = ranked["ours"]
        assert ranked["measured"] == pytest.approx(luts(ours) / ours["mhz"], rel=0.02)
