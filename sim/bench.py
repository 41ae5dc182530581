"""The test bench of every design: a device, fed what golden was fed, gives what golden gave.

All work of a cycle is done by ``harness.v`` inside the simulator; one cocotb test
(``cocotb_bench.py``) runs a list of scenarios over the same vectors in one process. Throughput:
see `sim.speed`.
"""

import itertools
import json
import random
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cocotb_tools.check_results import get_results

from golden.check import require_int, require_type
from sim.build import build, device

__all__ = ["Scenario", "SimulationError", "Verdict", "check", "grid", "run", "run_scenarios"]

NONE = 0xFFFFFFFF
LAST, USER, ANY = 1, 2, 4  # flags of a record: see harness.v
QUIET = 300                # cycles after the last beat in which no other may come
BEFORE = 2000              # cycles of waves before the first failure


class SimulationError(Exception):
    """The bench did not run, so there is no verdict; the message holds what the simulator said."""


@dataclass(frozen=True)
class Scenario:
    """How one run treats the device.

    idle, stall: probability that the source holds a beat back, that the sink is not ready
    seed:        of both, and of whatever is random at power-up
    resets:      cycles, each counted from the start of the pass that this reset ends; a reset lasts
                 1 to 3 cycles, and all begins again, the weights' image included
    """

    name: str = "plain"
    idle: float = 0.0
    stall: float = 0.0
    seed: int = 1
    resets: tuple = ()

    def __post_init__(self):
        for field in ("idle", "stall"):
            value = getattr(self, field)
            if not 0 <= value <= 0.99:
                raise ValueError(f"Scenario {field} must be between 0 and 0.99, not {value!r}")
        require_int("Scenario seed", self.seed, 0, 2**32 - 1)
        object.__setattr__(self, "resets", tuple(self.resets))
        for cycle in self.resets:
            require_int("Scenario reset", cycle, 0, 2**31)


@dataclass(frozen=True)
class Verdict:
    """What one scenario showed. ``ok`` is True only if every expected beat was compared.

    beats:            beats compared, over all passes (a reset starts a new pass)
    cycles:           of the last pass, first input transfer to last output transfer
    expected_cycles:  golden's; None with frames of wrong length, for which golden has none
    stalled, idle:    cycles among ``cycles`` in which the bench held up the device
    failure:          everything that was wrong, in words; None when ok
    wave:             the kept waveform (VCD), or None
    """

    name: str
    scenario: str
    ok: bool
    failure: str | None
    frames: int
    beats: int
    mismatches: int
    first_mismatch: str | None
    cycles: int
    expected_cycles: int | None
    stalled: int
    idle: int
    resets: int
    seed: int
    idle_probability: float
    stall_probability: float
    total_cycles: int
    cycles_per_second: float
    simulator: str
    device: str
    wave: str | None

    def to_dict(self):
        return asdict(self)

    def __str__(self):
        text = (f"{self.name}, {self.scenario} (idle {self.idle_probability}, stall "
                f"{self.stall_probability}, seed {self.seed}, {self.resets} resets, "
                f"{self.simulator}): ")
        if not self.ok:
            return text + (self.failure or "") + (f" [waves: {self.wave}]" if self.wave else "")
        return text + f"{self.frames} frames, {self.beats} beats, {self.cycles} cycles, equal"


class _Vectors:
    """Frames and golden's answers as the files of the harness."""

    def __init__(self, block, frames, bad):
        self.block = block
        frames = list(frames)
        self.frames = len(frames)
        if not frames:
            raise ValueError("Frames must be at least one, not 0")
        partial = dict(bad) if isinstance(bad, Mapping) else {index: None for index in bad}
        for index in partial:
            require_int("Index of a bad frame", index, 0, len(frames) - 1)
        good = [frame for index, frame in enumerate(frames) if index not in partial]
        given = list(block.run(good)) if good else []
        if len(given) != len(good):
            raise ValueError(f"Golden must give {len(good)} answers to {len(good)} frames, "
                             f"not {len(given)}")
        answers = iter(given)
        source, expected, self.starts = [], [], []
        for index, frame in enumerate(frames):
            words = block.input.pack(frame)
            if not words:
                raise ValueError(f"Frame {index} must have at least one beat, not 0")
            source += _frame(words)
            self.starts.append(len(expected))
            if index not in partial:
                expected += _frame(block.output.pack(next(answers)))
                continue
            if partial[index] is not None:
                expected += [(0, word) for word in block.output.pack(partial[index])]
            expected.append((LAST | USER | ANY, 0))
        if not expected:
            raise ValueError("Golden must answer with at least one beat, not 0")
        image = _frame(block.load.pack(block.image())) if block.load else []
        self.beside = block.load_beside
        if self.beside:
            image *= len(frames)
        self.in_beats, self.out_beats, self.load_beats = len(source), len(expected), len(image)
        self.cycles = None if partial else int(block.cycles(frames))
        busy = self.cycles or int(block.cycles(good) if good else 0)
        #: Cycles of a pass, those left out in which the bench held the device up, before it counts
        #: as stuck: twice golden's, with room for what golden does not count.
        self.limit = 2 * busy + 8 * (self.load_beats + len(partial) * self.in_beats) + 1000 + QUIET
        require_int("Cycles of a run", self.limit, 1, 2**31)
        self.files = {"input.bin": _records(source, block.input.width),
                      "expected.bin": _records(expected, block.output.width)}
        self.widths = {"IN_WIDTH": block.input.width, "OUT_WIDTH": block.output.width}
        if block.load:
            self.files["image.bin"] = _records(image, block.load.width)
            self.widths["LOAD_WIDTH"] = block.load.width

    def registers(self, index, scenario, wave_from, early):
        """Name -> value of the harness's inputs."""
        return {"scenario": index, "seed": scenario.seed,
                "idle_p": round(scenario.idle * 65536), "stall_p": round(scenario.stall * 65536),
                "load_beats": self.load_beats, "beside": int(self.beside),
                "in_beats": self.in_beats,
                "out_beats": self.out_beats, "limit": self.limit, "quiet": QUIET,
                "wave_from": NONE if wave_from is None else wave_from,
                "stop_early": int(early)}

    def ceiling(self, scenario):
        """Cycles after which the harness itself must have ended the scenario."""
        idle = (self.in_beats + self.load_beats) * scenario.idle / (1 - scenario.idle)
        stall = self.out_beats * scenario.stall / (1 - scenario.stall)
        return (len(scenario.resets) + 1) * int(self.limit + 4 * (idle + stall) + 10000)

    def place(self, beat):
        """Which frame's answer an output beat belongs to, in words."""
        frame = max(i for i, start in enumerate(self.starts) if start <= beat)
        return f"output beat {beat} (frame {frame}, beat {beat - self.starts[frame]})"


def _frame(words):
    return [(LAST if index == len(words) - 1 else 0, word) for index, word in enumerate(words)]


def _records(beats, width):
    return b"".join(bytes((flags,)) + word.to_bytes(width // 8, "big") for flags, word in beats)


def run(block, verilog, *, frames, name="device", bad=(), netlist=None, top="top",
        simulator="verilator", idle=0.0, stall=0.0, seed=1, resets=(), wave=False,
        workdir="build/sim"):
    """One scenario: see `run_scenarios`."""
    scenario = Scenario("plain", idle, stall, seed, resets)
    return run_scenarios(block, verilog, [scenario], frames=frames, name=name, bad=bad,
                         netlist=netlist, top=top, simulator=simulator, wave=wave,
                         workdir=workdir)[0]


def run_scenarios(block, verilog, scenarios, *, frames, name="device", bad=(), netlist=None,
                  top="top", simulator="verilator", wave=False, workdir="build/sim"):
    """Run the device against ``block`` in each `Scenario`; return their `Verdict` list.

    verilog:  the device: a `hdl.verilog.Verilog`, Verilog text, the path of a file, or several
              paths; memory images are found beside a file
    frames:   as `golden.design.Block` takes them
    bad:      indices of the frames of wrong length: each is answered by one beat with tuser[0] and
              tlast, its tdata not compared. A mapping index -> array of beats names the beats that
              such a frame is still owed before that one, none of them with tlast.
    netlist:  a path, or several, of what is simulated in place of ``verilog``; its warnings pass
    wave:     keep the waveform of the first scenario, all of it; a failure's is always kept,
              recorded by running it again, from some cycles before it

    The cycle count must equal golden's with neither idles nor stalls, and otherwise be at most
    golden's and the cycles in which the bench held the device up.

    Errors: ValueError for no frames or no expected beats, `ToolError`, `BuildError`, and
    `SimulationError` when the bench did not run. A device that fails is a verdict, not an error.
    """
    scenarios = list(scenarios)
    if not scenarios:
        raise ValueError("Scenarios must be at least one, not 0")
    for scenario in scenarios:
        require_type("Scenario", scenario, Scenario)
    vectors = _Vectors(block, frames, bad)
    sources, images = device(verilog if netlist is None else netlist)
    vectors.files |= {name: text.encode() for name, text in images.items()}

    def compiled(with_wave):
        return build(sources, top=top, widths=vectors.widths, simulator=simulator,
                     wave=with_wave, lint=netlist is None, workdir=workdir)

    made = compiled(wave)
    waves = Path(workdir).resolve() / "waves"
    kept = waves / f"{name}-{scenarios[0].name}-{made.folder.name[:8]}.vcd" if wave else None
    seen, log = _simulate(made, vectors, scenarios, [0] if wave else [], kept)
    common = {"name": name, "simulator": str(made.tool),
              "device": "RTL" if netlist is None else "netlist"}
    verdicts = [_judge(vectors, scenario, entry, log, common)
                for scenario, entry in zip(scenarios, seen, strict=True)]
    if kept:
        verdicts[0] = replace(verdicts[0], wave=str(kept))
    failed = next((i for i, verdict in enumerate(verdicts) if not verdict.ok), None)
    if failed is not None and not verdicts[failed].wave:
        # Once more, with what ran before it in the same process, and waves around the failure.
        start = int(seen[failed].get("failed_at", "0"), 2)
        start = max(0, (int(seen[failed].get("ticks", "0"), 2) if start == NONE else start)
                    - BEFORE)
        traced = compiled(True)
        kept = waves / f"{name}-{scenarios[failed].name}-{traced.folder.name[:8]}.vcd"
        _simulate(traced, vectors, scenarios[:failed + 1], [None] * failed + [start], kept,
                  stop_early=True)
        if kept.is_file():
            verdicts[failed] = replace(verdicts[failed], wave=str(kept))
    return verdicts


def _simulate(made, vectors, scenarios, wave_from=(), wave=None, *, stop_early=False,
              clock_only=0):
    """Run one process; return the entry of each scenario and the simulator's log.

    wave_from:  for each scenario the tick at which waves start, or None; may be shorter
    wave:       where the waveform is put
    clock_only: cycles with nothing but the clock, timed before the scenarios (`sim.speed`)
    """
    starts = itertools.chain(wave_from, itertools.repeat(None))
    registers = [vectors.registers(index, scenario, start, stop_early)
                 for index, (scenario, start) in enumerate(zip(scenarios, starts, strict=False))]
    plan = {"scenarios": registers, "ceiling": max(map(vectors.ceiling, scenarios)),
            "clock_only": clock_only}
    with tempfile.TemporaryDirectory(prefix="run-", dir=made.folder) as folder_name:
        folder = Path(folder_name)
        for file, content in vectors.files.items():
            (folder / file).write_bytes(content)
        for index, scenario in enumerate(scenarios):
            (folder / f"resets_{index}.txt").write_text(
                "".join(f"{cycle}\n" for cycle in scenario.resets))
        (folder / "plan.json").write_text(json.dumps(plan))
        with open(folder / "log.txt", "w") as file:
            subprocess.run(made.command(scenarios[0].seed), cwd=folder, env=made.environ(),
                           stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                           check=False)
        log = (folder / "log.txt").read_text(errors="replace")
        seen = _results(folder, len(scenarios), log)
        if wave and (folder / "wave.vcd").is_file():
            wave.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(folder / "wave.vcd", wave)
    return seen, log


def _results(folder, count, log):
    """The entries of ``seen.json``, one for each scenario; SimulationError if cocotb did not run.

    Without this check a simulator that never called cocotb would look like one that passed.
    """
    tail = "\n".join(log.splitlines()[-15:])
    try:
        seen = json.loads((folder / "seen.json").read_text())
    except FileNotFoundError:
        raise SimulationError(f"The bench must start, but left no result:\n{tail}") from None
    if len(seen) == count and "ticks" in seen[-1]:
        try:
            tests, failures = get_results(folder / "results.xml")
        except RuntimeError as error:
            raise SimulationError(f"{error}\n{tail}") from None
        if (tests, failures) != (1, 0):
            raise SimulationError(f"The bench's cocotb test must pass once, not run {tests} times "
                                  f"and fail {failures}:\n{tail}")
    return seen + [{}] * (count - len(seen))


def _judge(vectors, scenario, entry, log, common):
    about = {**common, "scenario": scenario.name, "frames": vectors.frames, "seed": scenario.seed,
             "idle_probability": scenario.idle, "stall_probability": scenario.stall,
             "expected_cycles": vectors.cycles, "wave": None}
    if "ticks" not in entry:
        tail = [line for line in log.splitlines() if "rror" in line] or log.splitlines()[-5:]
        why = "the simulator stopped in this scenario: " if entry else (
            "this scenario did not run, because the simulator stopped before it: ")
        return Verdict(**about, ok=False, failure=why + " | ".join(tail[:5]), beats=0,
                       mismatches=0, first_mismatch=None, cycles=0, stalled=0, idle=0, resets=0,
                       total_cycles=0, cycles_per_second=0.0)
    wide = ("first_got", "first_expected", "streams")
    n = {key: int(value, 2) for key, value in entry.items()
         if key not in wide and isinstance(value, str)}
    mismatch = _mismatch(vectors, n, entry) if n["mismatches"] else None
    failures = [*_protocol(vectors, scenario, n, entry)]
    if mismatch:
        failures.insert(0, f"{n['mismatches']} of {n['compared']} beats differ, first: {mismatch}")
    return Verdict(**about, ok=not failures, failure="; ".join(failures) or None,
                   beats=n["compared"], mismatches=n["mismatches"], first_mismatch=mismatch,
                   cycles=n["cycles"], stalled=n["stall_cycles"], idle=n["idle_cycles"],
                   resets=n["resets_done"], total_cycles=n["ticks"],
                   cycles_per_second=round(n["ticks"] / max(entry["seconds"], 1e-9)))


def _protocol(vectors, scenario, n, entry):
    """Everything but wrong beats, in words."""
    if n["timeout"] or not n["done"]:
        wv, wr, sv, sr, mv, mr, *_ = entry["streams"]
        load = (f"s_axis_w valid={wv} ready={wr} at beat {n['load_index']} of "
                f"{vectors.load_beats}, " if vectors.load_beats else "")
        yield (f"no end after {n['age']} cycles: {load}s_axis valid={sv} ready={sr} at beat "
               f"{n['in_index']} of {vectors.in_beats}, m_axis valid={mv} ready={mr} at beat "
               f"{n['out_index']} of {vectors.out_beats}")
    elif n["out_index"] < vectors.out_beats:
        yield f"{n['out_index']} of {vectors.out_beats} beats came"
    if n["extra"]:
        yield f"{n['extra']} beats came after the last expected one"
    if n["withdrawn"]:
        yield f"m_axis_tvalid fell before the transfer, {n['withdrawn']} times"
    if n["unstable"]:
        yield f"a waiting beat of m_axis changed, {n['unstable']} times"
    if n["unknown"]:
        yield f"X on m_axis_tvalid or a tready in {n['unknown']} cycles"
    if n["unreadable"]:
        yield f"the bench's files ended too soon, {n['unreadable']} times"
    if n["resets_done"] != len(scenario.resets):
        yield (f"{n['resets_done']} of {len(scenario.resets)} resets came before the end of a "
               f"pass ({n['age']} cycles)")
    expected = vectors.cycles
    if expected is None or n["timeout"] or n["out_index"] < vectors.out_beats:
        return
    if not scenario.idle and not scenario.stall:
        if n["cycles"] != expected:
            yield f"cycles must be golden's {expected}, not {n['cycles']}"
    elif n["cycles"] > expected + n["idle_cycles"] + n["stall_cycles"]:
        yield (f"cycles must be at most {expected} + {n['idle_cycles']} idle + "
               f"{n['stall_cycles']} stalled, not {n['cycles']}")


def _mismatch(vectors, n, entry):
    stream = vectors.block.output

    def words(bits, any_data=False):
        data = ("any" if any_data else
                f"{int(bits[2:], 2):#x}" if set(bits) <= {"0", "1"} else f"0b{bits[2:]}")
        return f"tdata {data}, tlast {bits[1]}, tuser {bits[0]}"

    got, expected = entry["first_got"], entry["first_expected"]
    text = (f"{vectors.place(n['first_index'])} must be {words(expected, n['first_any'])}, "
            f"not {words(got)}")
    if not n["first_any"] and set(got) <= {"0", "1"}:
        pair = zip(stream.unpack([int(got[2:], 2)])[0], stream.unpack([int(expected[2:], 2)])[0],
                   strict=True)
        for index, (a, b) in enumerate(pair):
            if a != b:
                return f"{text}; element {index} must be {b}, not {a}"
    return text


def grid(block, frames, *, seed=1, levels=(0.0, 0.3, 0.9), resets=3):
    """The scenarios of a regression: every pair of idle and stall, then resets at random cycles.

    The resets fall anywhere in a pass, its loading included, without stalls and with some.
    """
    scenarios = [Scenario(f"idle{idle}-stall{stall}", idle, stall, seed + index)
                 for index, (idle, stall) in enumerate((i, s) for i in levels for s in levels)]
    if resets:
        rng = random.Random(seed)
        length = int(block.cycles(frames)) + (len(block.image()) if block.load else 0)
        for index, level in enumerate((0.0, 0.3)):
            cycles = tuple(rng.randrange(length) for _ in range(resets))
            scenarios.append(Scenario(f"resets-stall{level}", level, level, seed + 100 + index,
                                      cycles))
    return scenarios


def check(block, verilog, *, frames, scenarios=None, seed=1, **options):
    """Run `grid`, or ``scenarios``, in one process; raise AssertionError with every failure.

    ``options`` are those of `run_scenarios`. Returns the verdicts.
    """
    frames = list(frames)
    if scenarios is None:
        scenarios = grid(block, frames, seed=seed)
    verdicts = run_scenarios(block, verilog, scenarios, frames=frames, **options)
    failed = [str(verdict) for verdict in verdicts if not verdict.ok]
    if failed:
        raise AssertionError("\n".join(failed))
    return verdicts
