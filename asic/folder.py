"""The folder that a user takes away: netlist, constraints, and what made them."""

import hashlib

from asic.timing import sdc
from fpga.folder import replace

__all__ = ["write"]


def write(built, verilog, folder, answer, page):
    """Put everything of a build into ``folder``, whole or not at all; ``answer`` gets the files'
    SHA-256.

    verilog:  file name -> text, of the design
    page:     HTML
    """
    made = built.synthesis
    files = {**{name: text.encode() for name, text in verilog.items()},
             "netlist.v": made.netlist.verilog().encode(),
             "design.sdc": sdc(made.netlist, built.pdk, built.period_ns).encode(),
             "synth.ys": made.script.encode(), "cells.abc": made.abc.encode(),
             "asic.html": page.encode()}
    answer["files"] = {name: hashlib.sha256(content).hexdigest()
                       for name, content in files.items()}
    replace(folder, files)
