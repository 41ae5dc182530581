import pytest

from hdl.store import Store, index_width
from tests.hdl.bench import play


@pytest.mark.parametrize("count, bits", [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (1024, 10)])
def test_index_width(count, bits):
    assert index_width(count) == bits


@pytest.mark.parametrize("depth", [1, 5, 64])
@pytest.mark.parametrize("loaded", [False, True])
def test_sim(depth, loaded):
    """A word comes a cycle after its address, baked in or loaded."""
    words = [(n * 2654435761) % 4096 for n in range(1, depth + 1)]
    store = Store(12, depth, None if loaded else words)
    assert hasattr(store, "write") == loaded

    async def testbench(ctx):
        if loaded:
            ctx.set(store.write, 1)
            for address, word in enumerate(words):
                ctx.set(store.write_address, address)
                ctx.set(store.write_word, word)
                await ctx.tick()
            ctx.set(store.write, 0)
        for address in [*range(depth), 0, depth - 1]:
            ctx.set(store.address, address)
            await ctx.tick()
            assert ctx.get(store.word) == words[address]
        ctx.set(store.enable, 0)
        ctx.set(store.address, 0)
        await ctx.tick()
        assert ctx.get(store.word) == words[-1]

    play(store, testbench)
