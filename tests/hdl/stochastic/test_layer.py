import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.stochastic.network import weight_bits
from golden.stochastic.params import Generators, LayerParams
from hdl.stochastic.layer import LayerSums, StateMachine
from tests.hdl.bench import RANDOM, play


@settings(RANDOM, max_examples=40)
@given(st.integers(2, 40), st.integers(0, 40), st.integers(0, 39), st.integers(1, 30),
       st.integers(0, 2**16))
def test_state_machine(states, threshold, start, inputs, seed):
    """Clips at both ends, holds without step, begins anew while the last bit stands."""
    params = LayerParams(inputs, 1, bias=False, states=states, threshold=min(threshold, states),
                         start=min(start, states - 1))
    device = StateMachine(params)
    rng = np.random.default_rng(seed)

    async def testbench(ctx):
        state = params.start
        for _ in range(100):
            total = int(rng.choice([-inputs, inputs, rng.integers(-inputs, inputs + 1)]))
            restart = rng.random() < 0.1
            ctx.set(device.step, 1)
            ctx.set(device.sum, total)
            ctx.set(device.restart, int(restart))
            await ctx.tick()
            state = min(max(state + total, 0), states - 1)
            bit = int(state >= params.threshold)
            ctx.set(device.step, 0)
            for _ in range(rng.integers(0, 3)):
                assert ctx.get(device.o) == bit
                await ctx.tick()
            assert ctx.get(device.o) == bit
            state = params.start if restart else state
    play(device, testbench)


@pytest.mark.parametrize("kind", ["net", "lfsr"])
@pytest.mark.parametrize("m", [1, 4])
@pytest.mark.parametrize("coding, product", [("sign", "and"), ("bipolar", "and"),
                                             ("bipolar", "xnor")])
def test_sums(coding, product, m, kind):
    """Golden's weight bits times the input bits, stream cycle by stream cycle, two frames."""
    params = LayerParams(5, 4, m, 3, coding, product, levels=2,
                         w=Generators(kind, 3, 2, register=6))
    rng = np.random.default_rng(m)
    weight = rng.integers(-8, 9, (4, 6))
    weight[:, 2] = 0
    length = 20
    device = LayerSums(params, weight, length)
    bits = rng.integers(0, 2, (2 * length, 5))
    signs = np.concatenate([2 * bits - 1 if product == "xnor" else bits,
                            np.ones((2 * length, 1), dtype=np.int64)], 1)
    streams = np.stack([*weight_bits(params, weight.T, length)] * 2)
    expected = np.einsum("ti,tij->tj", signs, streams)

    async def testbench(ctx):
        for cycle in range(2 * length + 2 + params.tree_stages):
            ctx.set(device.step, int(cycle < 2 * length))
            ctx.set(device.first, int(cycle % length == 0))
            if 2 <= cycle < 2 * length + 2:
                ctx.set(device.x, int(bits[cycle - 2] @ (1 << np.arange(5))))
            if cycle >= 2 + params.tree_stages:
                assert [ctx.get(value) for value in device.o] == (
                    expected[cycle - 2 - params.tree_stages].tolist())
            await ctx.tick()
    play(device, testbench)
