"""The parameters of a network from a few flat arguments: sizes once, the chain follows."""

from golden.check import require_int
from golden.formats import Format
from golden.lstm.params import CELLS, DenseParams, LayerParams, NetworkParams
from golden.params import ceil_log2

__all__ = ["network"]


def network(inputs: int = 8, hidden: int = 20, layers: int = 1, outputs: int = 10,
            steps: int = 8, cell: str = "lstm", weights: str = "ternary", *,
            head_weights: str = "int8", one_hot: bool = False,
            input: Format | None = None, activation: Format = Format(8, 7),
            pre: Format = Format(10, 6), state: Format = Format(16, 11),
            output: Format = Format(16, 8), scale_width: int = 16, bias_width: int = 32,
            shift: int = 16, cell_norm: bool = False, cell_shift: int = 12, threshold: int = 0,
            lanes: int | None = None, head_lanes: int = 1, columns: int = 1, interval: int = 1,
            batch: int = 1, per_step: bool = False, stateful: bool = False,
            store: str = "rom") -> NetworkParams:
    """``layers`` equal recurrent layers of ``hidden`` units, and a head of ``outputs`` rows.

    ``outputs=0`` leaves the head out. ``lanes`` counts those of each layer: four units' gates
    when not given. ``input`` is s8.7 when not given, or just wide enough for a symbol's code.
    Every other argument is that of `LayerParams`, of `DenseParams` (``output``, ``head_``)
    or of `NetworkParams`.

    Errors: as those classes.

    >>> p = network(inputs=8, hidden=32, layers=2, outputs=10)
    >>> [part.inputs for part in (*p.layers, p.head)]
    [8, 32, 32]
    """
    require_int("Network layers", layers, 1, 16)
    gates = len(CELLS.get(cell, CELLS["lstm"]))
    if input is not None:
        received = input
    elif one_hot:
        received = Format(max(1, ceil_log2(max(1, inputs))), 0, signed=False)
    else:
        received = Format(8, 7)
    first = LayerParams(
        inputs=inputs, hidden=hidden, cell=cell, weights=weights, one_hot=one_hot, input=received,
        activation=activation, pre=pre, state=state, scale_width=scale_width,
        bias_width=bias_width, shift=shift, cell_norm=cell_norm, cell_shift=cell_shift,
        threshold=threshold, lanes=4 * gates if lanes is None else lanes, columns=columns,
        interval=interval, batch=batch, store=store)
    # A layer's h is the next one's x, in h's format and never one-hot.
    further = first.replace(inputs=hidden, input=activation, one_hot=False)
    head = None
    if outputs:
        head = DenseParams(inputs=hidden, outputs=outputs, weights=head_weights, input=activation,
                           output=output, scale_width=scale_width, bias_width=bias_width,
                           shift=shift, lanes=head_lanes, batch=batch, store=store)
    return NetworkParams(layers=(first, *[further] * (layers - 1)), head=head, steps=steps,
                         batch=batch, per_step=per_step, stateful=stateful, store=store)
