"""Bit faults in hardware: the same bits flip as in golden."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.formats import Format
from golden.stochastic.build import network
from golden.stochastic.network import Network
from golden.stochastic.params import Faults
from hdl.stochastic.network import MOST_WEIGHTS
from hdl.stochastic.network import Network as Top
from hdl.verilog import emit
from tests.hdl.bench import RANDOM, check
from tests.hdl.stochastic.networks import networks, small

RATES = st.sampled_from([0, 0, 4000, 20000, 65536])


def made(*sizes, frames=3, **arguments):
    rng = np.random.default_rng(0)
    block = Network.random(small(sizes, **arguments), rng)
    return block, block.random_frames(frames, rng)


def with_faults(block, **faults):
    params = block.params.replace(stop="never", faults=Faults(**faults),
                                  layers=tuple(part.replace(neurons=0, synapses=0)
                                               for part in block.params.layers))
    return Network(params, block.tensors)


@settings(RANDOM, max_examples=20)
@given(networks(), RATES, RATES, RATES, st.sampled_from([(0.0, 0.0), (0.3, 0.4)]),
       st.integers(0, 1000))
def test_bits_order_and_cycles(case, streams, sums, states, levels, seed):
    block, frames = case
    hit = with_faults(block, streams=streams, sums=sums, states=states, seed=seed)
    check(hit, Top(hit.params, hit.tensors), frames, idle=levels[0], stall=levels[1], seed=seed,
          limit=60000)


@pytest.mark.parametrize("net", ["streams", "sums", "states"])
def test_every_net_by_itself(net):
    """Over several frames, every hidden bit, and then the scores."""
    for answer in ("trace", "scores"):
        block, frames = made(5, 6, 4, 3, length=40, network={"answer": answer})
        hit = with_faults(block, **{net: 6000})
        assert any((a != b).any() for a, b in zip(hit.run(frames), block.run(frames), strict=True))
        check(hit, Top(hit.params, hit.tensors), frames)


@pytest.mark.parametrize("answer", ["class", "scores"])
def test_scores_of_sums_that_flip_whole(answer):
    """A sum at its reach flips to one beyond: 5 to -6, so -18 after three cycles, not -15."""
    params = small((4, 2), length=3, network={"answer": answer,
                                             "input": Format(4, 3, signed=False)})
    one = params.layers[0].largest
    block = Network(params, {"layers.0.weight": np.array([[one] * 4, [0] * 4]),
                             "layers.0.bias": np.array([one, 0])})
    hit = with_faults(block, sums=1 << 16)
    frames = [np.full((4, 1), 1 << params.input.fraction)]
    if answer == "scores":
        assert [int(x) for x in hit.run(frames)[0][:, 0]] == [-18, -3]
        assert params.score_format.minimum == -16
    check(hit, Top(hit.params, hit.tensors), frames)


def test_hardware_without_faults_has_nothing_of_them():
    block, _ = made(5, 6, 3, length=8)
    assert "generator" not in emit(Top(block.params, block.tensors)).text
    hit = with_faults(block, sums=1)
    assert "generator" in emit(Top(hit.params, hit.tensors)).text


def test_no_faults_in_folded_hardware():
    block, _ = made(5, 6, 3, length=8)
    params = block.params.replace(faults=Faults(sums=1), layers=(
        block.params.layers[0].replace(neurons=2), *block.params.layers[1:]))
    with pytest.raises(ValueError, match=r"^Network faults must be None in hardware that is "
                                         r"folded, not Faults\("):
        Top(params, block.tensors)


def test_too_many_weights_in_parallel():
    params = network(inputs=400, hidden=400, outputs=2)
    assert sum(part.terms * part.outputs for part in params.layers) > MOST_WEIGHTS
    tensors = {name: np.zeros(shape, int) for name, shape in Network.shapes(params).items()}
    with pytest.raises(ValueError, match=rf"^Network in parallel must have at most {MOST_WEIGHTS} "
                                         r"weights x m, not 161202: fold it, by neurons and "
                                         r"synapses of its layers$"):
        Top(params, tensors)
