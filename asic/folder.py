"""The folder that a user takes away: netlist, constraints, what made them, and what goes on with
them: a configuration of LibreLane and a FuseSoC core."""

import hashlib
import json

from asic.timing import sdc
from fpga.folder import replace

__all__ = ["LIBRELANE", "core_file", "librelane", "write"]

#: Kits that are PDKs of LibreLane by the same name.
LIBRELANE = ("ihp-sg13g2", "sky130A")
#: Before the script of Yosys.
NOTE = """\
# yosys -s synth.ys: netlist.json, of which Ternstone made netlist.v with tie cells
# and buffers. cells.lib is the kit's Liberty.
"""


def librelane(built):
    """Variables of LibreLane 3 for the netlist: what is mapped stays as it is. Nobody has run it:
    the names are LibreLane's own, the values are what the netlist was timed with."""
    made, pdk = built.synthesis, built.pdk
    config = {"DESIGN_NAME": made.netlist.name, "VERILOG_FILES": ["dir::netlist.v"],
              "SYNTH_ELABORATE_ONLY": True, "RUN_LINTER": False, "CLOCK_PORT": "clk",
              "CLOCK_PERIOD": round(built.period_ns, 4), "PNR_SDC_FILE": "dir::design.sdc",
              "SIGNOFF_SDC_FILE": "dir::design.sdc"}
    if made.macros:
        folder = "pdk_dir::libs.ref/sg13g2_sram"
        names = [path.stem.split("_typ_")[0] for path in made.macros]
        config |= {"EXTRA_LIBS": [f"{folder}/lib/{path.name}" for path in made.macros],
                   "EXTRA_LEFS": [f"{folder}/lef/{name}.lef" for name in names],
                   "EXTRA_GDS": [f"{folder}/gds/{name}.gds" for name in names],
                   "EXTRA_VERILOG_MODELS": [f"{folder}/verilog/{name}.v" for name in names]}
    return {"//": f"Untested. For {pdk.name}: librelane --pdk {pdk.name} config.json", **config}


def core_file(name, netlist):
    """A FuseSoC core (CAPI 2) of the netlist and its constraints, for a tool that takes both."""
    return "\n".join([
        "CAPI=2:", f"name: {json.dumps(f'::{name}-netlist:0')}",
        f"description: {json.dumps(f'{name} in standard cells, made by Ternstone')}", "",
        "filesets:", "  netlist:", "    files: [netlist.v]", "    file_type: verilogSource",
        "  constraints:", "    files: [design.sdc]", "    file_type: SDC", "",
        "targets:", "  default:", "    filesets: [netlist, constraints]",
        f"    toplevel: {netlist.name}", ""])


def write(built, verilog, folder, answer, page):
    """Put everything of a build into ``folder``, whole or not at all; ``answer`` gets the files'
    SHA-256.

    verilog:  file name -> text, of the design; the first is Verilog
    page:     HTML
    """
    made = built.synthesis
    design, *images = verilog
    # No name of a user's stands in the script, nor in the way of the other files.
    files = {"design.v": verilog[design].encode(),
             **{name: verilog[name].encode() for name in images},
             "netlist.v": made.netlist.verilog().encode(),
             "design.sdc": sdc(made.netlist, built.pdk, built.period_ns).encode(),
             "synth.ys": (NOTE + made.script).encode(), **made.scripts,
             f"{answer['design']}.core": core_file(answer["design"], made.netlist).encode(),
             "asic.html": page.encode()}
    if built.pdk.name in LIBRELANE:
        files["config.json"] = (json.dumps(librelane(built), indent=2) + "\n").encode()
    answer["files"] = {name: hashlib.sha256(content).hexdigest()
                       for name, content in files.items()}
    replace(folder, files)
