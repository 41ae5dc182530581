"""A kit of a few cells, whose areas and paths can be counted by hand."""

import shutil

import pytest

from asic.pdk import Kit, Pdk

__all__ = ["KIT", "LIBERTY", "few", "gate", "needs_sta"]

needs_sta = pytest.mark.skipif(not shutil.which("sta"), reason="no OpenSTA")

#: An inverter, a NAND gate, a buffer, ties and a flip-flop; every delay is 0.1 ns.
_ARC = """timing() {{ related_pin : "{pin}"; timing_sense : {sense}; {more}
      cell_rise(scalar) {{ values("0.1"); }} rise_transition(scalar) {{ values("0.01"); }}
      cell_fall(scalar) {{ values("0.1"); }} fall_transition(scalar) {{ values("0.01"); }} }}"""


def gate(name, area, function, pins, sense="negative_unate"):
    """A cell of one output, ``Y``."""
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
    gate("inv", 2, "!A", "A"), gate("nand2", 3, "!(A&B)", "AB"),
    gate("buf", 4, "A", "A", "positive_unate"), gate("one", 1, "1", ""),
    gate("zero", 1, "0", ""),
    'cell(dff) { area : 10; ff(IQ, IQN) { next_state : "D"; clocked_on : "C"; }\n'
    "pin(C) { direction : input; capacitance : 0.003; clock : true; }\n"
    "pin(D) { direction : input; capacitance : 0.003; timing() { related_pin : \"C\";\n"
    "timing_type : setup_rising; rise_constraint(scalar) { values(\"0.05\"); }\n"
    "fall_constraint(scalar) { values(\"0.05\"); } } }\n"
    'pin(Q) { direction : output; max_capacitance : 0.3; function : "IQ";\n',
    _ARC.format(pin="C", sense="non_unate", more="timing_type : rising_edge;"), "} }\n}\n"])

KIT = Kit({"typical": "few.lib", "slow": "slow.lib"}, "buf", ("one", "Y"), ("zero", "Y"),
          source="tests")


def few(folder, memories=()):
    """The kit, its Liberty in ``folder``; ``memories`` are Liberty files of macros."""
    (folder / "few.lib").write_text(LIBERTY)
    return Pdk("few", "typical", folder / "few.lib", KIT.buffer, KIT.high, KIT.low,
               memories=memories)
