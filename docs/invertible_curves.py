"""Curves of docs/invertible.md: a factorisation that settles, and the wave of one in hardware.

`docs.invertible_circuits` draws them. Both are run anew each time, from the seeds below.
"""

import tempfile
from pathlib import Path

import numpy as np
from amaranth.sim import Simulator

from golden.invertible.build import network, weighted_multiplier
from golden.invertible.circuit import multiplier
from golden.invertible.hamiltonian import Hamiltonian
from golden.invertible.network import Job, ramp, simulate
from hdl.invertible.network import NetworkCore

__all__ = ["CURVES", "settling", "wave"]

#: 23 x 31, of 5 bits each. Noise falls in steps, and then stays low; of most seeds the network
#: ends in other states.
PRODUCT, SEED, FALL, CYCLES = 713, 2, (16, 2), (300, 100)
COLOURS = ("#1f5fa8", "#c0392b")


def settling(pyplot):
    """The operands of the weighted network under falling noise, and its energy above the least."""
    params, _ = weighted_multiplier(5, stop="never", noise_bits=5, segments=16)
    schedule = [(*segment, 0) for segment in ramp("linear", *FALL, CYCLES[0], 15)]
    schedule.append((CYCLES[1], FALL[1], 0))
    clamps = Job((), {"product": PRODUCT}).bits(params)[None]
    states = simulate(params, schedule, clamps, seeds=[SEED], trace=True).trace[0, :, 0]
    cycle, ports = np.arange(1, len(states) + 1), dict(params.ports)
    operands = {name: states[:, list(ports[name])] @ (1 << np.arange(5)) for name in "ab"}
    figure, (above, below) = pyplot.subplots(2, 1, sharex=True, figsize=(9, 5),
                                             height_ratios=(2, 1))
    for (name, values), colour in zip(operands.items(), COLOURS, strict=True):
        above.step(cycle, values, where="mid", label=name, color=colour, linewidth=1)
    a, b = (int(values[-1]) for values in operands.values())
    above.set_title(f"{PRODUCT} clamped, {a} x {b} at the end")
    above.set_ylabel("operand")
    above.legend(loc="lower left")
    below.plot(cycle, _energy(params, states), color="0.3", linewidth=1)
    below.set_ylabel("energy above\nthat of 23 x 31")
    below.set_xlabel("cycle")
    noise = below.twinx()
    noise.step(cycle[1:], [w for count, w, _ in schedule for _ in range(count)], where="mid",
               color=COLOURS[1], linewidth=1)
    noise.set_ylabel("noise", color=COLOURS[1])
    noise.grid(visible=False)
    figure.tight_layout()
    return figure


def _energy(params, states):
    """Of states [cycles, spins], above that of the circuit's valid states."""
    h = Hamiltonian(params.h, params.couplings)
    valid = multiplier(5).states({"a": 23, "b": 31})
    return h.energy(states) - h.energy(valid)


#: Of the top module.
SIGNALS = ("i__valid", "i__ready", "i__payload.data", "start", "step", "state", "hit", "o__valid",
           "o__payload.data", "o__payload.last")
#: Drawn as hexadecimal numbers.
NUMBERS = ("i__payload.data", "state", "o__payload.data")


def wave(pyplot):
    """A job of a 2-bit multiplier, its product clamped to 6, from its first word to its answer's
    last: from the VCD of Amaranth's simulator."""
    params = network("multiplier", 2, scale=1, range=6, noise_bits=2, count_bits=20, segments=1,
                     stop="hit", seed=3)
    frame = Job(((100, 3, 0),), {"product": 6}).frame(params).ravel().tolist()
    values = _vcd(NetworkCore(params), frame)
    last = next(cycle for cycle, bit in enumerate(values["o__payload.last"])
                if int(bit, 2) and int(values["o__valid"][cycle], 2))
    figure, axis = pyplot.subplots(figsize=(13, 4.5))
    for row, name in enumerate(SIGNALS):
        (_numbers if name in NUMBERS else _level)(axis, -row, values[name][:last + 2])
    axis.set_yticks([0.3 - row for row in range(len(SIGNALS))], SIGNALS, family="monospace")
    axis.set_xticks(range(0, last + 3, 2))
    axis.set_xlim(0, last + 2)
    axis.set_xlabel("clock cycle")
    axis.grid(visible=True, axis="x", alpha=0.3)
    axis.grid(visible=False, axis="y")
    figure.tight_layout()
    return figure


def _level(axis, base, values):
    levels = [base + 0.6 * int(value, 2) for value in values]
    axis.step(range(len(levels) + 1), [*levels, levels[-1]], where="post", color=COLOURS[0],
              linewidth=1.2)


def _numbers(axis, base, values):
    start = 0
    for at in range(1, len(values) + 1):
        if at < len(values) and values[at] == values[start]:
            continue
        axis.fill_between([start + 0.08, at - 0.08], base, base + 0.6, color="0.88",
                          edgecolor=COLOURS[0], linewidth=0.8)
        axis.text((start + at) / 2, base + 0.3, format(int(values[start], 2), "x"), ha="center",
                  va="center", fontsize=7, family="monospace")
        start = at


def _vcd(core, frame):
    """The top module's signals, name -> bits in every clock cycle, while a frame is served."""
    simulator = Simulator(core)
    simulator.add_clock(1e-6)

    async def bench(ctx):
        ctx.set(core.o.ready, 1)
        for number, word in enumerate(frame):
            ctx.set(core.i.payload.data[0], word)
            ctx.set(core.i.payload.last, number == len(frame) - 1)
            ctx.set(core.i.valid, 1)
            await ctx.tick().until(core.i.ready)
        ctx.set(core.i.valid, 0)
        await ctx.tick().until(core.o.valid & core.o.payload.last)
        await ctx.tick()

    simulator.add_testbench(bench)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.vcd"
        with simulator.write_vcd(str(path)):
            simulator.run()
        lines = path.read_text().splitlines()
    names, now, found, depth = {}, {}, {}, 0
    for line in lines:
        words = line.split()
        if line.startswith("$scope"):
            depth += 1
        elif line.startswith("$upscope"):
            depth -= 1
        elif line.startswith("$var") and depth == 2:
            names.setdefault(words[3], words[4].removeprefix("\\"))
        elif line[:1] in "01b" and line:
            value, code = words if line[0] == "b" else (line[0], line[1:])
            if code not in names:
                continue
            # The values before a rising edge are those of the cycle that it ends.
            if names[code] == "clk" and value == "1":
                for name, bits in now.items():
                    found.setdefault(name, []).append(bits)
            now[names[code]] = value.removeprefix("b")
    return found


#: File -> what draws it.
CURVES = {"invertible-settling.svg": settling, "invertible-wave.svg": wave}
