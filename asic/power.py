"""Energy of a netlist's cells from the changes of its nets, by the tables of the Liberty.

A change of a net costs half of C V^2, C being the pins on it and the wire load model's wire; a cell
whose output changes costs what its tables say at that load; a flip-flop costs with every edge of
its clock. The changes are those of values that have settled: glitches are not among them (zero
delay). The clock is a net like others, without the buffers of a tree.
"""

import re
from collections import defaultdict
from functools import cache

import numpy as np

from asic.liberty import truth, unit
from asic.memory import accesses_pj
from asic.timing import wire_load

__all__ = ["SLOPE_NS", "WHERE", "Energies", "energy", "loads", "report"]

#: Slope of every input, at which tables are read.
SLOPE_NS = 0.1
_NAME = re.compile(r"[A-Za-z_]\w*")


class Energies:
    """Tables of a library, in pJ, at inputs of `SLOPE_NS`; without wire load model wires are free.

    Energies are in the Liberty's unit of capacitance times a squared volt: pJ for pF.
    """

    def __init__(self, library):
        self.library = library
        group = library.groups[0]
        self.volts = group.number("nom_voltage", 1)
        self.templates = {entry.arguments[0]: entry for entry in group.groups
                          if entry.name in ("power_lut_template", "lu_table_template")}
        self.pf = unit(group, "capacitive_load_unit", "p")
        self.leakage_mw = unit(group, "leakage_power_unit", "m")
        self.slope = SLOPE_NS / unit(group, "time_unit", "n")
        model = next((entry for entry in group.all("wire_load")
                      if entry.arguments[0] == wire_load(library)), None)
        self.wire = None
        if model:
            lengths = sorted((float(fanout), float(length)) for fanout, length in model.lists
                             ["fanout_length"])
            self.wire = (model.number("capacitance") * self.pf, model.number("slope"), lengths)
        self.output = cache(self._output)
        self.input = cache(self._input)

    def wire_pf(self, fanout):
        """The wire of a net that drives so many pins."""
        if not self.wire or not fanout:
            return 0.0
        capacitance, slope, lengths = self.wire
        most, longest = lengths[-1]
        length = longest + slope * (fanout - most) if fanout > most else np.interp(
            fanout, *zip(*lengths, strict=True))
        return float(capacitance * length)

    def pin_pf(self, cell, port, index=0):
        """The capacitance of an input pin; of a bus its own or that of its bit."""
        group = self.library.pins(cell)[port]
        for bit in group.all("pin"):
            if bit.arguments == [f"{port}[{index}]"] and "capacitance" in bit.values:
                group = bit
        return group.number("capacitance") * self.pf

    def leak(self, cell):
        """mW of a cell."""
        return self.library.cells[cell][0].number("cell_leakage_power") * self.leakage_mw

    def _output(self, cell, port):
        """(loads, [table, load] pJ a change, [table] input that causes it, [table, state of all
        inputs] whether it does there) of an output; each the mean of rise and fall. Without the
        last for one that no function of the inputs tells."""
        pin = self.library.pins(cell)[port]
        # A pin that never changes causes nothing.
        groups = [group for group in pin.all("internal_power")
                  if _tables(group) and not _asynchronous(self.library, cell, group)]
        if not groups:
            return (0.0,), np.zeros((1, 1)), [], None
        curves = [[self._curve(table) for table in _tables(group)] for group in groups]
        at = max((curve[0] for pair in curves for curve in pair), key=len)
        pj = np.array([np.mean([np.interp(at, *curve) for curve in pair], axis=0)
                       for pair in curves]) * self.pf
        inputs, function = self.inputs(cell), pin.values.get("function", "")
        causes = [group.values.get("related_pin", "") for group in groups]
        if not function or not set(causes) | set(_NAME.findall(function)) <= set(inputs):
            return at, pj, causes, None
        values, states = _bits(function, inputs), np.arange(1 << len(inputs))
        cases = []
        for group, cause in zip(groups, causes, strict=True):
            passed = values != values[states ^ 1 << inputs.index(cause)]
            if "when" in group.values:
                passed &= _bits(group.values["when"], inputs)
            else:  # what no condition of the same input names
                for other, same in zip(groups, causes, strict=True):
                    if same == cause and "when" in other.values:
                        passed &= ~_bits(other.values["when"], inputs)
            cases.append(passed)
        return at, pj, causes, np.array(cases, float)

    def inputs(self, cell):
        """The names of its inputs, bit by bit of a state."""
        return tuple(port for port, way in self.library.directions(cell).items()
                     if way == "input")

    def _input(self, cell, port):
        """[(condition or "", (pJ of a rise, of a fall))] of what changes inside with an input
        alone; what has no condition comes last."""
        found = []
        for group in self.library.pins(cell)[port].all("internal_power"):
            pj = {table.name: float(self._curve(table)[1][0]) * self.pf
                  for table in _tables(group)}
            found.append((group.values.get("when", ""),
                          (pj.get("rise_power", 0.0), pj.get("fall_power", 0.0))))
        return sorted(found, key=lambda entry: not entry[0])

    def _curve(self, table):
        """(loads, values) of a table at `SLOPE_NS`."""
        values = np.array(table.numbers("values"))
        template = self.templates.get(table.arguments[0] if table.arguments else "")
        axes = [table.numbers(name) if name in table.values else
                template.numbers(name) if template and name in template.values else None
                for name in ("index_1", "index_2")]
        if axes[0] is None:
            return (0.0,), (float(values[0]),)
        if axes[1] is None:  # slopes alone
            return (0.0,), (float(np.interp(self.slope, axes[0], values)),)
        values = values.reshape(len(axes[0]), len(axes[1]))
        if template and "output" in template.values.get("variable_1", ""):
            axes, values = axes[::-1], values.T
        return tuple(axes[1]), tuple(np.interp(self.slope, axes[0], values[:, k])
                                     for k in range(len(axes[1])))


def _tables(group):
    return [table for table in group.groups if table.name in ("rise_power", "fall_power")]


def _asynchronous(library, cell, group):
    ff = library.cells[cell][0].all("ff")
    roles = [ff[0].values.get(role, "") for role in ("clear", "preset")] if ff else []
    return any(group.values.get("related_pin", "?") in role for role in roles)


def _bits(function, inputs):
    """[state of the inputs] the function's value."""
    return np.array([bit == "1" for bit in truth(function, inputs)])


def loads(netlist, energies):
    """Net -> pF: pins and wire."""
    sinks, _ = netlist.sinks(energies.library)
    return {net: sum(energies.pin_pf(cell.type, port, index) for cell, port, index in found)
            + energies.wire_pf(len(found)) for net, found in sinks.items()}


def energy(netlist, library, activity):
    """What the counted cycles cost, in pJ, and what leaks, in mW.

    Returns ``switching``, ``internal`` (combinational cells), ``flip-flops`` (clock pins and
    outputs), ``clock`` (gates, and the nets of the clock), ``memory``, ``blocks`` (path -> pJ) and
    ``leakage_mw``.
    """
    energies = Energies(library)
    capacitance = loads(netlist, energies)
    found, blocks, leakage = defaultdict(float), defaultdict(float), 0.0
    half = 0.5 * energies.volts ** 2
    changes, clocks = activity.changes, {net for name, _, nets in netlist.ports if name == "clk"
                                         for net in nets}
    sinks, _ = netlist.sinks(library)
    for net in clocks:
        # Every block pays for its own pins, and its share of the wire.
        wire = energies.wire_pf(len(sinks[net])) / max(1, len(sinks[net]))
        for cell, port, index in sinks[net]:
            spent = half * changes[net] * (energies.pin_pf(cell.type, port, index) + wire)
            found["clock"] += spent
            blocks[cell.path] += spent
    for cell in netlist.cells:
        if library.kind(cell.type) == "clock gate":
            clocks.add(cell.pins[library.gate_ports(cell.type)[2]][0])
    # The clock itself is not evaluated: it is up for half of every cycle.
    share = {net: count / activity.cycles for net, count in activity.ones.items()}
    share |= dict.fromkeys(clocks, 0.5)
    for cell in netlist.cells:
        leakage += energies.leak(cell.type)
        kind = library.kind(cell.type)
        if kind == "memory":
            inside = accesses_pj(library, cell.type, activity.accesses[cell.name])
        else:
            inside = sum(_inside(energies, cell, port, changes, share, activity.cycles)
                         * changes[nets[0]] for port, nets in cell.pins.items())
        outside = 0.0
        for port, way in library.directions(cell.type).items():
            for net in cell.pins.get(port, ()) if way == "output" else ():
                load = capacitance.get(net, 0.0)
                outside += changes[net] * half * load
                if kind != "memory":
                    inside += changes[net] * _caused(energies, cell, port, load, changes, share)
        found[WHERE.get(kind, "internal")] += inside
        found["clock" if kind == "clock gate" else "switching"] += outside
        blocks[cell.path] += inside + outside
    return {"cycles": activity.cycles, "pj": {name: found[name] for name in sorted(found)},
            "blocks": dict(blocks), "leakage_mw": leakage}


def report(spent, frames, period_ns):
    """What ``asic-<pdk>.json`` says of the energy of so many frames: power while they run, energy
    of one, leakage apart."""
    total = sum(spent["pj"].values())
    ns = spent["cycles"] * period_ns
    return {"mw": total / ns, "leakage_mw": spent["leakage_mw"],
            "nj_per_frame": total / frames / 1e3,
            "leakage_nj_per_frame": spent["leakage_mw"] * ns / frames / 1e3, "frames": frames,
            "cycles": spent["cycles"], "period_ns": period_ns,
            "nj": {name: pj / frames / 1e3 for name, pj in spent["pj"].items()},
            "blocks": {path or "top": pj / frames / 1e3 for path, pj in sorted(
                spent["blocks"].items(), key=lambda item: -item[1])},
            "activity": "zero delay, of these frames", "clock_tree": "none",
            "slope_ns": SLOPE_NS}


#: Kind of a cell -> what its own energy counts as.
WHERE = {"flip-flop": "flip-flops", "clock gate": "clock", "memory": "memory"}


def _caused(energies, cell, port, load, changes, share):
    """pJ a change of an output, the mean of what inputs cost that cause it: as often as they change
    while the others, independent, let it pass."""
    at, pj, causes, cases = energies.output(cell.type, port)
    weights = np.ones(len(pj))
    if cases is not None and len(pj) > 1:
        state = np.ones(1)
        for name in energies.inputs(cell.type):
            one = share[cell.pins[name][0]] if cell.pins.get(name) else 0.5
            state = np.concatenate([state * (1 - one), state * one])
        often = cases @ state * [changes[cell.pins[name][0]] if cell.pins.get(name) else 0
                                 for name in causes]
        weights = often if often.any() else weights
    return float(np.interp(load, at, weights @ pj / weights.sum()))


def _inside(energies, cell, port, changes, share, cycles):
    """pJ a change of an input, the mean of a rise and a fall, over what the other pins are
    meanwhile."""
    library = energies.library
    if library.directions(cell.type)[port] == "output" or not energies.input(cell.type, port):
        return 0.0
    ones = {name: share[nets[0]] for name, nets in cell.pins.items() if nets}
    pair, differ = None, (0.0, 0.0)
    ff = library.cells[cell.type][0].all("ff")
    if ff and cell.pins.get("Q"):
        data, clock = (ff[0].values[role].strip("() ") for role in ("next_state", "clocked_on"))
        if cell.pins.get(data) and cell.pins.get(clock):
            pair = data, "Q"
            edges = changes[cell.pins[clock][0]] / 2
            # Nets change after the clock has risen, and while it is up if it is not gated.
            ones[clock] = min(1.0, edges / cycles)
            # Before a rise D is what Q will be; before a fall D has left what Q is.
            rise = min(1.0, changes[cell.pins["Q"][0]] / (edges or cycles)) / 2
            fall = min(1.0, changes[cell.pins[data][0]] / cycles) / 2
            differ = rise, fall if port == clock else rise
    spent = 0.0
    for way in (0, 1):
        rest = 1.0
        for when, pj in energies.input(cell.type, port):
            chance = _chance(when, ones, pair, differ[way]) if when else max(0.0, rest)
            rest -= chance
            spent += chance * pj[way] / 2
    return spent


def _chance(when, ones, pair, differ):
    """How often a condition holds: pins are 1 as often as ``ones`` says, and independent, but for
    a ``pair``, what a flip-flop takes and holds: each way they ``differ`` as often as that."""
    names = tuple(dict.fromkeys(_NAME.findall(when)))
    both = pair if pair and set(pair) <= set(names) else ()
    total = 0.0
    for value, bit in enumerate(truth(when, names)):
        if bit == "1":
            bits = {name: value >> k & 1 for k, name in enumerate(names)}
            chance = 1.0
            for name in names:
                if name not in both:
                    one = ones.get(name, 0.5)
                    chance *= one if bits[name] else 1 - one
            if both:
                held = ones["Q"] if bits["Q"] else 1 - ones["Q"]
                chance *= differ if bits[pair[0]] != bits["Q"] else max(0.0, held - differ)
            total += chance
    return total
