"""Energies that can be counted by hand, and the same activity in OpenSTA."""

import os
import re
import subprocess

import pytest

from asic.gates import Activity
from asic.liberty import Library
from asic.netlist import Cell, Netlist
from asic.pdk import find_pdk
from asic.power import Energies, energy, loads, report
from asic.timing import sdc
from tests.asic.few import LIBERTY, needs_sta

TABLES = """
power_lut_template(p) { variable_1 : input_net_transition;
  variable_2 : total_output_net_capacitance; index_1 ("0.0, 0.2"); index_2 ("0.0, 0.01"); }
wire_load("near") { capacitance : 0.001; slope : 2; fanout_length(1, 1); fanout_length(3, 3); }
default_wire_load : "near";
"""
INVERTER = """internal_power() { related_pin : "A";
  rise_power(p) { values("0.001, 0.002", "0.003, 0.004"); }
  fall_power(p) { values("0.001, 0.002", "0.003, 0.004"); } }
"""
CLOCK = """internal_power() { when : "D*Q"; rise_power(scalar) { values("0.01"); } }
internal_power() { when : "!D*!Q"; rise_power(scalar) { values("0.01"); } }
internal_power() { rise_power(scalar) { values("0.03"); } }
"""


@pytest.fixture
def library(tmp_path):
    text = LIBERTY.replace("nom_process : 1;", f"nom_process : 1;{TABLES}", 1)
    text = text.replace('function : "!A"; ', f'function : "!A"; {INVERTER}', 1)
    text = text.replace("clock : true; ", f"clock : true; {CLOCK}", 1)
    text = text.replace("cell(inv) { area : 2;", "cell(inv) { area : 2; cell_leakage_power : 5;", 1)
    (tmp_path / "power.lib").write_text(text)
    return Library(tmp_path / "power.lib")


def test_tables(library):
    energies = Energies(library)
    assert energies.volts == 1.2 and energies.pin_pf("inv", "A") == 0.003
    assert [energies.wire_pf(n) for n in (0, 1, 2, 3, 5)] == pytest.approx(
        [0, 0.001, 0.002, 0.003, 0.007])
    at, pj = energies.output("inv", "Y")
    assert at == (0.0, 0.01) and pj == pytest.approx((0.002, 0.003))  # between both slopes
    assert energies.output("nand2", "Y") == ((0.0,), (0.0,))
    assert energies.leak("inv") == pytest.approx(5e-6)


def test_energy(library):
    """A flip-flop that changes in 4 of 10 cycles drives an inverter that drives nothing."""
    netlist = Netlist("top", [("clk", "input", [2])], [
        Cell("ff", "dff", "core", {"C": [2], "D": [5], "Q": [3]}),
        Cell("not", "inv", "core.a", {"A": [3], "Y": [4]})], {}, {2: "clk", 3: "a", 4: "b", 5: "d"})
    counted = Activity(10, {2: 20, 3: 4, 4: 4, 5: 4}, {2: 0, 3: 5, 4: 5, 5: 5}, {})
    assert loads(netlist, Energies(library))[3] == pytest.approx(0.003 + 0.001)
    spent = energy(netlist, library, counted)
    half = 0.5 * 1.2 ** 2
    assert spent["pj"]["switching"] == pytest.approx(4 * half * 0.004)
    assert spent["pj"]["clock"] == pytest.approx(20 * half * 0.004)
    assert spent["pj"]["internal"] == pytest.approx(4 * 0.002)
    # In 6 of 10 cycles what it takes is what it holds.
    assert spent["pj"]["flip-flops"] == pytest.approx(20 * (0.6 * 0.01 + 0.4 * 0.03))
    assert spent["blocks"]["core.a"] == pytest.approx(4 * 0.002)
    # A block pays for its clock pins.
    assert sum(spent["blocks"].values()) == pytest.approx(sum(spent["pj"].values()))
    said = report(spent, 2, 10.0)
    assert said["mw"] == pytest.approx(sum(spent["pj"].values()) / 100)
    assert said["nj_per_frame"] == pytest.approx(said["mw"] * 100 / 2 / 1e3)
    assert said["leakage_nj_per_frame"] == pytest.approx(5e-6 * 100 / 2 / 1e3)


@needs_sta
@pytest.mark.skipif(not os.environ.get("PDK_ROOT"), reason="no PDK_ROOT")
def test_opensta(tmp_path):
    """The same activity of all nets in OpenSTA: what charging loads costs agrees. Activities of
    single pins have no effect in its version of 2019; and what a cell costs inside it adds up over
    all inputs, so that is larger and not compared."""
    pdk = find_pdk()
    library = Library(pdk.liberty)
    chain = [Cell(f"g{n}", "sg13g2_nand2_1", "", {"A": [10 + n], "B": [5], "Y": [11 + n]})
             for n in range(30)]
    netlist = Netlist("top", [("clk", "input", [2]), ("d", "input", [5])], [
        Cell("ff", "sg13g2_dfrbpq_1", "", {"CLK": [2], "D": [5], "Q": [10], "RESET_B": [5]}),
        *chain], {}, {2: "clk", 5: "d", **{n: f"n{n}" for n in range(10, 41)}})
    changes = {2: 200, **dict.fromkeys([5, *range(10, 41)], 20)}
    counted = Activity(100, changes, {net: 50 for net in changes}, {})
    ours = energy(netlist, library, counted)
    expected = ours["pj"]["switching"] / 100 / 10  # mW
    (tmp_path / "n.v").write_text(netlist.verilog())
    (tmp_path / "n.tcl").write_text(f"""
read_liberty {pdk.liberty}
read_verilog n.v
link_design top
{sdc(netlist, pdk, 10.0).splitlines()[0]}
set_power_activity -global -activity 0.2 -duty 0.5
report_power -digits 6
""")
    said = subprocess.run(["sta", "-no_splash", "-exit", "n.tcl"], cwd=tmp_path, text=True,
                          capture_output=True, check=True).stdout
    total = re.search(r"^Total +\S+ +(\S+)", said, re.MULTILINE)
    assert float(total[1]) * 1000 == pytest.approx(expected, rel=0.1), said
