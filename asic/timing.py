"""Setup, hold and the fastest clock of a netlist, by OpenSTA, before layout.

The clock is ideal, and a net's wire is the one of the Liberty's default wire load model, if it has
one. Inputs arrive, and outputs must be there, a fifth of the clock's period away from its edge.
"""

import re
from dataclasses import dataclass

from asic.area import find_sta
from fpga import steps
from fpga.steps import Step, StepError

__all__ = ["Timing", "analyse", "sdc", "wire_load"]

#: Of the clock's period: when inputs arrive after its edge, and outputs must be there before it.
PORTS = 0.2
#: The slack at which the search for the fastest clock ends, and how often it looks at most.
PRECISE_NS, TRIALS = 0.0001, 40

_LINE = re.compile(r"^\s*(-?\d+\.\d+)\s+(-?\d+\.\d+) [\^v] (\S+) \((\S+)\)$")


@dataclass(frozen=True)
class Timing:
    """What OpenSTA says of one corner. ``setup_ns`` and ``hold_ns`` are the worst slacks.

    mhz:       the fastest clock, whatever the one was that was asked for: OpenSTA found the slack
               ``confirmed_ns`` with it, and ports a fifth of its period away from its edge
    path:      [(instance, cell, ns until its output)] of the path that keeps the clock from being
               faster, from flip-flop or port to flip-flop or port; a port is (name, "in" or "out",
               ns), and what the port is away from the clock's edge does not count
    """

    setup_ns: float
    hold_ns: float
    mhz: float
    confirmed_ns: float
    path: tuple
    seconds: float


def sdc(netlist, pdk, period_ns):
    """The constraints, for OpenSTA and for whoever takes the netlist away."""
    return _constraints(netlist, pdk, f"{period_ns:.4f}", f"{PORTS * period_ns:.4f}")


def _constraints(netlist, pdk, period, delay):
    """Those of a period and of the ports' delay, both in Tcl."""
    ins = [name for name, direction, _ in netlist.ports
           if direction == "input" and name != "clk"]
    outs = [name for name, direction, _ in netlist.ports if direction == "output"]
    given, taken = (f"[get_ports {{{' '.join(_bits(netlist, names))}}}]" for names in (ins, outs))
    return "\n".join([
        f"create_clock -name clk -period {period} [get_ports clk]",
        f"set_input_delay {delay} -clock clk {given}",
        f"set_driving_cell -lib_cell {pdk.buffer} {given}",
        f"set_output_delay {delay} -clock clk {taken}", f"set_load 0.006 {taken}", ""])


def _bits(netlist, names):
    for name, _, nets in netlist.ports:
        if name in names:
            yield from [f"{name}[{i}]" for i in range(len(nets))] if len(nets) > 1 else [name]


def wire_load(library):
    """The name of the wire load model that OpenSTA takes by default; None without one."""
    return library.groups[0].values.get("default_wire_load")


def analyse(netlist, pdk, period_ns, cache, macros=()):
    """The `Timing` of a netlist in one corner.

    macros:  paths of the Liberty files of what is in it beside standard cells

    Errors: `ToolError` without OpenSTA; `fpga.steps.StepError` when it stops, does not understand
            a line, or finds no path.
    """
    liberties = {f"cells{i}.lib": path.read_bytes()
                 for i, path in enumerate((pdk.liberty, *macros))}
    script = "\n".join([
        *(f"read_liberty {name}" for name in liberties), "read_verilog netlist.v",
        f"link_design {netlist.name}", "source design.sdc",
        "set setup [sta::worst_slack_cmd max]", "set hold [sta::worst_slack_cmd min]",
        "proc slack {period} {", _constraints(netlist, pdk, "$period", f"[expr {PORTS} * $period]"),
        "return [expr [sta::worst_slack_cmd max] * 1e9]", "}",
        # Slack grows by no more than the period, so that this comes from one side only.
        f"set fastest {period_ns:.6f}", "set left [expr $setup * 1e9]",
        f"for {{set n 0}} {{$n < {TRIALS} && abs($left) > {PRECISE_NS}}} {{incr n}} {{",
        "set fastest [expr $fastest - $left]", "set left [slack $fastest]", "}",
        # At the fastest clock: at a slower one the ports, which move with it, hide that path.
        "report_checks -path_delay max -format full -digits 4",
        'puts "RESULT $setup $hold $fastest $left"', ""])
    files = {**liberties, "netlist.v": netlist.verilog().encode(),
             "design.sdc": sdc(netlist, pdk, period_ns).encode(), "sta.tcl": script.encode()}
    step = Step("sta", ("-no_splash", "-exit", "sta.tcl"), tuple(files), (), "sta.log")
    done = steps.run(step, files, cache, find_sta())
    said = done.files["sta.log"].decode(errors="replace")
    result = re.search(r"^RESULT (\S+) (\S+) (\S+) (\S+)$", said, re.MULTILINE)
    # It goes on after an error, without the instance that it did not understand.
    if not result or "Error:" in said:
        lines = [line for line in said.splitlines() if "rror" in line] or said.splitlines()[-2:]
        raise StepError(f"OpenSTA must time the netlist, but it says: {' | '.join(lines[:3])}")
    setup, hold, fastest, confirmed = map(float, result.groups())
    return Timing(round(1e9 * setup, 4), round(1e9 * hold, 4), round(1000 / fastest, 2),
                  round(confirmed, 4), _path(said), done.seconds)


def _path(said):
    """`Timing.path` of what ``report_checks`` printed."""
    path, start = [], None
    for own, at, pin, kind in (match.groups() for match in map(_LINE.match, said.splitlines())
                               if match):
        if start is None:
            start = float(at) - float(own)
        name = pin.partition("/")[0]
        if path and path[-1][0] == name:  # of a flip-flop there are the clock's pin and the output
            path.pop()
        path.append((name, kind, round(float(at) - start, 4)))
    return tuple(path)
