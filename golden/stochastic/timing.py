"""The cycle model of a stochastic network; all times are clock cycles since the first beat.

A frame is loaded while the one before is worked on. It begins in a cycle in which it is complete,
the stream counter is free, and its answer has a place; ``fold`` cycles later its first stream cycle
is over, ``depth`` cycles after its last one (or the one that decided) the answer leaves. With an
early decision the next frame may begin in the cycle in which the answer leaves.

A folded network's parts, the comparators of the inputs and each layer, work on successive stream
cycles, each for as many clock cycles as it takes; the next one begins when it is done.
"""

from golden.params import ceil_div, ceil_log2
from golden.stochastic.params import BIT_STAGES, HEAD_STAGES

__all__ = ["FOLDED_STAGES", "PLACES", "cycles", "depth", "input_beats"]

#: Frames that are worked on or wait to leave, by the kind of answer; a trace has no such bound.
PLACES = {"class": 2, "scores": 1}
#: Registers of a folded layer beside its slots and its tree: slot, operands, products, sums.
FOLDED_STAGES = 4


def input_beats(params):
    """Beats that a folded network compares in a clock cycle: as few as can."""
    return ceil_div(params.words, params.fold)


def depth(params):
    """Clock cycles from a stream cycle's last clock cycle to the answer that it decides."""
    trace = params.answer == "trace"
    parts = params.layers[:-1] if trace else params.layers
    after = 1 if trace else HEAD_STAGES + ceil_log2(params.outputs)
    if params.fold == 1:
        return BIT_STAGES + sum(part.tree_stages + 1 for part in parts) - (not trace) + after
    inputs = ceil_div(params.words, input_beats(params)) + 2
    layers = sum(part.fold + part.tree_stages + FOLDED_STAGES for part in parts)
    return inputs + layers + after - params.fold


def cycles(params, taken):
    """First input beat to last output beat, both counted.

    taken: stream cycles of every frame
    """
    beats = params.outputs if params.answer == "scores" else 1
    places = PLACES.get(params.answer)
    begin = loaded = -1
    free, ends = 0, []
    for stream_cycles in taken:
        loaded = max(loaded, begin) + params.words
        place = ends[-places] + 1 if places and len(ends) >= places else 0
        begin = max(loaded + 1, free, place)
        answered = begin + int(stream_cycles) * params.fold + depth(params)
        free = min(begin + params.length * params.fold, answered)
        ends.append(max(answered, ends[-1] + 1 if ends else 0) + beats - 1)
    return ends[-1] + 1
