import random

import pytest
from amaranth.hdl import signed, unsigned

from hdl.lstm.input import VectorInput
from tests.hdl.bench import play

WORDS, STEPS = 3, 2     # vectors of 5 elements in words of 2; frames of 2 vectors


def expected(frames):
    """(words as [batch][columns], final, error) of the vectors that must come out."""
    for beats in frames:
        for start in range(0, len(beats), WORDS):
            vector = beats[start:start + WORDS]
            last_step = start // WORDS == STEPS - 1
            ends = start + WORDS == len(beats)
            if len(vector) < WORDS or ends != last_step:
                if not ends and not last_step and len(vector) == WORDS:
                    yield vector, False, False
                    continue
                yield None, True, True
                break
            yield vector, ends, False


@pytest.mark.parametrize("busy", [0.0, 0.5])
@pytest.mark.parametrize("idle", [0.0, 0.4])
def test_sim(busy, idle):
    """Right frames word by word; of a wrong one, what is over, and one vector with error."""
    source = VectorInput(size=5, columns=2, batch=2, steps=STEPS, given=signed(4),
                         element=signed(5))
    rng = random.Random(1)
    frames = [[[rng.randint(-8, 7) for _ in range(4)] for _ in range(length)]
              for length in (6, 6, 1, 6, 3, 5, 6, 7, 6, 2, 12, 4, 13, 6)]
    seen = []

    async def collect(ctx):
        words, offered, beats = [], False, [(beat, n == len(frame) - 1) for frame in frames
                                            for n, beat in enumerate(frame)]
        ctx.set(source.settled, 1)
        at, open_vector = 0, False
        for _ in range(2000):
            offered = offered or (at < len(beats) and rng.random() >= idle)
            ctx.set(source.i.valid, offered)
            if offered:
                ctx.set(source.i.payload, {"data": beats[at][0], "last": beats[at][1]})
            ctx.set(source.o.free, rng.random() >= busy)
            if ctx.get(source.o.reserve):
                assert ctx.get(source.o.free) and not open_vector
                open_vector = True
            if ctx.get(source.o.valid):
                assert open_vector
                words.append([[ctx.get(source.o.data[item][column]) for column in range(2)]
                              for item in range(2)])
                if ctx.get(source.o.last):
                    error = ctx.get(source.o.error)
                    seen.append((None if error else words, bool(ctx.get(source.o.final)),
                                 bool(error)))
                    words, open_vector = [], False
            if offered and ctx.get(source.i.ready):
                at, offered = at + 1, False
            await ctx.tick()
        assert at == len(beats) and not open_vector

    play(source, collect)
    # The sixth element of each item is none: it must come as 0.
    wanted = [(vector and [[[beat[0], beat[1] * (n < 2)], [beat[2], beat[3] * (n < 2)]]
                           for n, beat in enumerate(vector)], final, error)
              for vector, final, error in expected(frames)]
    assert seen == wanted
    assert sum(error for *_, error in seen) == 8


def test_symbols():
    """A beat of codes is a vector; in a wrong frame nothing is kept."""
    source = VectorInput(size=5, columns=1, batch=2, steps=1, given=unsigned(3),
                         element=signed(2), one_hot=True)
    seen = []

    async def testbench(ctx):
        ctx.set(source.o.free, 1)
        ctx.set(source.settled, 1)
        for codes, last in (((4, 1), 1), ((2, 2), 1), ((3, 6), 0), ((0, 1), 1), ((0, 5), 1)):
            ctx.set(source.i.payload, {"data": list(codes), "last": last})
            ctx.set(source.i.valid, 1)
            kept = []
            for turn in range(2):
                assert ctx.get(source.i.ready) == (turn == 1)
                if ctx.get(source.o.valid) and ctx.get(source.keep):
                    kept.append(ctx.get(source.position))
                done = ctx.get(source.o.valid) and ctx.get(source.o.last)
                error = ctx.get(source.o.error)
                await ctx.tick()
            seen.append((kept, done, error))

    play(source, testbench)
    assert seen == [([4, 1], 1, 0), ([2], 1, 0), ([], 0, 1), ([], 1, 1), ([0], 1, 0)]
