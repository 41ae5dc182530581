"""Energies that can be counted by hand, and the same activity in OpenSTA."""

import os
import re
import subprocess

import pytest

from asic.gates import Activity
from asic.liberty import Library
from asic.netlist import Cell, Netlist
from asic.pdk import find_pdk
from asic.power import SLOPE_NS, Energies, energy, loads, report
from tests.asic.few import LIBERTY, needs_sta

TABLES = """
power_lut_template(p) { variable_1 : input_transition_time;
  variable_2 : total_output_net_capacitance; index_1 ("0.0, 0.2"); index_2 ("0.0, 0.01"); }
wire_load("near") { capacitance : 0.001; slope : 2; fanout_length(1, 1); fanout_length(3, 3); }
default_wire_load : "near";
operating_conditions("here") { process : 1; temperature : 25; voltage : 1.2; }
default_operating_conditions : "here";
"""
INVERTER = """internal_power() { related_pin : "A";
  rise_power(p) { values("0.001, 0.002", "0.003, 0.004"); }
  fall_power(p) { values("0.001, 0.002", "0.003, 0.004"); } }
"""
NAND = """internal_power() { related_pin : "A";
  rise_power(scalar) { values("0.002"); } fall_power(scalar) { values("0.004"); } }
internal_power() { related_pin : "B";
  rise_power(scalar) { values("0.006"); } fall_power(scalar) { values("0.012"); } }
"""
OTHERWISE = """internal_power() { related_pin : "B";
  rise_power(scalar) { values("1"); } fall_power(scalar) { values("1"); } }
"""
CLOCK = """internal_power() { when : "D*Q"; rise_power(scalar) { values("0.004"); }
  fall_power(scalar) { values("0.016"); } }
internal_power() { when : "!D*!Q"; rise_power(scalar) { values("0.004"); }
  fall_power(scalar) { values("0.016"); } }
internal_power() { rise_power(scalar) { values("0.02"); } fall_power(scalar) { values("0.04"); } }
"""
DATA = """internal_power() { when : "C"; rise_power(scalar) { values("0.001"); }
  fall_power(scalar) { values("0.003"); } }
internal_power() { when : "!C"; rise_power(scalar) { values("0.01"); }
  fall_power(scalar) { values("0.02"); } }
"""


@pytest.fixture
def library(tmp_path):
    text = LIBERTY.replace("nom_process : 1;", f"nom_process : 1;{TABLES}", 1)
    text = text.replace('function : "!A"; ', f'function : "!A"; {INVERTER}', 1)
    text = text.replace('function : "!(A&B)"; ', f'function : "!(A&B)"; {NAND}', 1)
    text = text.replace("clock : true; ", f"clock : true; {CLOCK}", 1)
    pin = "pin(D) { direction : input; capacitance : 0.003; "
    assert pin in text
    text = text.replace(pin, pin + DATA, 1)
    text = text.replace("cell(inv) { area : 2;", "cell(inv) { area : 2; cell_leakage_power : 5;", 1)
    (tmp_path / "power.lib").write_text(text)
    return Library(tmp_path / "power.lib")


def test_tables(library):
    energies = Energies(library)
    assert energies.volts == 1.2 and energies.pin_pf("inv", "A") == 0.003
    assert [energies.wire_pf(n) for n in (0, 1, 2, 3, 5)] == pytest.approx(
        [0, 0.001, 0.002, 0.003, 0.007])
    at, pj, causes, _ = energies.output("inv", "Y")
    assert at == (0.0, 0.01) and causes == ["A"]
    assert pj[0] == pytest.approx([0.002, 0.003])  # between both slopes
    assert energies.output("buf", "Y")[:3] == ((0.0,), [[0.0]], [])
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
    assert spent["pj"]["flip-flops"] == pytest.approx(
        20 * (0.6 * 0.01 + 0.4 * 0.03) + 4 * 0.002)
    assert spent["blocks"]["core.a"] == pytest.approx(4 * 0.002)
    # A block pays for its clock pins.
    assert sum(spent["blocks"].values()) == pytest.approx(sum(spent["pj"].values()))
    said = report(spent, 2, 10.0)
    assert said["mw"] == pytest.approx(sum(spent["pj"].values()) / 100)
    assert said["nj_per_frame"] == pytest.approx(said["mw"] * 100 / 2 / 1e3)
    assert said["leakage_nj_per_frame"] == pytest.approx(5e-6 * 100 / 2 / 1e3)


@pytest.mark.parametrize("when, a, b, pj", [
    ("", (8, 5), (0, 10), 0.003),  # A alone
    ("", (4, 5), (4, 8), (0.8 * 0.003 + 0.5 * 0.009) / 1.3),  # B lets A pass more often than A B
    ("", (0, 5), (0, 5), (0.003 + 0.009) / 2),  # none that was seen
    ("A", (0, 5), (4, 5), 0.009), ("!A", (0, 5), (4, 5), 1)])
def test_causes(library, tmp_path, when, a, b, pj):
    """An output costs what those inputs do that change it: they change so often, are 1 so long;
    where a condition of B's does not hold it costs 1."""
    if when:
        text, related = (tmp_path / "power.lib").read_text(), 'related_pin : "B";'
        start, end = text.split(f"internal_power() {{ {related}")
        (tmp_path / "when.lib").write_text(
            f'{start}{OTHERWISE}internal_power() {{ {related} when : "{when}";{end}')
        library = Library(tmp_path / "when.lib")
    netlist = Netlist("top", [("a", "input", [2]), ("b", "input", [3])], [
        Cell("gate", "nand2", "", {"A": [2], "B": [3], "Y": [4]})], {}, {2: "a", 3: "b", 4: "y"})
    counted = Activity(10, {2: a[0], 3: b[0], 4: 4}, {2: a[1], 3: b[1], 4: 5}, {})
    assert energy(netlist, library, counted)["pj"]["internal"] == pytest.approx(4 * pj)


def test_gated(library):
    """Of 10 cycles 4 have a clock: Q changes in 1 of them, what it takes in 5 of the 10."""
    netlist = Netlist("top", [("gated", "input", [2])], [
        Cell("ff", "dff", "", {"C": [2], "D": [4], "Q": [3]})], {}, {2: "c", 3: "q", 4: "d"})
    counted = Activity(10, {2: 8, 3: 1, 4: 5}, {2: 0, 3: 5, 4: 5}, {})
    rises = 4 * (0.75 * 0.004 + 0.25 * 0.02)
    falls = 4 * (0.5 * 0.016 + 0.5 * 0.04)
    data = 5 * (0.4 * 0.002 + 0.6 * 0.015)
    assert energy(netlist, library, counted)["pj"]["flip-flops"] == pytest.approx(
        rises + falls + data)


def _circuit(ff, clock, reset, inverter, nand):
    """A flip-flop that takes what gates make of it: no output without a load."""
    return Netlist("top", [("clk", "input", [2]), ("d", "input", [5])], [
        Cell("ff", ff, "", {clock: [2], "D": [6], "Q": [3], **dict.fromkeys(reset, [5])}),
        Cell("not", inverter, "", {"A": [3], "Y": [4]}),
        Cell("nand", nand, "", {"A": [3], "B": [4], "Y": [7]}),
        Cell("more", nand, "", {"A": [7], "B": [5], "Y": [6]})],
        {}, {2: "clk", 3: "a", 4: "b", 5: "d", 6: "e", 7: "f"})


def _compare(folder, netlist, liberty, counted, activity):
    """(ours, OpenSTA's): pJ of the cycles that were counted, at our slopes; ``activity`` are
    OpenSTA's commands that say the same."""
    ours = energy(netlist, Library(liberty), counted)
    ports = " ".join(name for name, *_ in netlist.ports)
    pins = " ".join(f"{cell.name}/{port}" for cell in netlist.cells for port in cell.pins)
    (folder / "n.v").write_text(netlist.verilog())
    (folder / "n.tcl").write_text(f"""
read_liberty {liberty}
read_verilog n.v
link_design top
create_clock -name clk -period 10 [get_ports clk]
set_propagated_clock clk
set_input_delay 0 -clock clk [all_inputs]
set_assigned_transition {SLOPE_NS} {{{ports} {pins}}}
{activity}
report_power -digits 8
""")
    said = subprocess.run(["sta", "-no_splash", "-exit", "n.tcl"], cwd=folder, text=True,
                          capture_output=True, check=True).stdout
    inside, charging = zip(*(re.search(rf"^{group} +(\S+) +(\S+)", said, re.MULTILINE).groups()
                             for group in ("Sequential", "Combinational")), strict=True)
    pj = 1e12 * counted.cycles * 10e-9  # from W
    return ours["pj"], {"switching": pj * sum(map(float, charging)),
                        "flip-flops": pj * float(inside[0]), "internal": pj * float(inside[1])}


#: Every net changes in half of the cycles and is 1 for half the time. So a condition of two pins
#: holds for a quarter of the time, be they independent, which is what OpenSTA takes, or what a
#: flip-flop takes and holds.
HALF = (Activity(1000, {2: 2000, **dict.fromkeys(range(3, 8), 500)},
                 dict.fromkeys(range(2, 8), 500), {}),
        "set_power_activity -global -activity 0.5 -duty 0.5")
#: OpenSTA counts in single precision.
EXACT = 1e-6


@needs_sta
def test_opensta(library, tmp_path):
    """OpenSTA's version of 2019 adds rise and fall for every change, which is one of them, so that
    all is twice ours inside cells. At the clock it adds what costs under no condition to the
    conditions, instead of taking it for the rest of the time, half of it here; and of what a
    flip-flop takes half of the changes come while the clock is down, not none."""
    netlist = _circuit("dff", "C", "", "inv", "nand2")
    ours, theirs = _compare(tmp_path, netlist, tmp_path / "power.lib", *HALF)
    assert theirs["switching"] == pytest.approx(ours["switching"], rel=EXACT)
    assert theirs["internal"] == pytest.approx(2 * ours["internal"], rel=EXACT)
    more = 2000 * (1 - 0.5) * 0.03 + 500 * 0.5 * (0.015 - 0.002)
    assert theirs["flip-flops"] == pytest.approx(2 * (ours["flip-flops"] + more), rel=EXACT)


@needs_sta
def test_opensta_causes(library, tmp_path):
    """What a gate of two inputs costs goes by how often each of them changes it; activities of
    input ports go through gates in OpenSTA."""
    netlist = Netlist("top", [(name, "input", [net]) for name, net in
                              (("clk", 2), ("a", 3), ("b", 4))], [
        Cell("nand", "nand2", "", {"A": [3], "B": [4], "Y": [5]}),
        Cell("not", "inv", "", {"A": [5], "Y": [6]}),
        Cell("ff", "dff", "", {"C": [2], "D": [6]})],
        {}, {2: "clk", 3: "a", 4: "b", 5: "y", 6: "z"})
    counted = Activity(1000, {2: 2000, 3: 400, 4: 100, 5: 250, 6: 250},
                       {2: 500, 3: 500, 4: 500, 5: 750, 6: 250}, {})
    ours, theirs = _compare(tmp_path, netlist, tmp_path / "power.lib", counted, """
set_power_activity -input_ports [get_ports a] -activity 0.4 -duty 0.5
set_power_activity -input_ports [get_ports b] -activity 0.1 -duty 0.5""")
    assert theirs["switching"] == pytest.approx(ours["switching"], rel=EXACT)
    assert theirs["internal"] == pytest.approx(2 * ours["internal"], rel=EXACT)


@needs_sta
@pytest.mark.skipif(not os.environ.get("PDK_ROOT"), reason="no PDK_ROOT")
def test_opensta_kit(tmp_path):
    """As above. OpenSTA's pins would be at the upper end of a range where the Liberty has one; at
    outputs it counts half of what an asynchronous reset would cost, with every change."""
    liberty, kind = tmp_path / "no_ranges.lib", "sg13g2_dfrbpq_1"
    text = re.sub(r"(rise|fall)_capacitance(_range)?[ :]+[^;]+;", "",
                  find_pdk().liberty.read_text())
    liberty.write_text(re.sub(r'internal_power \(\) {\s*related_pin : "RESET_B";'
                              r"([^{}]*{[^{}]*})*\s*}", "", text))
    netlist = _circuit(kind, "CLK", ["RESET_B"], "sg13g2_inv_1", "sg13g2_nand2_1")
    ours, theirs = _compare(tmp_path, netlist, liberty, *HALF)
    assert theirs["switching"] == pytest.approx(ours["switching"], rel=EXACT)
    assert theirs["internal"] == pytest.approx(2 * ours["internal"], rel=EXACT)
    energies = Energies(Library(liberty))
    clock, data, reset = ({when.strip("()"): sum(pj) / 2 for when, pj in
                           energies.input(kind, port)} for port in ("CLK", "D", "RESET_B"))
    up, down = data["CLK"], (data["!CLK * RESET_B"] + data["!CLK * !RESET_B"]) / 2
    # Without a reset the flip-flop must hold 0: a quarter of the states has no condition.
    more = 2000 * (1 - 0.25) * clock[""] + 500 * (0.5 * (down - up) + 0.5 * data[""])
    more += 500 * 0.125 * (reset["!CLK * D * !Q"] + reset["!CLK * !D * !Q"]
                           - reset["CLK * D * !Q"] - reset["CLK * !D * !Q"])
    assert theirs["flip-flops"] == pytest.approx(2 * (ours["flip-flops"] + more), rel=EXACT)
