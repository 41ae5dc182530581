"""Areas and paths of designs that can be counted by hand, in a kit of a few cells."""

import shutil

import pytest

from asic import area as module
from asic.area import area, cell_area, find_sta, transistors
from asic.pdk import Pdk, PdkError, find_pdk
from fpga.tools import find_yosys
from hdl.verilog import Verilog
from sim.tools import ToolError

try:
    find_yosys()
    MISSING = False
except ToolError:
    MISSING = True

needs_yosys = pytest.mark.skipif(MISSING, reason="no Yosys (pip install pyosys)")
needs_sta = pytest.mark.skipif(not shutil.which("sta"), reason="no OpenSTA")

SMALL = Verilog("""module top(input clk, input [1:0] a, output reg q);
  always @(posedge clk) q <= ~(a[0] & a[1]);
endmodule
""")

#: An inverter, a NAND gate, a buffer, ties and a flip-flop; every delay is 0.1 ns.
_ARC = """timing() {{ related_pin : "{pin}"; timing_sense : {sense}; {more}
      cell_rise(scalar) {{ values("0.1"); }} rise_transition(scalar) {{ values("0.01"); }}
      cell_fall(scalar) {{ values("0.1"); }} fall_transition(scalar) {{ values("0.01"); }} }}"""


def _gate(name, area, function, pins, sense="negative_unate"):
    inputs = "".join(f"pin({p}) {{ direction : input; capacitance : 0.003; }}\n" for p in pins)
    arcs = "".join(_ARC.format(pin=p, sense=sense, more="") for p in pins)
    return (f"cell({name}) {{ area : {area};\n{inputs}pin(Y) {{ direction : output; "
            f'max_capacitance : 0.3; function : "{function}"; {arcs} }} }}\n')


LIBERTY = "".join([
    'library(few) { delay_model : table_lookup; time_unit : "1ns"; voltage_unit : "1V";\n'
    'current_unit : "1mA"; pulling_resistance_unit : "1kohm"; leakage_power_unit : "1nW";\n'
    "capacitive_load_unit(1, pf); nom_voltage : 1.2; nom_temperature : 25; nom_process : 1;\n"
    "input_threshold_pct_rise : 50; input_threshold_pct_fall : 50;\n"
    "output_threshold_pct_rise : 50; output_threshold_pct_fall : 50;\n"
    "slew_lower_threshold_pct_rise : 20; slew_lower_threshold_pct_fall : 20;\n"
    "slew_upper_threshold_pct_rise : 80; slew_upper_threshold_pct_fall : 80;\n",
    _gate("inv", 2, "!A", "A"), _gate("nand2", 3, "!(A&B)", "AB"),
    _gate("buf", 4, "A", "A", "positive_unate"), _gate("one", 1, "1", ""),
    _gate("zero", 1, "0", ""),
    'cell(dff) { area : 10; ff(IQ, IQN) { next_state : "D"; clocked_on : "C"; }\n'
    "pin(C) { direction : input; capacitance : 0.003; clock : true; }\n"
    "pin(D) { direction : input; capacitance : 0.003; timing() { related_pin : \"C\";\n"
    "timing_type : setup_rising; rise_constraint(scalar) { values(\"0.05\"); }\n"
    "fall_constraint(scalar) { values(\"0.05\"); } } }\n"
    'pin(Q) { direction : output; max_capacitance : 0.3; function : "IQ";\n',
    _ARC.format(pin="C", sense="non_unate", more="timing_type : rising_edge;"), "} }\n}\n"])


@pytest.fixture
def pdk(tmp_path):
    (tmp_path / "few.lib").write_text(LIBERTY)
    return Pdk("few", "typical", tmp_path / "few.lib", "buf", ("one", "Y"), ("zero", "Y"))


@needs_yosys
def test_area(pdk):
    found = area(SMALL, pdk, find_yosys())
    assert (found["um2"], found["cells"]) == (13, {"dff": 1, "nand2": 1})
    assert found["version"][0].isdigit() and found["flow"].startswith("synth -flatten -top top; ")


@needs_yosys
@needs_sta
def test_longest_path(pdk):
    found = area(SMALL, pdk, find_yosys(), clock_ns=2, input_ns=0.3)
    assert found["timing"] == str(find_sta())
    assert found["ns"] == pytest.approx(0.3 + 0.1 + 0.05, abs=0.011)


@needs_yosys
def test_without_sta(pdk, monkeypatch):
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    found = area(SMALL, pdk, find_yosys())
    assert found["timing"].startswith("ABC's estimate") and 0.05 < found["ns"] < 0.5
    with pytest.raises(ToolError, match=r"^OpenSTA must be installed, .*opensta\)$"):
        find_sta()


@needs_yosys
def test_refused(pdk):
    with pytest.raises(RuntimeError, match=r"^Yosys must accept the Verilog, .*ERROR.*\w"):
        area(Verilog("module top(input a, output b; endmodule"), pdk, find_yosys())
    pdk.liberty.write_text("library(few) { cell(inv { }")
    with pytest.raises(RuntimeError, match=r"^Yosys must accept the Liberty, [^\n]*$"):
        area(SMALL, pdk, find_yosys())


@needs_yosys
def test_transistors():
    found = transistors(SMALL, find_yosys())
    assert (found["transistors"], found["registers"]) == (4 + 16, 1)


def test_cell_area(pdk):
    assert cell_area(pdk, "nand2") == 3
    with pytest.raises(RuntimeError, match=r"^Liberty .*few\.lib must have the cell nor2, which"):
        cell_area(pdk, "nor2")


def test_find_pdk(tmp_path, monkeypatch):
    monkeypatch.delenv("PDK_ROOT", raising=False)
    assert find_pdk() is None
    with pytest.raises(PdkError, match=r"^PDK_ROOT must be a folder that holds ihp-sg13g2/libs\.ref"
                       r"/.*typ_1p20V_25C\.lib, not '.*'$"):
        find_pdk(root=tmp_path)
    file = tmp_path / "ihp-sg13g2/libs.ref/sg13g2_stdcell/lib/sg13g2_stdcell_slow_1p08V_125C.lib"
    file.parent.mkdir(parents=True)
    file.write_text(LIBERTY)
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    assert find_pdk(corner="slow").liberty == file
    with pytest.raises(ValueError, match=r"^PDK must be one of ihp-sg13g2, not 'sky'$"):
        find_pdk("sky")
    with pytest.raises(ValueError, match=r"^Corner of ihp-sg13g2 must be one of typical, slow, "
                       r"fast, not 'hot'$"):
        find_pdk(corner="hot")
