"""Headline figures of the convolutions: each is measured on generated hardware, beside its
target."""

from ternstone import bench_sparse_conv_joint as joint
from ternstone import bench_sparse_conv_nullhop as nullhop
from ternstone.bench import Part
from ternstone.bench_mac import powers
from ternstone.bench_sparse_conv_array import balanced, connections, equality, peer
from ternstone.bench_sparse_conv_models import accuracy, compression, networks, synthetic
from ternstone.bench_sparse_conv_structured import structured

__all__ = ["PARTS"]

#: The parts, in the order in which they are shown.
PARTS: dict[str, Part] = {
    "equality": equality,
    "networks": networks,
    "synthetic": synthetic,
    "accuracy": accuracy,
    "compression": compression,
    "balanced": balanced,
    "connections": connections,
    "structured": structured,
    "powers of two": powers,
    "peer": peer,
    **nullhop.PARTS,
    "joint equality": joint.equality,
    "joint utilisation": joint.utilisation,
    "joint network": joint.network,
    "joint peer": joint.peer,
}
