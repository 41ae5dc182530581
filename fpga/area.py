"""Cells that Verilog takes on an iCE40, ECP5 or Xilinx 7, counted by Yosys after synthesis.

Yosys runs as a process of its own, so that a crash or its memory ends with it. Every count comes
with the tool and its version, because both change the count.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from fpga.tools import find_yosys
from golden.check import require_type
from hdl.verilog import Verilog

__all__ = ["ecp5", "ice40", "statistics", "xc7"]

#: Name in the answer -> cell types of Yosys (a type that ends in * is a prefix).
_ICE40 = {"LUT4": ["SB_LUT4"], "FF": ["SB_DFF*"], "carry": ["SB_CARRY"],
          "RAM": ["SB_RAM40_4K*"], "MAC16": ["SB_MAC16"]}
#: CCU2C is a carry cell of two bits (and two LUTs); DPR16X4 is RAM made of LUTs.
_ECP5 = {"LUT4": ["LUT4"], "FF": ["TRELLIS_FF"], "carry": ["CCU2C"], "RAM": ["DP16KD"],
         "DPR16X4": ["TRELLIS_DPR16X4"], "MULT18": ["MULT18X18D"]}
#: CARRY4 is a carry cell of four bits, beside its LUTs; LUTRAM counts cells of one to four LUTs.
_XC7 = {"LUT": ["LUT*", "INV"], "FF": ["FDRE*", "FDSE*", "FDCE*", "FDPE*"], "carry": ["CARRY4"],
        "MUXF": ["MUXF7", "MUXF8"], "RAM18": ["RAMB18E1"], "RAM36": ["RAMB36E1"],
        "LUTRAM": ["RAM32*", "RAM64*", "RAM128*", "RAM256*", "SRL*"], "DSP": ["DSP48E1"]}


def ice40(verilog, *, dsp=True, top="top", yosys=None):
    """Cells on an iCE40: LUT4, FF, carry, RAM (block RAM of 4 Kbit), MAC16.

    verilog:  a `hdl.verilog.Verilog`, or the path of a file; images that it reads stand beside it
    dsp:      whether multipliers may become MAC16 (UP5K); LUTs otherwise (LP, HX)
    top:      its top module
    yosys:    another than `fpga.tools.find_yosys` finds

    Also ``tool`` and ``version``, and ``flow``, the command of Yosys.

    Errors: `ToolError` without Yosys; RuntimeError for Verilog that Yosys refuses.
    """
    return _count(verilog, f"synth_ice40 -top {top}{' -dsp' if dsp else ''}", _ICE40, yosys)


def ecp5(verilog, *, dsp=True, top="top", yosys=None):
    """Cells on an ECP5: LUT4, FF, carry (CCU2C), RAM (DP16KD), DPR16X4, MULT18; as `ice40`."""
    return _count(verilog, f"synth_ecp5 -top {top}{'' if dsp else ' -nodsp'}", _ECP5, yosys)


def xc7(verilog, *, dsp=True, top="top", yosys=None):
    """Cells on a Xilinx 7: LUT (of up to six inputs), FF, carry (CARRY4), MUXF, RAM18, RAM36,
    LUTRAM, DSP (DSP48E1); as `ice40`. Without pads and clock buffers."""
    flow = "synth_xilinx -family xc7 -noiopad -noclkbuf -flatten"
    return _count(verilog, f"{flow} -top {top}{'' if dsp else ' -nodsp'}", _XC7, yosys)


def _count(verilog, flow, names, yosys):
    if not isinstance(verilog, str | os.PathLike):
        require_type("Verilog", verilog, Verilog)
    yosys = yosys or find_yosys()
    with tempfile.TemporaryDirectory(prefix="ternstone-area-") as name:
        folder = Path(name)
        _place(verilog, folder)
        stat = statistics(yosys, folder, ["read_verilog design.v", flow,
                                          "tee -q -o stat.json stat -json"])
    cells = stat["design"]["num_cells_by_type"]
    counts = {name: sum(n for cell, n in cells.items() if _is_one_of(cell, types))
              for name, types in names.items()}
    version = re.search(r"Yosys (\S+)", stat["creator"])
    return {**counts, "tool": yosys.name, "version": version[1] if version else stat["creator"],
            "flow": flow}


def statistics(yosys, folder, lines):
    """What ``stat.json`` says, which ``lines``, a script for Yosys, write in ``folder``.

    Errors: RuntimeError, one line, for Verilog or a Liberty that Yosys refuses.
    """
    (folder / "area.ys").write_text("\n".join(lines) + "\n")
    done = subprocess.run([*yosys.command, "-q", "-s", "area.ys"], cwd=folder,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    try:
        stat = json.loads((folder / "stat.json").read_text())
    except (FileNotFoundError, ValueError):
        stat = None
    if done.returncode or stat is None:
        lines = done.stdout.strip().splitlines()
        said = [line for line in lines if "ERROR" in line] or lines[-3:] or ["nothing"]
        liberty = any(re.search(r"cells\.lib|[Ll]iberty", line) for line in said)
        raise RuntimeError(f"Yosys must accept the {'Liberty' if liberty else 'Verilog'}, "
                           f"but it says: {' | '.join(said)}")
    return stat


def _place(verilog, folder):
    """The Verilog as ``design.v``, with its images, in the folder where Yosys runs: one built for
    WebAssembly sees no other."""
    if isinstance(verilog, Verilog):
        verilog.write(folder / "design.v")
        return
    path = Path(verilog)
    text = path.read_text(encoding="utf-8")
    (folder / "design.v").write_text(text, encoding="utf-8")
    for image in re.findall(r'\$readmemh\("([^"]+)"', text):
        shutil.copyfile(path.with_name(image), folder / image)


def _is_one_of(cell, types):
    return any(cell.startswith(kind[:-1]) if kind.endswith("*") else cell == kind
               for kind in types)
