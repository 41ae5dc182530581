"""From the packed bitstream back to Verilog: what a device will hold, not what was meant.

By `iceunpack` and `icebox_vlog` of Project IceStorm, for an iCE40's logic cells, block RAMs with
their contents, pins and PLL. They restore no SB_MAC16 and no SB_SPRAM256KA, and PyPI has no such
program for the ECP5.
"""

import re

from fpga import steps
from fpga.steps import Step, StepError

__all__ = ["from_text", "regain", "unpacked", "why_not"]


def why_not(board, pins, taken=()):
    """Why a bitstream for ``board`` cannot be turned back into Verilog, or None.

    pins:   whether it has any; a bare block has none
    taken:  what it takes of the device (`fpga.build.Synthesis.taken`), where that is known
    """
    family = board.device.family.name
    if family != "ice40":
        return f"no program turns an {family.upper()}'s bitstream back into Verilog"
    for name, cell in (("DSP", "SB_MAC16"), ("SPRAM", "SB_SPRAM256KA")):
        if name in taken and taken[name]:
            return f"icebox_vlog does not restore {cell}"
    return None if pins else "a bare block has no pins"


def regain(built, cache):
    """Verilog of the module ``top``, with the board's pins, regained from a `fpga.build.Built`.

    The PLL's dividers are compared with those of the board's top: simulation would not show them.

    Errors: `StepError` for a bitstream that cannot be read, or whose PLL is another;
    `ToolError` without IceStorm.
    """
    project = built.synthesis.project
    verilog = from_text(project, unpacked(built, cache), cache)
    wanted, found = (_dividers(source) for source in (project.verilog["top.v"], verilog))
    if found != wanted:
        raise StepError(f"The bitstream's PLL must divide by {wanted}, not {found}")
    return verilog


def unpacked(built, cache):
    """The packed bitstream as text (bytes), as IceStorm has it (.asc)."""
    name = built.synthesis.project.image
    step = Step("iceunpack", (name, "image.asc"), (name,), ("image.asc",), "unpack.log")
    return steps.run(step, {name: built.image}, cache).files["image.asc"]


def from_text(project, text, cache):
    """The Verilog of a bitstream's ``text`` (bytes, .asc) with the pins of ``project``."""
    pins = "".join(f"set_io {port} {project.board.pins[port].site}\n" for port in project.pins)
    done = steps.run(Step("icebox_vlog", ("-s", "-n", "top", "-p", "pins.pcf", "-d",
                                          project.board.package, "image.asc"),
                          ("image.asc", "pins.pcf"), (), "image.v"),
                     {"image.asc": text, "pins.pcf": pins.encode()}, cache)
    verilog = done.files["image.v"].decode()
    if "Warning: unmatched port 'clk'" in verilog:
        # A PLL with a pin of its own takes it from nowhere: icebox_vlog forgets that net.
        verilog, count = re.subn(r"\.PACKAGEPIN\(\w+\)", ".PACKAGEPIN(clk)", verilog)
        verilog = verilog.replace("Warning: unmatched port 'clk'", "") if count == 1 else verilog
    if "Warning: unmatched port" in verilog:
        raise StepError("The bitstream must use the pins of its board, which it does not")
    # Ports that are declared once more below must be so without a direction in the header. Before
    # it, a new Python warns of icebox_vlog's own text.
    header = re.search(r"module top \((.*)\);", verilog)
    ports = header[1].split(", ")
    names = ", ".join(port.split()[1] for port in ports)
    return (f"module top ({names});\n" + "".join(f"{port};\n" for port in ports)
            + verilog[header.end():])


def _dividers(verilog):
    """Those of the only PLL: name -> value."""
    found = re.findall(r"\.(DIV[RFQ]|FILTER_RANGE)\(\d+'([bhd])(\w+)\)", verilog)
    return {name: int(value, {"b": 2, "h": 16, "d": 10}[base]) for name, base, value in found}
