"""Standard-cell area of Verilog, by Yosys and ABC, and the longest path, by OpenSTA.

Each tool runs as a process of its own, so that a crash or its memory ends with it. Every figure
comes with the tools and their versions, because both change it. Wires have no area; their load is
the Liberty's default wire load model, which OpenSTA takes by itself.
Without a kit there is `transistors`, an estimate.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from asic.liberty import Library
from fpga.area import statistics
from fpga.tools import Tool
from golden.check import require_type
from hdl.mac.heap import HALF_SUM
from hdl.verilog import Verilog
from sim.tools import ToolError

__all__ = ["area", "cell_area", "find_sta", "gating", "half_sums", "transistors"]

#: Flip-flops with one enable that are worth a clock gate.
GATED = 4
#: Flip-flops that a clock gate may stand before, and those without enable.
_PLAIN = "-cell $_DFFE_PP_ 01 -cell $_DFF_P_ 01"
BUFFER = "buffer -c"
#: A file for Yosys: see `half_sums`.
HALF_SUMS = "half_sums.v"
#: Maps without `dch`, whose choices of structure tear full adders apart (5 to 10 % of an array's
#: area), and with more rounds of area recovery than by default; then buffers and sizes.
ABC = ["strash", "scorr", "&get -n", "&nf -R 40 -F 40 -A 20", "&put", BUFFER, "topo",
       "upsize {D}", "dnsize {D}", "stime -p"]


def gating(gate):
    """Commands of Yosys that put clock gates before flip-flops that share an enable.

    gate: (cell, enable, clock, output) of `asic.liberty.Library.gate`; named, because Yosys takes
          none that the Liberty marks `dont_use`, as SG13G2's does
    """
    if gate is None:
        return []
    cell, enable, clock, output = gate
    # A reset that goes before the enable keeps a flip-flop from a gate: first it becomes one behind
    # it, with an enable of both, then logic.
    return [f"dfflegalize {_PLAIN} -cell $_SDFF_PP?_ 01 -cell $_SDFFCE_PP?P_ 01",
            f"dfflegalize {_PLAIN}", "opt_merge", "opt_clean",
            f"clockgate -pos {cell} {enable}:{clock}:{output} -min_net_size {GATED}"]


def half_sums(verilog, library):
    """(commands of Yosys, the file `HALF_SUMS` that they read) for Verilog in which `hdl.mac.heap`
    marked the half sums of full adders: those are mapped before ABC comes. Nothing for other
    Verilog, and for an `asic.liberty.Library` without an exclusive or.

    The carry of a full adder is one cell (AND-OR-invert) of its inputs and its half sum. ABC does
    not find that: it drops what it could make of these four signals, since the half sum is a
    function of the others. Once half sums are cells, an array's lane is 3 to 10 % smaller.
    """
    found = library.exclusive_or()
    if found is None or f"(* {HALF_SUM} " not in verilog:
        return [], ""
    cell, a, b, out = found
    return [f"select -set half_sums a:{HALF_SUM} %ci1:+[Y] t:$_XOR_ %i",
            f"read_verilog -lib {HALF_SUMS}", f"techmap -map {HALF_SUMS} @half_sums"], (
        f"(* blackbox *)\nmodule {cell}(input {a}, input {b}, output {out});\nendmodule\n"
        '(* techmap_celltype = "$_XOR_" *)\nmodule half_sum(input A, input B, output Y);\n'
        f"  {cell} _TECHMAP_REPLACE_(.{a}(A), .{b}(B), .{out}(Y));\nendmodule\n")


def area(verilog, pdk, yosys, *, clock_ns=5.0, input_ns=0.3, flatten=True, few_loads=False,
         top="top"):
    """Area and longest path of Verilog in a kit's cells.

    verilog:   a `hdl.verilog.Verilog`; its memories become flip-flops
    pdk:       an `asic.pdk.Pdk`
    yosys:     a program whose ``command`` takes ``-q -s SCRIPT``: ``fpga.tools.find_yosys()``
    clock_ns:  what ABC sizes for
    input_ns:  when inputs arrive, after the clock edge
    flatten:   False maps the modules one by one
    few_loads: its nets have few loads, as those of an array's lane, and its structure is as meant:
               ABC adds no buffers, which would make nothing faster, and Yosys' own restructuring
               is left out, as in `asic.synth`

    Returns ``um2``; ``cells``, their number by type; ``ns``, the longest path, and ``timing``, who
    says so: OpenSTA, with the flip-flops' own times; without it ABC, whose figure leaves those out.
    Also ``tool``, ``version`` and ``flow``, the commands of Yosys.

    Errors: RuntimeError, one line, for Verilog or a Liberty that Yosys refuses.
    """
    require_type("Verilog", verilog, Verilog)
    abc = [line for line in ABC if not few_loads or line != BUFFER]
    library = Library(pdk.liberty)
    halves, mapped = half_sums(verilog.text, library)
    flow = [f"synth{' -flatten' if flatten else ''}{' -noabc' if few_loads else ''} -top {top}",
            *gating(library.gate()), "dfflibmap -liberty cells.lib", *halves,
            "abc -liberty cells.lib -constr cells.constr -script cells.abc "
            f"-D {1000 * clock_ns:.0f}",
            "setundef -zero", "hilomap -singleton -hicell {} {} -locell {} {}".format(
                *pdk.high, *pdk.low), "opt_clean -purge"]
    with tempfile.TemporaryDirectory(prefix="ternstone-asic-") as name:
        folder = Path(name)
        verilog.write(folder / "design.v")
        # A Yosys built for WebAssembly sees no other folder.
        shutil.copyfile(pdk.liberty, folder / "cells.lib")
        (folder / "cells.constr").write_text(f"set_driving_cell {pdk.buffer}\nset_load 6\n")
        (folder / HALF_SUMS).write_text(mapped)
        (folder / "cells.abc").write_text("\n".join(abc) + "\n")
        stat = statistics(yosys, folder, [
            "read_verilog design.v", *(f"tee -q -o abc.log {line}" if line[:4] == "abc " else line
                                       for line in flow),
            "tee -q -o stat.json stat -json -liberty cells.lib",
            "splitnets -ports", "opt_clean -purge", "write_verilog -noattr -noexpr netlist.v"])
        ns, timing = _longest(folder, top, clock_ns, input_ns)
    return {"um2": float(stat["design"]["area"]), "cells": stat["design"]["num_cells_by_type"],
            "ns": ns, "timing": timing, **_made(yosys, stat, flow)}


def cell_area(pdk, cell):
    """The area of one cell, um2, as the Liberty says.

    Errors: RuntimeError where it does not.
    """
    library = Library(pdk.liberty)
    if cell not in library.cells:
        raise RuntimeError(f"Liberty {pdk.liberty} must have the cell {cell}, which is missing")
    return library.area(cell)


def transistors(verilog, yosys, *, top="top"):
    """CMOS transistors of Verilog as Yosys estimates them for its own gates, 16 of them for a
    flip-flop: what can be said without a kit. Memories that are written, and the registers
    that they are read into, are left out.

    Returns ``transistors``, ``registers`` (flip-flops), and ``tool``, ``version``, ``flow`` as
    `area`.
    """
    require_type("Verilog", verilog, Verilog)
    # Of `synth` all but that it makes flip-flops of every memory. A flip-flop with an enable or a
    # reset has no estimate: it becomes a plain one and gates.
    flow = [f"synth -flatten -top {top} -run begin:fine", "opt -fast -full", "memory_map -rom-only",
            "opt -undriven -fine", "techmap", "opt -fast", "dfflegalize -cell $_DFF_P_ x",
            "abc -g cmos4", "opt_clean -purge", "delete t:$mem_v2"]
    with tempfile.TemporaryDirectory(prefix="ternstone-asic-") as name:
        folder = Path(name)
        verilog.write(folder / "design.v")
        stat = statistics(yosys, folder, ["read_verilog design.v", *flow,
                                          "tee -q -o stat.json stat -json -tech cmos"])
    whole = stat["design"]
    registers = sum(n for kind, n in whole["num_cells_by_type"].items() if "DFF" in kind)
    return {"transistors": int(whole["estimated_num_transistors"]), "registers": registers,
            **_made(yosys, stat, flow)}


def find_sta():
    """OpenSTA, the program ``sta``.

    Errors: `ToolError`, one line that says what to install.
    """
    path = shutil.which("sta")
    if not path:
        raise ToolError("OpenSTA must be installed, and sta is missing (apt-get install opensta)")
    said = re.search(r"\d+\.\d+\S*", _run([path, "-version"]).stdout)
    return Tool("OpenSTA", said[0] if said else "unknown", (path,))


def _longest(folder, top, clock_ns, input_ns):
    """(ns, who says so), of the netlist in the folder."""
    try:
        sta = find_sta()
    except ToolError:
        delays = re.findall(r"Delay = *([\d.]+) ps", (folder / "abc.log").read_text())
        return (round(float(delays[-1]) / 1000, 3) if delays else None,
                "ABC's estimate, without the flip-flops' own times")
    (folder / "sta.tcl").write_text(
        f"read_liberty cells.lib\nread_verilog netlist.v\nlink_design {top}\n"
        f"create_clock -name clk -period {clock_ns} [get_ports clk]\n"
        f"set_input_delay {input_ns} -clock clk [all_inputs]\nreport_checks -path_delay max\n")
    said = _run([*sta.command, "-no_splash", "-exit", "sta.tcl"], folder).stdout
    slack = re.search(r"(-?\d+\.\d+)\s+slack", said)
    if not slack:
        said = " | ".join(said.split("\n"))[-200:]
        raise RuntimeError(f"{sta} must find a path, but it says: {said}")
    return round(clock_ns - float(slack[1]), 3), str(sta)


def _made(yosys, stat, flow):
    version = re.search(r"Yosys (\S+)", stat["creator"])
    return {"tool": yosys.name, "version": version[1] if version else stat["creator"],
            "flow": "; ".join(flow)}


def _run(command, folder=None):
    return subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
