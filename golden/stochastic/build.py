"""The parameters of a stochastic network from a few flat arguments: sizes once, the chain follows.
"""

from golden.check import require_int
from golden.formats import Format
from golden.stochastic.params import Generators, LayerParams, NetworkParams

__all__ = ["network"]


def network(inputs: int = 16, hidden: int = 8, outputs: int = 4, layers: int = 1,
            length: int = 256, m: int = 1, weight_bits: int = 4, *, coding: str = "sign",
            product: str = "and", bias: bool = True, states: int = 16,
            threshold: int | None = None, start: int | None = None,
            input: Format = Format(8, 8, signed=False), columns: int = 1,
            kind: str = "net", x_count: int = 1, x_rotations: int = 1, x_seed: int = 0,
            w_count: int = 8, w_rotations: int = 1, w_seed: int = 1, register: int = 16,
            neurons: int = 0, synapses: int = 0, levels: int = 4, stop: str = "never",
            margin: int = 0, earliest: int = 1, answer: str = "class") -> NetworkParams:
    """``layers`` equal hidden layers of ``hidden`` neurons, and a head of ``outputs``.

    ``layers=0`` leaves the head alone. ``kind`` and ``register`` are those of all generators,
    ``x_`` and ``w_`` those of the inputs' and of the weights'; layer n's have the seed
    ``w_seed + n``.
    Of ``neurons`` and ``synapses`` a layer that has fewer works on all it has. Every other argument
    is that of `LayerParams` or of `NetworkParams`.

    Errors: as those classes.

    >>> p = network(inputs=64, hidden=32, layers=2, outputs=10)
    >>> [(part.inputs, part.outputs) for part in p.layers]
    [(64, 32), (32, 32), (32, 10)]
    """
    require_int("Network hidden layers", layers, 0, 15)
    sizes = [inputs, *[hidden] * layers, outputs]
    parts = []
    for n in range(layers + 1):
        head = n == layers
        terms = sizes[n] + bias
        parts.append(LayerParams(
            inputs=sizes[n], outputs=sizes[n + 1], m=m, weight_bits=weight_bits, coding=coding,
            product=product, bias=bias, states=0 if head else states,
            threshold=None if head else threshold, start=None if head else start,
            w=Generators(kind, w_count, w_rotations, w_seed + n, register),
            neurons=min(neurons, sizes[n + 1]), synapses=min(synapses, terms), levels=levels))
    return NetworkParams(
        tuple(parts), length=length, input=input,
        x=Generators(kind, x_count, x_rotations, x_seed, register), columns=columns, stop=stop,
        margin=margin, earliest=earliest, answer=answer)
