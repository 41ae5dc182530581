"""The command line: arguments in, tables or JSON out. The work is done in the modules beside it."""

import enum
from pathlib import Path
from typing import Annotated, Any

import typer

from ternstone import report
from ternstone.catalogue import BENCHES, BLOCKS, DESIGNS
from ternstone.designs import MODELS, open_design, resolve, with_data
from ternstone.errors import BadInput
from ternstone.parameters import parse_pairs, suggest

__all__ = ["app"]

app = typer.Typer(
    name="ternstone", add_completion=False, no_args_is_help=False, pretty_exceptions_enable=False,
    help="Few-bit networks to Verilog, shown bit by bit to compute what the network computes.")


class Simulator(enum.StrEnum):
    """Which simulator runs the Verilog."""

    VERILATOR = "verilator"
    ICARUS = "icarus"


class Inversion(enum.StrEnum):
    """What runs a circuit backwards (`ternstone.invert.SEARCHES`)."""

    NETWORK = "network"
    PARALLEL = "parallel"


class Line(enum.StrEnum):
    """What carries the bytes between a host and a board (`fpga.top.PINS`)."""

    UART = "uart"
    SPI = "spi"


class Rungs(enum.StrEnum):
    """What of a build is run against golden (`ternstone.regress.RUNGS`)."""

    NETLIST = "netlist"
    BITSTREAM = "bitstream"
    BOTH = "both"


Json = Annotated[bool, typer.Option("--json", help="The answer as one JSON object.")]
Name = Annotated[str | None, typer.Argument(
    metavar="DESIGN|BLOCK", help="A name of `ternstone list`.", show_default=False)]
Model = Annotated[Path | None, typer.Option(
    metavar="FILE", help="A model file (.safetensors) in place of a name.", show_default=False)]
Param = Annotated[list[str] | None, typer.Option(
    metavar="NAME=VALUE", help="Change a parameter; as often as needed.", show_default=False)]
Link = Annotated[Line, typer.Option(help="What carries the bytes between host and board.")]
Seed = Annotated[int, typer.Option(help="Seed of random tensors, frames, idles and stalls.")]
All = Annotated[bool, typer.Option("--all", help="Every ready design.")]


@app.callback()
def _root() -> None:
    pass


@app.command("list")
def list_(json: Json = False) -> None:
    """Families, blocks and ready designs."""
    blocks = [{"name": name, "family": name.partition(".")[0], "summary": entry.summary}
              for name, entry in BLOCKS.items()]
    designs: list[dict[str, Any]] = [
        {"name": name, "block": entry.block, "task": entry.task, "summary": entry.summary,
         "trained": (MODELS / entry.model).is_file() if entry.model else None,
         "boards": entry.boards}
        for name, entry in DESIGNS.items()]
    if json:
        report.print_json({"families": list(dict.fromkeys(b["family"] for b in blocks)),
                           "blocks": blocks, "designs": designs})
        return
    report.print_table("Blocks", ["block", "family", "what it is"],
                       [[b["name"], b["family"], b["summary"]] for b in blocks])
    report.print_table(
        "Ready designs", ["design", "block", "task", "trained", "boards", "what it is"],
        [[d["name"], d["block"], d["task"], d["trained"], _boards(d["boards"]), d["summary"]]
         for d in designs])


def _boards(boards: dict[str, dict[str, str]]) -> str:
    """Boards, and in brackets with which parameters."""
    return ", ".join(name + (f" ({' '.join(f'{k}={v}' for k, v in given.items())})"
                             if given else "") for name, given in boards.items()) or "-"


@app.command()
def generate(
    design: Name = None, model: Model = None, param: Param = None,
    output: Annotated[Path | None, typer.Option(
        "--output", "-o", metavar="DIR", show_default=False,
        help="Folder for the files, in place of build/<design>/<hash>.")] = None,
    every: All = False, seed: Seed = 0, json: Json = False,
) -> None:
    """Write the Verilog of a design, a block or a model file, and a description of its ports."""
    if every and (design or model or param or output):
        raise BadInput("--all takes no design, --model, --param or --output")
    from ternstone import generate as work

    _at_least("--seed", seed, 0)
    reports = []
    for name in DESIGNS if every else [design]:
        opened = open_design(name, model, parse_pairs(param or []), seed)
        with report.stderr.status(f"generating {opened.name}"):
            made = work.generate(opened, output)
        block = opened.block
        reports.append({**made, "verilog": str(Path(made["folder"]) / f"{opened.name}.v"),
                        "lanes": work.lanes(block.params.to_dict()),
                        "input": str(block.input.format), "output": str(block.output.format)})
    if json:
        report.print_json({"designs": reports} if every else reports[0])
        return
    report.print_table(
        "Verilog", ["file", "lines", "lanes", "in", "out", "memory bits", "seconds", "made"],
        [[r["verilog"], r["lines"], " ".join(map(str, r["lanes"])) or None, r["input"],
          r["output"], r["memory_bits"], r["seconds"], "before" if r["cached"] else "now"]
         for r in reports])
    if not every and reports[0]["memories"]:
        report.print_table(
            "Memories", ["memory", "words", "width", "bits", "kind"],
            [[f"{m['module']}.{m['name']}", m["words"], m["width"], m["bits"],
              "rom" if m["rom"] else "ram"] for m in reports[0]["memories"]])


def _at_least(name: str, value: int, low: int) -> int:
    if value < low:
        raise BadInput(f"{name} must be at least {low}, not {value}")
    return value


def _regressed(frames: int | None, regress: bool, otherwise: int) -> int:
    """How many frames --regress runs; without it there must be no such number."""
    if frames is None:
        return otherwise
    if not regress:
        raise BadInput("--frames takes --regress")
    return _at_least("--frames", frames, 1)


def _frequency(mhz: float | None) -> None:
    if mhz is not None and not mhz > 0:
        raise BadInput(f"--mhz must be a frequency in MHz above 0, not {mhz:g}")


def _probability(name: str, value: float) -> float:
    if not 0 <= value <= 0.99:  # in this form it refuses nan, too
        raise BadInput(f"{name} must be a probability between 0 and 0.99, not {value:g}")
    return value


@app.command()
def sim(
    design: Name = None, model: Model = None, param: Param = None,
    every: All = False,
    frames: Annotated[int, typer.Option(help="Input frames.")] = 50,
    idle: Annotated[float, typer.Option(
        metavar="P", help="Probability that the source idles in a cycle.")] = 0.0,
    stall: Annotated[float, typer.Option(
        metavar="P", help="Probability that the sink stalls in a cycle.")] = 0.0,
    seed: Seed = 0,
    netlist: Annotated[Path | None, typer.Option(
        metavar="FILE", show_default=False,
        help="Run this Verilog in place of the generated one.")] = None,
    simulator: Annotated[Simulator, typer.Option(help="Simulator.")] = Simulator.VERILATOR,
    wave: Annotated[bool, typer.Option("--wave", help="Keep the waveform.")] = False,
    serial: Annotated[bool, typer.Option(
        "--serial", help="Be a board: a serial port for `ternstone host`, until interrupted.")
    ] = False,
    link: Link = Line.UART,
    json: Json = False,
) -> None:
    """Run the Verilog on real data and compare every bit and cycle with the golden model.

    With --all, designs whose data is not there are named and left out.

    Exit status 1 means that something differed.
    """
    options: dict[str, Any] = {
        "frames": _at_least("--frames", frames, 1), "idle": _probability("--idle", idle),
        "stall": _probability("--stall", stall), "seed": _at_least("--seed", seed, 0),
        "simulator": simulator.value, "wave": wave}
    if every and (design or model or param or netlist):
        raise BadInput("--all takes no design, --model, --param or --netlist")
    if netlist is not None and not netlist.is_file():
        raise BadInput(f"Netlist {netlist} must be a Verilog file, which it is not")
    if serial:
        if every or netlist:
            raise BadInput("--serial takes no --all and no --netlist")
        from ternstone import serial as board

        board.serve(open_design(design, model, parse_pairs(param or []), seed), link.value)
        return
    from ternstone import simulate as work

    left_out: dict[str, str] = {}
    if every:
        # A missing or broken model is said before anything runs.
        ready, left_out = with_data(DESIGNS)
        for name, reason in left_out.items():
            report.stderr.print(f"{name} is left out: {reason}", markup=False, highlight=False,
                                soft_wrap=True)
        verdicts = work.simulate_all(ready, options)
    else:
        opened = open_design(design, model, parse_pairs(param or []), seed)
        verdicts = [work.simulate(opened, netlist=netlist, **options)]
    passed = all(v["passed"] for v in verdicts)
    if json:
        report.print_json({"passed": passed, "designs": verdicts, "left_out": left_out}
                          if every else verdicts[0])
    else:
        work.print_verdicts(verdicts)
    if not passed:
        raise typer.Exit(1)


@app.command()
def fpga(
    board: Annotated[str, typer.Option(metavar="B", help="The board: see fpga/README.md.")],
    design: Name = None,
    model: Model = None, param: Param = None,
    bare: Annotated[bool, typer.Option(
        "--bare", help="The block alone, without pins, for figures.")] = False,
    mhz: Annotated[float | None, typer.Option(
        metavar="F", show_default=False,
        help="Clock that must be reached, in place of the board's usual one.")] = None,
    link: Link = Line.UART,
    baud: Annotated[int | None, typer.Option(
        help="Bits a second of the board's link, in place of 1000000, or less where the clock "
             "asks for it.", show_default=False)] = None,
    seeds: Annotated[int, typer.Option(
        metavar="N", help="Seeds of place and route: the fastest is kept.")] = 3,
    regress: Annotated[Rungs | None, typer.Option(
        help="Run real frames on what was built, and compare every bit and cycle with the golden "
             "model: on the netlist, or on the Verilog regained from the bitstream.",
        show_default=False)] = None,
    frames: Annotated[int | None, typer.Option(
        help="Input frames of --regress.", show_default="20")] = None,
    flips: Annotated[int, typer.Option(
        metavar="N", help="Turn N bits of the bitstream over, one at a time, and count how many "
                          "the regression notices.")] = 0,
    seed: Seed = 0, json: Json = False,
) -> None:
    """Build a design for a board: bitstream, cells, Fmax, critical path, a folder to take away.

    A ready design takes the parameters with which `ternstone list` knows it to fit the board.

    Exit status 1 means that the clock was not reached, or that the regression failed.
    """
    from ternstone import fpga as work

    place = work.find_board(board)
    _at_least("--seeds", seeds, 1)
    if baud is not None:
        _at_least("--baud", baud, 1)
    frames = _regressed(frames, regress is not None, 20)
    _at_least("--flips", flips, 0)
    if flips and regress not in (Rungs.BITSTREAM, Rungs.BOTH):
        raise BadInput("--flips takes --regress bitstream, or both")
    _frequency(mhz)
    given = parse_pairs(param or [])
    if model is None and design in DESIGNS:
        given = {**DESIGNS[design].boards.get(board, {}), **given}
        mhz = mhz or (None if bare else DESIGNS[design].clocks.get(board))
    opened = open_design(design, model, given, seed)
    with report.stderr.status(f"building {opened.name} for {place.name}") as status:
        answer = work.implement(opened, place, bare=bare, seeds=seeds, mhz=mhz, baud=baud,
                                link=link.value,
                                rungs=regress.value if regress else None, frames=frames,
                                flips=flips,
                                say=lambda what: status.update(f"{opened.name}: {what}"))
    if json:
        report.print_json(answer)
    else:
        work.print_answer(answer)
    failed = [rung for rung, verdict in answer.get("regression", {}).items()
              if not verdict.get("passed", "left_out" in verdict)]
    if failed or not answer["met"]:
        raise typer.Exit(1)


@app.command()
def asic(
    design: Name = None, model: Model = None, param: Param = None,
    pdk: Annotated[str | None, typer.Option(
        metavar="P", show_default=False,
        help="The kit: see asic/README.md. By default the first that is there.")] = None,
    clock_mhz: Annotated[float | None, typer.Option(
        metavar="F", show_default="100", help="Clock that must be reached.")] = None,
    corner: Annotated[str | None, typer.Option(
        metavar="C", show_default="typical",
        help="Corner of the cells in which it must be reached.")] = None,
    regress: Annotated[bool, typer.Option(
        "--regress", help="Run real frames on the netlist, and compare every bit and cycle with "
                          "the golden model.")] = False,
    frames: Annotated[int | None, typer.Option(
        help="Input frames of --regress.", show_default="5")] = None,
    seed: Seed = 0, json: Json = False,
) -> None:
    """Map a design to a kit's standard cells: area by block, timing, a netlist to take away.

    Without a kit the answer is a count of gates and transistors.

    Exit status 1 means that the clock was not reached, or that the regression failed.
    """
    frames = _regressed(frames, regress, 5)
    _at_least("--seed", seed, 0)
    from ternstone import asic as work

    low, high = work.CLOCKS_MHZ
    if clock_mhz is not None and not low <= clock_mhz <= high:
        raise BadInput(f"--clock-mhz must be between {low:g} and {high:g} MHz, not {clock_mhz:g}")
    place = work.kit(pdk, corner or "typical")
    for option, given in (("--regress", regress), ("--corner", corner is not None),
                          ("--clock-mhz", clock_mhz is not None)):
        if given and place is None:
            raise BadInput(f"{option} takes a kit, which is not there (see: --pdk)")
    opened = open_design(design, model, parse_pairs(param or []), seed)
    where = place.name if place else work.GENERIC
    with report.stderr.status(f"mapping {opened.name} to {where}") as status:
        def say(what: str) -> None:
            status.update(f"{opened.name}: {what}")

        answer = (work.implement(opened, place, mhz=clock_mhz or 100.0, say=say,
                                 regress=regress, frames=frames, seed=seed) if place
                  else work.count(opened, say))
    if json:
        report.print_json(answer)
    else:
        work.print_answer(answer)
    if answer["met"] is False:
        report.error(work.unmet(answer))
    if work.failed(answer):
        raise typer.Exit(1)


@app.command()
def energy(
    design: Name = None, model: Model = None, param: Param = None,
    table: Annotated[Path | None, typer.Option(
        metavar="FILE", show_default=False,
        help="A layer table (CSV: name, macs, weights, inputs, outputs) in place of a design.")
    ] = None,
    bits: Annotated[str | None, typer.Option(
        metavar="Q,Q", show_default=False,
        help="Of weights and activations, in place of the layers' own; several to compare.")
    ] = None,
    sram_kbit: Annotated[int, typer.Option(help="On-chip memory.")] = 2000,
    constants: Annotated[Path | None, typer.Option(
        metavar="FILE", show_default=False,
        help="Constants of the model, in place of those of asic/energy.json.")] = None,
    json: Json = False,
) -> None:
    """Estimate the energy of a frame from the layers alone: compute, memory on and off chip."""
    from ternstone import energy as work

    if table and (design or model or param):
        raise BadInput("--table takes no design, --model or --param")
    try:
        widths = [int(text) for text in bits.split(",")] if bits else []
    except ValueError as error:
        raise BadInput(f"--bits must be integers, as 1,2,4,8, not {bits!r}") from error
    _at_least("--sram-kbit", sram_kbit, 0)
    opened = None if table else open_design(design, model, parse_pairs(param or []))
    answer = work.estimate(opened, table, widths, sram_kbit, constants)
    if json:
        report.print_json(answer)
    else:
        work.print_answer(answer)


@app.command()
def explore(
    board: Annotated[str, typer.Option(metavar="B", help="The board whose device is built for.")],
    over: Annotated[list[str], typer.Option(
        metavar="NAME=V,V", show_default=False,
        help="Values of a parameter, as lanes=8,16 or lanes=1..4; as often as needed.")],
    design: Name = None, model: Model = None, param: Param = None,
    quick: Annotated[bool, typer.Option(
        "--quick", help="Synthesis alone: cells and cycles, no Fmax.")] = False,
    trials: Annotated[int | None, typer.Option(
        metavar="N", show_default=False,
        help="Search: build N points that Optuna chooses, in place of all.")] = None,
    storage: Annotated[str | None, typer.Option(
        metavar="URL", show_default=False,
        help="Database of the search, for several machines; else SQLite in build/.")] = None,
    jobs: Annotated[int, typer.Option(help="Builds at a time.")] = 2,
    mhz: Annotated[float | None, typer.Option(
        metavar="F", show_default=False,
        help="What place and route aims at, in place of the board's usual clock.")] = None,
    seeds: Annotated[int, typer.Option(
        metavar="N", help="Seeds of place and route, for each point.")] = 1,
    seed: Seed = 0, json: Json = False,
) -> None:
    """Build a design over values of its parameters; which are worth having, and a plot of them.

    Blocks are built alone, as by `ternstone fpga --bare`, and kept by content: a sweep that was
    interrupted goes on.
    """
    from ternstone import explore as work
    from ternstone.fpga import find_board

    place = find_board(board)
    for name, value in (("--seeds", seeds), ("--jobs", jobs), ("--trials", trials)):
        if value is not None:
            _at_least(name, value, 1)
    _frequency(mhz)
    if storage is not None and trials is None:
        raise BadInput("--storage is of a search (give --trials, too)")
    space = work.parse_space(over)
    fixed = parse_pairs(param or [])
    if model is None and design in DESIGNS:
        fixed = {**DESIGNS[design].boards.get(board, {}), **fixed}
    sweep = work.Sweep(design, model, {k: v for k, v in fixed.items() if k not in space}, space,
                       place, not quick, seeds, mhz, _at_least("--seed", seed, 0))
    with report.stderr.status(f"exploring {design or model}") as status:
        answer = work.explore(
            sweep, trials=trials, storage=storage, jobs=jobs,
            say=lambda what: status.update(f"exploring {design or model}: {what}"))
    if json:
        report.print_json(answer)
    else:
        work.print_answer(answer)


@app.command()
def host(
    port: Annotated[str, typer.Option(
        metavar="PORT", help="Serial port of the board, or /dev/spidevB.C with --link spi.")],
    design: Name = None, model: Model = None, param: Param = None,
    frames: Annotated[int, typer.Option(help="Input frames.")] = 50,
    link: Link = Line.UART,
    baud: Annotated[int, typer.Option(help="Bits a second.")] = 1_000_000,
    timeout: Annotated[float, typer.Option(
        metavar="S", help="Seconds that the board may be silent.")] = 2.0,
    loopback: Annotated[bool, typer.Option(
        "--loopback", help="Test the link alone: the board sends back what it gets.")] = False,
    seed: Seed = 0, json: Json = False,
) -> None:
    """Send a design's real frames to a board, compare its answers and cycles with golden's.

    Exit status 1 means that something differed.
    """
    _at_least("--frames", frames, 1)
    _at_least("--baud", baud, 1)
    _at_least("--seed", seed, 0)
    if not 0 < timeout <= 3600:
        raise BadInput(f"--timeout must be between 0 and 3600 seconds, not {timeout:g}")
    if loopback and (design or model or param):
        raise BadInput("--loopback takes no design, --model or --param")
    from ternstone import host as work

    opened = None if loopback else open_design(design, model, parse_pairs(param or []), seed)
    answer = work.talk(port, baud, timeout, opened, frames, seed, link.value)
    if json:
        report.print_json(answer)
    else:
        work.print_answer(answer)
    if not answer["passed"]:
        raise typer.Exit(1)


@app.command()
def train(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="A name of `ternstone list`.")],
    epochs: Annotated[int | None, typer.Option(
        help="Epochs, in place of the task's own.", show_default=False)] = None,
    output: Annotated[Path, typer.Option(
        "--output", "-o", metavar="DIR", help="Folder for the model file.")] = MODELS,
    seed: Seed = 0, json: Json = False,
) -> None:
    """Train a ready design's network on real data and save it, quantised.

    An interrupted training goes on where it was.
    """
    if design not in DESIGNS:
        raise BadInput(f"Design {design!r} is not known: {suggest(design, DESIGNS)} "
                       "(see: ternstone list)")
    if DESIGNS[design].model is None:
        raise BadInput(f"Design {design!r} must be a network that is trained, which it is not "
                       "(see: ternstone list)")
    _at_least("--seed", seed, 0)
    if epochs is not None:
        _at_least("--epochs", epochs, 1)
    if output.exists() and not output.is_dir():
        raise BadInput(f"Folder {output} must be a folder, which it is not")
    from ternstone import training as work

    answer = work.train(design, seed=seed, epochs=epochs, folder=output)
    if json:
        report.print_json(answer)
    else:
        work.print_answer(answer)


@app.command()
def invert(
    verilog: Annotated[Path, typer.Argument(metavar="FILE", help="Combinational Verilog.",
                                            show_default=False)],
    top: Annotated[str | None, typer.Option(
        metavar="NAME", help="Its module; needed where there are several.",
        show_default=False)] = None,
    clamp: Annotated[list[str] | None, typer.Option(
        metavar="PORT=VALUE", show_default=False,
        help="Hold a port, as 35 or 0b1xx0 (x is free); as often as needed.")] = None,
    cycles: Annotated[int, typer.Option(help="Most cycles of a run.")] = 20_000,
    seeds: Annotated[int, typer.Option(help="Runs, each from another seed.")] = 4,
    search: Annotated[Inversion, typer.Option(
        help="A network of spins, or parallel trials of input bits.")] = Inversion.NETWORK,
    output: Annotated[Path | None, typer.Option(
        "--output", "-o", metavar="DIR", show_default=False,
        help="Folder for the Verilog, in place of build/invert-<module>/<hash>.")] = None,
    json: Json = False,
) -> None:
    """Make a circuit invertible, and run it under clamps, in any direction.

    Exit status 1 means that no run found a valid state.
    """
    _at_least("--seeds", seeds, 1)
    from ternstone import invert as work

    if not 1 <= cycles <= work.MOST_CYCLES:
        raise BadInput(f"--cycles must be between 1 and {work.MOST_CYCLES}, not {cycles}")
    with report.stderr.status(f"inverting {verilog.name}"):
        answer = work.invert(verilog, top, clamp or [], cycles, seeds, output, search.value)
    if json:
        report.print_json(answer)
    else:
        work.print_answer(answer)
    if "search" in answer and not answer["search"]["found"]:
        raise typer.Exit(1)


@app.command()
def anneal(
    graph: Annotated[Path, typer.Argument(
        metavar="FILE", help="A graph in the G-set's format: nodes and edges, then i j weight.",
        show_default=False)],
    sweeps: Annotated[int, typer.Option(help="Updates of every spin.")] = 100,
    seeds: Annotated[int, typer.Option(help="Runs, each from another seed.")] = 4,
    output: Annotated[Path | None, typer.Option(
        "--output", "-o", metavar="DIR", show_default=False,
        help="Folder for the Verilog, in place of build/anneal-<file>/<hash>.")] = None,
    json: Json = False,
) -> None:
    """Cut a weighted graph in two so that as much weight as can be lies between the parts."""
    _at_least("--seeds", seeds, 1)
    from ternstone import anneal as work

    if not 1 <= sweeps <= work.MOST_SWEEPS:
        raise BadInput(f"--sweeps must be between 1 and {work.MOST_SWEEPS}, not {sweeps}")
    with report.stderr.status(f"annealing {graph.name}"):
        answer = work.anneal_file(graph, sweeps, seeds, output)
    if json:
        report.print_json(answer)
    else:
        work.print_answer(answer)


@app.command()
def bench(
    family: Annotated[str, typer.Argument(metavar="FAMILY", help="A family of `ternstone list`.")],
    only: Annotated[list[str] | None, typer.Option(
        metavar="PART", show_default=False,
        help="Measure this part alone, or all parts that begin with this word; as often as "
             "needed.")] = None,
    save: Annotated[Path | None, typer.Option(
        metavar="FILE", show_default=False,
        help="Write the answer there, too; with --only beside its rows of other parts.")] = None,
    json: Json = False,
) -> None:
    """Measure a family's headline figures, each beside what it must reach.

    The answer is also build/bench-<family>.json. Exit status 1 means that hardware and golden
    differed in a measurement, or that a figure was missed.
    """
    if family not in BENCHES:
        raise BadInput(f"Family {family!r} is not known: {suggest(family, BENCHES)}")
    from golden.files import write_json
    from ternstone import bench as work
    from ternstone.generate import BUILD

    parts = resolve(BENCHES[family])
    chosen = {name: part for name, part in parts.items()
              if not only or name in only or name.partition(" ")[0] in only}
    for name in only or []:
        if not any(name in (part, part.partition(" ")[0]) for part in parts):
            raise BadInput(f"Part {name!r} of {family} is not known: {suggest(name, parts)}")
    if save is not None and (save.is_dir() or not save.parent.is_dir()):
        raise BadInput(f"File {save} must be in a folder that exists, "
                       "and must not be a folder itself")
    others = [] if save is None else work.saved(
        save, [name for name in parts if name not in chosen])
    with report.stderr.status(f"measuring {family}") as status:
        rows = work.measure(chosen, lambda what: status.update(f"measuring {what}"))
    answer = work.answer(family, rows)
    write_json(BUILD / f"bench-{family}.json", answer)
    if save is not None:
        order = list(parts)
        write_json(save, work.answer(family, sorted(
            [*others, *rows], key=lambda row: order.index(row["part"]))))
    if json:
        report.print_json(answer)
    else:
        work.print_answer(answer)
    if not answer["met"]:
        raise typer.Exit(1)
