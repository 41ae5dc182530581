"""Random parameters of the engine that skips both kinds of zeros."""

from hypothesis import strategies as st

from golden.formats import Format
from golden.sparse_conv.joint import JointParams
from golden.sparse_conv.params import ConvParams, NetworkParams
from golden.weights import WEIGHT_KINDS

__all__ = ["joint_params"]


@st.composite
def chains(draw, most=3):
    """`NetworkParams` of up to ``most`` layers, each with its own kernel, stride, formats, kind of
    weights and so on."""
    signed = draw(st.booleans())
    given = (draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.integers(1, 6)),
             Format(draw(st.integers(1, 9)), 0, signed))
    one_kind = draw(st.sampled_from([None, *WEIGHT_KINDS]))
    layers = []
    for _ in range(draw(st.integers(1, most))):
        channels, height, width, received = given
        padding = draw(st.integers(0, 2))
        largest = min(7, height + 2 * padding, width + 2 * padding)
        kernel = draw(st.one_of(st.integers(1, largest), st.just(largest)))
        padding = min(padding, kernel - 1)
        if min(height, width) + 2 * padding < kernel:
            padding = kernel - 1
        stride = draw(st.integers(1, 3))
        rows, columns = ((size + 2 * padding - kernel) // stride + 1 for size in (height, width))
        layer = ConvParams(
            channels, height, width, draw(st.integers(1, 7)), kernel, stride, padding,
            draw(st.sampled_from([1, 2])) if min(rows, columns) > 1 else 1, draw(st.booleans()),
            one_kind or draw(st.sampled_from(WEIGHT_KINDS)), received,
            Format(draw(st.integers(2, 12)), 0, draw(st.booleans())),
            draw(st.sampled_from([0, 0, 1, 8])), draw(st.sampled_from([12, 24])),
            draw(st.integers(0, 12)))
        layers.append(layer)
        given = layer.filters, layer.out_height, layer.out_width, layer.output
    return NetworkParams(tuple(layers))


@st.composite
def joint_params(draw, store=("rom",)):
    network = draw(chains())
    clusters, requantisers = draw(st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2), (3, 3)]))
    beat = draw(st.sampled_from([1, 2])) * {3: 3}.get(clusters, 2 if 2 in (
        clusters, requantisers) else 1)
    last = network.last
    answer = "map"
    if (last.out_height, last.out_width) == (1, 1):
        answer = draw(st.sampled_from(["map", "class"]))
    passes = "one"
    if (last.out_height, last.out_width) == (1, 1) or last.filters <= beat:
        passes = draw(st.sampled_from(["one", "words"]))
    return JointParams(network, requantisers * draw(st.integers(1, 4)), clusters, beat,
                       requantisers, answer, draw(st.sampled_from(store)), passes)
