"""A netlist of standard cells under the test bench: tables from the Liberty, read at run time.

Verilator takes minutes for a netlist of 40,000 cells as Verilog; here it compiles a module of calls
alone, and `gates.cpp` evaluates the cells by the truth tables of their Liberty functions. What it
counts on the way, the changes of every net, is what power is made of.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from asic import memory
from asic.liberty import LibertyError, truth
from sim.build import Sources

__all__ = ["Activity", "activity", "gates"]

HERE = Path(__file__).resolve().parent
#: Of a cell that `gates.cpp` evaluates.
MOST_INPUTS = 6


@dataclass(frozen=True)
class Activity:
    """What a run counted, in ``cycles`` cycles.

    changes, ones:  net -> cycles in which its value changed, in which it was 1
    accesses:       memory instance -> [(writes, reads)] of its ports
    """

    cycles: int
    changes: dict
    ones: dict
    accesses: dict


class _Table:
    """Numbers the nets, and sorts cells by what they are."""

    def __init__(self, netlist, library):
        self.netlist, self.library = netlist, library
        self.numbers = {"0": 0, "1": 1}
        self.values = {"0": 0, "1": 1}  # nets that are constant
        self.combinational, self.clock_gates, self.flops, self.memories = [], [], [], []
        for _, _, nets in netlist.ports:
            for net in nets:
                self.number(net)
        for cell in netlist.cells:
            for nets in cell.pins.values():
                for net in nets:
                    self.number(net)
            kind = library.kind(cell.type)
            {"flip-flop": self.flops, "clock gate": self.clock_gates,
             "memory": self.memories}.get(kind, self.combinational).append(cell)
            assert kind != "latch", f"{cell.name} is a latch"
            if kind == "tie":
                for port, nets in cell.pins.items():
                    self.values[nets[0]] = int(truth(self.function(cell, port), ()))

    def number(self, net):
        return self.numbers.setdefault(net, len(self.numbers))

    def function(self, cell, port):
        return self.library.pins(cell.type)[port].values["function"]

    def net(self, cell, port):
        return cell.pins[port][0]

    def port(self, name):
        """The net of a port of one bit; a constant 0 without it."""
        return next((self.number(nets[0]) for own, _, nets in self.netlist.ports if own == name), 0)

    def gates(self):
        """Rows of the combinational cells, every one after those that it depends on."""
        driver, waiting, rows = {}, {}, []
        for cell in self.combinational:
            for port, way in self.library.directions(cell.type).items():
                if way == "output" and port in cell.pins:
                    driver[self.net(cell, port)] = (cell, port)
        for net, (cell, _) in driver.items():
            ins = self.inputs(cell)
            waiting[net] = len({self.net(cell, i) for i in ins if self.net(cell, i) in driver})
        readers = {}
        for net, (cell, _) in driver.items():
            for source in {self.net(cell, i) for i in self.inputs(cell)}:
                readers.setdefault(source, []).append(net)
        ready = [net for net, count in waiting.items() if not count]
        for net in ready:
            cell, port = driver[net]
            ins = self.inputs(cell)
            if len(ins) > MOST_INPUTS:
                raise LibertyError(f"Cell {cell.type} must have {MOST_INPUTS} inputs at most to be "
                                   f"run, not {len(ins)}")
            table = truth(self.function(cell, port), ins)
            rows.append([len(ins), *table, *(self.number(self.net(cell, i)) for i in ins),
                         self.number(net)])
            for reader in readers.get(net, ()):
                waiting[reader] -= 1
                if not waiting[reader]:
                    ready.append(reader)
        assert len(rows) == len(driver), "the netlist has a combinational loop"
        return rows

    def inputs(self, cell):
        return tuple(port for port, way in self.library.directions(cell.type).items()
                     if way == "input")

    def clocks(self):
        """Rows of the clock gates, and net -> number of the gate that drives it (-1: the clock)."""
        numbers = {net: -1 for name, _, nets in self.netlist.ports if name == "clk"
                   for net in nets}
        rows, left = [], list(self.clock_gates)
        while left:
            now = [cell for cell in left
                   if self.net(cell, self.library.gate_ports(cell.type)[1]) in numbers]
            assert now, f"{left[0].name} is not behind the clock"
            for cell in now:
                enable, clock, out = self.library.gate_ports(cell.type)
                rows.append([self.number(self.net(cell, enable)), numbers[self.net(cell, clock)],
                             self.number(self.net(cell, out))])
                numbers[self.net(cell, out)] = len(rows) - 1
            left = [cell for cell in left if cell not in now]
        return rows, numbers

    def registers(self, clocks):
        rows = []
        for cell in self.flops:
            ff, = self.library.cells[cell.type][0].all("ff")
            clock, data = ff.values["clocked_on"].strip("() "), ff.values["next_state"].strip("() ")
            if not {clock, data} <= set(cell.pins):
                raise LibertyError(f"Cell {cell.type} must take a pin at a rise of a pin to be "
                                   f"run, not {data!r} at {clock!r}")
            for role in ("clear", "preset"):
                if role in ff.values:
                    pins = tuple(re.findall(r"\w+", ff.values[role]))
                    known = [self.values.get(self.net(cell, pin)) for pin in pins]
                    at = sum(bit << k for k, bit in enumerate(known)) if None not in known else None
                    assert at is not None and truth(ff.values[role], pins)[at] == "0", (
                        f"{cell.name} has an asynchronous {role} that is used")
            outs = {-1: -1}
            for port, way in self.library.directions(cell.type).items():
                if way == "output" and cell.pins.get(port):
                    held = self.function(cell, port).strip("() ") == ff.arguments[0]
                    outs[0 if held else 1] = self.number(self.net(cell, port))
            spare = outs.get(0)
            if spare is None:
                spare = self.number(("unused", cell.name))
            rows.append([self.number(self.net(cell, data)), clocks[self.net(cell, clock)], spare,
                         outs.get(1, -1)])
        return rows


def gates(netlist, library, last=0, path=""):
    """What `sim.bench` runs in place of the Verilog: a `sim.build.Sources`, and the nets in the
    order of `activity`.

    last:  transfers of m_axis after which counting ends; 0 counts nothing
    path:  where the counts are put

    Errors: AssertionError for a cell that is not a gate, a flip-flop with its asynchronous pins
    tied, a clock gate or a memory.
    """
    table = _Table(netlist, library)
    ins = [(name, nets) for name, way, nets in netlist.ports if way == "input"]
    outs = [(name, nets) for name, way, nets in netlist.ports if way == "output"]
    numbered = [[table.number(net) for _, nets in group for net in nets] for group in (ins, outs)]
    # The constants are gates without inputs: nets 0 and 1.
    combinational = [[0, 0, 0], [0, 1, 1], *table.gates()]
    gating, clocks = table.clocks()
    flops = table.registers(clocks)
    memories = [row for cell in table.memories
                for row in memory.rows(cell, library, table.number, clocks)]
    rows = [[len(table.numbers), *map(len, numbered)], *numbered]
    for group in (combinational, gating, flops):
        rows += [[len(group)], *group]
    rows += [[len(table.memories)], *memories]
    rows.append([table.port("clk"), *(table.port(f"{axis}_t{role}") for axis in ("s_axis", "m_axis")
                                      for role in ("valid", "ready")), last])
    text = "\n".join(" ".join(map(str, row)) for row in rows) + f"\n{path}\n"
    return (Sources({"device.v": _module(netlist.name, ins, outs),
                     "gates.cpp": (HERE / "gates.cpp").read_text()}, {"gates.txt": text}),
            list(table.numbers), [cell.name for cell in table.memories])


def activity(path, nets, memories, ports=2):
    """The `Activity` that a run left at ``path``; nets and memories are those of `gates`.

    Errors: OSError where there is none: the run did not come to its end.
    """
    lines = Path(path).read_text().split("\n")
    rows = [tuple(map(int, line.split())) for line in lines[1:] if line]
    changes = {net: row[0] for net, row in zip(nets, rows, strict=False)}
    ones = {net: row[1] for net, row in zip(nets, rows, strict=False)}
    rest = rows[len(nets):]
    return Activity(int(lines[0]), changes, ones,
                    {name: rest[ports * k:ports * (k + 1)] for k, name in enumerate(memories)})


def _module(name, ins, outs):
    """The module that the bench sees: its logic is two calls."""
    into, out = (sum(len(nets) for _, nets in group) for group in (ins, outs))
    given, said = ([f"[{len(nets) - 1}:0] {own}" if len(nets) > 1 else own for own, nets in group]
                   for group in (ins, outs))
    ports = ", ".join([*(f"input {port}" for port in given), *(f"output {port}" for port in said)])
    names = [", ".join(own for own, _ in reversed(group)) for group in (ins, outs)]
    return f"""module {name}({ports});
  import "DPI-C" function void gates_edge(input bit [{into - 1}:0] given);
  import "DPI-C" function void gates_settle(input bit [{into - 1}:0] given,
                                            output bit [{out - 1}:0] outs);
  wire [{into - 1}:0] given = {{{names[0]}}};
  bit [{out - 1}:0] outs;
  reg now = 0;
  assign {{{names[1]}}} = outs;
  always @(posedge clk) begin
    gates_edge(given);
    now <= ~now;
  end
  // After an edge everything is settled anew, whether an input changed or not.
  always @(given, now) gates_settle(given, outs);
endmodule
"""
