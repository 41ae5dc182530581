# amaranth: UnusedElaboratable=no
import random

import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.memory import image
from hdl.memory import Loader


def load(memories, beat, frames, *, idle=0.0, seed=0, reset_after=None):
    """Sends ``frames`` (lists of beats); per frame: (memories' words, loaded, error) as they are
    three cycles after its end, and the number of cycles from its last beat to ``loaded``."""
    loader = Loader(memories, beat)
    m = Module()
    m.domains.sync = domain = ClockDomain()
    m.submodules.loader = loader
    held = [[None] * depth for _, depth in memories]
    source, answers = random.Random(seed), []

    async def tick(ctx):
        for index in range(len(memories)):
            if ctx.get(loader.write) >> index & 1:
                assert not ctx.get(loader.loaded)
                held[index][ctx.get(loader.address)] = ctx.get(loader.word(index))
        await ctx.tick()

    async def testbench(ctx):
        assert not ctx.get(loader.loaded)
        for frame in frames:
            for number, word in enumerate(frame):
                ctx.set(loader.w.valid, 0)
                while source.random() < idle:
                    await tick(ctx)
                ctx.set(loader.w.valid, 1)
                ctx.set(loader.w.p.data[0], word)
                ctx.set(loader.w.p.last, number == len(frame) - 1)
                assert ctx.get(loader.w.ready)
                if number:
                    assert not ctx.get(loader.loaded)
                    assert not ctx.get(loader.error)
                await tick(ctx)
                if reset_after == number and frame is frames[0]:
                    ctx.set(loader.w.valid, 0)
                    ctx.set(domain.rst, 1)
                    await tick(ctx)
                    ctx.set(domain.rst, 0)
                    break
            ctx.set(loader.w.valid, 0)
            cycles = 1
            while cycles < 4 and not ctx.get(loader.loaded):
                await tick(ctx)
                cycles += 1
            answers.append(([list(words) for words in held], ctx.get(loader.loaded),
                            ctx.get(loader.error), cycles))

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return answers


def contents(memories, seed):
    source = random.Random(seed)
    return [(width, [source.getrandbits(width) for _ in range(depth)])
            for width, depth in memories]


MEMORIES = st.lists(st.tuples(st.integers(1, 70), st.integers(1, 9)), min_size=1, max_size=4)


@settings(max_examples=25, deadline=None)
@given(MEMORIES, st.sampled_from([8, 32]), st.sampled_from([0.0, 0.4]), st.integers(0, 99))
def test_image(memories, beat, idle, seed):
    images = [contents(memories, seed + i) for i in range(2)]
    frames = [image(given, beat).ravel().tolist() for given in images]
    answers = load(memories, beat, frames, idle=idle, seed=seed)
    for given_words, (held, loaded, error, cycles) in zip(images, answers, strict=True):
        assert held == [words for _, words in given_words]
        assert (loaded, error, cycles) == (1, 0, 2)


@pytest.mark.parametrize("change", [-3, -1, 1, 2, 9])
def test_wrong_length_then_right(change):
    memories = [(40, 3), (7, 5), (32, 1)]
    right = image(contents(memories, 1)).ravel().tolist()
    wrong = right[:change] if change < 0 else right + [0x55] * change
    (_, loaded, error, _), (held, again, error_again, _), (_, third, error_third, _) = load(
        memories, 32, [wrong, right, wrong])
    assert (loaded, error) == (0, 1)
    assert (again, error_again) == (1, 0)
    assert held == [words for _, words in contents(memories, 1)]
    assert (third, error_third) == (0, 1)


def test_image_twice_in_one_frame():
    memories = [(8, 2), (16, 2)]  # two, so that a selector of one bit wraps
    right = image(contents(memories, 1)).ravel().tolist()
    (_, loaded, error, _), = load(memories, 32, [right + right])
    assert (loaded, error) == (0, 1)


@pytest.mark.parametrize("reset_after", [0, 1, 4, 11])
def test_reset(reset_after):
    memories = [(40, 3), (7, 5), (32, 1)]
    right = image(contents(memories, 2)).ravel().tolist()
    (_, loaded, error, _), (held, again, error_again, _) = load(
        memories, 32, [right, list(right)], reset_after=reset_after)
    assert (loaded, error) == (0, 0)
    assert (again, error_again) == (1, 0)
    assert held == [words for _, words in contents(memories, 2)]


def test_init_wrong():
    with pytest.raises(ValueError, match=r"^Loader memory depth must be at least 1, not 0$"):
        Loader([(8, 0)])
