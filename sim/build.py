"""Compiles the harness and a device into a simulator, once for each content.

A compiled simulator lies in ``<workdir>/<hash>/``, the hash being of everything that goes into it:
the device's Verilog, the harness, the waivers, the options, the simulator's and cocotb's versions.
Vectors, stalls, seeds, resets and memory images are read at run time and need no new one.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import cocotb_tools.config
import find_libpython

from golden.check import require_choice
from hdl.verilog import LINT_WAIVERS, Verilog
from sim.tools import Tool, find_compiler, find_icarus, find_make, find_verilator

__all__ = ["BENCHES", "SIMULATORS", "BuildError", "Build", "Sources", "build", "device"]

SIMULATORS = ("verilator", "icarus")
#: Name of a bench -> (its Verilog, the module of its cocotb test).
BENCHES = {"stream": ("harness.v", "sim.cocotb_bench"), "serial": ("serial.v", "sim.cocotb_serial"),
           "spi": ("spi.v", "sim.cocotb_serial")}
HERE = Path(__file__).resolve().parent

VERILATOR_OPTIONS = (
    "--cc", "--exe", "--vpi", "--prefix", "Vtop", "--top-module", "bench", "-o", "bench",
    "-O3", "-Wall",
    # Two-state, so what a device does not reset or write holds noise, anew for each seed: nothing
    # can depend on the state at power-up (with `+verilator+rand+reset+2` at run time).
    "--x-assign", "unique", "--x-initial", "unique",
)


class BuildError(Exception):
    """The simulator refused the device; the message holds what it said."""


@dataclass(frozen=True)
class Build:
    """A compiled simulator: its folder and the tool that made it."""

    folder: Path
    tool: Tool
    simulator: str
    bench: str = "stream"

    def command(self, seed):
        """The command line of one simulation; ``seed`` fills what is not reset."""
        if self.simulator == "verilator":
            return [str(self.folder / "bench"), "+verilator+rand+reset+2",
                    f"+verilator+seed+{seed % (2**31 - 2) + 1}"]
        return ["vvp", "-n", "-m", cocotb_tools.config.lib_entry("vpi", "icarus"),
                str(self.folder / "bench.vvp")]

    def environ(self):
        """The environment in which cocotb's library finds this Python and the bench's test."""
        paths = [str(HERE.parent), *(os.path.abspath(p) for p in sys.path if p)]
        return {
            # What a user's shell sets for cocotb is not for this bench.
            **{key: value for key, value in self.tool.environ().items()
               if not key.startswith("COCOTB_")},
            "PATH": os.pathsep.join([os.environ.get("PATH", os.defpath),
                                     str(cocotb_tools.config.libs_dir)]),
            "PYTHONPATH": os.pathsep.join(paths),
            "PYGPI_PYTHON_BIN": sys.executable,
            "GPI_USERS": f"{find_libpython.find_libpython()};"
                         f"{cocotb_tools.config.pygpi_entry_point()}",
            "COCOTB_TEST_MODULES": BENCHES[self.bench][1],
            "COCOTB_TOPLEVEL": "bench",
            "TOPLEVEL_LANG": "verilog",
            "COCOTB_RESULTS_FILE": "results.xml",
            "COCOTB_REWRITE_ASSERTION_FILES": "",  # the bench has no assertions to rewrite
            "COCOTB_TRUST_INERTIAL_WRITES": "1",
        }


@dataclass(frozen=True)
class Sources:
    """A device of several files, name -> text: Verilog, and C++ that it calls; and ``images``, what
    they read at run time."""

    files: dict
    images: dict


def device(verilog):
    """`Sources`, a `hdl.verilog.Verilog`, Verilog text, the path of a file, or several, as (file
    name -> text, image name -> contents that are read at run time, as with $readmemh)."""
    if isinstance(verilog, Sources):
        return dict(verilog.files), dict(verilog.images)
    if isinstance(verilog, Verilog):
        return {"device.v": verilog.text}, dict(verilog.files)
    if isinstance(verilog, str):
        return {"device.v": verilog}, {}
    sources, images = {}, {}
    for index, path in enumerate([verilog] if isinstance(verilog, os.PathLike) else verilog):
        path = Path(path)
        text = sources[f"{index}_{path.name}"] = path.read_text()
        for name in re.findall(r'\$readmemh\("([^"]+)"', text):
            if (path.parent / name).is_file():
                images[name] = (path.parent / name).read_text()
    return sources, images


@contextlib.contextmanager
def _locked(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _hash(content):
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]


def build(sources, *, top, widths, simulator="verilator", wave=False, lint=True,
          workdir="build/sim", bench="stream"):
    """Compile ``sources`` (file name -> Verilog text) with the harness of one of `BENCHES`; return
    the `Build`.

    widths: macro of the harness -> bits (IN_WIDTH, OUT_WIDTH, and LOAD_WIDTH where there is one)
    lint:   stop at every warning but the waived ones; a netlist's are not ours to mend

    What was built before from the same content is taken as it is. Two processes that want the
    same one wait for each other, and a folder takes its name only when it is complete.

    Errors: `ToolError` for a missing tool, `BuildError` for Verilog that does not compile.
    """
    require_choice("Simulator", simulator, SIMULATORS)
    defines = [f"-DDUT={top}", *(f"-D{name}={bits}" for name, bits in widths.items())]
    if wave:
        defines.append("-DWAVE")
    if simulator == "verilator":
        tool = find_verilator()
        options = [*VERILATOR_OPTIONS, *(["--trace-vcd"] if wave else []),
                   *([] if lint else ["-Wno-lint", "-Wno-style", "-Wno-fatal"]), *defines]
    else:
        tool = find_icarus()
        options = ["-g2012", "-s", "bench", *defines]
    harness = {"harness.v": (HERE / BENCHES[bench][0]).read_text(),
               "waivers.vlt": (HERE / "waivers.vlt").read_text()}
    harness["waivers.vlt"] += "".join(f"\n// {reason}\nlint_off -rule {rule}\n"
                                      for rule, reason in LINT_WAIVERS.items())
    workdir = Path(workdir).resolve()
    folder = workdir / _hash([sources, harness, options, str(tool), tool.path, version("cocotb"),
                              str(cocotb_tools.config.libs_dir)])
    result = Build(folder, tool, simulator, bench)
    if folder.is_dir():
        return result
    with _locked(workdir / f"{folder.name}.lock"):
        if folder.is_dir():
            return result
        temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=workdir))
        try:
            for name, text in {**harness, **sources}.items():
                (temporary / name).write_text(text)
            if simulator == "verilator":
                # Of a netlist the compiler's time is most, whatever runs on it.
                _verilate(tool, options, list(sources), temporary, "-O2" if lint else "-O1")
            else:
                _execute([tool.path, *options, "-o", "bench.vvp", "harness.v", *sources],
                         temporary, tool.environ())
            os.replace(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return result


def _verilate(tool, options, names, folder, optimise):
    make, compiler = find_make(), find_compiler()
    libraries = cocotb_tools.config.libs_dir
    link = f"-Wl,-rpath,{libraries} -L{libraries} -lcocotbvpi_verilator"
    main = cocotb_tools.config.share_dir / "lib" / "verilator" / "verilator.cpp"
    _execute([tool.path, *options, "-Mdir", "objects", "-LDFLAGS", link, "waivers.vlt",
              "harness.v", *names, str(main)], folder, tool.environ())
    objects = folder / "objects"
    # Verilator's own runtime is the same for every device, and most of the time of a small one.
    classes = (objects / "Vtop_classes.mk").read_text()
    settings = re.findall(r"^VM_(?!PARALLEL)\w+ = \d+$", classes, re.M)
    runtime = folder.parent / ("runtime-" + _hash([str(tool), tool.path, str(compiler), settings]))
    if runtime.is_dir():
        for file in runtime.iterdir():
            shutil.copyfile(file, objects / file.name)
    # Verilator's scripts ask for `python`, which many systems have as `python3` only.
    _execute([make.path, "-s", f"-j{os.cpu_count()}", "-C", "objects", "-f", "Vtop.mk",
              f"PYTHON3={sys.executable}", f"OPT_FAST={optimise}", "OPT_GLOBAL=-O2"], folder,
             tool.environ())
    if not runtime.is_dir():
        fresh = Path(tempfile.mkdtemp(prefix=f"{runtime.name}.", dir=folder.parent))
        for file in objects.glob("verilated*.o"):
            shutil.copyfile(file, fresh / file.name)
        try:
            os.replace(fresh, runtime)
        except OSError:  # another process was quicker
            shutil.rmtree(fresh)
    os.replace(objects / "bench", folder / "bench")
    shutil.rmtree(objects)


def _execute(command, folder, environment):
    done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        errors = [line for line in lines if "%Error" in line or "error" in line]
        picked = errors + [line for line in lines if "%Warning" in line] or lines
        raise BuildError(f"{Path(command[0]).name} must compile the device, but said:\n"
                         + "\n".join(picked[:12]))
