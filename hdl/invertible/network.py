"""A network of spins between AXI4-Streams. Bits: `golden.invertible.network`."""

from amaranth.hdl import Cat, Const, EnableInserter, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.invertible.params import CLAMP, WORD
from hdl.axi import AxiStreamTop
from hdl.delay import delayed
from hdl.frame import FrameInput, input_layout
from hdl.lfsr import Lfsr
from hdl.popcount import BitSum
from hdl.select import selected
from hdl.tree import tree_sum
from hdl.xorshift import Xorshift

__all__ = ["Finder", "Histogram", "Network", "NetworkCore", "RandomBank", "Spins"]

#: Stages -> where rows of registers cut the way from spins to spins.
CUTS = {1: (), 2: ("pushes",), 3: ("counts", "pushes"), 4: ("counts", "pushes", "totals")}


class RandomBank(wiring.Component):
    """Generators of which each register bit feeds one spin.

    **Latency** none: ``o`` is the registers. **Throughput** new bits a cycle.

    Members
    -------
    enable : In(1)
    o : Out(random_bits)
    """

    def __init__(self, params):
        self.params = params
        super().__init__({"enable": In(1), "o": Out(params.random_bits)})

    def elaborate(self, _platform):
        m = Module()
        bits = []
        for n, seed in enumerate(self.params.first_states()):
            if self.params.random == "lfsr":
                generator = Lfsr(self.params.register, seed)
                bits.append(generator.value)
            else:
                generator = Xorshift(self.params.register // 2, seed)
                bits.append(generator.state)
            m.submodules[f"generator_{n}"] = generator
            m.d.comb += generator.enable.eq(self.enable)
        m.d.comb += self.o.eq(Cat(bits))
        return m


class Spins(wiring.Component):
    """All spins of one replica, their fields and accumulators.

    The way from spins over pushes and totals to the next spins is cut by ``stages - 1`` rows of
    registers; as many networks are on it, which take turns.

    **Latency** 1 cycle from ``start`` or ``step`` to the new state, made from that of ``stages``
    steps before. **Throughput** an update a cycle. It never waits; in a cycle without ``start`` and
    ``step`` all stands still.

    Parameters
    ----------
    params : NetworkParams

    Members
    -------
    start, step : In(1)
        A random state, with empty accumulators; an update. The first ``stages`` are starts.
    turn : In(spins)
        Who may move, of the network whose next state is made.
    clamped, value : In(spins)
    pushes : In, ArrayLayout(signed, draws + 1)
        The noise, by how many of a spin's random bits are 1.
    reach : In(range_bits)
    random : In(draws * spins), rests : In(sum of the rests)
    ring : In(spins)
        The next replica's state.
    o : Out(spins)
    """

    def __init__(self, params):
        self.params = p = params
        super().__init__({
            "start": In(1), "step": In(1), "turn": In(p.spins), "clamped": In(p.spins),
            "value": In(p.spins), "pushes": In(data.ArrayLayout(push_shape(p), p.draws + 1)),
            "reach": In(p.range_bits), "random": In(p.draws * p.spins),
            "rests": In(sum(p.rest)), "ring": In(p.spins), "o": Out(p.spins)})

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        way = p.stages - 1
        cuts = {point: int(point in CUTS[p.stages]) for point in ("counts", "pushes", "totals")}
        # The accumulators' ends, unless they never move.
        reach = delayed(m, self.reach, way, "reach")
        low, high = Signal(signed(p.range_bits + 1)), Signal(signed(p.range_bits + 1))
        m.d.comb += [low.eq(-reach), high.eq(Mux(reach == 0, 0, reach - 1))]
        if p.range >= 0:
            low, high = -p.range, max(p.range - 1, 0)
        pushes = [delayed(m, push, cuts["counts"], "late_push") for push in self.pushes]
        seen, ring = (delayed(m, state, cuts["counts"], "seen") for state in (self.o, self.ring))
        before = delayed(m, seen, way - cuts["counts"], "before")
        rests, at = [], 0
        for rest in p.rest or [0] * p.spins:
            rests.append(delayed(m, self.rests[at:at + rest].all(), way, "rest") if rest
                         else Const(1, 1))
            at += rest
        for spin, near in enumerate(p.neighbours):
            bits, weights = [], []
            if p.ring:
                near = [*near, (None, p.ring)]
            for other, value in near:
                bit = ring[spin] if other is None else seen[other]
                # m is 2 bit - 1: twice the bit, and once less for all.
                for exponent in range(abs(value).bit_length()):
                    if abs(value) >> exponent & 1:
                        bits.append(bit)
                        weights.append((exponent + 1, 1 if value > 0 else -1))
            constant = p.h[spin] - sum(value for _, value in near)
            terms = [Const(constant, signed(constant.bit_length() + 1))] if constant else []
            if bits:
                m.submodules[f"field_{spin}"] = field = BitSum(weights, cuts["pushes"])
                m.d.comb += field.i.eq(Cat(bits))
                terms.append(field.o)
            own = self.random.word_select(spin, p.draws)
            terms.append(_chosen(self.pushes, own) if p.stages == 1 else delayed(
                m, selected(pushes, delayed(m, tree_sum(own), cuts["counts"], "count")), 1,
                "push"))
            if p.range:
                most = p.range if p.range > 0 else (1 << p.range_bits) - 1
                memory = Signal(signed((most - 1).bit_length() + 1), name=f"memory_{spin}")
                kept = delayed(m, memory, way - cuts["totals"], "late_memory")
                terms.append(kept)
                kept = delayed(m, kept, cuts["totals"], "late_memory")
            total = Signal(signed(p.width), name=f"total_{spin}")
            m.d.comb += total.eq(tree_sum(terms))
            total = delayed(m, total, cuts["totals"], "late_total")
            with m.If(self.start):
                m.d.sync += self.o[spin].eq(
                    Mux(self.clamped[spin], self.value[spin], own[0]))
                if p.range:
                    m.d.sync += memory.eq(0)
            with m.Elif(self.step & self.turn[spin] & rests[spin] & ~self.clamped[spin]):
                m.d.sync += self.o[spin].eq(~total[-1])
                if p.range:
                    m.d.sync += memory.eq(
                        Mux(total > high, high, Mux(total < low, low, total)))
            if way:
                with m.Elif(self.step):
                    m.d.sync += self.o[spin].eq(before[spin])
                    if p.range:
                        m.d.sync += memory.eq(kept)
        return m


def push_shape(params):
    """Of the noise of one spin."""
    return signed((params.draws << params.noise_bits).bit_length() + 1)


def _chosen(pushes, bits):
    """The noise for one spin's random bits."""
    if len(bits) == 1:
        return Mux(bits, pushes[1], pushes[0])
    count = sum(bits[1:], start=bits[0])
    value = pushes[0]
    for ones in range(1, len(bits) + 1):
        value = Mux(count == ones, pushes[ones], value)
    return value


def _lookup(table, inputs):
    """A truth table (a list of bits, by the inputs' code) as logic."""
    if len(set(table)) == 1:
        return Const(table[0], 1)
    half = len(table) // 2
    low, high = _lookup(table[:half], inputs[:-1]), _lookup(table[half:], inputs[:-1])
    return Mux(inputs[-1], high, low)


class Finder(wiring.Component):
    """The circuit that a network stands for, fed with its input spins.

    **Latency** `NetworkParams.finder_depth` cycles. **Throughput** a state a cycle.

    Members
    -------
    state : In(spins)
    clamped, value : In(bits)
    hit, valid : Out(1)
        The circuit agrees with all clamps; the state at the ports is what the circuit says.
    o : Out(bits)
        What the circuit says.
    """

    def __init__(self, params):
        self.params = params
        count = len(params.bits)
        super().__init__({"state": In(params.spins), "clamped": In(count), "value": In(count),
                          "hit": Out(1), "valid": Out(1), "o": Out(count)})

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        stages, last = p.finder_stages, p.finder_depth - 1
        known = {(spin, 0): self.state[spin] for spin in p.inputs}

        def at(spin, stage):
            if (spin, stage) not in known:
                known[spin, stage] = delayed(m, at(spin, stage - 1), 1, f"later_{spin}")
            return known[spin, stage]

        for number, (inputs, outputs, table) in enumerate(p.gates):
            stage = stages[outputs[0]]
            given = [at(spin, stage) for spin in inputs]
            for k, spin in enumerate(outputs):
                known[spin, stage] = made = Signal(name=f"gate_{number}_{k}")
                m.d.comb += made.eq(_lookup([code >> k & 1 for code in table], given))
        said = Cat(at(spin, last) for spin in p.bits)
        seen = delayed(m, Cat(self.state[spin] for spin in p.bits), last, "seen")
        m.d.sync += [
            self.hit.eq(((said ^ self.value) & self.clamped) == 0),
            self.valid.eq(said == seen), self.o.eq(said),
        ]
        return m


class Histogram(wiring.Component):
    """Counters in a memory, which are cleared while ``clear`` is up, counted, and then read.

    **Latency** 1 cycle from a code to its count, 2 if ``registered``; 1 from ``read`` to ``o``.
    **Throughput** a code a cycle, equal ones too. It never waits.

    Parameters
    ----------
    depth, width : int
        Counters, and bits of each; they wrap.
    registered : bool
        Whether there is a register between the memory's read and the counter's next value.

    Members
    -------
    clear : In(1)
        Clears one counter; not beside ``count``.
    cleared : Out(1)
        All of them are, since ``begin``.
    begin : In(1)
        They are to be cleared before the next time.
    count : In(1), code : In
    read : In
        A counter to read; while ``count`` is up nothing is read.
    o : Out(width)
    """

    def __init__(self, depth, width, registered=False):
        self.depth, self.width, self.registered = depth, width, registered
        super().__init__({
            "clear": In(1), "cleared": Out(1), "begin": In(1), "count": In(1),
            "code": In(range(depth)), "read": In(range(depth)), "o": Out(width)})

    def elaborate(self, _platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=unsigned(self.width), depth=self.depth, init=[])
        write = memory.write_port()
        read = memory.read_port(transparent_for=[write])
        place, counted = Signal(range(self.depth)), Signal()
        counting = Signal.like(self.code)
        writes, target, count = counted, counting, read.data
        if self.registered:
            writes, target, count = (delayed(m, value, 1) for value in (writes, target, count))
            # What was read of an equal code a cycle later lacks this count.
            again = delayed(m, counted & writes & (counting == target), 1)
            count = Mux(again, delayed(m, write.data, 1), count)
        m.d.comb += [
            read.en.eq(1), read.addr.eq(Mux(self.count, self.code, self.read)),
            self.o.eq(read.data),
            write.en.eq(writes | (self.clear & ~self.cleared)),
            write.addr.eq(Mux(writes, target, place)),
            write.data.eq(Mux(writes, count + 1, 0)),
        ]
        m.d.sync += [counted.eq(self.count), counting.eq(self.code)]
        with m.If(self.begin):
            m.d.sync += [self.cleared.eq(0), place.eq(0)]
        with m.Elif(self.clear & ~self.cleared):
            m.d.sync += [place.eq(place + 1), self.cleared.eq(place == self.depth - 1)]
        return m


class NetworkCore(wiring.Component):
    """Takes a job, runs it, answers. `golden.invertible.network` says what the words are.

    **Latency** of a job: ``golden.invertible.network.cycles``. **Throughput**: one state a cycle;
    the next job loads while an answer leaves. **Back-pressure**: a job begins when the answer
    before has left, and the histogram's counters are cleared, one a cycle; with answer "trace" a
    beat that waits holds the spins up.

    Parameters
    ----------
    params : NetworkParams

    Members
    -------
    i : In, stream of ``data``, ``last``
    o : Out, stream of ``data``, ``last``, ``error``
    """

    def __init__(self, params):
        self.params = p = params
        element = (data.ArrayLayout(unsigned(1), p.replicas * p.spins) if p.answer == "trace"
                   else data.ArrayLayout(unsigned(WORD), 1))
        super().__init__({
            "i": In(stream.Signature(input_layout(unsigned(WORD), 1))),
            "o": Out(stream.Signature(data.StructLayout(
                {"data": element, "last": 1, "error": 1})))})

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        trace = p.answer == "trace"
        m.submodules.input = source = FrameInput(words=p.words, columns=1, element=unsigned(WORD))
        wiring.connect(m, wiring.flipped(self.i), source.i)

        # The job: segments move up when they are over.
        segment = data.StructLayout({"count": p.count_bits, "noise": p.noise_bits,
                                     "reach": p.range_bits})
        segments = [Signal(segment, name=f"segment_{n}") for n in range(p.segments)]
        clamps = Signal(len(p.bits) * CLAMP)
        word = source.i.payload.data[0]
        with m.If(source.write):
            for n, one in enumerate(segments):
                for place, target in enumerate((one.count[:WORD], one.count[WORD:], one.noise,
                                                one.reach)):
                    with m.If(source.word == 4 * n + place):
                        m.d.sync += target.eq(word)
            for n in range(4 * p.segments, p.words):
                with m.If(source.word == n):
                    m.d.sync += clamps.word_select(n - 4 * p.segments, WORD).eq(word)
        clamped = Cat(clamps[CLAMP * n + 1] for n in range(len(p.bits)))
        value = Cat(clamps[CLAMP * n] for n in range(len(p.bits)))

        busy, fresh, idle = Signal(), Signal(), Signal()   # fresh: a state that none has seen
        start, step, done, go = Signal(), Signal(), Signal(), Signal()
        # Updates are to come: in a register, so that none of them waits for a count's comparison.
        more, over = Signal(), Signal()
        now = segments[0]
        wrong = source.full & source.error & idle
        m.d.comb += [
            start.eq(source.full & ~source.error & idle), over.eq(~more),
            step.eq(more & go), source.begin.eq(done | wrong),
        ]
        with m.If(start):
            m.d.sync += [busy.eq(1), fresh.eq(1), more.eq(now.count != 0)]
        with m.Elif(done):
            m.d.sync += [busy.eq(0), fresh.eq(0), more.eq(0)]
        with m.Elif(go):
            m.d.sync += fresh.eq(step)
            with m.If(step & (now.count == 1)):
                m.d.sync += more.eq(segments[1].count != 0 if p.segments > 1 else 0)
        with m.If(step):
            m.d.sync += now.count.eq(now.count - 1)
            with m.If(now.count == 1):
                for one, after in zip(segments, [*segments[1:], None], strict=True):
                    m.d.sync += one.eq(0 if after is None else after)

        states = self._replicas(m, start, step, now, clamped, value)
        if trace:
            m.d.comb += [
                idle.eq(~busy & ~self.o.payload.error), go.eq(~fresh | self.o.ready),
                done.eq(fresh & over & self.o.ready),
                self.o.valid.eq(fresh | self.o.payload.error),
                self.o.payload.data.as_value().eq(
                    Mux(self.o.payload.error, 0, Cat(states))),
                self.o.payload.last.eq(over | self.o.payload.error),
            ]
            m.d.sync += self.o.payload.error.eq(
                wrong | (self.o.payload.error & ~self.o.ready))
            return m
        m.d.comb += go.eq(1)
        histogram, counted = None, Signal()  # the state is one of the last segment
        if p.counters:
            m.submodules.histogram = histogram = Histogram(
                p.counters, p.count_bits, registered=p.stages > 1)
            last = segments[1].count == 0 if p.segments > 1 else Const(1, 1)
            m.d.sync += counted.eq(step & last)
        words = self._verdict(m, start, fresh, over, done, states, clamped, value, histogram,
                              counted)
        # Everything stands still while an answer leaves.
        fixed = len(words) // WORD
        place, leaving, closing = Signal(range(fixed)), Signal(), Signal()
        m.d.comb += [self.o.valid.eq(leaving),
                     self.o.payload.last.eq(closing | self.o.payload.error)]
        with m.If(~self.o.payload.error), m.Switch(place):
            for n in range(fixed):
                with m.Case(n):
                    m.d.comb += self.o.payload.data[0].eq(words.word_select(n, WORD))
        if not histogram:
            m.d.comb += [idle.eq(~busy & ~leaving), closing.eq(place == fixed - 1)]
        else:
            self._counters(m, histogram, start, leaving, place == fixed - 1, closing)
            # Not while nothing has come yet, so that a job's cycles do not hang on idle ones.
            m.d.comb += [histogram.clear.eq(~busy & ~leaving & (source.full | (source.word != 0))),
                         idle.eq(~busy & ~leaving & histogram.cleared)]
        with m.If(done | wrong):
            m.d.sync += [leaving.eq(1), place.eq(0), self.o.payload.error.eq(wrong)]
        with m.Elif(leaving & self.o.ready):
            m.d.sync += [place.eq(place + 1), leaving.eq(~self.o.payload.last)]
        return m

    def _counters(self, m, histogram, start, leaving, fixed, closing):
        """The histogram's counters behind the other words of an answer, two words each."""
        last = self.params.counters - 1
        tail, high, counter = Signal(), Signal(), Signal.like(histogram.read)
        count = histogram.o
        m.d.comb += [closing.eq(tail & high & (counter == last)), histogram.begin.eq(start),
                     histogram.read.eq(counter)]
        if self.params.stages > 1:
            # Of the next counter, while this one leaves.
            count = Signal.like(histogram.o)
            m.d.comb += histogram.read.eq(counter + tail)
            with m.If(~tail | (high & self.o.ready)):
                m.d.sync += count.eq(histogram.o)
        halves = Cat(count, Const(0, 2 * WORD - len(count)))
        with m.If(tail & ~self.o.payload.error):
            m.d.comb += self.o.payload.data[0].eq(Mux(high, halves[WORD:], halves[:WORD]))
        with m.If(start):
            m.d.sync += [tail.eq(0), high.eq(0), counter.eq(0)]
        with m.Elif(leaving & self.o.ready & ~self.o.payload.error):
            m.d.sync += tail.eq(tail | fixed)
            with m.If(tail):
                m.d.sync += high.eq(~high)
                with m.If(high):
                    m.d.sync += counter.eq(counter + 1)
                    # The memory answers a cycle later.
                    m.d.comb += histogram.read.eq(counter + 1)

    def _replicas(self, m, start, step, now, clamped, value):
        """The states of all replicas."""
        p = self.params
        m.submodules.random = bank = RandomBank(p)
        m.d.comb += bank.enable.eq(start | step)
        pushes = Signal(data.ArrayLayout(push_shape(p), p.draws + 1))
        for ones in range(p.draws + 1):
            times = 2 * ones - p.draws if p.coding == "bipolar" else ones
            m.d.comb += pushes[ones].eq(now.noise * times)
        turns = p.turns
        turn = Signal(range(max(2, len(turns))))
        may = [Const(0, 1)] * p.spins
        for number, spins in enumerate(turns):
            for spin in spins:
                may[spin] = Const(1, 1) if len(turns) == 1 else turn == number
        begins, turned = start, step   # a random state; the last network's update
        if p.stages > 1:
            network, first = Signal(range(p.stages)), Signal()  # whose state is made; its start
            last = network == p.stages - 1
            with m.If(start):
                m.d.sync += [network.eq(1), first.eq(1)]
            with m.Elif(step):
                m.d.sync += [network.eq(Mux(last, 0, network + 1)), first.eq(first & ~last)]
            begins, turned = start | (step & first), step & last & ~first
        with m.If(start):
            m.d.sync += turn.eq(0)
        with m.Elif(turned):
            m.d.sync += turn.eq(Mux(turn == len(turns) - 1, 0, turn + 1))
        held, forced = [Const(0, 1)] * p.spins, [Const(0, 1)] * p.spins
        for n, spin in enumerate(p.bits):
            held[spin], forced[spin] = clamped[n], value[n]
        replicas, each = [], p.draws * p.spins
        rests = bank.o[p.replicas * each:]
        for number in range(p.replicas):
            spins = Spins(p)
            m.submodules[f"replica_{number}"] = (
                spins if p.stages == 1 else EnableInserter(start | step)(spins))
            replicas.append(spins)
            m.d.comb += [
                spins.start.eq(begins), spins.step.eq(step), spins.turn.eq(Cat(may)),
                spins.clamped.eq(Cat(held)), spins.value.eq(Cat(forced)), spins.pushes.eq(pushes),
                spins.reach.eq(now.reach), spins.random.eq(bank.o.word_select(number, each)),
                spins.rests.eq(rests.word_select(number, sum(p.rest)) if sum(p.rest) else 0),
            ]
        if p.ring:
            for spins, after in zip(replicas, [*replicas[1:], replicas[0]], strict=True):
                m.d.comb += spins.ring.eq(after.o)
        return [spins.o for spins in replicas]

    def _verdict(self, m, start, fresh, over, done, states, clamped, value, histogram,
                 counted):
        """Counts states and hits, says when a job is done, and what to answer but counters."""
        p = self.params
        flags = data.StructLayout({"fresh": 1, "last": 1, "counted": 1})
        seen = Signal(flags)
        m.d.comb += [seen.fresh.eq(fresh), seen.last.eq(over), seen.counted.eq(counted)]
        for _ in range(p.finder_depth):
            later = Signal(flags)
            with m.If(~done):
                m.d.sync += later.eq(seen)
            with m.Else():
                m.d.sync += later.eq(0)
            seen = later
        hits, valids, says = [], [], []
        for number, state in enumerate(states if p.gates else []):
            m.submodules[f"finder_{number}"] = finder = Finder(p)
            m.d.comb += [finder.state.eq(state), finder.clamped.eq(clamped),
                         finder.value.eq(value)]
            hits.append(finder.hit)
            valids.append(finder.valid)
            says.append(finder.o)
        hit, which = Signal(), Signal(max(1, p.replica_bits))
        said = Signal(len(p.bits))
        m.d.comb += hit.eq(Cat(hits).any() if hits else 0)
        for number in reversed(range(len(hits))):
            with m.If(hits[number]):
                m.d.comb += [which.eq(number), said.eq(says[number])]
        if p.replicas == 1 and says:
            m.d.comb += said.eq(says[0])

        count, valid, first = (Signal(p.count_bits, name=name)
                               for name in ("count", "valid", "first"))
        found, replica = Signal(), Signal.like(which)
        if histogram:
            code = delayed(m, Cat(states[0][spin] for spin in p.counted), p.finder_depth, "code")
            m.d.comb += [histogram.count.eq(seen.fresh & seen.counted),
                         histogram.code.eq(Cat(code, *valids[:1]))]
        m.d.comb += done.eq(seen.fresh & (seen.last | (hit if p.stop == "hit" else 0)))
        with m.If(start):
            m.d.sync += [count.eq(0), valid.eq(0), found.eq(0), replica.eq(0)]
        with m.Elif(seen.fresh):
            m.d.sync += count.eq(count + 1)
            if valids:
                m.d.sync += valid.eq(valid + tree_sum(valids))
            with m.If(hit & ~found):
                m.d.sync += [found.eq(1), replica.eq(which), first.eq(count + 1)]
        final = Cat(states[0][spin] for spin in p.bits)
        if p.stop == "hit":
            # The network has moved on since.
            held = Signal.like(said)
            with m.If(done):
                m.d.sync += held.eq(said)
            final, first = Mux(found, held, final), count
        padding = Const(0, 2 * WORD - p.count_bits)
        flags = Cat(found, replica if p.replicas > 1 else Const(0, 1))
        return Cat(flags, Const(0, WORD - len(flags)), Mux(found, first, count), padding, valid,
                   padding, final, Const(0, -len(final) % WORD))


class Network(AxiStreamTop):
    """`golden.invertible.network.Network` as an AXI4-Stream top."""

    def __init__(self, params, _tensors=None):
        super().__init__(NetworkCore(params), output_register=params.answer == "trace")
