"""An AXI4-Stream top in Amaranth's simulator: no compiler, so many tiny designs in little time."""

import functools
import random
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator
from hypothesis import HealthCheck, Phase, settings

import sim
from hdl.verilog import emit

__all__ = ["RANDOM", "WORKDIR", "Answer", "check", "in_icarus", "made_once", "nothing_of_machine",
           "play", "simulate", "wrong_frames"]

#: Compiled simulators are kept here from run to run: two files of tests share some.
WORKDIR = Path(__file__).resolve().parents[2] / "build" / "sim"

#: Random designs are small anyhow, and a run takes a second: none is made smaller still.
RANDOM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow],
                  phases=[Phase.explicit, Phase.reuse, Phase.generate])

QUIET = 40  # cycles after the last beat in which no other may come


@dataclass(frozen=True)
class Answer:
    """What came out after the last reset.

    beats: (tdata, tlast, tuser); cycles: first input transfer to last output transfer, both
    counted; idle, stalled: of those, how many the bench held the device up
    """

    beats: list
    cycles: int
    idle: int
    stalled: int


def simulate(top, source, count, *, idle=0.0, stall=0.0, seed=0, resets=(), limit=6000):
    """The `Answer` of ``top`` to the beats ``source`` [(tdata, tlast)], of ``count`` beats.

    resets: cycles in which a reset begins, upon which everything begins again. A beat that changes
    or is withdrawn while it waits fails, and so does one too many.
    """
    m = Module()
    m.domains.sync = domain = ClockDomain()
    m.submodules.top = top
    result = []

    async def testbench(ctx):
        rng = random.Random(seed)
        resetting = 0
        state = None
        for cycle in range(limit):
            if cycle in resets:
                resetting = rng.randint(1, 3)
            if resetting or state is None:
                state = at, offered, seen, waiting, first, idled, stalled = (
                    0, False, [], None, None, 0, 0)
            ctx.set(domain.rst, int(resetting > 0))
            offered = offered or (at < len(source) and rng.random() >= idle)
            ctx.set(top.s_axis_tvalid, int(offered))
            # What is not on offer means nothing.
            tdata, tlast = source[at] if offered else (rng.getrandbits(len(top.s_axis_tdata)),
                                                       rng.getrandbits(1))
            ctx.set(top.s_axis_tdata, tdata)
            ctx.set(top.s_axis_tlast, tlast)
            taking = rng.random() >= stall
            ctx.set(top.m_axis_tready, int(taking))
            given = ctx.get(top.m_axis_tvalid)
            beat = None
            if given:
                beat = (ctx.get(top.m_axis_tdata), ctx.get(top.m_axis_tlast),
                        ctx.get(top.m_axis_tuser))
            ready = ctx.get(top.s_axis_tready)
            if resetting:
                resetting -= 1
                await ctx.tick()
                continue
            assert waiting is None or beat == waiting, "a waiting beat changed"
            if first is None and offered and ready:
                first = cycle
            if first is not None:
                idled += not offered and at < len(source)
                stalled += given and not taking
            waiting = beat if given and not taking else None
            if given and taking:
                seen.append(beat)
                last = cycle
            if offered and ready:
                at, offered = at + 1, False
            if len(seen) == count and at == len(source) and cycle > max(resets, default=-1):
                result.append(Answer(seen, last - first + 1, idled, stalled))
                break
            await ctx.tick()
        else:
            raise AssertionError(
                f"no end after {limit} cycles: {at} of {len(source)} beats in, "
                f"{len(seen)} of {count} out, ready {ready}, valid {given}")
        ctx.set(top.m_axis_tready, 1)
        ctx.set(top.s_axis_tvalid, 0)
        await ctx.tick()
        for _ in range(QUIET):
            assert not ctx.get(top.m_axis_tvalid), "a beat too many"
            await ctx.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return result[0]


def play(component, testbench, *others, limit=100_000):
    """Run ``testbench`` to its end, the others beside it; the component may have no clock.

    What has not ended after ``limit`` cycles fails: who waits for a broken component waits forever.
    """
    async def watch(ctx):
        for _ in range(limit):
            await ctx.tick()
        pytest.fail(f"no end after {limit} cycles")

    m = Module()
    m.domains.sync = ClockDomain()
    m.submodules.component = component
    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    for other in (*others, watch):
        simulator.add_testbench(other, background=True)
    simulator.run()


def frame_beats(block, frames):
    """The source's beats for frames of any length."""
    return [(word, int(n == len(frame) - 1)) for frame in frames
            for n, word in enumerate(block.input.pack(frame))]


def expected_beats(block, answers):
    """What the sink must see. ``answers``: a frame's beats, or (beats, "wrong") for what a frame
    of wrong length is owed before the one beat with tuser."""
    beats = []
    for answer in answers:
        wrong = isinstance(answer, tuple)
        words = block.output.pack(answer[0] if wrong else answer)
        beats += [(word, int(not wrong and n == len(words) - 1), 0)
                  for n, word in enumerate(words)]
        if wrong:
            beats.append((0, 1, 1))
    return beats


def check(block, top, frames, *, answers=None, cycles=None, **options):
    """Assert that ``top`` answers ``frames`` as golden does: bits, order, tlast, tuser and cycles.

    answers: what must come (see `expected_beats`), by default golden's; with answers of its own
    the caller gives the cycles, or none are compared.
    """
    if answers is None:
        answers, cycles = block.run(frames), block.cycles(frames)
    expected = expected_beats(block, answers)
    answer = simulate(top, frame_beats(block, frames), len(expected), **options)
    wrong = [(n, a, b) for n, (a, b) in enumerate(zip(answer.beats, expected, strict=True))
             if a != b]
    assert not wrong, (f"{len(wrong)} of {len(expected)} beats differ, first "
                       f"(beat, got, expected): {wrong[0]}")
    if cycles is not None:
        if options.get("idle") or options.get("stall"):
            assert answer.cycles <= cycles + answer.idle + answer.stalled
        else:
            assert answer.cycles == cycles
    return answer


def wrong_frames(block, frames, lengths, rng):
    """(frames to send, what must come), where each frame that has a length gets that many beats.

    lengths: for each frame None, or a number of beats that is not the right one. Golden knows
    nothing of wrong frames: those are its answers to the right ones up to the wrong one, then, in a
    per_step network, to the steps that were over before anything was wrong; an error clears the
    state.
    """
    p, sent, answers, since = block.params, [], [], []
    per_step = getattr(p, "per_step", False)
    for frame, length in zip(frames, lengths, strict=True):
        since.append(frame)
        if length is None:
            sent.append(frame)
            continue
        more = block.random_frames(1 + length // len(frame), rng)
        sent.append(np.concatenate([frame, *more])[:length])
        *before, last = block.run(since)
        owed = (min(length, len(frame)) - 1) // p.step_beats * p.output_size if per_step else 0
        answers += [*before, (last[:owed], "wrong")]
        since = []
    return sent, answers + (list(block.run(since)) if since else [])


# -- what designs of middle size are put through

def made_once(params, block, top):
    """Name -> (block of ``params[name]``, frames, Verilog), each made once."""
    @functools.cache
    def made(name):
        device = block.random(params[name], np.random.default_rng(1))
        frames = device.random_frames(12, np.random.default_rng(2))
        return device, frames, emit(top(device), asserts=True)
    return made


def in_icarus(block, component):
    """Four states: whatever is not reset and reaches a port shows as X."""
    sim.check(block, emit(component), frames=block.random_frames(3, np.random.default_rng(2)),
              simulator="icarus", workdir=WORKDIR,
              scenarios=[sim.Scenario("plain"), sim.Scenario("stalls", 0.3, 0.3, 2),
                         sim.Scenario("resets", seed=3, resets=(9, 30))])


def nothing_of_machine(text):
    """The Verilog names no source and no folder, and has one clock edge."""
    assert not re.search(r"(src|attribute) *=|\.py\b|/(home|usr|tmp|root|work|opt)\b", text)
    assert set(re.findall(r"@ *\(([^)]*)\)", text)) <= {"*", "posedge clk"}
