"""Liberty files: what is read, and what is said of one that is broken."""

import pytest

from asic.liberty import LibertyError, Library, parse, truth
from tests.asic.few import LIBERTY

GATE = """cell(icg) { area : 5; clock_gating_integrated_cell : "latch_posedge";
pin(E) { direction : input; clock_gate_enable_pin : true; }
pin(C) { direction : input; clock_gate_clock_pin : true; }
pin(Z) { direction : output; clock_gate_out_pin : true; } }
cell(xnor2) { area : 6; pin(A) { direction : input; } pin(B) { direction : input; }
pin(Y) { direction : output; function : "!(A^B)"; } }
cell(xor2_2) { area : 7; pin(A) { direction : input; } pin(B) { direction : input; }
pin(Y) { direction : output; function : "A^B"; } }
cell(xor2) { area : 6; pin(A) { direction : input; } pin(B) { direction : input; }
pin(Y) { direction : output; function : "(A&!B)|(!A&B)"; } }
cell(xor2_0) { area : 5; dont_use : true; pin(A) { direction : input; }
pin(B) { direction : input; } pin(Y) { direction : output; function : "A^B"; } }
cell(untold) { area : 5; pin(A) { direction : input; } pin(B) { direction : input; }
pin(Y) { direction : output; } }
cell(half_adder) { area : 5; pin(A) { direction : input; } pin(B) { direction : input; }
pin(C) { direction : output; function : "A&B"; } pin(S) { direction : output; function : "A^B"; } }
cell(icg_test) { area : 4; clock_gating_integrated_cell : "latch_posedge_precontrol";
pin(E) { direction : input; } }
bus(x) { pin(x[3:0]) { when : "a"
 more : 1; } }
"""


def library(folder, text):
    (folder / "few.lib").write_text(text)
    return Library(folder / "few.lib")


def test_library(tmp_path):
    text = LIBERTY.rstrip().removesuffix("}") + GATE + "}\n"
    made = library(tmp_path, text)
    assert made.area("nand2") == made.nand2() == 3
    assert made.directions("dff") == {"C": "input", "D": "input", "Q": "output"}
    assert made.buffer_ports("buf") == ("A", "Y")
    assert made.gate() == ("icg", "E", "C", "Z") and made.gated_clock("icg", "C") == "Z"
    assert made.exclusive_or() == ("xor2", "A", "B", "Y")
    (tmp_path / "less").mkdir()
    assert library(tmp_path / "less", LIBERTY).exclusive_or() is None
    assert made.gated_clock("icg", "E") is None and made.gated_clock("dff", "C") is None
    assert {cell: made.kind(cell) for cell in made.cells} == {
        **dict.fromkeys(("inv", "nand2", "xnor2", "xor2_2", "xor2", "xor2_0", "untold",
                         "half_adder"), "logic"),
        "buf": "buffer", "one": "tie", "zero": "tie",
        "dff": "flip-flop", "icg": "clock gate", "icg_test": "clock gate"}
    assert made.groups[0].all("bus")[0].groups[0].arguments == ["x[3:0]"]


@pytest.mark.parametrize("text, said", [
    (LIBERTY[:-3], r"it ends within \w+"), (LIBERTY.replace("area : 3;", "area : 3"),
                                            r"line \d+ has no ';' after area"),
    ('library(few) { unit : "1nW; }', r"line \d+ has a string or a comment without an end"),
    ("cell(a { }", r"line 1 has no '\)' after cell"), ("", r"line 1 has '' in place of a .*")])
def test_broken(tmp_path, text, said):
    with pytest.raises(LibertyError, match=rf"^Liberty .*few\.lib must be complete, but {said}$"):
        library(tmp_path, text)


@pytest.mark.parametrize("before, after, said", [
    ("area : 3;", "area : abc;", r"area of cell\(nand2\) must be a number, not 'abc'"),
    ("capacitance : 0.003;", "capacitance : 1 pf;",
     r"capacitance of pin\(A\) must be a number, not '1 pf'"),
    ("unit(1, pf);", "unit(1, kg);",
     r"capacitive_load_unit of library\(few\) must be like 1pF, not '1kg'"),
    ("unit(1, pf);", "unit(0, pf);",
     r"capacitive_load_unit of library\(few\) must be like 1pF, not '0pf'"),
    ("unit(1, pf);", 'unit(1, pf); leakage_power_unit : "nothing";',
     r"leakage_power_unit of library\(few\) must be like 1nW, not 'nothing'")])
def test_no_number(tmp_path, before, after, said):
    with pytest.raises(LibertyError, match=rf"^Liberty .*few\.lib: {said}$"):
        library(tmp_path, LIBERTY.replace(before, after, 1))


@pytest.mark.parametrize("text", ['table(a) { values("1, x"); }', "table(a) { }"])
def test_no_numbers(text):
    with pytest.raises(LibertyError, match=r"^values of table\(a\) must be numbers, not .*"):
        parse(text).numbers("values")


@pytest.mark.parametrize("function", ["C", "A*", "A)(", "(A"])
def test_no_function(function):
    with pytest.raises(LibertyError, match=r"^Function must be one of A, B, not '.*'$"):
        truth(function, ("A", "B"))


def test_clock_gate_without_a_pin(tmp_path):
    gate = GATE.replace("pin(E)", "pin()", 1)
    assert library(tmp_path, LIBERTY.rstrip().removesuffix("}") + gate + "}\n").gate() is None


def test_cannot_be_read(tmp_path):
    with pytest.raises(LibertyError, match=r"^Liberty .* must be a file that can be read, which it "
                                           r"is not \(Is a directory\)$"):
        Library(tmp_path)


def test_no_library(tmp_path):
    with pytest.raises(LibertyError, match=r"^Liberty .* must be a library of cells, which it is"):
        library(tmp_path, "cell(a) { area : 1; }")
    with pytest.raises(LibertyError, match=r"^Liberty .* must be a library of cells, which it is"):
        library(tmp_path, "library(a) { cell() { area : 1; } }")
