"""Small networks: gates, and random ones."""

import numpy as np
from hypothesis import strategies as st

from golden.invertible.network import Network
from golden.invertible.params import NetworkParams

__all__ = ["AND", "FULL_ADDER", "XOR", "networks"]

#: h and J of Smithson et al., TCAS-I 2019, section III.
AND = NetworkParams(
    (1, 1, -2), ((0, 1, -1), (0, 2, 2), (1, 2, 2)), (("a", (0,)), ("b", (1,)), ("y", (2,))),
    (((0, 1), (2,), (0, 0, 0, 1)),))
XOR = NetworkParams(
    (-1, -1, -1, 2), ((0, 1, -1), (0, 2, -1), (0, 3, 2), (1, 2, -1), (1, 3, 2), (2, 3, 2)),
    (("a", (0,)), ("b", (1,)), ("y", (2,))), (((0, 1), (2, 3), (0, 3, 3, 2)),))
FULL_ADDER = NetworkParams(
    (0,) * 5, ((0, 1, -1), (0, 2, -1), (1, 2, -1), (0, 3, 1), (1, 3, 1), (2, 3, 1), (0, 4, 2),
               (1, 4, 2), (2, 4, 2), (3, 4, -2)),
    (("a", (0, 1)), ("carry", (2,)), ("sum", (3, 4))),
    (((0, 1, 2), (3, 4), (0, 1, 1, 2, 1, 2, 2, 3)),))


@st.composite
def networks(draw, jobs=4):
    """A `Network` of random h, J, gates and ports, and random jobs."""
    spins = draw(st.integers(1, 9))
    pairs = [(i, j) for j in range(spins) for i in range(j)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=14)) if pairs else []
    weight = st.integers(-5, 5)
    couplings = tuple((i, j, draw(weight.filter(bool))) for i, j in chosen)
    order = draw(st.permutations(range(spins)))
    cut = draw(st.integers(1, spins))
    gates, known = [], list(order[:cut])
    while len(known) < spins and draw(st.integers(0, 4)):
        count = draw(st.integers(1, min(2, spins - len(known))))
        inputs = tuple(draw(st.lists(st.sampled_from(known), unique=True, max_size=3)))
        outputs = tuple(order[len(known):len(known) + count])
        gates.append((inputs, outputs, tuple(
            draw(st.integers(0, (1 << count) - 1)) for _ in range(1 << len(inputs)))))
        known += outputs
    bits = draw(st.permutations(known))[:draw(st.integers(1, len(known)))]
    half = draw(st.integers(0, len(bits) - 1))
    ports = [(name, tuple(part)) for name, part in (("x", bits[:half]), ("y", bits[half:])) if part]
    answer = draw(st.sampled_from(["states", "states", "histogram", "trace"]))
    stop = draw(st.sampled_from(["never", "hit"])) if gates and answer == "states" else "never"
    range_bits = draw(st.integers(1, 4))
    params = NetworkParams(
        tuple(draw(weight) for _ in range(spins)), couplings, tuple(ports), tuple(gates),
        draw(st.sampled_from(["synchronous", "chromatic", "sequential"])),
        draw(st.just(()) | st.tuples(*[st.integers(0, 2)] * spins)),
        draw(st.sampled_from(["bipolar", "unipolar"])), draw(st.integers(1, 4)),
        draw(st.sampled_from(["xorshift", "lfsr"])), draw(st.integers(0, 2**32 - 1)),
        draw(st.sampled_from([-1, -1, *range(1 << range_bits)])),
        draw(st.integers(1, 4)), range_bits, draw(st.integers(17, 32)), draw(st.integers(1, 3)),
        draw(st.sampled_from([1, 1, 2, 3])), draw(st.integers(-2, 2)), stop, answer,
        draw(st.integers(1, 3)), (draw(st.sampled_from(ports))[0],) * (answer == "histogram"),
        draw(st.sampled_from([1, 1, 2, 3, 4])))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    block = Network.random(params, rng)
    return block, block.random_frames(jobs, rng)
