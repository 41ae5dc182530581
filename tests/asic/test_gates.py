"""Netlists in the test bench: truth tables, and cells against Yosys' own models of them."""

import itertools
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from asic.gates import activity, gates
from asic.liberty import LibertyError, Library, truth
from asic.netlist import Cell, Netlist
from asic.synth import synthesise
from fpga.tools import find_yosys
from hdl.verilog import emit
from sim.bench import run
from tests.asic.few import few
from tests.asic.test_memory import LIBERTY as RAM
from tests.fpga.small import needs_yosys
from tests.hdl.bench import WORKDIR
from tests.ternstone.fake import Fake, FakeHardware, FakeParams


@pytest.mark.parametrize("function, expected", [
    ("A*B", lambda a, b, c: a & b), ("!(A+B)", lambda a, b, c: 1 - (a | b)),
    ("A B' + C", lambda a, b, c: (a & (1 - b)) | c),
    ("(A+B)(B+C)", lambda a, b, c: (a | b) & (b | c)), ("(A&!B)'", lambda a, b, c: 1 - (a & 1 - b)),
    ("A ^ (B | !C)", lambda a, b, c: a ^ (b | 1 - c)),
    ("((A B) + (C (A + B)))", lambda a, b, c: int(a + b + c > 1)), ("1", lambda a, b, c: 1),
    ("!A !B C", lambda a, b, c: (1 - a) & (1 - b) & c)])
def test_truth(function, expected):
    bits = truth(function, ("A", "B", "C"))
    for k, (c, b, a) in enumerate(itertools.product((0, 1), repeat=3)):
        assert bits[k] == str(int(expected(a, b, c))), (function, a, b, c)


@pytest.fixture
def block():
    return Fake(FakeParams(3), {"offset": np.array([3])})


@pytest.fixture
def made(tmp_path, block):
    pdk = few(tmp_path)
    text = emit(FakeHardware(block.params, block.tensors), "fake").text
    return synthesise({"fake.v": text}, "fake", pdk, tmp_path / "cache", target_ns=5)


@needs_yosys
def test_bench(made, block, tmp_path):
    """Equal to golden; every net changes as often as it does where Verilator runs Yosys' models of
    the same cells."""
    frames = block.random_frames(6, np.random.default_rng(1))
    device, nets, memories = gates(made.netlist, made.library, 24, tmp_path / "counts")
    verdict = run(block, None, frames=frames, netlist=device, top="fake", workdir=WORKDIR)
    assert verdict.ok and verdict.beats == 24, verdict
    seen = activity(tmp_path / "counts", nets, memories)
    assert seen.cycles == verdict.cycles == block.cycles(frames)

    (tmp_path / "models.ys").write_text(
        "read_liberty few.lib\nproc\nwrite_verilog -noattr models.v\n")
    subprocess.run([*find_yosys().command, "-q", "-s", "models.ys"], cwd=tmp_path, check=True,
                   capture_output=True)
    for name, text in (("models.v", (tmp_path / "models.v").read_text()),
                       ("netlist.v", made.netlist.verilog())):
        (tmp_path / name).write_text(re.sub(r"\\?\bbuf\b", "buffer", text))  # a word of Verilog
    other = run(block, None, frames=frames, top="fake", workdir=WORKDIR, wave=True,
                netlist=[tmp_path / "models.v", tmp_path / "netlist.v"])
    assert other.ok, other
    counted = _changes(Path(other.wave), seen.cycles)
    names = {made.netlist.wires[net]: count for net, count in seen.changes.items()
             if net in made.netlist.wires}
    common = {name for name in names if name in counted} - {"clk"}
    assert len(common) > 20
    assert {n: names[n] for n in common} == {n: counted[n] for n in common}


@needs_yosys
def test_wrong_cell(made, block, tmp_path):
    """A gate of another function is noticed."""
    frames = block.random_frames(6, np.random.default_rng(1))
    cell = next(cell for cell in made.netlist.cells if cell.type == "inv")
    cell.type = "buf"
    device, _, _ = gates(made.netlist, made.library)
    verdict = run(block, None, frames=frames, netlist=device, top="fake", workdir=WORKDIR)
    assert not verdict.ok and verdict.mismatches


class Stored(Fake):
    """Every beat goes through a word of a memory, one after the other."""

    def cycles(self, frames):
        return 3 * sum(map(len, frames))


STORED = """module fake(input clk, rst, s_axis_tvalid, s_axis_tlast, m_axis_tready,
    input [7:0] s_axis_tdata, output s_axis_tready, m_axis_tvalid, m_axis_tuser,
    output reg m_axis_tlast, output reg [7:0] m_axis_tdata);
  (* no_rw_check = 1 *) reg [7:0] words [0:63];
  reg [5:0] place;
  reg [1:0] state;
  wire taken = s_axis_tvalid & s_axis_tready;
  assign s_axis_tready = state == 0, m_axis_tvalid = state == 2, m_axis_tuser = 0;
  always @(posedge clk) begin
    if (taken) words[place] <= {s_axis_tdata[7:4] + 4'd3, s_axis_tdata[3:0] + 4'd3};
    if (state == 1) m_axis_tdata <= words[place];
    if (taken) m_axis_tlast <= s_axis_tlast;
    if (taken | state == 1) state <= state + 1;
    if (m_axis_tvalid & m_axis_tready) begin state <= 0; place <= place + 1; end
    if (rst) begin state <= 0; place <= 0; end
  end
endmodule
"""


@needs_yosys
def test_memory(tmp_path):
    """A macro holds what was written into it, and its accesses are counted."""
    (tmp_path / "ram.lib").write_text(RAM)
    made = synthesise({"fake.v": STORED}, "fake", few(tmp_path, (tmp_path / "ram.lib",)),
                      tmp_path / "cache", target_ns=5, shapes=[(64, 8)])
    cell, = (cell for cell in made.netlist.cells if cell.type == "ram64x8")
    block = Stored(FakeParams(2), {"offset": np.array([3])})
    frames = block.random_frames(6, np.random.default_rng(1))
    device, nets, memories = gates(made.netlist, made.library, 24, tmp_path / "counts")
    verdict = run(block, None, frames=frames, netlist=device, top="fake", workdir=WORKDIR)
    assert verdict.ok and verdict.beats == 24, verdict
    assert activity(tmp_path / "counts", nets, memories).accesses == {
        cell.name: [(0, 24), (24, 0)]}


def test_cell_of_too_many_inputs(tmp_path):
    """More than the truth tables of gates.cpp have room for."""
    pins = "".join(f"pin(A{k}) {{ direction : input; }} " for k in range(7))
    (tmp_path / "wide.lib").write_text("library(wide) { cell(and7) { " + pins + """
        pin(Y) { direction : output; function : "A0*A1*A2*A3*A4*A5*A6"; } } }""")
    netlist = Netlist("top", [], [
        Cell("g", "and7", "", {**{f"A{k}": [k + 2] for k in range(7)}, "Y": [9]})], {})
    with pytest.raises(LibertyError, match=r"^Cell and7 must have 6 inputs at most to be run, not"):
        gates(netlist, Library(tmp_path / "wide.lib"), 1, tmp_path / "counts")


@needs_yosys
def test_no_end(tmp_path):
    with pytest.raises(FileNotFoundError):
        activity(tmp_path / "counts", [], [])


def _changes(path, cycles):
    """Name -> changes of the device's nets of one bit in a VCD, from cycle to cycle, in the
    ``cycles`` before the last transfer."""
    names, values, scope, sampled = {}, {}, [], []
    lines = iter(path.read_text().splitlines())
    for line in lines:
        words = line.split()
        if words[:1] == ["$scope"]:
            scope.append(words[2])
        elif words[:1] == ["$upscope"]:
            scope.pop()
        elif words[:1] == ["$var"] and words[2] == "1" and scope[-1] in ("dut", "bench"):
            names.setdefault(words[3], []).append((scope[-1], words[4]))
        elif words[:1] == ["$enddefinitions"]:
            break
    # A cycle ends with the rise of the clock: what was settled before it counts.
    clock = next(code for code, known in names.items() if ("bench", "clk") in known)
    time = {}
    for line in lines:
        if line[:1] == "#":
            if time.get(clock) == "1" and values.get(clock) != "1":
                sampled.append(dict(values))
            values |= time
            time = {}
        elif line[:1] in ("0", "1"):
            time[line[1:]] = line[0]
    code = {name: code for code, known in names.items() for where, name in known
            if where == "dut"}
    last = max(k for k, was in enumerate(sampled)
               if was.get(code["m_axis_tvalid"]) == was.get(code["m_axis_tready"]) == "1")
    window = sampled[last - cycles:last + 1]
    return {name: sum(a[at] != b[at] for a, b in itertools.pairwise(window))
            for name, at in code.items()}
