"""Headline figures of the convolutions: each is measured on generated hardware, beside its
target."""

from ternstone.bench import Part
from ternstone.bench_sparse_conv_array import balanced, connections, equality, peer

__all__ = ["PARTS"]

#: The parts, in the order in which they are shown.
PARTS: dict[str, Part] = {
    "equality": equality,
    "balanced": balanced,
    "connections": connections,
    "peer": peer,
}
