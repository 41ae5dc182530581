"""Bits that flip: drawn as hardware draws them, and put where they belong."""

import numpy as np
import pytest

from golden import xorshift
from golden.stochastic import numbers
from golden.stochastic.faults import Flips, groups, seeds
from golden.stochastic.network import Network, weight_bits
from golden.stochastic.params import Faults, LayerParams, NetworkParams


def network(**faults):
    params = NetworkParams((LayerParams(9, 7, states=10), LayerParams(7, 3, states=0)), length=16,
                           faults=Faults(**faults))
    return Network.random(params, np.random.default_rng(0))


def test_groups():
    assert groups(network(sums=5, states=6).params) == {
        (0, "sums"): (7 * 5, 5), (0, "states"): (7 * 4, 6), (1, "sums"): (3 * 5, 5)}


def test_bits_are_words_of_xorshift():
    params = network(states=20000).params
    flips = Flips(params).draw(3)[0, "states"]
    words = xorshift.sequence(64, seeds(params, 0, "states"), 48)
    bits = [[(int(words[t, bit // 4]) >> 16 * (bit % 4)) % 65536 < 20000 for bit in range(28)]
            for t in range(48)]
    assert np.array_equal(flips.swapaxes(0, 1).reshape(48, 28), bits)


def test_they_run_on_from_frame_to_frame():
    params = network(streams=10000, sums=500).params
    whole, parts = Flips(params).draw(5), Flips(params)
    first, second = parts.draw(2), parts.draw(3)
    for key, bits in whole.items():
        assert np.array_equal(bits, np.concatenate([first[key], second[key]], axis=1))


@pytest.mark.parametrize("rate", [0, 656, 32768, 65536])
def test_rate(rate):
    flips = Flips(network(streams=rate, seed=3).params).draw(200)
    assert (rate == 0) == (not flips)
    for bits in flips.values():
        assert abs(bits.mean() - rate / 65536) < 0.01


def naive(block, frames):
    """Hidden bits of each frame and cycle: one layer, one bit at a time."""
    params = block.params
    part = params.layers[0]
    plain = Network(params.replace(faults=None), block.tensors)
    flips = Flips(params).draw(len(frames))

    number = numbers.streams(params.x, 9, params.input.fraction, params.length)
    weights = list(weight_bits(part, plain.weights()[0], params.length))
    out = np.zeros((len(frames), params.length, part.outputs), dtype=int)
    for f, codes in enumerate(block.codes(frames)):
        for neuron in range(part.outputs):
            state = part.start
            for t in range(params.length):
                def mask(name, first, count, t=t, f=f):
                    if (0, name) not in flips:
                        return 0
                    bits = flips[0, name][t, f, first * count:(first + 1) * count]
                    return sum(int(bit) << n for n, bit in enumerate(bits))

                bits = [int(codes[i] > number[t, i]) ^ (mask("streams", 0, 9) >> i & 1)
                        for i in range(9)]
                total = sum(b * int(w) for b, w in zip([*bits, 1], weights[t][:, neuron],
                                                       strict=True))
                width = part.sum_format.width
                total = (total & ((1 << width) - 1)) ^ mask("sums", neuron, width)
                total -= (total >> (width - 1)) << width
                state = min(max(state + total, 0), part.states - 1)
                state ^= mask("states", neuron, part.state_width)
                out[f, t, neuron] = state >= part.threshold
    return out


@pytest.mark.parametrize("faults", [
    {"streams": 9000}, {"sums": 9000}, {"states": 9000},
    {"streams": 3000, "sums": 3000, "states": 3000}])
def test_they_hit_what_they_name(faults):
    block = network(**faults)
    frames = block.random_frames(3, np.random.default_rng(1))
    traced = block.simulate(frames, trace=True).trace
    assert np.array_equal(traced, naive(block, frames))
    assert not np.array_equal(traced, network().simulate(frames, trace=True).trace)


@pytest.mark.parametrize("field", ["streams", "sums", "states"])
@pytest.mark.parametrize("value", [-1, 65537])
def test_wrong_rate(field, value):
    with pytest.raises(ValueError, match=rf"^Faults {field} must be between 0 and 65536, "
                                         rf"not {value}$"):
        Faults(**{field: value})


def test_no_early_stop_with_faults():
    with pytest.raises(ValueError, match=r"^Network stop must be 'never' with faults, "
                                         r"not 'certain'$"):
        NetworkParams((LayerParams(4, 2, states=0),), stop="certain", faults=Faults())
