"""``ternstone invert``: what it finds, what it says, what it writes."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from fpga.tools import find_yosys
from golden.invertible.circuit import comparator, multiplier
from golden.invertible.network import Job, Network
from golden.invertible.search import Search
from sim.tools import ToolError
from ternstone.circuits import read_circuit
from ternstone.cli import Inversion
from ternstone.errors import BadInput
from ternstone.invert import (
    MOST_CYCLES,
    SEARCHES,
    guesses,
    network,
    parse_clamps,
    run,
    schedule,
    size,
    trials,
)

try:
    find_yosys()
except ToolError:
    pytest.skip("no Yosys (pip install pyosys)", allow_module_level=True)

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "invert"
ALL = (1 << 70) - 1


@pytest.mark.parametrize("by", SEARCHES)
@pytest.mark.parametrize("name, clamps, cycles", [
    ("multiplier", ["product=143"], 5000), ("multiplier", ["a=11", "b=13"], 5000),
    ("multiplier", ["a=11", "product=143"], 5000), ("comparator", ["less=1", "a=9"], 500),
    ("checksum", ["crc=0x5a", "word=0b01000001xxxxxxxx"], 20000),
    ("hash", ["digest=0x5f"], 20000), ("subset_sum", ["sum=137"], 20000)])
def test_examples(name, clamps, cycles, by):
    """Backwards, forwards and mixed: every answer agrees with the clamps and with the circuit."""
    circuit = read_circuit(EXAMPLES / f"{name}.v")
    held = parse_clamps(circuit, clamps)
    found = run(circuit, held, cycles, 2, by)
    assert found["found"] == 2
    inputs = [name for name, direction, _ in circuit.ports if direction == "input"]
    for one in found["runs"]:
        ports = one["ports"]
        answer = circuit.forward({name: ports[name] for name in inputs})
        assert answer | {name: ports[name] for name in inputs} == ports
        for port, bits in held.items():
            assert all(ports[port] >> bit & 1 == value for bit, value in bits.items())


def test_the_gain_over_guessing():
    """Of clauses; and of this product (in the mean over products there is none)."""
    circuit = read_circuit(EXAMPLES / "sat.v")
    found = run(circuit, parse_clamps(circuit, [f"clauses={ALL}"]), 20000, seeds=2)
    assert found["found"] == 2 and found["guesses"] == pytest.approx((1 << 20) / 14)
    assert found["mean"] < found["guesses"] / 10
    circuit = multiplier(5)
    found = run(circuit, parse_clamps(circuit, ["product=713"]), 20000, seeds=16)
    assert found["found"] == 16 and found["guesses"] == 512 and found["mean"] < 300


def test_run_is_what_hardware_does():
    """The frame of the answer, given to the block, is answered by the first seed's run."""
    circuit = comparator(3)
    found = run(circuit, parse_clamps(circuit, ["less=1", "b=2"]), 300, seeds=1)
    block = Network(network(circuit), {})
    frame = np.array(found["frame"])[:, None]
    assert Job.of(block.params, frame)[0] == schedule(300)
    answer = block.run([frame])[0].ravel().tolist()
    assert answer[0] & 1 == 1 and answer[1] == found["runs"][0]["cycles"] + 1
    ports = found["runs"][0]["ports"]
    assert answer[5] == ports["a"] | ports["b"] << 3 | ports["less"] << 6


def test_trials_are_what_hardware_does():
    circuit = comparator(3)
    found = run(circuit, parse_clamps(circuit, ["less=1", "b=0b01x"]), 300, 1, "parallel")
    params = trials(circuit)
    answer = params.read(Search(params, {}).run([np.array(found["frame"])[:, None]])[0])
    (one,) = found["runs"]
    assert answer == {"found": True, "replica": 0, "cycles": one["cycles"], **one["ports"]}
    assert one["ports"]["less"] == 1 and one["ports"]["b"] >> 1 == 1


def test_trials_beat_the_network():
    """Where flipping the right bit leaves fewer bits wrong."""
    circuit = read_circuit(EXAMPLES / "sat.v")
    clamps = parse_clamps(circuit, [f"clauses={ALL}"])
    found = run(circuit, clamps, 20000, 4, "parallel")
    assert found["found"] == 4 and found["mean"] < found["guesses"] / 100


@pytest.mark.parametrize("cycles", [1, 63, 64, 65, 192, 193, 1000, 20000, MOST_CYCLES])
def test_schedule(cycles):
    segments = schedule(cycles)
    assert sum(count for count, _, _ in segments) == cycles
    assert all(count > 0 for count, _, _ in segments)
    assert len(segments) <= network(comparator(1)).segments
    assert [noise for _, noise, _ in segments] == ([3, 2, 1] * len(segments))[:len(segments)]


def test_guesses():
    circuit = multiplier(3)
    assert guesses(circuit, parse_clamps(circuit, ["product=35"])) == 32
    assert guesses(circuit, parse_clamps(circuit, ["product=35", "a=5"])) == 8
    assert guesses(circuit, parse_clamps(circuit, ["product=13"])) == float("inf")
    assert guesses(circuit, {}) == 1
    wide = comparator(11)
    assert guesses(wide, {}) is None


def test_clamps():
    circuit = multiplier(3)
    assert parse_clamps(circuit, ["a=0b1x0", "b=0x3", " product = 0b000101 "]) == {
        "a": {0: 0, 2: 1}, "b": {0: 1, 1: 1, 2: 0},
        "product": {0: 1, 1: 0, 2: 1, 3: 0, 4: 0, 5: 0}}
    assert parse_clamps(circuit, ["a=0bxx1", "a=0b1xx"]) == {"a": {0: 1, 2: 1}}


@pytest.mark.parametrize("clamps, message", [
    (["a"], r"--clamp must be port=value, as sum=35 or sum=0b1xx0, not 'a'"),
    (["prodct=3"], r"Port 'prodct' is not one of the circuit: did you mean product\?"),
    (["a=8"], r"Clamp of a must be between 0 and 7, not 8"),
    (["a=-1"], r"Clamp of a must be between 0 and 7, not -1"),
    (["a=0b1x"], r"Clamp of a must have 3 bits, not 2: 0b1x"),
    (["a=five"], r"Clamp of a must be an integer, or bits as 0b1x0, not 'five'"),
    (["a=3", "a=2"], r"Clamps of a contradict each other: bit 0 must be 0 or 1, not both"),
])
def test_wrong_clamps(clamps, message):
    with pytest.raises(BadInput, match=f"^{message}$"):
        parse_clamps(multiplier(3), clamps)


def test_size():
    assert size(multiplier(2)) == {
        "spins": 12, "couplings": 24, "gates": 6, "h": 2, "j": 2, "fan_in": 6, "gap": 2,
        "gate_gap": 2, "ports": {"a": {"direction": "input", "width": 2},
                                 "b": {"direction": "input", "width": 2},
                                 "product": {"direction": "output", "width": 4}}}
    assert size(multiplier(3))["gap"] is None


# -- the verb

def test_verb(ternstone, tmp_path):
    answer = ternstone("invert", EXAMPLES / "comparator.v", "--top", "comparator", "--clamp",
                       "less=1", "--clamp", "a=9", "--seeds", 3, "--json", "-o", "out")
    assert answer.status == 0
    found = answer.json
    assert found["search"]["found"] == 3 == len(found["search"]["runs"])
    assert all(one["ports"]["b"] > 9 for one in found["search"]["runs"])
    assert found["circuit"]["spins"] == 23 and found["circuit"]["gap"] == 2
    assert (tmp_path / found["verilog"]).read_text().count("module invert_comparator(") == 1
    ports = json.loads((tmp_path / "out" / "ports.json").read_text())
    assert [name for name, _ in ports["params"]["ports"]] == ["a", "b", "less", "equal"]


def test_verb_by_trials(ternstone, tmp_path):
    answer = ternstone("invert", EXAMPLES / "comparator.v", "--search", "parallel", "--clamp",
                       "equal=1", "--clamp", "a=9", "--json", "-o", "out")
    assert answer.status == 0
    found = answer.json
    assert found["block"] == "invertible.search"
    assert [one["ports"]["b"] for one in found["search"]["runs"]] == [9] * 4
    assert (tmp_path / found["verilog"]).read_text().count("module invert_comparator(") == 1
    ports = json.loads((tmp_path / "out" / "ports.json").read_text())
    assert ports["block"] == "invertible.search"
    answer = ternstone("invert", EXAMPLES / "comparator.v", "--search", "parallel", "--clamp",
                       "equal=1")
    assert answer.status == 0 and re.search(r"Mean \d+ cycles; random inputs", answer.out)


def test_searches_of_the_verb():
    assert [one.value for one in Inversion] == list(SEARCHES)


def test_verb_prints(ternstone):
    answer = ternstone("invert", EXAMPLES / "comparator.v", "--clamp", "equal=1", "--clamp", "a=9")
    assert answer.status == 0
    assert re.search(r"a\[4\] b\[4\] less\[1\] equal\[1\]", answer.out)
    assert re.search(r"Mean \d+ cycles; random inputs, one a cycle, would take 16\.", answer.out)
    assert re.search(r"Verilog: build/invert-comparator/\w+/invert-comparator\.v", answer.out)


def test_verb_without_clamps(ternstone):
    answer = ternstone("invert", EXAMPLES / "comparator.v")
    assert answer.status == 0 and "Found" not in answer.out and "Verilog: " in answer.out


def test_verb_finds_nothing(ternstone):
    answer = ternstone("invert", EXAMPLES / "multiplier.v", "--clamp", "product=97", "--cycles", 99)
    assert answer.status == 1
    assert "No input of the circuit agrees with the clamps." in answer.out
    answer = ternstone("invert", EXAMPLES / "multiplier.v", "--clamp", "product=169", "--cycles", 2)
    assert answer.status == 1
    assert "No valid state was found within 2 cycles in 4 of 4 runs." in answer.out


@pytest.mark.parametrize("arguments, message", [
    ((EXAMPLES / "comparator.v", "--top", "comparatr"),
     r"Module 'comparatr' is not in comparator\.v: did you mean comparator\?"),
    (("nothere.v",), r"Verilog file nothere\.v does not exist"),
    ((EXAMPLES / "comparator.v", "--clamp", "less=2"),
     r"Clamp of less must be between 0 and 1, not 2"),
    ((EXAMPLES / "comparator.v", "--cycles", "0"),
     r"--cycles must be between 1 and 4000000, not 0"),
    ((EXAMPLES / "comparator.v", "--search", "grid"),
     r"Invalid value for '--search': .*'grid' is not one of 'network', 'parallel' \(see: .*\)"),
    ((EXAMPLES / "comparator.v", "--seeds", "0"), r"--seeds must be at least 1, not 0"),
])
def test_verb_wrong(ternstone, arguments, message):
    answer = ternstone("invert", *arguments)
    assert answer.status == 2 and answer.out == ""
    assert re.fullmatch(f"error: {message}\n", answer.err), answer.err
