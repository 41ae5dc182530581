"""The head of a stochastic network: scores, the best of them, and when the answer is final."""

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.params import ceil_log2

__all__ = ["Head"]


@dataclass
class _Best:
    """The best score of some neurons, which it is, and the second best (None of one neuron)."""

    best: Value
    index: Value
    second: Value | None = None


class Head(wiring.Component):
    """Adds the head's sums up, finds the best score and says in which cycle it is final.

    **Latency** 1 + ceil(log2(outputs)) cycles from a stream cycle's sums to ``decided``: a register
    for the scores and one for every level of the tree that finds the best.
    **Throughput** a stream cycle in a cycle. It never waits.

    Parameters
    ----------
    params : NetworkParams

    Members
    -------
    step, first, last : In(1)
        Beside ``sums``: they count; they are a frame's first, its last.
    sums : In, ArrayLayout(signed, outputs)
    decided : Out(1)
        The answer is final, once a frame; what comes of that frame later is ignored.
    index : Out
        Of the best score.
    cycles : Out
        Stream cycles that it took.
    scores : Out, ArrayLayout(signed, outputs), with answer "scores"
    """

    def __init__(self, params):
        self.params = p = params
        head = p.layers[-1]
        self.score = signed(p.score_format.width)
        members = {
            "step": In(1), "first": In(1), "last": In(1),
            "sums": In(data.ArrayLayout(signed(head.sum_format.width), p.outputs)),
            "decided": Out(1), "index": Out(max(1, ceil_log2(p.outputs))),
            "cycles": Out(range(p.length + 1))}
        if p.answer == "scores":
            members["scores"] = Out(data.ArrayLayout(self.score, p.outputs))
        super().__init__(members)

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        scores = Signal(data.ArrayLayout(self.score, p.outputs))
        with m.If(self.step):
            m.d.sync += [score.eq(Mux(self.first, 0, score) + total)
                         for score, total in zip(scores, self.sums, strict=True)]
        levels = ceil_log2(p.outputs)
        flags = data.StructLayout({"step": 1, "first": 1, "last": 1})
        seen = Signal(flags)
        m.d.sync += [seen.step.eq(self.step), seen.first.eq(self.first), seen.last.eq(self.last)]
        best = self._tree(m, scores)
        for _ in range(levels):
            later = Signal(flags)
            m.d.sync += later.eq(seen)
            seen = later

        passed = Signal(range(p.length + 1))     # stream cycles before this one
        running = Signal()
        final = Signal()
        m.d.comb += [
            self.cycles.eq(Mux(seen.first, 0, passed) + 1),
            final.eq(seen.last | self._early(m, best, seen)),
            self.decided.eq(seen.step & (seen.first | running) & final),
            self.index.eq(best.index),
        ]
        with m.If(seen.step):
            m.d.sync += [passed.eq(self.cycles), running.eq((seen.first | running) & ~final)]
        if p.answer == "scores":
            # Those of the cycle that is decided about. At the end of a frame they stay anyway.
            for _ in range(levels if p.stop != "never" else 0):
                later = Signal.like(scores, name="scores_later", reset_less=True)
                m.d.sync += later.eq(scores)
                scores = later
            m.d.comb += self.scores.eq(scores)
        return m

    def _early(self, m, best, seen):
        """Whether the answer is final before the last cycle."""
        p = self.params
        if p.stop == "never":
            return 0
        if best.second is None:
            return int(p.stop == "certain")
        lead = Signal(p.score_format.width + 1)
        m.d.comb += lead.eq(best.best - best.second)
        if p.stop == "margin":
            return (lead >= p.margin) & (self.cycles >= p.earliest)
        # What the two could still gain on each other.
        each = 2 * p.layers[-1].reach
        rest = Signal(range(each * p.length + 1))
        bound = Signal.like(rest)
        m.d.comb += bound.eq(Mux(seen.first, each * (p.length - 1), rest))
        with m.If(seen.step):
            m.d.sync += rest.eq(bound - each)
        return lead > bound

    def _tree(self, m, scores):
        nodes = [_Best(score, Signal(0)) for score in scores]
        level = 0
        while len(nodes) > 1:
            after = []
            for left, right in zip(nodes[::2], nodes[1::2], strict=False):
                after.append(self._better(m, left, right, level))
            if len(nodes) % 2:
                after.append(self._held(m, nodes[-1], level))
            nodes = after
            level += 1
        return nodes[0]

    def _better(self, m, a, b, level):
        """The better of two, registered; of equals the left one."""
        wins = Signal()
        node = _Best(Signal(self.score, name="best"), Signal(level + 1, name="index"))
        m.d.comb += wins.eq(a.best >= b.best)
        m.d.sync += [node.best.eq(Mux(wins, a.best, b.best)),
                     node.index.eq(Mux(wins, a.index, b.index | (1 << level)))]
        if self.params.stop in ("certain", "margin"):
            loser = Signal(self.score, name="loser")
            node.second = Signal(self.score, name="second")
            m.d.comb += loser.eq(Mux(wins, b.best, a.best))
            second = loser
            if a.second is not None:
                rival = Signal(self.score, name="rival")
                # A single neuron on the right has no second: it cannot have won with one.
                m.d.comb += rival.eq(a.second if b.second is None
                                     else Mux(wins, a.second, b.second))
                above = rival > loser
                second = Mux(above if b.second is not None else above & wins, rival, loser)
            m.d.sync += node.second.eq(second)
        return node

    def _held(self, m, node, level):
        held = _Best(Signal(self.score, name="held"), Signal(max(1, level), name="held_index"))
        m.d.sync += [held.best.eq(node.best), held.index.eq(node.index)]
        if node.second is not None:
            held.second = Signal(self.score, name="held_second")
            m.d.sync += held.second.eq(node.second)
        return held
