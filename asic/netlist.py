"""A netlist of standard cells, flat: names from the source, buffers, Verilog, area by block."""

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from asic.liberty import LibertyError
from hdl.verilog import KEYWORDS

__all__ = ["NUMBERED", "Cell", "Netlist", "buffered", "load", "tied", "within"]

#: A net that the source does not name, in the Verilog that is generated of it: _0643_, _02_[3].
NUMBERED = re.compile(r"_\d+_(\[\d+\])?")
_VERILOG = re.compile(r"\W", re.ASCII)


@dataclass
class Cell:
    """One instance.

    path:  of the instance in the design's hierarchy: ``core.layer_0.cell``; "" for the top
    pins:  port -> its nets, least significant first: numbers, or "0" and "1"
    """

    name: str
    type: str
    path: str
    pins: dict


@dataclass
class Netlist:
    """Cells and nets of one module.

    ports:  (name, direction, its nets)
    nets:   number -> (path, name in the source), for those that have one
    wires:  number -> name in the Verilog
    names:  that are taken in the Verilog, of cells and nets alike
    """

    name: str
    ports: list
    cells: list
    nets: dict
    wires: dict = field(default_factory=dict)
    names: set = field(default_factory=set)

    def sinks(self, library):
        """Net -> [(cell, port, index)] of the inputs that it drives; and net -> its driver."""
        sinks, drivers = defaultdict(list), {}
        for cell in self.cells:
            directions = library.directions(cell.type)
            for port, nets in cell.pins.items():
                for index, net in enumerate(nets):
                    if directions[port] == "output":
                        drivers[net] = (cell, port, index)
                    else:
                        sinks[net].append((cell, port, index))
        return sinks, drivers

    def fresh(self, path, own):
        """A plain name for what is called ``own`` in a block, which nothing else has."""
        name = _VERILOG.sub("_", f"{path}.{own}" if path else own).strip("_")
        name = f"n_{name}" if not name or name[0].isdigit() or name in KEYWORDS else name
        unique, number = name, 0
        while unique in self.names:
            number += 1
            unique = f"{name}__{number}"
        self.names.add(unique)
        return unique

    def counts(self):
        """Cell type -> number."""
        return dict(sorted(Counter(cell.type for cell in self.cells).items()))

    def areas(self, library):
        """Path -> (area of the cells that belong to it alone, their number)."""
        found = defaultdict(lambda: [0.0, 0])
        for cell in self.cells:
            entry = found[cell.path]
            entry[0] += library.area(cell.type)
            entry[1] += 1
        return {path: (round(um2, 2), count) for path, (um2, count) in sorted(found.items())}

    def net_name(self, net):
        """How the net is called in the Verilog: a plain identifier, or a constant."""
        return f"1'b{net}" if isinstance(net, str) else self.wires[net]

    def verilog(self):
        """Structural Verilog that any tool reads: plain names, one wire a net, vector ports."""
        lines = [f"module {self.name}({', '.join(name for name, _, _ in self.ports)});"]
        aliases = []
        for name, direction, nets in self.ports:
            width = f"[{len(nets) - 1}:0] " if len(nets) > 1 else ""
            lines.append(f"  {direction} {width}{name};")
            for index, net in enumerate(nets):
                bit = f"{name}[{index}]" if len(nets) > 1 else name
                if self.net_name(net) != bit:
                    aliases.append(f"  assign {bit} = {self.net_name(net)};")
        own = {net_name for _, _, nets in self.ports for net_name in map(self.net_name, nets)
               if "[" in net_name} | {name for name, _, _ in self.ports}
        used = dict.fromkeys(self.net_name(net) for cell in self.cells
                             for nets in cell.pins.values() for net in nets
                             if not isinstance(net, str))
        lines += [f"  wire {name};" for name in used if name not in own]
        for cell in self.cells:
            pins = []
            for port, nets in cell.pins.items():
                given = ", ".join(self.net_name(net) for net in reversed(nets))
                pins.append(f".{port}({f'{{{given}}}' if len(nets) > 1 else given})")
            lines.append(f"  {cell.type} {cell.name} ({', '.join(pins)});")
        return "\n".join([*lines, *aliases, "endmodule", ""])


def load(text, top, library):
    """The module ``top`` of what Yosys' ``write_json`` wrote of a flat, mapped design.

    Every cell and every net gets a plain Verilog name that begins with its place in the hierarchy:
    a net has the name of the source that is nearest to what drives it.

    Errors: `LibertyError` where the library has no cell for something.
    """
    module = json.loads(text)["modules"][top]
    cells, homes = [], {}
    for name, entry in module["cells"].items():
        kind = entry["type"]
        if kind == "$scopeinfo":
            continue
        if kind not in library.cells:
            raise LibertyError(f"Liberty must have cells for all of the design, but has none for "
                               f"{kind}")
        pins = {port: _bits(bits) for port, bits in entry["connections"].items()}
        cells.append(Cell("", kind, _path(name), pins))
        for port, direction in library.directions(kind).items():
            if direction == "output":
                homes |= dict.fromkeys(pins.get(port, ()), cells[-1].path)
    nets, best = {}, {}
    for name, entry in module["netnames"].items():
        if entry["hide_name"]:
            continue
        path, _, own = name.rpartition(".")
        for index, net in enumerate(_bits(entry["bits"])):
            home = homes.get(net, "")
            rank = (not within(path, home), NUMBERED.fullmatch(own) is not None, path.count("."),
                    path, own)
            if not isinstance(net, str) and (net not in best or rank < best[net]):
                best[net] = rank
                bit = index + entry.get("offset", 0)
                nets[net] = (path, f"{own}[{bit}]" if len(entry["bits"]) > 1 else own)
    ports = [(name, entry["direction"], _bits(entry["bits"]))
             for name, entry in module["ports"].items()]
    made = Netlist(top, ports, cells, nets)
    _name(made)
    return made


def within(path, block):
    """Whether a path is a block's own or leads further into it.

    >>> within("core.cell.a", "core.cell"), within("core.cells", "core.cell"), within("core", "")
    (True, False, True)
    """
    return not block or f"{path}.".startswith(f"{block}.")


def _bits(bits):
    return ["0" if bit in ("x", "z") else bit for bit in bits]


def _path(name):
    r"""
    >>> _path("$flatten\\core.\\cell.sums.$abc$11$blif$11$36"), _path("$abc$1$n"), _path("core.a")
    ('core.cell.sums', '', 'core')
    """
    if not name.startswith("$"):
        return name.rpartition(".")[0]
    path = name.removeprefix("$flatten").replace("\\", "")
    return path[:max(0, path.find("$"))].rstrip(".")


def _name(netlist):
    """Plain, unique names for all cells and nets."""
    netlist.names = {name for name, _, _ in netlist.ports}
    # A net that leaves as it comes has the name of the input.
    for name, _, nets in sorted(netlist.ports, key=lambda port: port[1] == "output"):
        for index, net in enumerate(nets):
            if not isinstance(net, str):
                netlist.wires.setdefault(net, f"{name}[{index}]" if len(nets) > 1 else name)

    for net, (path, own) in netlist.nets.items():
        if net not in netlist.wires:
            netlist.wires[net] = netlist.fresh(path, own)
    numbers = Counter()
    for cell in netlist.cells:
        for nets in cell.pins.values():
            for net in nets:
                if not isinstance(net, str) and net not in netlist.wires:
                    numbers[cell.path] += 1
                    netlist.wires[net] = netlist.fresh(cell.path, f"n{numbers[cell.path]}")
    numbers.clear()
    for cell in netlist.cells:
        numbers[cell.path] += 1
        cell.name = netlist.fresh(cell.path, f"g{numbers[cell.path]}")


def tied(netlist, library, pdk, most):
    """Drive every constant input from a tie cell of its own block, ``most`` inputs a cell, and
    every constant output from one of its own; nothing happens for a kit that has none."""
    if not pdk.high:
        return
    groups = defaultdict(list)
    for cell in netlist.cells:
        for nets in cell.pins.values():
            for index, net in enumerate(nets):
                if isinstance(net, str):
                    groups[cell.path, net].append((nets, index))
    ties = [(path, value, f"tie{value}_{n}", None, loads[n * most:(n + 1) * most])
            for (path, value), loads in groups.items() for n in range(-(-len(loads) // most))]
    ties += [("", nets[index], f"tie_{bit}", bit, [(nets, index)])
             for nets, index, bit in _outputs(netlist) if isinstance(nets[index], str)]
    for net, (path, value, own, wire, loads) in enumerate(
            ties, max(netlist.wires, default=0) + 1):
        kind, port = pdk.high if value == "1" else pdk.low
        cell = Cell(netlist.fresh(path, own), kind, path, {port: [net]})
        netlist.cells.append(cell)
        netlist.wires[net] = wire or netlist.fresh("", f"{cell.name}_{port}")
        for nets, index in loads:
            nets[index] = net


def _outputs(netlist):
    """(its port's nets, index, name) of every bit that leaves."""
    for name, direction, nets in netlist.ports:
        for index in range(len(nets)) if direction == "output" else ():
            yield nets, index, f"{name}[{index}]" if len(nets) > 1 else name


def buffered(netlist, library, buffer, most):
    """Put trees of ``buffer`` behind every net that drives more than ``most`` inputs, so that no
    net does; clocks are left to the clock tree, which is layout's. Returns the number of buffers.

    The inputs of one branch are next to each other in the hierarchy. An output that has the net of
    another port gets it through a buffer: an ``assign`` in its place stops LibreLane.
    """
    into, out = library.buffer_ports(buffer)
    number = 0
    free = max(netlist.wires, default=0) + 1
    for nets, index, bit in _outputs(netlist):
        if not isinstance(nets[index], str) and netlist.wires[nets[index]] != bit:
            number += 1
            netlist.cells.append(Cell(netlist.fresh("", f"fanout{number}"), buffer, "",
                                      {into: [nets[index]], out: [free]}))
            netlist.wires[free] = bit
            nets[index] = free
            free += 1
    sinks, drivers = netlist.sinks(library)
    clocks = _clocks(netlist, sinks, library)
    for net in [net for net, loads in sinks.items()
                if len(loads) > most and not isinstance(net, str) and net not in clocks]:
        loads = sorted(sinks[net], key=lambda load: (load[0].path, load[0].name))
        path = drivers[net][0].path if net in drivers else ""
        while len(loads) > most:
            branches = []
            count = -(-len(loads) // most)
            size = -(-len(loads) // count)
            for start in range(0, len(loads), size):
                number += 1
                name = netlist.fresh(path, f"fanout{number}")
                cell = Cell(name, buffer, path, {into: [net], out: [free]})
                netlist.wires[free] = netlist.fresh("", f"{name}_{out}")
                for load, port, index in loads[start:start + size]:
                    load.pins[port][index] = free
                netlist.cells.append(cell)
                branches.append((cell, into, 0))
                free += 1
            loads = branches
    return number


def _clocks(netlist, sinks, library):
    """Nets that reach a clock pin, gates in between."""
    found, todo = set(), [net for name, _, nets in netlist.ports if name == "clk" for net in nets]
    while todo:
        net = todo.pop()
        if net in found:
            continue
        found.add(net)
        for cell, port, _ in sinks[net]:
            out = library.gated_clock(cell.type, port)
            if out:
                todo += cell.pins[out]
    return found
