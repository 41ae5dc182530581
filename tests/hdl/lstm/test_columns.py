import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from golden.lstm.matvec import kept_words
from hdl.lstm.columns import ColumnList, Gather, Symbols
from tests.hdl.bench import play


@pytest.mark.parametrize("words, columns, batch", [(1, 1, 1), (5, 1, 1), (4, 2, 3), (8, 3, 2)])
@pytest.mark.parametrize("pause", [0, 0.6])
def test_column_list(words, columns, batch, pause):
    """Vectors in, lists of the words that are not zero out, twice, while the next are written."""
    rng = np.random.default_rng(words)
    vectors = rng.integers(-8, 8, (9, words, batch, columns)) * (rng.random((9, words, 1, 1)) < 0.5)
    vectors[3] = 0
    vectors[4, :, 0] = 0
    vectors[5] |= 1
    lists = ColumnList(words=words, columns=columns, batch=batch, element=signed(4))
    seen = []

    async def write(ctx):
        for number, vector in enumerate(vectors):
            while not ctx.get(lists.i.free):
                await ctx.tick()
            ctx.set(lists.i.reserve, 1)
            for n, word in enumerate(vector):
                while rng.random() < pause:
                    ctx.set(lists.i.valid, 0)
                    await ctx.tick()
                    ctx.set(lists.i.reserve, 0)
                ctx.set(lists.i.valid, 1)
                ctx.set(lists.i.data, word.tolist())
                ctx.set(lists.i.last, n == words - 1)
                ctx.set(lists.i.final, number % 2)
                ctx.set(lists.i.error, number % 3 == 0)
                await ctx.tick()
                ctx.set(lists.i.reserve, 0)
            ctx.set(lists.i.valid, 0)

    async def read(ctx):
        for number in range(len(vectors)):
            while not ctx.get(lists.done):
                await ctx.tick()
            assert ctx.get(lists.final) == number % 2
            assert ctx.get(lists.error) == (number % 3 == 0)
            for visit in range(2):
                got = []
                assert ctx.get(lists.empty) == (not ctx.get(lists.ready))
                while ctx.get(lists.ready):
                    last = ctx.get(lists.last)
                    ctx.set(lists.advance, 1)
                    await ctx.tick()
                    ctx.set(lists.advance, 0)
                    word = lists.word
                    got.append((ctx.get(word.position),
                                [[ctx.get(word.data[item][column]) for column in range(columns)]
                                 for item in range(batch)]))
                    assert ctx.get(lists.ready) == (not last)
                assert ctx.get(lists.over) and not ctx.get(lists.last)
                seen.append(got)
                ctx.set(lists.rewind, 1)
                ctx.set(lists.release, visit)
                await ctx.tick()
                ctx.set(lists.rewind, 0)
                ctx.set(lists.release, 0)

    play(lists, read, write)
    for vector, got in zip(vectors.repeat(2, axis=0), seen, strict=True):
        kept = kept_words(vector.transpose(1, 0, 2).reshape(batch, -1), columns)
        assert got == [(n, vector[n].tolist()) for n in np.flatnonzero(kept)]


def test_column_list_is_read_as_it_is_written():
    lists = ColumnList(words=4, columns=1, batch=1, element=signed(4))

    async def testbench(ctx):
        for n, value in enumerate((3, 0, -2, 5)):
            ctx.set(lists.i.valid, 1)
            ctx.set(lists.i.data, [[value]])
            ctx.set(lists.i.last, n == 3)
            await ctx.tick()
            # The cursor goes on as soon as there is another word.
            assert ctx.get(lists.ready) == (n >= 2) and not ctx.get(lists.empty)
            assert ctx.get(lists.done) == (n == 3)
            assert not ctx.get(lists.last) and not ctx.get(lists.over)
            ctx.set(lists.advance, ctx.get(lists.ready))
        ctx.set(lists.i.valid, 0)
        await ctx.tick()
        ctx.set(lists.advance, 0)
        assert ctx.get(lists.ready) and ctx.get(lists.last)
        await ctx.tick()
        assert (ctx.get(lists.word.position), ctx.get(lists.word.data[0][0])) == (3, 5)

    play(lists, testbench)


@pytest.mark.parametrize("values", [(3, 0, -2), (3, 0, 0), (0, 0, -2)])
@pytest.mark.parametrize("again", range(3))
def test_column_list_goes_back_as_it_is_written(values, again):
    """Words come while the cursor is sent back, in one cycle or the other."""
    lists = ColumnList(words=3, columns=1, batch=1, element=signed(4))
    kept = [value for value in values if value]

    async def testbench(ctx):
        for n, value in enumerate(values):
            ctx.set(lists.i.valid, 1)
            ctx.set(lists.i.data, [[value]])
            ctx.set(lists.i.last, n == 2)
            ctx.set(lists.rewind, n == again)
            await ctx.tick()
        ctx.set(lists.i.valid, 0)
        ctx.set(lists.rewind, 0)
        ctx.set(lists.advance, 1)
        for value in kept:
            assert ctx.get(lists.ready) and ctx.get(lists.done)
            assert ctx.get(lists.last) == (value == kept[-1])
            await ctx.tick()
            assert ctx.get(lists.word.data[0][0]) == value
        assert ctx.get(lists.over) and not ctx.get(lists.ready)

    play(lists, testbench)


@pytest.mark.parametrize("values", [(3, 0, -2), (3, 0, 0), (0, 0, -2)])
def test_column_list_that_is_skipped(values):
    """It counts as complete and without a word, and is all there once it is no more skipped."""
    lists = ColumnList(words=3, columns=1, batch=1, element=signed(4))
    kept = [value for value in values if value]

    async def testbench(ctx):
        ctx.set(lists.skip, 1)
        for n, value in enumerate(values):
            ctx.set(lists.i.valid, 1)
            ctx.set(lists.i.data, [[value]])
            ctx.set(lists.i.last, n == 2)
            await ctx.tick()
            assert ctx.get(lists.over) and ctx.get(lists.empty)
            assert not ctx.get(lists.ready) and not ctx.get(lists.last)
        ctx.set(lists.i.valid, 0)
        await ctx.tick()
        assert not ctx.get(lists.last)
        ctx.set(lists.skip, 0)
        await ctx.tick()
        ctx.set(lists.advance, 1)
        for value in kept:
            assert ctx.get(lists.ready) and ctx.get(lists.last) == (value == kept[-1])
            assert not ctx.get(lists.over) and not ctx.get(lists.empty)
            await ctx.tick()
            assert ctx.get(lists.word.data[0][0]) == value
        assert ctx.get(lists.over) and not ctx.get(lists.empty)

    play(lists, testbench)


def test_two_buffers_are_free():
    lists = ColumnList(words=1, columns=1, batch=1, element=signed(4))

    async def testbench(ctx):
        for free in (1, 1):
            assert ctx.get(lists.i.free) == free
            ctx.set(lists.i.reserve, 1)
            ctx.set(lists.i.valid, 1)
            ctx.set(lists.i.last, 1)
            await ctx.tick()
        ctx.set(lists.i.reserve, 0)
        ctx.set(lists.i.valid, 0)
        await ctx.tick()
        assert not ctx.get(lists.i.free)
        ctx.set(lists.release, 1)
        await ctx.tick()
        ctx.set(lists.release, 0)
        assert ctx.get(lists.i.free)

    play(lists, testbench)


@pytest.mark.parametrize("size, columns", [(1, 1), (5, 1), (6, 2), (7, 3), (2, 4), (8, 4)])
def test_gather(size, columns):
    """Elements to words; the last is padded with zeros, also behind a longer one."""
    gather = Gather(columns=columns, batch=2, element=signed(5), to=signed(7))
    rng = np.random.default_rng(size)
    vectors = rng.integers(1, 16, (4, size, 2)) * rng.choice([-1, 1], (4, size, 2))
    words = []

    async def testbench(ctx):
        for number, vector in enumerate(vectors):
            for n, elements in enumerate(vector):
                if rng.random() < 0.3:
                    ctx.set(gather.i.valid, 0)
                    ctx.set(gather.i.data, [[9], [9]])
                    assert not ctx.get(gather.o.valid)
                    await ctx.tick()
                ctx.set(gather.i.valid, 1)
                ctx.set(gather.i.data, [[int(v)] for v in elements])
                ctx.set(gather.i.last, n == size - 1)
                ctx.set(gather.i.final, number % 2)
                if ctx.get(gather.o.valid):
                    words.append([[ctx.get(gather.o.data[item][c]) for c in range(columns)]
                                  for item in range(2)])
                    assert ctx.get(gather.o.last) == (n == size - 1)
                    assert ctx.get(gather.o.final) == number % 2
                await ctx.tick()

    play(gather, testbench)
    count = -(-size // columns)
    padded = np.zeros((4, count * columns, 2), dtype=int)
    padded[:, :size] = vectors
    assert words == padded.reshape(4 * count, columns, 2).swapaxes(1, 2).tolist()


def test_gather_passes_the_buffers_on():
    gather = Gather(columns=2, batch=1, element=signed(5), to=signed(5))

    async def testbench(ctx):
        for value in (1, 0):
            ctx.set(gather.o.free, value)
            ctx.set(gather.i.reserve, value)
            assert ctx.get(gather.i.free) == ctx.get(gather.o.reserve) == value
            await ctx.tick()

    play(gather, testbench)


@pytest.mark.parametrize("batch", [1, 2, 4])
def test_symbols(batch):
    """Each code's word once, with a 1 for every item that has it; codes beyond write nothing."""
    symbols = Symbols(inputs=5, columns=2, batch=batch, code=unsigned(3), element=signed(2))
    rng = np.random.default_rng(batch)
    beats = rng.integers(0, 7, (40, batch)).tolist() + [[6] * batch, [2] * batch]
    seen = []

    async def testbench(ctx):
        for codes in beats:
            ctx.set(symbols.codes, codes)
            writes = []
            if rng.random() < 0.3:
                ctx.set(symbols.valid, 0)
                await ctx.tick()
                assert not ctx.get(symbols.o_valid)
            ctx.set(symbols.valid, 1)
            for turn in range(batch):
                assert ctx.get(symbols.o_valid)
                assert ctx.get(symbols.ready) == ctx.get(symbols.o_last) == (turn == batch - 1)
                if ctx.get(symbols.o_keep):
                    assert all(ctx.get(symbols.o_data[item][1]) == 0 for item in range(batch))
                    writes.append((ctx.get(symbols.o_position),
                                   [ctx.get(symbols.o_data[item][0]) for item in range(batch)]))
                await ctx.tick()
            seen.append(writes)

    play(symbols, testbench)
    for codes, writes in zip(beats, seen, strict=True):
        assert writes == [(code, [int(other == code) for other in codes])
                          for code in dict.fromkeys(codes) if code < 5]
