"""Netlists: names from the source, ties and buffers, Verilog."""

import json
import re

import pytest

from asic.liberty import LibertyError, Library
from asic.netlist import buffered, load, tied
from tests.asic.few import few


def design(loads):
    """A flip-flop in ``core.a`` that drives ``loads`` NAND gates in two blocks, one input at 1."""
    def cell(kind, **pins):
        return {"type": kind, "connections": {port: [net] for port, net in pins.items()}}

    cells = {"$flatten\\core.\\a.$ff$1": cell("dff", C=2, D=3, Q=4)}
    for n in range(loads):
        block = "a" if n % 2 else "b"
        cells[f"$flatten\\core.\\{block}.$abc$5${n}"] = cell("nand2", A=4, B="1", Y=10 + n)
    names = {"core.a.held": [4], "core.b.seen": [4], "core.a.sub.held": [4], "clk": [2], "d": [3]}
    return json.dumps({"modules": {"top": {
        "cells": cells,
        "netnames": {name: {"hide_name": 0, "bits": bits} for name, bits in names.items()},
        "ports": {"clk": {"direction": "input", "bits": [2]},
                  "d": {"direction": "input", "bits": [3]},
                  "q": {"direction": "output", "bits": [10, 11]}}}}})


@pytest.fixture
def library(tmp_path):
    few(tmp_path)
    return Library(tmp_path / "few.lib")


def test_names(library):
    """A net has the driver's name for it; cells are numbered in their block."""
    made = load(design(2), "top", library)
    assert made.nets[4] == ("core.a", "held")
    assert [cell.name for cell in made.cells] == ["core_a_g1", "core_b_g1", "core_a_g2"]
    assert made.verilog() == """module top(clk, d, q);
  input clk;
  input d;
  output [1:0] q;
  wire core_a_held;
  dff core_a_g1 (.C(clk), .D(d), .Q(core_a_held));
  nand2 core_b_g1 (.A(core_a_held), .B(1'b1), .Y(q[0]));
  nand2 core_a_g2 (.A(core_a_held), .B(1'b1), .Y(q[1]));
endmodule
"""


def test_names_are_unique(library, tmp_path):
    """Of blocks that only a dot tells from each other, and of ties, buffers and their nets."""
    text = design(12).replace(r"core.\\b.", "core_a.").replace("a.sub.held", "a.tie1_0_Y")
    made = load(text.replace("core.a.held", "core.a.fanout1"), "top", library)
    tied(made, library, few(tmp_path), 4)
    assert buffered(made, library, "buf", 4)
    assert {cell.path for cell in made.cells} == {"core.a", "core_a"}
    names = [cell.name for cell in made.cells] + list(made.wires.values())
    assert len(set(names)) == len(names)


def test_outputs(library, tmp_path):
    """One that is constant, or has the net of another port, has a cell of its own."""
    text = json.loads(design(2))
    ports = text["modules"]["top"]["ports"]
    ports["q"]["bits"] = [10, "0", 10, "1", 3]
    text["modules"]["top"]["ports"] = {name: ports[name] for name in ("q", "clk", "d")}
    made = load(json.dumps(text), "top", library)
    assert re.findall(r"assign (.*) = (.*);", made.verilog()) == [
        ("q[1]", "1'b0"), ("q[2]", "q[0]"), ("q[3]", "1'b1"), ("q[4]", "d")]
    tied(made, library, few(tmp_path), 4)
    assert buffered(made, library, "buf", 4) == 2
    assert "assign" not in made.verilog()
    _, drivers = made.sinks(library)
    cells = [drivers[net][0] for net in made.ports[0][2]]
    assert [cell.type for cell in cells] == ["nand2", "zero", "buf", "one", "buf"]
    assert [cell.pins.get("A") for cell in cells[2:]] == [[10], None, [3]]


@pytest.mark.parametrize("own, name", [
    ("a", "a"), ("table", "n_table"), ("0", "n_0"), ("_", "n_"), ("größe", "gr__e")])
def test_plain_names(library, own, name):
    assert load(design(2), "top", library).fresh("", own) == name


def test_not_mapped(library):
    with pytest.raises(LibertyError, match=r"^Liberty must have cells for all of the design, but "
                                           r"has none for \$_DFF_N_$"):
        load(design(2).replace('"dff"', '"$_DFF_N_"'), "top", library)


def test_numbered_names_give_way(library):
    """To any other of the same block, but not to one of another."""
    text = design(2)
    assert load(text.replace("core.a.sub.held", "core.a._01_"), "top",
                library).nets[4] == ("core.a", "held")
    assert load(text.replace("core.a.sub.held", "core.a._01_").replace("core.a.held", "core.held"),
                "top", library).nets[4] == ("core.a", "_01_")


@pytest.mark.parametrize("loads", [2, 5, 30, 150])
def test_ties_and_buffers(library, tmp_path, loads):
    """No net drives more than it may, every load is reached through buffers alone, and ties stand
    in the blocks that they serve."""
    made = load(design(loads), "top", library)
    tied(made, library, few(tmp_path), 4)
    added = buffered(made, library, "buf", 4)
    sinks, drivers = made.sinks(library)
    assert max(map(len, sinks.values())) <= 4
    assert added == sum(cell.type == "buf" for cell in made.cells) and (added > 0) == (loads > 4)
    gates = [cell for cell in made.cells if cell.type == "nand2"]
    assert len(gates) == loads and len({cell.name for cell in made.cells}) == len(made.cells)
    for gate in gates:
        assert drivers[gate.pins["B"][0]][0].type == "one"
        assert drivers[gate.pins["B"][0]][0].path == gate.path
        driver = drivers[gate.pins["A"][0]][0]
        while driver.type == "buf":
            driver = drivers[driver.pins["A"][0]][0]
        assert driver.type == "dff"
    areas = made.areas(library)
    assert sum(um2 for um2, _ in areas.values()) == pytest.approx(
        sum(library.area(cell.type) for cell in made.cells))
