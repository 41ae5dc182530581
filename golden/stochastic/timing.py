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

__all__ = ["FOLDED_STAGES", "PLACES", "cycles", "depth", "input_beats", "out_beats"]

#: Frames that are worked on or wait to leave, by the kind of answer; a trace has no such bound.
PLACES = {"class": 2, "scores": 1, "ones": 2}
#: Registers of a folded layer beside its slots and its tree: slot, weights, operands, products,
#: sums.
FOLDED_STAGES = 5


def input_beats(params):
    """Beats that a folded network compares in a clock cycle: as few as can."""
    return ceil_div(params.words, params.fold)


def out_beats(params):
    """Beats of an answer, but for a trace: one, which follows the stream cycles."""
    return {"scores": params.outputs,
            "ones": ceil_div(params.outputs, params.out_columns)}.get(params.answer, 1)


def depth(params):
    """Clock cycles from a stream cycle's last clock cycle to the answer that it decides."""
    trace = params.answer == "trace"
    parts = params.layers[:-1] if trace else params.layers
    # Behind a head's sums, or behind the last bits: the counts and the output, or the output.
    after = {"trace": 1, "ones": 2}.get(params.answer, HEAD_STAGES + ceil_log2(params.outputs))
    if params.fold == 1:
        return BIT_STAGES + sum(part.tree_stages + 1 for part in parts) - parts[-1].head + after
    inputs = ceil_div(params.words, input_beats(params)) + 2
    layers = sum(part.fold + part.tree_stages + FOLDED_STAGES for part in parts)
    return inputs + layers + after - params.fold


class _Section:
    """When a network takes and answers its frames."""

    def __init__(self, params):
        self.params, self.depth = params, depth(params)
        self.loaded = self.begun = -1
        self.free, self.ends = 0, []

    @property
    def ready(self):
        """The first cycle that can take a beat of the next frame."""
        return max(self.loaded, self.begun) + 1

    def answered(self, first, stream_cycles):
        """The cycle that offers the answer of a frame whose first beat came in cycle ``first``."""
        p, places = self.params, PLACES.get(self.params.answer)
        self.loaded = first + p.words - 1
        place = self.ends[-places] + 1 if places and len(self.ends) >= places else 0
        self.begun = max(self.loaded + 1, self.free, place)
        found = self.begun + int(stream_cycles) * p.fold + self.depth
        self.free = min(self.begun + p.length * p.fold, found)
        return max(found, self.ends[-1] + 1 if self.ends else 0)


def cycles(sections, taken):
    """First input beat to last output beat, both counted, of one or more networks one behind the
    other.

    taken: for each section the stream cycles of every frame
    """
    chain = [_Section(params) for params in sections]
    for frame in zip(*taken, strict=True):
        first = chain[0].ready
        for n, (section, stream_cycles) in enumerate(zip(chain, frame, strict=True)):
            first = section.answered(first, stream_cycles)
            if n + 1 < len(chain):
                first = max(first, chain[n + 1].ready)
            section.ends.append(first + out_beats(section.params) - 1)
    return chain[-1].ends[-1] + 1
