"""The folder that a user takes away: ordinary commands, and nothing of ours to run them."""

import hashlib
import json
import shlex
import tempfile
from pathlib import Path

from fpga import build as flow
from fpga.netlist import with_models
from golden.files import write_whole

__all__ = ["core_file", "makefile", "replace", "write"]

_VARIABLE = {"yosys": "YOSYS"}


def makefile(project, seed):
    """A Makefile of the commands that made the bitstream, with the fastest seed."""
    steps = flow.commands(project, seed)
    names = {step.program: _VARIABLE.get(step.program, step.program.upper().replace("-", "_"))
             for step in steps}
    lines = [f"# {project.name} for {project.board.title} ({project.board.part}).",
             "# Other programs: make " + " ".join(f"{name}=..." for name in names.values()), "",
             *(f"{name} ?= {program}" for program, name in names.items()),
             f"# The fastest of those that were tried.\nSEED ?= {seed}", "",
             f"all: {project.image}", ""]
    for step in steps:
        command = " ".join(shlex.quote(word) for word in step.arguments)
        command = command.replace(f"--seed {seed} ", "--seed $(SEED) ")
        lines += [f"{step.outputs[0]}: {' '.join(step.inputs)}",
                  f"\t$({names[step.program]}) {command}", ""]
    made = [name for step in steps for name in step.outputs]
    return "\n".join([*lines, "clean:", f"\trm -f {' '.join(made)}", "",
                      ".PHONY: all clean", ".DELETE_ON_ERROR:", ""])


def core_file(project):
    """A FuseSoC core (CAPI 2) of the same sources, for its icestorm or trellis flow."""
    flow_name = {"ice40": "icestorm", "ecp5": "trellis"}[project.family.name]
    sources = [name for name in project.verilog if name.endswith(".v")]
    images = [name for name in project.verilog if not name.endswith(".v")]
    kind = project.family.pins.upper()
    options = shlex.split(flow.synthesis_options(project))
    route = ", ".join([*project.board.options, "--freq", f"'{project.mhz:g}'"])
    lines = ["CAPI=2:", f"name: {json.dumps(f'::{project.name}:0')}",
             "description: "
             + json.dumps(f"{project.name} for {project.board.title}, made by Ternstone"), "",
             "filesets:", "  rtl:", f"    files: [{', '.join(sources)}]",
             "    file_type: verilogSource"]
    if images:
        lines += ["  images:", "    files:",
                  *(f"      - {name}: {{copyto: {name}}}" for name in images),
                  "    file_type: user"]
    if project.pins:
        lines += ["  pins:", f"    files: [{project.name}.{project.family.pins}]",
                  f"    file_type: {kind}"]
    filesets = ["rtl", *(["images"] if images else []), *(["pins"] if project.pins else [])]
    return "\n".join([
        *lines, "", "targets:", "  default:", f"    filesets: [{', '.join(filesets)}]",
        f"    toplevel: {project.top}", f"    flow: {flow_name}", "    flow_options:",
        f"      yosys_synth_options: [{', '.join(options)}]",
        f"      nextpnr_options: [{route}]", ""])


def write(built, folder, answer, page):
    """Put everything of a build into ``folder``, whole or not at all; returns name -> SHA-256.

    answer:  of `fpga.report.report`; also gets the digests, and becomes ``fpga.json``
    page:    HTML
    """
    folder = Path(folder)
    project = built.synthesis.project
    inputs = flow.project_files(project)
    files = {**inputs, **{name: built.files[name] for name in (
                 "netlist.v", "netlist.json", "stat.json", f"routed.{project.family.routed}",
                 "timing.json", "route.log", project.image)},
             "Makefile": makefile(project, built.best.seed).encode(),
             "netlist_sim.v": with_models(project, built.files["netlist.v"].decode()).encode(),
             f"{project.name}.core": core_file(project).encode(), "fpga.html": page.encode()}
    answer["files"] = {name: hashlib.sha256(content).hexdigest()
                       for name, content in files.items()}
    replace(folder, {**files, "fpga.json": (json.dumps(answer, indent=2) + "\n").encode()})
    return answer["files"]


def replace(folder, files):
    """Make ``folder`` hold these ``files`` (name -> bytes) and no others, whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as name:
        fresh = Path(name) / "fresh"
        for file, content in files.items():
            write_whole(fresh / file, content)
        if folder.exists():
            folder.replace(Path(name) / "old")
        fresh.replace(folder)
