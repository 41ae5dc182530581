"""``ternstone bench asic``: what it makes of answers, and what it says without a kit."""

import pytest

from ternstone import bench_asic
from ternstone.bench_asic_run import energy
from ternstone.catalogue import DESIGNS
from tests.asic.few import few
from tests.ternstone.words import assert_one_line

POWER = {"blocks": {"core.engine.array": 2.0, "core.engine.weight_memory.memory": 1.0,
                    "core.cell": 4.0}}


def answer(scale, cycles):
    blocks = {path: nj * scale for path, nj in POWER["blocks"].items()}
    return {"power": {"blocks": blocks, "cycles": cycles}, "met": True, "fmax_mhz": 120.0,
            "um2": 1000.0, "macro_um2": 0.0, "attempts": [{}],
            "regression": {"passed": True, "failure": None, "mismatches": 0, "beats": 9,
                           "cycles": cycles}}


def test_energy():
    made = answer(1, 10)
    assert energy(made) == 7 and energy(made, "array", "memory") == 3


def test_without_a_kit(monkeypatch):
    monkeypatch.delenv("PDK_ROOT", raising=False)
    for part in (bench_asic.array_energy, bench_asic.products, bench_asic.skipping,
                 bench_asic.stochastic, bench_asic.masks, bench_asic.whole,
                 bench_asic.PARTS["designs adder-8"]):
        rows = list(part(lambda what: None))
        assert rows and all(row["measured"] is None and row["met"] is None for row in rows)
        assert all(row["how"].startswith("not measured: ") for row in rows)


@pytest.mark.parametrize("family, part", [
    ("asic", "mac arrays"), ("asic", "spins"), ("asic", "products"), ("asic", "designs and-gate"),
    ("mac", "mac arrays"), ("mac", "powers of two")])
def test_with_a_wrong_kit(ternstone, monkeypatch, tmp_path, family, part):
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    assert_one_line(ternstone("bench", family, "--only", part),
                    r"PDK_ROOT must be a folder that holds ihp-sg13g2/libs\.ref/.*, not '.*'")
    assert not (tmp_path / "build" / f"bench-{family}.json").exists()


def test_kit_without_memories(monkeypatch, tmp_path):
    """Products are measured all the same."""
    monkeypatch.setattr(bench_asic, "missing", lambda: None)
    monkeypatch.setattr(bench_asic, "find_pdk", lambda: few(tmp_path))
    monkeypatch.setattr(bench_asic, "run", lambda *args, **kwargs: answer(1, 10))
    rows = list(bench_asic.products(lambda what: None))
    assert sum(row["figure"] == "fJ a product" for row in rows) == len(bench_asic.PRODUCTS)
    read, written = rows[-2:]
    for row in read, written:
        assert row["figure"].startswith("pJ a word") and row["measured"] is None
        assert row["how"] == "not measured: few has no such macro here"


@pytest.fixture
def answers(monkeypatch):
    """Answers in place of builds: dense, then a quarter of the cycles for a third of the energy;
    of every size."""
    made = iter([answer(1, 400), answer(1 / 3, 100), answer(1 / 4, 100)] * len(bench_asic.SKIPPED))
    monkeypatch.setattr(bench_asic, "missing", lambda: None)
    monkeypatch.setattr(bench_asic, "run", lambda *args, **kwargs: next(made))


def test_skipping(answers):
    every = list(bench_asic.skipping(lambda what: None))
    rows = {row["setting"]: row for row in every if row["figure"] == "share of the cycle ratio"}
    for where in map(str, bench_asic.SKIPPED):
        missed = rows[f"array and weight memory, 81% of states zero, {where}"]
        assert missed["measured"] == 0.75 and missed["met"] is False
        assert rows[f"whole step, 81% of states zero, {where}"]["target"] == ">= 0.9"
        assert rows[f"array and weight memory, 95% of states zero, {where}"]["met"] is True
        assert rows[f"whole step, 95% of states zero, {where}"]["target"] == "-"
    assert len(rows) == 4 * len(bench_asic.SKIPPED)
    # 7 nJ in 400 cycles and 7 / 3 in 100: 7 / 9 whatever the cycles, 0.0156 a cycle.
    fixed, = (row for row in every if row["figure"] == "nJ a step, of any length"
              and row["setting"] == "whole step, 81% of states zero, 64 units, weights in SRAM")
    assert fixed["measured"] == round(7 / 9 / 16, 3)
    at_most = 0.1 * 400 * (7 - 7 / 3) / 300 / (0.9 * 4 - 1) / 16
    assert f"asks for {at_most:.3f} at most" in fixed["how"]


def test_designs(monkeypatch):
    monkeypatch.setattr(bench_asic, "missing", lambda: None)
    made = {}

    def run(design, *args, **kwargs):
        made[design.name] = design.block
        return answer(1, 10)

    monkeypatch.setattr(bench_asic, "run", run)
    rows = [row for name, part in bench_asic.PARTS.items() if name.startswith("designs ")
            for row in part(lambda what: None)]
    settings = {row["setting"] for row in rows}
    assert {name.split()[0] for name in settings} == set(DESIGNS) - set(bench_asic.PARALLEL)
    # Weights that are loaded are said to be, and are.
    assert "text-lstm-ternary --param store=load" in settings
    assert made["text-lstm-ternary"].params.store == "load"
    assert made["digits-lstm-ternary"].params.store == "rom"
    assert all(row["met"] for row in rows)


def test_loaded_designs_are_there():
    assert set(bench_asic.LOADED) <= set(DESIGNS)
