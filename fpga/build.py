"""From Verilog to a bitstream: synthesis, place and route over several seeds, packing.

A build is a folder that a user can take away: Verilog, memory images, pin constraints, a script for
Yosys, a Makefile of ordinary commands and a FuseSoC core file. What we run are the same commands.
"""

import concurrent.futures
import json
import re
from dataclasses import dataclass, field

from fpga import steps
from fpga.boards import Board
from fpga.steps import Step

__all__ = ["Built", "Project", "Routed", "Synthesis", "build", "commands", "place",
           "project_files", "shell", "synthesis_options", "synthesise"]

#: Builds of several seeds side by side: each is one process on one core.
JOBS = 2

#: What nextpnr calls what `fpga.boards.Device` counts.
_NEXTPNR = {"ICESTORM_LC": "LUT4", "ICESTORM_RAM": "RAM", "ICESTORM_SPRAM": "SPRAM",
            "ICESTORM_DSP": "DSP", "ICESTORM_PLL": "PLL",
            "TRELLIS_COMB": "LUT4", "TRELLIS_FF": "FF", "DP16KD": "RAM", "MULT18X18D": "DSP",
            "EHXPLLL": "PLL"}
#: Cell types of Yosys by what they are; a type that ends in * is a prefix.
CELLS = {
    "ice40": {"LUT4": ("SB_LUT4",), "FF": ("SB_DFF*",), "carry": ("SB_CARRY",),
              "RAM": ("SB_RAM40_4K*",), "SPRAM": ("SB_SPRAM256KA",), "DSP": ("SB_MAC16",)},
    # CCU2C: a carry cell of two bits with two LUTs; TRELLIS_DPR16X4: RAM of four LUTs.
    "ecp5": {"LUT4": ("LUT4",), "FF": ("TRELLIS_FF",), "carry": ("CCU2C",),
             "RAM": ("DP16KD", "PDPW16KD"), "DSP": ("MULT18X18D",),
             "LUT RAM": ("TRELLIS_DPR16X4",)},
}


@dataclass(frozen=True)
class Project:
    """What is built, and for which board.

    name:     of the files
    block:    module of the design; its cells are what is counted
    verilog:  file name -> text, with the memory images; the first one holds ``block``
    top:      module that is built: a board's top, or a `shell` for figures alone
    pins:     ports of ``top`` (names of `Board.pins`); none for a shell
    mhz:      the frequency that the design's clock must reach
    dsp:      whether multiplications may become multipliers of the device
    """

    name: str
    board: Board
    block: str
    verilog: dict
    top: str
    mhz: float
    pins: tuple = ()
    dsp: bool = True

    @property
    def family(self):
        return self.board.device.family

    @property
    def image(self):
        """Name of the bitstream."""
        return f"{self.name}.{self.family.image}"


def shell(block, ports):
    """A top module, ``shell``, with three pins around ``block``, for a build without board pins.

    Every input of the block comes from a register of a shift register, every output goes into a
    register and from there, by exclusive or, into another shift register: so no path of the block
    begins or ends at a pin, all of them are between registers, as inside a larger design, and
    nothing of the block can be optimised away. (nextpnr-ecp5's ``--out-of-context`` would leave the
    clock off the global network, and nextpnr-ice40 has no such option.)

    ports: (name, direction, width) of the block, ``clk`` among them
    """
    inputs = [(name, width) for name, direction, width in ports
              if direction == "input" and name != "clk"]
    outputs = [(name, width) for name, direction, width in ports if direction == "output"]
    wires = [".clk(clk)", *_slices("drive", inputs), *_slices("seen", outputs)]
    into, out = (sum(width for _, width in group) for group in (inputs, outputs))
    return f"""// Registers around {block}, in place of pins: see the page on FPGAs.
module shell(input clk, input serial_in, output reg serial_out);
  reg [{into - 1}:0] drive;
  wire [{out - 1}:0] seen;
  reg [{out - 1}:0] held, chain;
  {block} block(
    {(',' + chr(10) + '    ').join(wires)}
  );
  always @(posedge clk) begin
    drive <= {{drive, serial_in}};
    held <= seen;
    chain <= {{chain, 1'b0}} ^ held;
    serial_out <= chain[{out - 1}];
  end
endmodule
"""


def _slices(bus, ports):
    at = 0
    for name, width in ports:
        yield f".{name}({bus}[{at + width - 1}:{at}])"
        at += width


# -- the commands

def _script(project):
    """Yosys' commands. `check -assert` before and after: one driver for each wire, and no
    combinational loop; no latch, and registers of the rising edge alone."""
    family, options = project.family, synthesis_options(project)
    sources = " ".join(name for name in project.verilog if name.endswith(".v"))
    return "\n".join([
        f"read_verilog -lib {' '.join(f'+/{file}' for file in family.models)}",
        f"read_verilog {sources}",
        f"hierarchy -check -top {project.top}",
        # The block stays a module: its cells can be counted, and its names told apart.
        f"setattr -mod -set keep_hierarchy 1 {project.block}",
        "proc",
        "select -assert-none t:$dlatch t:$adlatch t:$dlatchsr",
        "select -assert-none t:$dff* r:CLK_POLARITY=1'0 %i",
        "check -assert",
        f"{family.synth} -top {project.top} {options}".rstrip(),
        "check -assert",
        "delete t:$scopeinfo",
        "tee -q -o stat.json stat -json",
        "write_json netlist.json",
        "write_verilog -noattr -noexpr netlist.v",
        ""])


def synthesis_options(project):
    """Options of Yosys' pass, beside the top. ABC9 stays out on an iCE40: measured, it gained
    neither cells nor Fmax; for an ECP5 it is the default."""
    return {("ice40", True): "-dsp", ("ecp5", False): "-nodsp"}.get(
        (project.family.name, project.dsp and bool(project.board.device.DSP)), "")


def _synthesis(project):
    return Step("yosys", ("-q", "-s", "synth.ys"), ("synth.ys", *project.verilog),
                ("netlist.json", "netlist.v", "stat.json"), "synth.log")


def _nextpnr(project, arguments, outputs, log, fails=0):
    constraints = f"{project.name}.{project.family.pins}"
    pins = ((f"--{project.family.pins}", constraints) if project.pins else
            (f"--{project.family.pins}-allow-unconstrained",))
    return Step(project.family.route,
                (*project.board.options, "--json", "netlist.json", "--top", project.top, *pins,
                 *arguments),
                ("netlist.json", *((constraints,) if project.pins else ())), outputs, log, fails)


def _pack_only(project):
    return _nextpnr(project, ("--pack-only",), (), "pack.log")


def _place_only(project):
    # It times what it has placed, and that is where it meets a loop.
    return _nextpnr(project, ("--no-route",), (), "place.log")


def _route(project, seed):
    routed = {"ice40": "--asc", "ecp5": "--textcfg"}[project.family.name]
    file = f"routed.{project.family.routed}"
    return _nextpnr(project, ("--freq", f"{project.mhz:g}", "--seed", str(seed), "--report",
                              "timing.json", routed, file), (file, "timing.json"), "route.log", 1)


def _pack(project):
    file = f"routed.{project.family.routed}"
    arguments = (file, project.image) if project.family.name == "ice40" else (
        "--compress", "--input", file, "--bit", project.image)
    return Step(project.family.pack, arguments, (file,), (project.image,), "image.log")


def commands(project, seed):
    """The `Step`s from the files of `project_files` to the bitstream."""
    return [_synthesis(project), _route(project, seed), _pack(project)]


# -- running them

@dataclass(frozen=True)
class Synthesis:
    """What synthesis made of a project.

    cells:    name -> number in the block, as Yosys counts them (LUT4, FF, carry, RAM, ...)
    taken:    name -> what the whole of it takes of the device, counted by nextpnr after packing
    around:   the same of what stands around the block
    """

    project: Project
    files: dict
    cells: dict
    taken: dict
    around: dict
    seconds: float

    @property
    def too_much(self):
        """Name -> (taken, there), of what the device has too little of."""
        capacity = self.project.board.device.capacity
        return {name: (count, capacity.get(name, 0)) for name, count in self.taken.items()
                if count > capacity.get(name, 0)}

    @property
    def fits(self):
        return not self.too_much


def project_files(project):
    """What a build starts from: name -> bytes."""
    files = {**project.verilog, "synth.ys": _script(project)}
    if project.pins:
        files[f"{project.name}.{project.family.pins}"] = project.board.constraints(project.pins)
    return {name: text.encode() for name, text in files.items()}


def synthesise(project, cache, say=lambda what: None):
    """The `Synthesis` of a project; ``say`` hears what is being done.

    Errors: `StepError` for Verilog that Yosys refuses or that breaks one of its checks.
    """
    files = project_files(project)
    done = _say_and_run(_synthesis(project), files, cache, say,
                        f"synthesis for {project.family.name}")
    packed = _say_and_run(_pack_only(project), files | done.files, cache, say, "packing cells")
    stat = json.loads(done.files["stat.json"])["modules"]
    cells = _count(stat[f"\\{project.block}"]["num_cells_by_type"], project.family.name)
    outside = _count(stat[f"\\{project.top}"]["num_cells_by_type"], project.family.name)
    taken = {}
    for kind, used in re.findall(r"^Info:\s+(\w+):\s+(\d+)/", packed.files["pack.log"].decode(),
                                 re.MULTILINE):
        if kind in _NEXTPNR:
            taken[_NEXTPNR[kind]] = int(used)
    # On an iCE40 a register takes a logic cell, with the LUT before it or alone.
    taken.setdefault("FF", cells["FF"] + outside["FF"])
    around = {name: outside.get(name, 0) for name in taken}
    if project.family.name == "ice40" and not project.pins:
        around["LUT4"] = outside["FF"]
    return Synthesis(project, files | done.files, cells, taken, around,
                     done.seconds + packed.seconds)


def place(synthesis, cache):
    """Place without routing, so that nextpnr looks for combinational loops, too; its log.

    Errors: `StepError` for a design that has one.
    """
    step = _place_only(synthesis.project)
    return steps.run(step, synthesis.files, cache).files[step.log].decode()


def _count(cells, family):
    return {name: sum(n for cell, n in cells.items() if any(
        cell.startswith(kind[:-1]) if kind.endswith("*") else cell == kind for kind in kinds))
        for name, kinds in CELLS[family].items()}


def _say_and_run(step, files, cache, say, what):
    tool = steps.tool_of(step.program)
    say(f"{what} ({tool})" + (", whose first start compiles it: half a minute"
                              if tool.compiles else ""))
    return steps.run(step, files, cache)


@dataclass(frozen=True)
class Routed:
    """One seed's result: Fmax by clock (MHz), nextpnr's report, and its files."""

    seed: int
    mhz: dict
    timing: dict
    files: dict
    seconds: float

    @property
    def slowest(self):
        return min(self.mhz.values())


@dataclass(frozen=True)
class Built:
    """A finished build: every seed, the best of them, and the bitstream."""

    synthesis: Synthesis
    seeds: tuple
    best: Routed
    image: bytes
    files: dict = field(repr=False)
    seconds: float = 0.0

    @property
    def met(self):
        return self.best.slowest >= self.synthesis.project.mhz


def build(synthesis, cache, seeds=range(1, 4), say=lambda what: None, *, until_met=False):
    """Place and route with every seed, `JOBS` at a time, and pack the fastest.

    until_met:  one seed after the other, and no more once one has reached the clock

    Errors: `StepError` for a design that nextpnr refuses.
    """
    project = synthesis.project

    def route(seed):
        done = steps.run(_route(project, seed), synthesis.files, cache)
        timing = json.loads(done.files["timing.json"])
        mhz = {clock: figures["achieved"] for clock, figures in timing["fmax"].items()}
        return Routed(seed, mhz, timing, done.files, done.seconds)

    seeds = list(seeds)
    say(f"placing and routing, {len(seeds)} seeds ({steps.tool_of(project.family.route)})")
    if until_met:
        routed = ()
        while len(routed) < len(seeds) and all(r.slowest < project.mhz for r in routed):
            routed += (route(seeds[len(routed)]),)
            say(f"placing and routing, {len(routed)} of at most {len(seeds)} seeds")
    else:
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            jobs = [pool.submit(route, seed) for seed in seeds]
            for finished, _ in enumerate(concurrent.futures.as_completed(jobs), 1):
                say(f"placing and routing, {finished} of {len(seeds)} seeds")
            routed = tuple(job.result() for job in jobs)
    best = max(routed, key=lambda r: r.slowest)
    packed = _say_and_run(_pack(project), best.files, cache, say, "packing the bitstream")
    return Built(synthesis, routed, best, packed.files[project.image],
                 {**synthesis.files, **best.files, **packed.files},
                 synthesis.seconds + sum(r.seconds for r in routed) + packed.seconds)
