"""Circuits from Verilog: what they compute, how many spins they take, what is refused."""

import re
from pathlib import Path

import numpy as np
import pytest

from fpga.tools import find_yosys
from golden.invertible.circuit import multiplier
from sim.tools import ToolError
from ternstone.circuits import read_circuit
from ternstone.errors import BadInput

try:
    find_yosys()
except ToolError:
    pytest.skip("no Yosys (pip install pyosys)", allow_module_level=True)

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "invert"


@pytest.fixture
def read(tmp_path):
    def call(text, top=None, suffix=".v"):
        path = tmp_path / f"design{suffix}"
        path.write_text(text)
        return read_circuit(path, top)

    return call


def codes(circuit, count=2000):
    """All inputs, or ``count`` random ones: name -> values."""
    widths = [len(spins) for _, direction, spins in circuit.ports if direction == "input"]
    names = [name for name, direction, _ in circuit.ports if direction == "input"]
    every = np.arange(1 << sum(widths)) if sum(widths) <= 12 else np.random.default_rng(
        0).integers(0, 1 << sum(widths), count)
    return {name: every >> sum(widths[:n]) & (1 << widths[n]) - 1 for n, name in enumerate(names)}


def check(circuit, spins=None, **outputs):
    """The circuit's answers, that valid states have one energy, and by brute force the lowest."""
    given = codes(circuit)
    answers = circuit.forward(given)
    assert answers.keys() == outputs.keys()
    for name, function in outputs.items():
        width = len(dict(circuit.spin_ports)[name])
        assert (answers[name] == function(**given) % (1 << width)).all(), name
    energies = set(circuit.hamiltonian.energy(circuit.states(given)).tolist())
    assert len(energies) == 1
    if circuit.hamiltonian.spins <= 20:
        assert {int(circuit.hamiltonian.energies().min())} == energies
        assert circuit.gap() >= circuit.gate_gap
        assert len(circuit.hamiltonian.ground_states()) == 1 << sum(
            len(bits) for _, direction, bits in circuit.ports if direction == "input")
    if spins is not None:
        assert circuit.hamiltonian.spins == spins


MODULE = "module m(input {signed}[3:0] a, b, output {signed}[7:0] y); assign y = {e}; endmodule"


@pytest.mark.parametrize("expression, function, spins", [
    ("a + b", lambda a, b: a + b, 16), ("a - b", lambda a, b: a - b, None),
    ("a * b", lambda a, b: a * b, 48), ("a & ~b", lambda a, b: a & ~b & 15, None),
    ("{a, b}", lambda a, b: a << 4 | b, 16), ("~{b, a}", lambda a, b: ~(b << 4 | a), 16),
    ("a % (b | 4'd1)", lambda a, b: a % (b | 1), None),
    ("a << b[1:0]", lambda a, b: a << b % 4, None),
    ("a * a + b", lambda a, b: a * a + b, None), ("a * 5 + b", lambda a, b: a * 5 + b, None),
    ("b[0] ? a : {a, b}", lambda a, b: np.where(b & 1, a, a << 4 | b), None),
])
def test_arithmetic(read, expression, function, spins):
    # Bits that would be constant 0 take b's low bit instead: an output must hang on an input.
    text = MODULE.format(signed="", e=f"({expression}) ^ {{8{{b[0] & a[3]}}}}")
    plain = {"a + b", "a * b"}
    if expression in plain:
        width = 5 if expression == "a + b" else 8
        text = MODULE.format(signed="", e=expression).replace("[7:0]", f"[{width - 1}:0]")
        check(read(text), spins, y=function)
    else:
        check(read(text), None, y=lambda a, b: function(a, b) ^ 255 * (b & a >> 3 & 1))


def test_signed(read):
    def signed(x):
        return (x ^ 8) - 8

    text = MODULE.format(signed="signed ", e="a * b")
    check(read(text), y=lambda a, b: signed(a) * signed(b) & 255)


@pytest.mark.parametrize("width", [2, 3, 4, 5])
def test_multiplier_takes_3_n_squared(read, width):
    text = (EXAMPLES / "multiplier.v").read_text().replace("WIDTH = 4", f"WIDTH = {width}")
    circuit = read(text)
    check(circuit, 3 * width**2, product=lambda a, b: a * b)
    assert len(circuit.hamiltonian.couplings) == len(multiplier(width).hamiltonian.couplings)


@pytest.mark.parametrize("text, spins, outputs", [
    # Comparisons are majorities; of one pair of numbers, whatever is asked.
    ("input [3:0] a, b, output y); assign y = a < b;", 12, {"y": lambda a, b: a < b}),
    ("input signed [3:0] a, b, output y); assign y = a <= b;", None,
     {"y": lambda a, b: (a ^ 8) <= (b ^ 8)}),
    # A full adder in gates is one of five spins, a half adder one of four.
    ("input a, b, c, output s, co); assign s = a ^ b ^ c; assign co = a & b | a & c | b & c;", 5,
     {"s": lambda a, b, c: a ^ b ^ c, "co": lambda a, b, c: a + b + c > 1}),
    ("input a, b, output s, co); assign s = ~(a ^ b); assign co = ~a | ~b;", 4,
     {"s": lambda a, b: 1 - (a ^ b), "co": lambda a, b: 1 - (a & b)}),
    # XORs three at a time.
    ("input [6:0] a, output y); assign y = ^a;", 13,
     {"y": lambda a: sum(a >> k & 1 for k in range(7)) % 2}),
    # Inverters take none; a copy of an input takes one.
    ("input a, b, output y); assign y = ~(~a & b);", 3, {"y": lambda a, b: a | 1 - b}),
    ("input [1:0] a, output [2:0] y); assign y = {a[0], ~a};", 5,
     {"y": lambda a: (a & 1) << 2 | 3 ^ a}),
    # A case with a value that does not matter, a loop, a function, a memory that is never written.
    ("input [1:0] a, output reg y); always @* case (a) 0: y = 1; 1: y = 0; 2: y = 1; "
     "default: y = 1'bx; endcase", None, {"y": lambda a: a % 2 == 0}),
    ("input [1:0] a, output reg [3:0] y); integer i; always @* begin y = 0; "
     "for (i = 0; i < 4; i = i + 1) if (a == i) y[i] = 1; end", 6, {"y": lambda a: 1 << a}),
    ("input [1:0] a, output [1:0] y); reg [1:0] t [0:3]; initial begin t[0] = 2; t[1] = 3; "
     "t[2] = 1; t[3] = 0; end assign y = t[a];", None,
     {"y": lambda a: np.array([2, 3, 1, 0])[a]}),
    ('input a, output y); assign y = ~a; always @* $display("%d", a);', 2, {"y": lambda a: 1 - a}),
])
def test_small(read, text, spins, outputs):
    circuit = read(f"module m({text} endmodule")
    if "default" in text:
        given = {"a": np.arange(3)}
        assert (circuit.forward(given)["y"] == outputs["y"](**given)).all()
    else:
        check(circuit, spins, **outputs)


def test_submodules_includes_and_images(tmp_path):
    (tmp_path / "part.vh").write_text("module part(input [1:0] a, output y);\n"
                                      "  reg t [0:3]; initial $readmemb(\"t.mem\", t);\n"
                                      "  assign y = t[a];\nendmodule\n")
    (tmp_path / "t.mem").write_text("0\n1\n1\n0\n")
    path = tmp_path / "top.v"
    path.write_text('`include "part.vh"\nmodule top(input [1:0] a, output y);\n'
                    "  part u(.a(a), .y(y));\nendmodule\n")
    check(read_circuit(path, "top"), 4, y=lambda a: a >> 1 ^ a & 1)


def test_system_verilog(read):
    check(read("module m(input logic a, b, output logic y); always_comb y = a & b; endmodule",
               suffix=".sv"), 3, y=lambda a, b: a & b)


def crc(word):
    state = np.zeros_like(word)
    for k in range(15, -1, -1):
        feed = state >> 7 ^ word >> k & 1
        state = (state << 1 & 255) ^ 7 * feed
    return state


def digest(message):
    x = np.full_like(message, 0x6A)
    for _ in range(3):
        total = x + (message << 4 & 255 | message >> 4) & 255
        x = (total << 3 & 255 | total >> 5) ^ message
    return x


@pytest.mark.parametrize("name, outputs", [
    ("multiplier", {"product": lambda a, b: a * b}),
    ("comparator", {"less": lambda a, b: a < b, "equal": lambda a, b: a == b}),
    ("checksum", {"crc": lambda word: crc(word)}),
    ("hash", {"digest": lambda message: digest(message)}),
    ("subset_sum", {"sum": lambda take: sum(
        v * (take >> k & 1) for k, v in enumerate((13, 22, 29, 37, 41, 50, 58, 63)))}),
])
def test_examples(name, outputs):
    check(read_circuit(EXAMPLES / f"{name}.v"), **outputs)


def test_example_of_satisfiability():
    """Each clause, as it stands in the file; the first is the most significant bit."""
    circuit = read_circuit(EXAMPLES / "sat.v")
    x = np.random.default_rng(0).integers(0, 1 << 20, 200)
    bits = circuit.states({"x": x})[:, list(dict(circuit.spin_ports)["clauses"])]
    body = (EXAMPLES / "sat.v").read_text().partition("= {")[2].partition("}")[0]
    expected = [np.any([(x >> int(k) & 1) ^ bool(turned) for turned, k in re.findall(
        r"(~?)x\[(\d+)\]", clause)], axis=0) for clause in body.split(",")]
    assert (bits[:, ::-1].T == np.array(expected)).all()


@pytest.mark.parametrize("text, message", [
    ("input c, d, output reg q); always @(posedge c) q <= d;",
     r"Verilog must be combinational, but q is a register"),
    ("input e, d, output reg q); always @* if (e) q = d;",
     r"Verilog must be combinational, but q is a latch: a branch gives it no value"),
    ("input c, input [1:0] a, output y); reg m [0:3]; always @(posedge c) m[a] <= c; "
     "assign y = m[a];", r"Verilog must be combinational, but m\[\d\].* is a register"),
    ("input a, output y); wire [3:0] t; assign t[0] = a; assign y = t[2] & a;",
     r"Wire t\[2\] must have a driver, but nothing gives it a value"),
    ("input a, output y, z); assign y = a;",
     r"Wire z must have a driver, but nothing gives it a value"),
    ("input a, output y); wire t; assign t = a ^ y; assign y = t | a;",
     r"Verilog must not have a combinational loop, as y is in"),
    ("input a, output y); wire s; assign s = ~s; assign y = a & s;",
     r"Verilog must not have a combinational loop, as s is in"),
    ("input a, b, output y); assign y = a; assign y = b;",
     r"Wire y must have one driver, not several"),
    ("input a, b, output [1:0] y); assign y[0] = a; assign y[1] = a & b; assign y[1] = a | b;",
     r"Wire y\[1\] must have one driver, not several"),
    ("input a, inout y); assign y = a;", r"Port y must be an input or an output, not inout"),
    ("input a, e, output y); assign y = e ? a : 1'bz;",
     r"Verilog must be combinational, but y is a tri-state"),
    ("input a, output [1:0] y); assign y = {1'bz, a};",
     r"Verilog must be combinational, but y is a tri-state"),
    ("input a, output [1:0] y); assign y = {1'b1, a};",
     r"Module m: Output y bit 1 must hang on an input, not be constant 1"),
    ("input [2:0] a, output y); assign y = |a | ~|a;",
     r"Module m: Output y bit 0 must hang on an input, not be constant 1"),
    ("input a);", r"Module m: Circuit must have an output"),
    ("input a, output y); nothere u(.a(a), .y(y));",
     r"Yosys must accept design\.v, but it says: Module `\\nothere' referenced in module .*"),
    ("input a, output y) assign y = a;",
     r"Yosys must accept design\.v, but it says: design\.v:1: syntax error, .*"),
])
def test_refused(read, text, message):
    with pytest.raises(BadInput, match=f"^{message}$"):
        read(f"module m({text} endmodule", "m")


def test_no_such_module(read):
    text = "module adder(input a, output y); assign y = a; endmodule"
    with pytest.raises(BadInput, match=r"^Module 'addr' is not in design\.v: did you mean adder\?"):
        read(text, "addr")
    with pytest.raises(BadInput, match=r"^--top must be a module's name, not 'a; b'$"):
        read(text, "a; b")
    with pytest.raises(BadInput, match=r"^--top must name a module of design\.v: adder, other$"):
        read(f"{text} /* module x */ module other; endmodule")
    with pytest.raises(BadInput, match=r"^--top must name a module of design\.v: none$"):
        read("// module nothing")


def test_no_such_file(tmp_path):
    with pytest.raises(BadInput, match=r"^Verilog file .*nothere\.v does not exist$"):
        read_circuit(tmp_path / "nothere.v", "m")
    with pytest.raises(BadInput, match=r"^Verilog file .* is a folder$"):
        read_circuit(tmp_path, "m")
    (tmp_path / "raw.v").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match=r"^Verilog file .*raw\.v cannot be read: .*$"):
        read_circuit(tmp_path / "raw.v", "m")
