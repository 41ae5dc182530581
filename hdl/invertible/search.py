"""Search by parallel trials. Bits and cycles: `golden.invertible.search`."""

from collections import Counter
from itertools import accumulate

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.invertible.job import WORD, words
from golden.invertible.search import generators, select, starts
from golden.xorshift import step
from hdl.axi import AxiStreamTop
from hdl.delay import delayed
from hdl.invertible.job import JobCore, turns
from hdl.tree import tree_sum
from hdl.xorshift import Xorshift

__all__ = ["CircuitTrials", "ProductTrials", "Search"]


class _Trials(wiring.Component):
    """One replica: in every cycle all moves of a search are tried, and the best one is made.

    The way from a search's state over residuals, scores, the tree of comparisons and the move to
    its next state is cut by ``stages - 1`` rows of registers; as many searches are on it.

    **Latency** ``found`` and the next state belong to the set that was begun ``stages - 1`` cycles
    before. **Throughput** a set of trials a cycle. **Back-pressure** none.

    Parameters
    ----------
    params : golden.invertible.search.SearchParams
    replica : int

    Members
    -------
    asked : In
        The job's fields behind its limit, each on a word's boundary.
    start : In(1)
        Begins with ``asked``.
    run : In(1)
    found : Out(1)
    value : Out
        The values' bits, in the order of `SearchParams.values`, of the search whose turn is next.
    """

    def __init__(self, params, replica=0):
        self.params = params
        old, new = generators(params)
        self.begin = starts(params, old, new)[0, replica].tolist()
        self._cuts = self._rows()
        # Golden takes the noise of the cycle in which a set is finished; here it is needed before.
        for _ in range(params.stages - 1 - self._cuts["trials"] - self._cuts["spans"]):
            old, new = step(64, old, new)
        self.seeds = [int(low) | int(high) << 64
                      for low, high in zip(old[0, replica], new[0, replica], strict=True)]
        _, *fields = params.job
        super().__init__({"asked": In(WORD * words(fields)), "start": In(1), "run": In(1),
                          "found": Out(1), "value": Out(params.width)})

    def _rows(self):
        """Point on the way -> rows of registers behind it, so that all stages are about as long."""
        p = self.params
        levels = (p.places * p.signs - 1).bit_length()
        # What lies before each point, and behind the last one: nanoseconds, about, on an iCE40UP5K.
        way = {**self.WAY, **{f"level_{n}": 8 for n in range(levels)}, "place": 6}
        way |= {} if p.circuit else {"shifted": 10}
        ends = dict(zip(way, accumulate(way.values()), strict=True))
        total = ends[list(way)[-1]] + self.LAST
        return Counter(min(ends, key=lambda point, at=at: abs(ends[point] - total * at / p.stages))
                       for at in range(1, p.stages))

    def cut(self, m, point, value):
        """``value`` behind the registers of a point; a constant stays one."""
        if isinstance(value, Const):
            return value
        return delayed(m, value, self._cuts[point], point)

    def noise(self, m):
        """For each place ``noise`` less the trailing zeros of its random bits."""
        p, words = self.params, []
        for number, seed in enumerate(self.seeds):
            m.submodules[f"generator_{number}"] = generator = Xorshift(64, seed)
            m.d.comb += generator.enable.eq(self.run)
            words.append(generator.state[64:])
        for place in range(p.places):
            at = place % p.served * p.noise
            bits = words[place // p.served][at:at + p.noise]
            rest = Signal(range(p.noise + 1), name=f"noise_{place}")
            for k in reversed(range(p.noise)):
                with m.If(bits[k]):
                    m.d.comb += rest.eq(p.noise - k)
            yield rest

    def choose(self, m, trials, solved, begins):
        """The best of ``trials``, for each (score, whether it solves, place, whether it is
        impossible), which stand behind the point "spans": its number among them, and whether it is
        made, behind the point "place".

        A key is 0 for a move that solves, else the score and 1, behind a bit that bars it.
        """
        p = self.params
        stage = self._cuts["trials"] + self._cuts["spans"]
        # Places that were moved, the latest one first: every ``stages`` cycles one of this search.
        past = [Signal(p.places, name=f"past_{n}")
                for n in range(stage + (p.memory - 1) * p.stages + 1 if p.memory else 0)]
        barred = Signal(p.places)
        m.d.comb += barred.eq(_any(past[stage::p.stages]))
        level = []
        width = max(len(score) for score, *_ in trials)
        for number, (score, solves, place, closed) in enumerate(trials):
            key = Signal(width + 1, name=f"key_{number}")
            bar = closed | (barred[place] & ~solves)
            m.d.comb += key.eq(Mux(solves & ~closed, 0, Cat(score, Const(0, width - len(score)),
                                                            bar)))
            level.append((self.cut(m, "keys", key), Const(number, range(max(2, len(trials))))))
        solved, point = self.cut(m, "keys", solved), 0
        while len(level) > 1:
            merged = []
            for (a, first), (b, second) in zip(level[::2], level[1::2], strict=False):
                less = Signal()
                key, number = Signal(width + 1), Signal(range(len(trials)))
                m.d.comb += [less.eq(b < a), key.eq(Mux(less, b, a)),
                             number.eq(Mux(less, second, first))]
                merged.append((key, number))
            level = [tuple(self.cut(m, f"level_{point}", value) for value in each)
                     for each in merged + level[2 * len(merged):]]
            solved, point = self.cut(m, f"level_{point}", solved), point + 1
        (key, number), = level
        moves, hit = Signal(), Signal()
        m.d.comb += [moves.eq(~solved & ~key[-1]), hit.eq(solved | (key == 0))]
        place = Signal(p.places)
        for n in range(p.places):
            m.d.comb += place[n].eq(moves & (number // p.signs == n))
        place, number, hit = (self.cut(m, "place", value) for value in (place, number, hit))
        m.d.comb += self.found.eq(self.run & ~begins & self.cut(m, "shifted", hit))
        made = self.cut(m, "shifted", place)
        for mask, before in zip(past, [made, *past], strict=False):
            with m.If(self.start):
                m.d.sync += mask.eq(0)
            with m.Elif(self.run):
                m.d.sync += mask.eq(before)
        if past:
            with m.If(begins):
                m.d.sync += past[0].eq(0)
        return number, place


def _add(a, b, subtract):
    """``a + b``, or ``a - b``, of as many bits as ``a``, by one adder."""
    b = Cat(b, Const(0, len(a) - len(b))) ^ subtract.replicate(len(a))
    return (Cat(subtract, a) + Cat(subtract, b))[1:len(a) + 1]


def _highest(bits):
    """Whether any bit is 1, and the number of the highest that is, by halves."""
    if len(bits) == 1:
        return bits[0], Const(0, 1)
    half = 1 << (len(bits) - 1).bit_length() - 1
    low, high = _highest(bits[:half]), _highest(bits[half:])
    own = half.bit_length() - 1
    return low[0] | high[0], Cat(Mux(high[0], high[1], low[1])[:own], high[0])


def _any(masks):
    total = Const(0, 1)
    for mask in masks:
        total = total | mask
    return total


class ProductTrials(_Trials):
    __doc__ = _Trials.__doc__
    #: As `_rows` takes them: what lies before these points, and behind the last one.
    WAY = {"trials": 7, "spans": 15, "keys": 11}
    LAST = 10

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        n, reach = p.bits, 2 * p.bits
        operands = [Signal(n, name=name) for name in "ab"]
        residual = Signal(signed(reach + 1))
        solved = Signal()
        m.d.comb += [self.value.eq(Cat(*operands)), solved.eq(residual == 0)]
        begins, turn = turns(m, p.stages, self.start, self.run)
        noise = list(self.noise(m))
        trials = []
        for place in range(2 * n):
            own, other = operands[place // n], operands[1 - place // n]
            k = place % n
            top = residual[k:].as_signed()
            less = Cat(residual[:k], (top - other)[:reach + 1 - k])
            more = Cat(residual[:k], (top + other)[:reach + 1 - k])
            if p.form == "steps":
                moves = [(less, own[k:].all()), (more, ~own[k:].any())]
            else:
                after = _add(top, other, ~own[k])[:reach + 1 - k]
                moves = [(Cat(residual[:k], after), Const(0, 1))]
            for sign, (value, closed) in enumerate(moves):
                trial = Signal(reach + 1, name=f"trial_{place}_{sign}")
                m.d.comb += trial.eq(value)
                score = Signal(range(1 + 2 * reach + p.gain * p.noise + 1),
                               name=f"score_{place}_{sign}")
                trial = self.cut(m, "trials", trial)
                closed, solves = (self.cut(m, "spans", each) for each in (
                    self.cut(m, "trials", closed), ~trial.any()))
                top, bottom = (self.cut(m, "spans", each) for each in self._span(trial))
                m.d.comb += score.eq(top + bottom + (noise[place] << p.gain - 1) + 1)
                trials.append((score, solves, place, closed))
        solved = self.cut(m, "spans", self.cut(m, "trials", solved))
        number, place = self.choose(m, trials, solved, begins)
        self._move(m, operands, residual, number, place, begins, turn)
        return m

    def _span(self, trial):
        """Bits of a residual without its sign, and ``2 bits`` less its trailing zeros."""
        reach = 2 * self.params.bits
        plain = trial[:-1] ^ trial[-1].replicate(reach)
        return _highest(Cat(1, plain))[1], _highest(Cat(0, trial[reach - 1::-1]))[1]

    def _move(self, m, operands, residual, number, place, begins, turn):
        """Not the chosen trial but its move is led through the tree, and made anew."""
        p = self.params
        n = p.bits
        state, (a, b) = residual, operands
        way = p.stages - 1 - self._cuts["shifted"]
        operands = [delayed(m, operand, way, name) for operand, name in zip(operands, "ab",
                                                                            strict=True)]
        residual = delayed(m, residual, p.stages - 1, "residual")
        shifted = Signal(2 * n)
        m.d.comb += shifted.eq(_any(
            (operands[1 - at // n] & place[at].replicate(n)) << at % n for at in range(2 * n)))
        subtracts = Signal()
        if p.form == "steps":
            m.d.comb += subtracts.eq(number[0])
        else:
            m.d.comb += subtracts.eq((Cat(*operands) & place).any())
        shifted, subtracts, place, *operands = (
            self.cut(m, "shifted", value) for value in (shifted, subtracts, place, *operands))
        first = Signal(2 * n), Signal(2 * n)    # a and b of a search that begins, and a b
        with m.Switch(turn):
            for own, bits in enumerate(self.begin):
                with m.Case(own):
                    low, high = (sum(bit << k for k, bit in enumerate(bits[at:at + n]))
                                 for at in (0, n))
                    m.d.comb += [first[0].eq(low | high << n), first[1].eq(low * high)]
        with m.If(begins):
            m.d.sync += [Cat(a, b).eq(first[0]), state.eq(self.asked[:2 * n] - first[1])]
        with m.Elif(self.run):
            m.d.sync += state.eq(_add(residual, shifted, ~subtracts))
            for operand, before, bit in zip((a, b), operands, (place[:n], place[n:]),
                                            strict=True):
                m.d.sync += operand.eq(_add(before, bit, subtracts))


class CircuitTrials(_Trials):
    __doc__ = _Trials.__doc__
    #: As `_rows` takes them; how long the gates' way is hangs on the circuit.
    WAY = {"trials": 40, "keys": 14}
    LAST = 4

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        asked, held = (self.asked[at * WORD * words([p.width]):][:p.width] for at in (0, 1))
        spins = [spin for _, own in p.ports for spin in own]
        at = {spin: place for place, spin in enumerate(spins)}
        inputs = Signal(p.places)
        clamped = Cat(held[at[spin]] for spin in p.inputs)
        outputs = [spin for spin in spins if spin not in p.inputs]
        base = self._settle(m, dict(zip(p.inputs, inputs, strict=True)), {}, "as_is")
        m.d.comb += self.value.eq(Cat(base[spin] for spin in spins))

        def differs(found):
            return Cat((found[spin] ^ asked[at[spin]]) & held[at[spin]] for spin in outputs)

        solved = Signal()
        m.d.comb += solved.eq(~differs(base).any())
        trials = []
        for number, (spin, noise) in enumerate(zip(p.inputs, self.noise(m), strict=True)):
            found = self._settle(m, {spin: ~inputs[number]}, base, f"trial_{number}")
            wrong = Signal(len(outputs) or 1, name=f"wrong_{number}")
            score = Signal(range(len(outputs) + p.noise + 2), name=f"score_{number}")
            m.d.comb += wrong.eq(differs(found))
            wrong = self.cut(m, "trials", wrong)
            m.d.comb += score.eq(tree_sum([*wrong, noise]) + 1)
            trials.append((score, ~wrong.any(), number, clamped[number]))
        begins, turn = turns(m, p.stages, self.start, self.run)
        _, place = self.choose(m, trials, self.cut(m, "trials", solved), begins)
        before, first = delayed(m, inputs, p.stages - 1, "inputs"), Signal(p.places)
        with m.Switch(turn):
            for own, bits in enumerate(self.begin):
                with m.Case(own):
                    m.d.comb += first.eq(Cat(Const(bit, 1) for bit in bits))
        with m.If(begins):
            own = Cat(asked[at[spin]] for spin in p.inputs)
            m.d.sync += inputs.eq((clamped & own) | (~clamped & first))
        with m.Elif(self.run):
            m.d.sync += inputs.eq(before ^ place)
        return m

    def _settle(self, m, changed, base, name):
        """All spins, given those that differ from ``base``; only what hangs on them is made."""
        changed = dict(changed)
        for inputs, outputs, table in self.params.gates:
            if base and not any(spin in changed for spin in inputs):
                continue
            given = [changed[spin] if spin in changed else base[spin] for spin in inputs]
            for k, spin in enumerate(outputs):
                changed[spin] = bit = Signal(name=f"{name}_spin_{spin}")
                m.d.comb += bit.eq(select(tuple(code >> k & 1 for code in table), given, Mux))
        return {**base, **changed}


class Search(AxiStreamTop):
    """`golden.invertible.search.Search` as an AXI4-Stream top.

    **Latency** the job's beats, a cycle, and the answer's cycles (one for each set of trials, and
    ``stages - 1``), to the answer's first beat. **Throughput** a set of trials a cycle and replica;
    jobs one after the other.
    **Back-pressure** by jobs.
    """

    def __init__(self, params, tensors):
        kind = CircuitTrials if params.circuit else ProductTrials
        replicas = [kind(params, number) for number in range(params.replicas)]
        # The answer is a function of registers (of a circuit's inputs, through its gates).
        super().__init__(JobCore(params, replicas), output_register=False)
