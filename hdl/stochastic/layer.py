"""A layer of stochastic neurons that all work in every clock cycle."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.params import ceil_log2
from hdl.popcount import BitSum
from hdl.stochastic.generators import NumberBank

__all__ = ["LayerSums", "StateMachine", "WeightStreams", "product", "rotated",
           "subtrahend", "transition"]


def rotated(number, by):
    """The bits of ``number`` moved up by ``by``, around the end."""
    return number.rotate_left(by) if by else number


class WeightStreams(wiring.Component):
    """The integer streams of a layer's weights: one for each of the values that its weights have
    under the same numbers, however many weights share it.

    **Latency** 2 cycles from ``step`` to the streams of that stream cycle. It never waits.

    Parameters
    ----------
    params : LayerParams
    weight : int64 array [outputs, terms], the bias as last term
    length : int

    Members
    -------
    step, first : In(1), see `NumberBank`
    o : Out, ArrayLayout(range(m + 1), streams)
        Ones in the ``m`` bits of each stream.
    """

    def __init__(self, params, weight, length):
        self.params, self.length = params, length
        numbers = params.w.shared(params.terms * params.m)
        self._tuples = [tuple(numbers[i * params.m:(i + 1) * params.m])
                        for i in range(params.terms)]
        #: (numbers, code) -> index of its stream.
        self._index = {}
        for row in weight.tolist():
            for term, value in enumerate(row):
                if value or params.coding != "sign":
                    self._index.setdefault((self._tuples[term], self._code(value)),
                                           len(self._index))
        super().__init__({"step": In(1), "first": In(1),
                          "o": Out(data.ArrayLayout(range(params.m + 1),
                                                    max(1, len(self._index))))})

    def _code(self, value):
        return abs(value) if self.params.coding == "sign" else value + self.params.largest

    def of(self, term, value):
        """The stream of a weight."""
        return self.o[self._index[self._tuples[term], self._code(value)]]

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        m.submodules.bank = bank = NumberBank(p.w, p.width, self.length)
        m.d.comb += [bank.step.eq(self.step), bank.first.eq(self.first)]
        bits = {}
        for (numbers, code), index in self._index.items():
            for generator, rotation in numbers:
                if (generator, rotation, code) not in bits:
                    bit = Signal(name=f"below_{code}_{generator}_{rotation}")
                    m.d.comb += bit.eq(rotated(bank.o[generator], rotation) < code)
                    bits[generator, rotation, code] = bit
            ones = sum((bits[*number, code] for number in numbers), start=Const(0, 1))
            m.d.sync += self.o[index].eq(ones)
        return m


class LayerSums(wiring.Component):
    """Every neuron's sum S in every cycle: one tree a neuron.

    The product of an input and a weight's stream is made once for all neurons that have that weight
    there; weights of zero leave nothing behind.

    **Latency** ``params.tree_stages`` cycles from ``x`` to the sums; the weights' streams begin 2
    cycles after ``first``, which is when ``x`` must be there. **Throughput** a stream cycle in a
    cycle. It never waits.

    Parameters
    ----------
    params : LayerParams
    weight : int64 array [outputs, terms], the bias as last term
    length : int

    Members
    -------
    step, first : In(1), see `NumberBank`; 2 cycles before ``x``
    x : In(inputs)
    o : Out, ArrayLayout(signed, outputs), each as wide as ``params.sum_format``
    """

    def __init__(self, params, weight, length):
        self.params, self.weight, self.length = params, weight, length
        super().__init__({
            "step": In(1), "first": In(1), "x": In(params.inputs),
            "o": Out(data.ArrayLayout(signed(params.sum_format.width), params.outputs))})

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        m.submodules.streams = streams = WeightStreams(p, self.weight, self.length)
        m.d.comb += [streams.step.eq(self.step), streams.first.eq(self.first)]
        x = Cat(self.x, Const(1, 1)) if p.bias else self.x
        less = subtrahend(m, p, x, p.tree_stages)
        products = {}
        for neuron, row in enumerate(self.weight.tolist()):
            bits, terms = [], []
            for term, value in enumerate(row):
                if value == 0 and p.coding == "sign":
                    continue
                key = term, abs(value) if p.coding == "sign" else value
                if key not in products:
                    products[key] = product(m, p, x[term], streams.of(term, value))
                for exponent, bit in enumerate(products[key]):
                    bits.append(bit)
                    # Bipolar streams count twice, less what follows below.
                    terms.append((exponent, -1 if value < 0 else 1) if p.coding == "sign"
                                 else (exponent + 1, 1))
            if not bits:
                continue
            tree = BitSum(terms, p.tree_stages, less=0 if less is None else p.reach)
            m.submodules[f"tree_{neuron}"] = tree
            m.d.comb += [tree.i.eq(Cat(bits)), self.o[neuron].eq(tree.o)]
            if less is not None:
                m.d.comb += tree.less.eq(less)
        return m


def product(m, params, x, ones):
    """The ones of an input's bit times a weight's stream."""
    made = Signal(len(ones), name="product")
    m.d.comb += made.eq(Mux(x, ones, params.m - ones if params.product == "xnor" else 0))
    return made


def subtrahend(m, params, x, stages):
    """What to subtract from twice the ones of bipolar streams, since a weight of 0 has m / 2 ones;
    `BitSum` wants it ``stages - 1`` cycles behind the bits ``x``."""
    if params.coding == "sign":
        return None
    if params.product == "xnor":
        return Const(params.m * len(x))
    m.submodules.less = count = BitSum([(0, 1)] * len(x), stages - 1)
    m.d.comb += count.i.eq(x)
    return count.o.as_unsigned() << ceil_log2(params.m)


class StateMachine(wiring.Component):
    """The scaled FSM of a neuron: ``C = clip(C + S, 0, states - 1)``, bit ``C >= threshold``.

    The bit is a register beside the state, so that the state can start anew while the bit still
    tells of a frame's last cycle.

    **Latency** 1 cycle from ``sum`` to ``o``. **Throughput** a sum a cycle. It never waits.

    Parameters
    ----------
    params : LayerParams
    faults : bool

    Members
    -------
    step : In(1)
        ``sum`` counts.
    restart : In(1)
        The next sum is a frame's first one.
    sum : In, signed
    flips : In, with faults
        Bits of the state that are written the wrong way, see `hdl.stochastic.faults`.
    o : Out(1)
    """

    def __init__(self, params, *, faults=False):
        self.params, self.faults = params, faults
        members = {"step": In(1), "restart": In(1), "sum": In(signed(params.sum_format.width)),
                   "o": Out(1)}
        if faults:
            members["flips"] = In(params.state_width)
        super().__init__(members)

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        state = Signal(range(p.states), init=p.start)
        after, bit = transition(m, p, state, self.sum)
        if self.faults:
            hit = Signal.like(after)
            m.d.comb += hit.eq(after ^ self.flips)
            after, bit = hit, hit >= p.threshold
        with m.If(self.step):
            m.d.sync += [state.eq(after), self.o.eq(bit)]
        with m.If(self.restart):
            m.d.sync += state.eq(p.start)
        return m


def transition(m, params, state, total):
    """The state after a sum S, and its bit. Only low bits meet in an adder; the others say whether
    the state stays in range."""
    top = params.states - 1
    width = top.bit_length()
    low = Signal(width + 1)
    given = Signal(signed(max(width + 1, len(total))))
    inside = Signal()
    after = Signal(width)
    high, sign = given[width:], given[-1]
    kept = low[:width]
    if top & params.states:  # not all codes are states
        kept = Mux(kept > top, top, kept)
    m.d.comb += [
        given.eq(total), low.eq(state + given[:width]),
        inside.eq(Mux(low[width], high.all(), ~high.any())),
        after.eq(Mux(inside, kept, Mux(sign, 0, top))),
    ]
    return after, after >= params.threshold
