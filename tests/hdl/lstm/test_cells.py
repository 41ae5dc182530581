"""The LSTM and the GRU unit alone: row sums in, h out, each after exactly ``params.latency``."""

import random

import numpy as np
import pytest
import torch

from golden.formats import Format
from golden.lstm import layer
from golden.lstm.memories import layer_memories
from golden.lstm.network import Network
from golden.lstm.params import LayerParams, NetworkParams
from hdl.lstm.gru import Gru
from hdl.lstm.lstm import Lstm
from hdl.store import stores
from tests.hdl.bench import play

LSTM = LayerParams(3, 5, shift=10, lanes=4, batch=2)
GRU = LSTM.replace(cell="gru", lanes=3)
CASES = {
    **{f"lstm every {n}": LSTM.replace(interval=n) for n in (1, 2, 4, 5, 6, 7, 8, 11, 16)},
    **{f"norm every {n}": LSTM.replace(interval=n, cell_norm=True) for n in (1, 2, 4, 5, 6, 9, 16)},
    **{f"gru every {n}": GRU.replace(interval=n) for n in (1, 3, 4, 5, 6, 7, 9, 16)},
    "joint": LSTM.replace(joint=True), "threshold": LSTM.replace(threshold=40, interval=2),
    "16 bits": LSTM.replace(activation=Format(16, 15), state=Format(24, 17), input=Format(8, 7)),
    "4 bits": GRU.replace(activation=Format(4, 3), state=Format(8, 6), pre=Format(6, 2)),
}


def run(p, cell, steps, gaps):
    """steps: (first, {part: [batch, gates, hidden]}) in turn. Returns (unit's start, time, last, h
    [batch]) of each unit that came; ``gaps`` says how long each unit waits beyond the interval."""
    per_cycle, rows = p.rows_per_cycle, cell.rows
    events = []
    for first, sums in steps:
        for unit in range(p.hidden):
            events += [None] * gaps()
            events += [(first, sums, unit, phase) for phase in range(p.interval)]
    events += [None] * (p.latency + 2)
    starts, came = [], []

    async def testbench(ctx):
        ahead = [e for e in events if e and e[3] < p.row_cycles]
        for time, event in enumerate(events):
            active = event is not None and event[3] < p.row_cycles
            if active:
                first, sums, unit, phase = event
                ahead.pop(0)
                for part, values in sums.items():
                    ctx.set(getattr(rows, part), values[
                        :, phase * per_cycle:(phase + 1) * per_cycle, unit].tolist())
                if phase == 0:
                    starts.append(time)
                ctx.set(rows.unit, unit)
                ctx.set(rows.first, first)
                ctx.set(rows.last, unit == p.hidden - 1)
            ctx.set(rows.valid, active)
            ctx.set(rows.start, active and event[3] == 0)
            if ahead:
                ctx.set(rows.next_row, ahead[0][2] * p.row_cycles + ahead[0][3])
            if ctx.get(cell.o.valid):
                came.append((time, ctx.get(cell.o.last),
                             [ctx.get(cell.o.data[item][0]) for item in range(p.batch)]))
            await ctx.tick()

    # The row tables are read a cycle ahead.
    async def prologue(ctx):
        ctx.set(rows.next_row, 0)
        await ctx.tick()
        await testbench(ctx)

    play(cell, prologue)
    return starts, came


@pytest.mark.parametrize("gap", [0, 5])
@pytest.mark.parametrize("name", CASES)
def test_sim(name, gap):
    """Three steps, the last from a cleared state; units at once after each other, and apart."""
    p = CASES[name]
    block = Network.random(NetworkParams((p,), None, 1, 2), np.random.default_rng(1))
    tensors = block.part("layers.0")
    memories = layer_memories(p, tensors)
    del memories["weights"]
    cell = {"lstm": Lstm, "gru": Gru}[p.cell](p, stores(memories, "rom"))
    rng = np.random.default_rng(2)
    state = torch.zeros(2, p.hidden, dtype=torch.int64)
    steps, expected = [], []
    for first in (True, False, True):
        limits = {part: (1 << (width - 1)) - 1 for part, width in p.parts.items()}
        sums = {part: rng.integers(-limit, limit + 1, (2, p.gates, p.hidden)) >> 1
                for part, limit in limits.items()}
        h, state = layer.CELL_STEPS[p.cell](
            p, {key: torch.as_tensor(value) for key, value in tensors.items()},
            torch.as_tensor(sums["h"] if "h" in sums else 0 * sums["x"]),
            torch.as_tensor(sums["x"]), state * (not first))
        steps.append((first, sums))
        expected += h.T.tolist()
    waits = random.Random(1)
    starts, came = run(p, cell, steps, lambda: waits.randint(0, gap))
    assert [h for _, _, h in came] == expected
    assert [time for time, _, _ in came] == [start + p.latency for start in starts]
    assert [last for _, last, _ in came] == 3 * ([0] * (p.hidden - 1) + [1])
    assert len({tuple(h) for h in expected}) > 3
