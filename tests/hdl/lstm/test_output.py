import random

import pytest
from amaranth.hdl import signed

from golden.lstm.params import OUTPUT_PLACES
from hdl.lstm.output import OutputQueue
from tests.hdl.bench import play


@pytest.mark.parametrize("size, batch", [(1, 1), (3, 1), (4, 2), (20, 1)])
@pytest.mark.parametrize("stall", [0.0, 0.5, 0.9])
def test_sim(size, batch, stall):
    """Vectors of elements in whatever cycles; a wrong one leaves as a single beat of zeros."""
    queue = OutputQueue(size=size, batch=batch, element=signed(6))
    rng, vectors, expected, seen = random.Random(size), [], [], []
    for number in range(20):
        final, error = number % 3 == 0, number in (0, 6, 9, 12)
        elements = [[rng.randint(-32, 31) for _ in range(batch)] for _ in range(size)]
        vectors.append((elements, final, error))
        expected += ([([0] * batch, 1, 1)] if error else
                     [(e, int(final and n == size - 1), 0) for n, e in enumerate(elements)])

    async def source(ctx):
        for elements, final, error in vectors:
            while not ctx.get(queue.i.free):
                await ctx.tick()
            ctx.set(queue.i.reserve, 1)
            for n, element in enumerate(elements):
                ctx.set(queue.i.valid, 1)
                ctx.set(queue.i.data, [[value] for value in element])
                ctx.set(queue.i.last, n == size - 1)
                ctx.set(queue.i.final, final)
                ctx.set(queue.i.error, error)
                await ctx.tick()
                ctx.set(queue.i.reserve, 0)
                while rng.random() < 0.2:
                    ctx.set(queue.i.valid, 0)
                    await ctx.tick()
            ctx.set(queue.i.valid, 0)

    async def sink(ctx):
        while len(seen) < len(expected):
            ready = rng.random() >= stall
            ctx.set(queue.o.ready, ready)
            if ready and ctx.get(queue.o.valid):
                beat = queue.o.payload
                seen.append(([ctx.get(beat.data[item]) for item in range(batch)],
                             ctx.get(beat.last), ctx.get(beat.error)))
            await ctx.tick()
        ctx.set(queue.o.ready, 1)
        for _ in range(20):
            assert not ctx.get(queue.o.valid)
            await ctx.tick()

    play(queue, sink, source)
    assert seen == expected


def test_places():
    """There is room for whole vectors, and no more are promised."""
    queue = OutputQueue(size=2, batch=1, element=signed(6))

    async def testbench(ctx):
        for _ in range(OUTPUT_PLACES):
            assert ctx.get(queue.i.free)
            ctx.set(queue.i.reserve, 1)
            await ctx.tick()
        ctx.set(queue.i.reserve, 0)
        assert not ctx.get(queue.i.free)

    play(queue, testbench)
