"""What is said of a build: names on the critical path, what no table tells, notes."""

from types import SimpleNamespace

import pytest

from asic.liberty import Library
from asic.netlist import Cell, Netlist
from asic.report import _notes, critical_path, known
from tests.asic.few import LIBERTY, few


@pytest.fixture
def library(tmp_path):
    few(tmp_path)
    return Library(tmp_path / "few.lib")


def path(library, *nets, ports=("", "")):
    """The critical path along cells that drive these nets: (block, name or None)."""
    cells = [Cell(f"g{n}", "inv", block, {"A": [n], "Y": [n + 1]})
             for n, (block, _) in enumerate(nets)]
    names = {n + 1: (block, name) for n, (block, name) in enumerate(nets) if name}
    first, last = ([(name, "in", 0.0)] if name else [] for name in ports)
    timing = SimpleNamespace(path=[
        *first, *((cell.name, "inv", n + 1.0) for n, cell in enumerate(cells)), *last])
    found = critical_path(Netlist("top", [], cells, names), library, timing)
    return [(hop["name"], hop["cells"]) for hop in found["hops"]]


def test_names_on_the_critical_path(library):
    """A net that only the generator numbered, or nobody named, goes by the next one of its block
    that has a name, else by the one before, else by the block."""
    assert path(library, ("a", "held[3]"), ("a", "_0643_"), ("a", None), ("a", "sum"),
                ("a", "_02_[1]"), ("b", "_03_"), ("", None)) == [
        ("a.held", 1), ("a.sum", 4), ("b", 1), ("top", 1)]
    assert path(library, ("a", "_1_"), ("b", "sum"), ("a", "held")) == [
        ("a.held", 1), ("b.sum", 1), ("a.held", 1)]
    # A port is no cell, and nothing else goes by its name.
    assert path(library, ("", None), ("a", "sum"), ports=("d[3]", "q")) == [
        ("d", 0), ("top", 1), ("a.sum", 1), ("q", 0)]


SPENT = {"mw": 1.0, "leakage_mw": 0.1, "nj_per_frame": 2.0, "leakage_nj_per_frame": 0.2,
         "nj": {"clock": 0.5, "flip-flops": 0.0, "internal": 0.0, "switching": 1.5},
         "blocks": {"core": 2.0}}
#: A table and a leakage, to be put into cells.
TABLE = 'internal_power() { rise_power(scalar) { values("1"); } } '
LEAKAGE = "cell_leakage_power : 1; "


def mixed(folder, text):
    (folder / "mixed.lib").write_text(text)
    cells = [Cell(kind, kind, "", {}) for kind in ("one", "inv", "nand2", "dff")]
    return Netlist("top", [], cells, {}), Library(folder / "mixed.lib")


def test_no_power_tables(tmp_path):
    made, notes = known(SPENT, *mixed(tmp_path, LIBERTY))
    assert made == {**dict.fromkeys(SPENT), "blocks": {"core": None},
                    "nj": {"clock": 0.5, "flip-flops": None, "internal": None, "switching": 1.5}}
    assert notes == [
        "The Liberty has no power tables of dff, inv, nand2: the energy of flip-flops, internal is "
        "not known, and so nor is the whole.",
        "The Liberty has no leakage of dff, inv, nand2: it is not known."]


def test_some_power_tables(tmp_path):
    """One type of cell without any: its part of the energy is not known, and so nor is the whole.
    What has no inputs needs none."""
    text = LIBERTY.replace("{ direction : output;", "{ direction : output; " + TABLE)
    text = text.replace("{ area :", "{ " + LEAKAGE + "area :")
    assert known(SPENT, *mixed(tmp_path, text)) == (SPENT, [])
    less = tmp_path / "less"
    less.mkdir()
    made, notes = known(SPENT, *mixed(less, "Q) { direction : output; ".join(
        text.split("Q) { direction : output; " + TABLE))))
    assert (made["mw"], made["leakage_mw"]) == (None, 0.1)
    assert made["nj"] == {**SPENT["nj"], "flip-flops": None}
    assert notes == ["The Liberty has no power tables of dff: the energy of flip-flops is not "
                     "known, and so nor is the whole."]


def built(pdk, met=True, **hold):
    return SimpleNamespace(pdk=pdk, met=met, corners={
        corner: SimpleNamespace(hold_ns=ns) for corner, ns in hold.items()})


def test_notes(tmp_path):
    pdk = few(tmp_path)
    assert _notes(built(pdk, typical=0.1), {}, 100, 0) == []
    late, = _notes(built(pdk, typical=0.1, slow=-0.1, fast=-0.2), {}, 100, 0)
    assert late.startswith("Hold slack is negative in the corners slow, fast: before layout ")
    assert _notes(built(pdk), {}, 100, 4096) == [
        "few has no SRAM macros here: memories that are written, of 4,096 bits, are flip-flops."]
    assert _notes(built(pdk), {"sram": 1}, 100, 4096) == [
        "The Liberty of the SRAM macros is of the typical corner alone: in other corners only the "
        "cells are slower or faster."]
    unmet, = _notes(built(pdk, met=False), {}, 87.5, 0)
    assert unmet.endswith(" are at 87.5 MHz, the fastest that was reached.")
