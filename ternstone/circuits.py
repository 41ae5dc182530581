"""From combinational Verilog to a circuit of spins: Yosys maps it, its netlist becomes gates.

What a gate costs is its spins: none for an inverter, one for an AND of any polarity, two for an
XOR, a half adder or a full adder. So additions, subtractions, comparisons and products become full
adders, XORs of three are found among the gates, the rest is mapped by these costs.
"""

import json
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any

from fpga.tools import find_yosys
from golden.invertible.circuit import Builder, Circuit
from golden.invertible.hamiltonian import GATES, inverse
from ternstone.errors import BadInput, bad_input
from ternstone.parameters import suggest

__all__ = ["read_circuit"]

_HERE = Path(__file__).resolve().parent
_MAP, _CELLS, _PLAIN = "circuits_map.v", "circuits_cells.v", "circuits_gates.v"

#: Cells that are an AND: name -> whether A, B and the output are inverted.
_ANDS = {"AND": (0, 0, 0), "NAND": (0, 0, 1), "OR": (1, 1, 1), "NOR": (1, 1, 0),
         "ANDN": (0, 1, 0), "ORN": (1, 0, 1)}
_XORS = {"XOR": 0, "XNOR": 1}
_INVERTERS = {"BUF": 0, "INV": 1}
_ADDER = "ternstone_full_adder"

#: Name -> area in spins, function. An inverter's only breaks ties.
_LIBRARY = {
    "BUF": (0.02, "A"), "INV": (0.01, "!A"), "AND": (1, "A*B"), "NAND": (1, "!(A*B)"),
    "OR": (1, "A+B"), "NOR": (1, "!(A+B)"), "ANDN": (1, "A*!B"), "ORN": (1, "A+!B"),
    "XOR": (2, "(A*!B)+(!A*B)"), "XNOR": (2, "(A*B)+(!A*!B)"),
}
_GENLIB = "".join(f"GATE {name} {area} Y={function}; PIN * UNKNOWN 1 999 1 0 1 0\n"
                  for name, (area, function) in _LIBRARY.items()) + (
    "GATE ZERO 0 Y=CONST0;\nGATE ONE 0 Y=CONST1;\n")

#: Two ways to map: full adders as they stand in the Verilog, or all as gates, which can be better
#: where there are constants, and full adders found among them.
_MAPPED = ("adders", "gates")
#: ``checked.json`` is the circuit as written, bit by bit.
_SCRIPT = f"""read_verilog -lib {_CELLS}
read_verilog {{options}} {{file}}
hierarchy -check {{top}}
proc -noopt
opt_clean
flatten
check
delete t:$scopeinfo t:$print t:$check t:$assert t:$assume t:$cover
design -save written
memory -nordff
techmap
write_json checked.json
design -load written
opt_expr
opt_clean
memory -nordff
opt -full
wreduce
peepopt
opt -full
techmap -map {_MAP} t:$mul
alumacc
opt -full
techmap -map {_MAP} -map +/techmap.v
setundef -undriven -zero
opt -full
design -save arithmetic
techmap -map {_PLAIN}
simplemap
opt -full
techmap -map {_PLAIN}
simplemap
opt -full
abc -genlib gates.genlib
opt_clean -purge
write_json adders.json
design -load arithmetic
techmap -map {_PLAIN} -D GATES
simplemap
opt -full
abc -g gates
extract_fa -fa
techmap -map {_MAP} t:$fa
opt -full
abc -genlib gates.genlib
opt_clean -purge
write_json gates.json
"""


def read_circuit(path: Path, top: str | None = None) -> Circuit:
    """The circuit of module ``top`` of a Verilog file (of its only one, without).

    ``include`` and ``$readmemh`` take files from the file's own folder.

    Errors: `BadInput` for a file that is not there, Verilog that Yosys refuses, a module that is
    not in it, one with registers, latches, loops, wires without a driver, tri-states, bidirectional
    ports, or an output that no input reaches; `sim.tools.ToolError` without Yosys.
    """
    if not path.is_file():
        why = "is a folder" if path.is_dir() else "does not exist"
        raise BadInput(f"Verilog file {path} {why}")
    with bad_input(f"Verilog file {path} cannot be read", (OSError, UnicodeDecodeError)):
        text = path.read_text(encoding="utf-8")
    if top is None:
        names = _modules(text)
        if len(names) != 1:
            raise BadInput(f"--top must name a module of {path.name}: {', '.join(names) or 'none'}")
        (top,) = names
    mapped = _yosys(path, text, top)
    with bad_input(f"Module {top}", (ValueError,)):
        return min(map(_circuit, mapped), key=lambda circuit: circuit.hamiltonian.spins)


def _modules(text: str) -> list[str]:
    text = re.sub(r"//[^\n]*|/\*.*?\*/", " ", text, flags=re.DOTALL)
    return re.findall(r"\bmodule\s+(?:automatic\s+|static\s+)?(\w+)", text)


def _yosys(path: Path, text: str, top: str) -> list[dict[str, Any]]:
    """The mapped netlists of a module that is a combinational circuit."""
    if not re.fullmatch(r"[A-Za-z_]\w*", top):
        raise BadInput(f"--top must be a module's name, not {top!r}")
    yosys = find_yosys()
    # A folder of its own: a Yosys built for WebAssembly sees no other.
    with tempfile.TemporaryDirectory(prefix="ternstone-circuit-") as name:
        folder = Path(name)
        design = "design" + (".sv" if path.suffix == ".sv" else ".v")
        (folder / design).write_text(text, encoding="utf-8")
        _copy_used(text, path.parent, folder)
        for own in (_MAP, _CELLS, _PLAIN):
            shutil.copyfile(_HERE / own, folder / own)
        (folder / "gates.genlib").write_text(_GENLIB)
        (folder / "circuit.ys").write_text(_SCRIPT.format(
            options="-sv" if path.suffix == ".sv" else "", file=design, top=f"-top {top}"))
        done = subprocess.run([*yosys.command, "circuit.ys"], cwd=folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", check=False)
        made = [folder / f"{kind}.json" for kind in ("checked", *_MAPPED)]
        modules = [json.loads(file.read_text())["modules"][top] for file in made if file.is_file()]
    if modules:  # what is wrong with the circuit may be what stopped Yosys
        _check(modules[0], done.stdout)
    if done.returncode == 0 and len(modules) == len(made):
        return modules[1:]
    lines = done.stdout.strip().splitlines()
    said = [line for line in lines if "ERROR" in line] or lines[-3:] or ["nothing"]
    message = re.sub(r"ERROR: ", "", said[0]).strip().replace(design, path.name)
    if re.search(rf"Module .\\?{top}. not found", message):
        raise BadInput(f"Module {top!r} is not in {path.name}: {suggest(top, _modules(text))}")
    raise BadInput(f"Yosys must accept {path.name}, but it says: {message}")


def _copy_used(text: str, source: Path, folder: Path) -> None:
    """What the Verilog includes or reads, into the folder where Yosys runs."""
    for name in re.findall(r'(?:`include|\$readmem[hb]\s*\()\s*"([^"]+)"', text):
        target = folder / name
        if (source / name).is_file() and not target.exists() and ".." not in Path(name).parts:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, target)
            _copy_used(target.read_text(encoding="utf-8", errors="replace"), source, folder)


def _names(module: Mapping[str, Any]) -> dict[int, str]:
    """Net -> what it is called in the Verilog, as ``y[3]``."""
    names: dict[int, str] = {}
    for name, net in sorted(module["netnames"].items(),
                            key=lambda item: (item[1]["hide_name"], len(item[0]))):
        for place, bit in enumerate(net["bits"]):
            index = place + net.get("offset", 0)
            names.setdefault(bit, name if len(net["bits"]) == 1 else f"{name}[{index}]")
    return names


def _bits(cell: Mapping[str, Any], direction: str) -> Iterable[Any]:
    for port, bits in cell["connections"].items():
        if cell["port_directions"][port] == direction:
            yield from bits


def _check(module: Mapping[str, Any], log: str) -> None:
    """Raise `BadInput` for what is no combinational circuit; every cell is a gate of one bit.

    log:  what Yosys said, which alone knows of wires that are driven twice
    """
    names = _names(module)
    for name, port in module["ports"].items():
        if port["direction"] == "inout":
            raise BadInput(f"Port {name} must be an input or an output, not inout")
    drivers: dict[Any, tuple[Any, ...]] = {
        bit: () for port in module["ports"].values() if port["direction"] == "input"
        for bit in port["bits"]}
    for cell in module["cells"].values():
        kind = cell["type"]
        outputs = list(_bits(cell, "output"))
        called = names.get(outputs[0], "a wire") if outputs else kind
        if re.match(r"\$_(DLATCH|SR)", kind):
            raise BadInput(f"Verilog must be combinational, but {called} is a latch: "
                           "a branch gives it no value")
        if re.match(r"\$_(S|A|AL)?(DFF|FF)|\$mem", kind):
            raise BadInput(f"Verilog must be combinational, but {called} is a register")
        inputs = tuple(_bits(cell, "input"))
        if kind == "$_TBUF_" or "z" in inputs:
            raise BadInput(f"Verilog must be combinational, but {called} is a tri-state")
        if not kind.startswith("$_"):
            raise BadInput(f"Verilog must be made of gates, but {called} is driven by {kind}")
        for bit in outputs:
            if bit in drivers:
                raise BadInput(f"Wire {names.get(bit, bit)} must have one driver, not several")
            drivers[bit] = inputs
    # Between ports there are no cells to see it by.
    clash = re.search(r"multiple conflicting drivers for \S+?\.\\?(\S+)(?: \[(\d+)\])?:", log)
    if clash:
        net = module["netnames"].get(clash[1], {"bits": [None]})
        bit = net["bits"][int(clash[2] or 0) - net.get("offset", 0)]
        shown = names.get(bit, clash[1])
        for name, port in module["ports"].items():
            if port["direction"] == "output" and bit in port["bits"]:
                shown = name
        raise BadInput(f"Wire {shown} must have one driver, not several")
    read = [(bit, None) for port in module["ports"].values() if port["direction"] == "output"
            for bit in port["bits"]]
    for name, port in module["ports"].items():
        if "z" in port["bits"]:
            raise BadInput(f"Verilog must be combinational, but {name} is a tri-state")
    # Depth first from the outputs, without recursion: a chain may be thousands of gates long.
    done: set[Any] = set()
    path: dict[Any, None] = {}
    stack: list[tuple[Any, Any]] = list(read)
    while stack:
        bit, leaving = stack.pop()
        if leaving:
            del path[bit]
            done.add(bit)
        elif bit in path:
            round_ = list(path)[list(path).index(bit):]
            called = next((names[b] for b in round_ if b in names), "a wire")
            raise BadInput(f"Verilog must not have a combinational loop, as {called} is in")
        elif isinstance(bit, int) and bit not in done:
            if bit not in drivers:
                raise BadInput(f"Wire {names.get(bit, bit)} must have a driver, "
                               "but nothing gives it a value")
            path[bit] = None
            stack.append((bit, True))
            stack += [(other, None) for other in drivers[bit]]


#: A gate on its way from the netlist to the builder: its name in `GATES`; its inputs, literals of
#: step outputs; its outputs' numbers. An XOR has two inputs or more, none of them inverted.
_Step = tuple[str, tuple[Any, ...], tuple[int, ...]]


def _circuit(module: Mapping[str, Any]) -> Circuit:
    """The circuit of a mapped netlist: full adders, and gates of `_LIBRARY`."""
    builder = Builder()
    literals: dict[Any, Any] = {"0": "0", "1": "1", "x": "0"}
    made: dict[int, Any] = {}  # number of an input or a step's output -> the builder's literal
    for name, port in module["ports"].items():
        if port["direction"] == "input":
            for bit, literal in zip(port["bits"], builder.input(name, len(port["bits"])),
                                    strict=True):
                literals[bit] = len(made)
                made[len(made)] = literal
    steps = _steps(module, literals, len(made))
    outputs = {name: [literals[bit] for bit in port["bits"]]
               for name, port in module["ports"].items() if port["direction"] == "output"}
    pairs = _half_adders(steps)
    ends = {_number(literal) for bits in outputs.values() for literal in bits}

    def at(literal: Any) -> Any:
        if isinstance(literal, str):
            return literal
        return made[literal] if literal >= 0 else inverse(made[~literal])

    for kind, inputs, numbers in _join_xors(steps, pairs.keys(), ends):
        if numbers[0] in made:
            continue
        if numbers[0] in pairs:
            of_and, of_xor = pairs[numbers[0]]
            total, carry = builder.add(GATES["half-adder"], *map(at, of_and[1]))
            odd = sum(literal != _number(literal) for literal in of_and[1]) % 2
            made |= {of_and[2][0]: carry, of_xor[2][0]: _turn(total, odd)}
        elif kind == "xor":
            terms = [at(literal) for literal in inputs]
            while len(terms) > 1:  # the carry of a full adder is an auxiliary like another
                gate = GATES["full-adder" if len(terms) > 2 else "xor"]
                terms = [*terms[gate.inputs:], builder.add(gate, *terms[:gate.inputs])[0]]
            made[numbers[0]] = terms[0]
        else:
            made |= zip(numbers, builder.add(GATES[kind], *map(at, inputs)), strict=True)
    for name, bits in outputs.items():
        builder.output(name, map(at, bits))
    return builder.circuit()


def _half_adders(steps: Iterable[_Step]) -> dict[int, tuple[_Step, _Step]]:
    """Either's output -> an AND and an XOR of the same two, however inverted: one half adder."""
    ands = {frozenset(map(_number, step[1])): step for step in steps if step[0] == "and"}
    found: dict[int, tuple[_Step, _Step]] = {}
    for step in steps:
        of_and = ands.pop(frozenset(step[1]), None) if step[0] == "xor" else None
        if of_and:
            found |= dict.fromkeys((*of_and[2], *step[2]), (of_and, step))
    return found


def _join_xors(steps: Iterable[_Step], halves: Set[int], ends: Set[Any]) -> list[_Step]:
    """``steps`` with every XOR that one other XOR alone reads drawn into that one; not ``halves``
    of half adders, nor what ports show (``ends``)."""
    readers = Counter(_number(literal) for _, inputs, _ in steps for literal in inputs)
    inner: dict[int, tuple[Any, ...]] = {}
    joined: dict[int, _Step] = {}
    for kind, inputs, numbers in steps:
        if kind == "xor" and numbers[0] not in halves:
            for literal in inputs:
                if literal in inner:
                    del joined[literal]
            inputs = tuple(term for literal in inputs for term in inner.get(literal, (literal,)))
            if readers[numbers[0]] == 1 and numbers[0] not in ends:
                inner[numbers[0]] = inputs
        joined[numbers[0]] = kind, inputs, numbers
    return list(joined.values())


def _number(literal: Any) -> Any:
    return literal if isinstance(literal, str) or literal >= 0 else ~literal


def _steps(module: Mapping[str, Any], literals: dict[Any, Any], count: int) -> list[_Step]:
    """The gates in topological order, their outputs numbered from ``count`` on; ``literals``
    learns every net."""
    cells = [(cell["type"], {port: bits[0] for port, bits in cell["connections"].items()})
             for cell in module["cells"].values()]
    ends = [bit for port in module["ports"].values() if port["direction"] == "output"
            for bit in port["bits"]]
    read = {*ends, *(pins[port] for _, pins in cells for port in "ABC" if port in pins)}
    drivers = {pins[port]: (kind, pins) for kind, pins in cells
               for port in ("S", "CO", "Y") if port in pins}
    steps: list[_Step] = []
    stack = ends[::-1]
    while stack:
        kind, pins = drivers.get(stack[-1], ("", {}))
        waiting = [pins[port] for port in "ABC" if port in pins and pins[port] not in literals]
        if stack[-1] in literals or waiting:
            stack = stack + waiting if waiting and stack[-1] not in literals else stack[:-1]
            continue
        inputs = tuple(literals[pins[port]] for port in "ABC" if port in pins)
        if kind in ("ZERO", "ONE"):
            literals[pins["Y"]] = "1" if kind == "ONE" else "0"
        elif kind in _INVERTERS:
            literals[pins["Y"]] = _turn(inputs[0], _INVERTERS[kind])
        elif kind == _ADDER:
            outputs = ("S", "CO") if pins["S"] in read else ("CO",)
            name = "full-adder" if len(outputs) == 2 else "majority"
            numbers = tuple(range(count, count + len(outputs)))
            literals |= zip((pins[port] for port in outputs), numbers, strict=True)
            steps.append((name, inputs, numbers))
        elif kind in _XORS:
            flips = _XORS[kind] + sum(literal != _number(literal) for literal in inputs)
            literals[pins["Y"]] = _turn(count, flips % 2)
            steps.append(("xor", tuple(map(_number, inputs)), (count,)))
        else:
            *turned, flip = _ANDS[kind]
            literals[pins["Y"]] = _turn(count, flip)
            steps.append(("and", tuple(map(_turn, inputs, turned)), (count,)))
        count += len(steps[-1][2]) if steps and steps[-1][2][-1] >= count else 0
    return steps


def _turn(literal: Any, flip: int) -> Any:
    return inverse(literal) if flip else literal
