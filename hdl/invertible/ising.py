"""A large network of spins, one after another. Bits and cycles: `golden.invertible.ising`."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.invertible.ising import DRAIN, ENERGY, generators
from golden.invertible.job import COUNT, STATUS, WORD, WORDS, words
from golden.params import ceil_div
from hdl.axi import AxiStreamTop
from hdl.delay import delayed
from hdl.frame import FrameInput, beat_in, beat_out
from hdl.memory import NO_COLLISION
from hdl.popcount import BitSum
from hdl.tree import tree_sum
from hdl.xorshift import Xorshift

__all__ = ["Ising", "IsingCore", "Sweeper"]


class Sweeper(wiring.Component):
    """The spins of all replicas, and the memory of couplings that leads through a sweep.

    **Latency** a sweep takes a cycle for each word of the program; the last energy is right
    ``DRAIN`` cycles after the last word. **Throughput** ``lanes`` couplings of every replica a
    cycle. It never waits.

    Parameters
    ----------
    params : golden.invertible.ising.IsingParams

    Members
    -------
    run : In(1)
        A word of the program; high for a whole sweep.
    over : Out(1)
        It is the last one.
    first : In(1)
        The sweep needs no state.
    noise, reach : In
        Constant in a sweep.
    clear, rotate : In(1)
        Energies to 0; each energy to the replica before it.
    energy : Out
        Of replica 0, or of whose turn it is.
    keep : In(1)
        A spin that is updated leaves its old state of replica ``winner`` in a memory of its own.
    winner : In
    address : In
        Of the spin that is shown two cycles later, while no sweep runs.
    now, kept : Out(1)
        Its state of replica ``winner``, and what was kept of it.
    """

    def __init__(self, params):
        self.params = p = params
        super().__init__({
            "run": In(1), "over": Out(1), "first": In(1), "noise": In(p.noise_bits),
            "reach": In(max(1, p.range_bits)), "clear": In(1), "rotate": In(1),
            "energy": Out(signed(p.energy_reach.bit_length() + 1)), "keep": In(1),
            "winner": In(range(max(2, p.replicas))), "address": In(range(p.spins)),
            "now": Out(1), "kept": Out(1)})

    def elaborate(self, _platform):
        m = Module()
        p, replicas = self.params, range(self.params.replicas)
        place = range(p.spins)

        # A word of the program.
        entry = data.StructLayout({"address": p.address_bits, "weight": p.weight_bits})
        layout = data.StructLayout({"lanes": data.ArrayLayout(entry, p.lanes), "last": 1})
        contents = p.memory
        m.submodules.program = program = Memory(
            shape=unsigned(layout.size), depth=len(contents), init=contents, attrs=NO_COLLISION)
        fetch = program.read_port()
        word = Signal(layout)
        m.d.sync += word.as_value().eq(fetch.data)
        at = Signal(range(len(contents)))
        m.d.comb += [fetch.addr.eq(at), self.over.eq(at == len(contents) - 1)]
        with m.If(self.run):
            m.d.sync += at.eq(Mux(self.over, 0, at + 1))

        # The states of the spins that it leads to; in a first sweep of those before. Behind every
        # memory stands a register.
        live = delayed(m, self.run, 2, "live")
        last = live & word.last
        spin = Signal(place)
        with m.If(last):
            m.d.sync += spin.eq(Mux(spin == p.spins - 1, 0, spin + 1))
        states, weights, writes = [], [], []
        for lane in range(p.lanes):
            m.submodules[f"states_{lane}"] = memory = Memory(
                shape=unsigned(p.replicas), depth=p.spins, init=[], attrs=NO_COLLISION)
            read = memory.read_port()
            writes.append(memory.write_port())
            states.append(delayed(m, read.data, 1, f"state_{lane}"))
            given = word.lanes[lane]
            weight = Signal(p.weight_bits, name=f"weight_{lane}")
            m.d.comb += read.addr.eq(given.address)
            m.d.sync += weight.eq(Mux(self.first & (given.address >= spin), 0, given.weight))
            weights.append(delayed(m, weight, 1, f"weight_{lane}_late"))
        live, last, spin = (delayed(m, live, 3, "live"), delayed(m, last, 3, "last"),
                            delayed(m, spin, 3, "spin"))

        # Fields: of a spin that is 1 the weight counts twice, less once for all.
        begins = Signal(init=1)
        m.d.sync += begins.eq(~live | last)
        every = self._sum(m, weights, begins, [Const(1, 1)] * p.lanes, "every")
        ones = [self._sum(m, weights, begins, [state[r] for state in states], f"ones_{r}")
                for r in replicas]
        m.submodules.own = own = Memory(
            shape=data.StructLayout({"state": p.replicas, "memory": data.ArrayLayout(
                signed(p.range_bits + 1) if p.range_bits else 0, p.replicas)}),
            depth=p.spins, init=[], attrs=NO_COLLISION)
        before = own.read_port()
        m.d.comb += before.addr.eq(Mux(live, spin, self.address))
        summed = delayed(m, last, 1, "summed")

        # The spin gates.
        done, spin = delayed(m, summed, 2, "done"), delayed(m, spin, 3, "spin")
        moved, changes = Signal(p.replicas), []
        after = own.write_port()
        kept = delayed(m, before.data, 1, "own")
        old = delayed(m, kept.state, 1, "old")
        pushes = self._pushes(m, summed)
        low, high = Signal(signed(p.range_bits + 1)), Signal(signed(p.range_bits + 1))
        m.d.sync += [low.eq(-self.reach), high.eq(Mux(self.reach == 0, 0, self.reach - 1))]
        for r in replicas:
            field = Signal(signed(p.field_reach.bit_length() + 1), name=f"field_{r}")
            pulled = Signal(field.shape(), name=f"pulled_{r}")
            total = Signal(signed(p.width), name=f"total_{r}")
            m.d.sync += pulled.eq((ones[r] << 1) - every)
            terms = [pulled << p.fraction, pushes[r]]
            if p.range_bits:
                terms.append(Mux(self.first, 0, kept.memory[r]))
                m.d.comb += after.data.memory[r].eq(
                    Mux(total > high, high, Mux(total < low, low, total)))
            m.d.sync += [field.eq(pulled), total.eq(tree_sum(terms))]
            m.d.comb += moved[r].eq(~total[-1])
            fall = Mux(self.first, field, Mux(moved[r] == old[r], 0, field << 1))
            change = Signal.like(self.energy, name=f"change_{r}")
            m.d.comb += change.eq(fall ^ moved[r].replicate(len(fall)).as_signed())
            changes.append((change, moved[r]))
        m.d.comb += [after.addr.eq(spin), after.en.eq(done), after.data.state.eq(moved)]
        for write in writes:
            m.d.comb += [write.addr.eq(spin), write.en.eq(done), write.data.eq(moved)]

        # Energies, and the best state.
        energies = [Signal(self.energy.shape(), name=f"energy_{r}") for r in replicas]
        m.d.comb += self.energy.eq(energies[0])
        for r, (change, up) in enumerate(changes):
            with m.If(self.clear):
                m.d.sync += energies[r].eq(0)
            with m.Elif(self.rotate):
                m.d.sync += energies[r].eq(energies[(r + 1) % p.replicas])
            with m.Elif(done):
                # One adder: with the bit below, a change that is turned over is subtracted.
                m.d.sync += energies[r].eq((Cat(up, energies[r]) + Cat(up, change))[1:])
        m.submodules.best = best = Memory(shape=unsigned(1), depth=p.spins, init=[],
                                          attrs=NO_COLLISION)
        read, write = best.read_port(), best.write_port()
        m.d.comb += [
            write.addr.eq(spin), write.en.eq(done & self.keep),
            write.data.eq(Array(old)[self.winner]),
            read.addr.eq(self.address), read.en.eq(~write.en),
            self.kept.eq(delayed(m, read.data, 1, "kept")),
            self.now.eq(Array(kept.state)[self.winner])]
        return m

    def _sum(self, m, weights, begins, bits, name):
        """Of the weights whose bits are 1, over the words of a spin."""
        width = self.params.weight_bits
        terms = [(place, -1 if place == width - 1 else 1)
                 for _ in weights for place in range(width)]
        m.submodules[name] = word = BitSum(terms, 0)
        m.d.comb += word.i.eq(Cat(weight & bit.replicate(width)
                                  for weight, bit in zip(weights, bits, strict=True)))
        total = Signal(signed(self.params.field_reach.bit_length() + 1), name=name)
        m.d.sync += total.eq(Mux(begins, 0, total) + delayed(m, word.o, 1, f"{name}_word"))
        return total

    def _pushes(self, m, enable):
        """The noise of each replica, a cycle after ``enable``."""
        p, bits = self.params, []
        old, new = generators(p)
        for number, (low, high) in enumerate(zip(old[0], new[0], strict=True)):
            m.submodules[f"generator_{number}"] = generator = Xorshift(
                64, int(low) | int(high) << 64)
            m.d.comb += generator.enable.eq(enable)
            bits.append(generator.state[64:])
        bits = Cat(bits)
        shape = signed((p.draws << p.noise_bits).bit_length() + 1)
        levels = Array(Signal(shape, name=f"push_{count}") for count in range(p.draws + 1))
        for count, level in enumerate(levels):
            m.d.sync += level.eq(self.noise * (2 * count - p.draws))
        return [delayed(m, levels[tree_sum(bits.word_select(r, p.draws))], 1, f"push_{r}")
                for r in range(p.replicas)]


class IsingCore(wiring.Component):
    """Takes a job, runs its sweeps, keeps the best state, answers.

    **Latency** of a job: `golden.invertible.ising.Ising.cycles`. **Throughput** jobs one after the
    other. **Back-pressure** by jobs: the next one is taken when the answer has left.

    A job of a wrong length is dropped, and answered by one beat with ``error``.

    Parameters
    ----------
    params : golden.invertible.ising.IsingParams

    Members
    -------
    i : In, stream of `beat_in`
    o : Out, stream of `beat_out`
        From registers.
    """

    def __init__(self, params):
        self.params = params
        super().__init__({"i": In(stream.Signature(beat_in(WORDS))),
                          "o": Out(stream.Signature(beat_out(WORDS)))})

    def elaborate(self, _platform):
        m = Module()
        p, o = self.params, self.o
        m.submodules.input = source = FrameInput(words=words(p.job), columns=1,
                                                 element=unsigned(WORD))
        wiring.connect(m, wiring.flipped(self.i), source.i)
        m.submodules.sweeper = sweeper = Sweeper(p)

        # The schedule.
        segment = Signal(range(p.segments + 1))
        asked = []
        for kind, bits in enumerate((WORD, p.noise_bits, p.range_bits)[:p.kinds]):
            m.submodules[f"schedule_{kind}"] = memory = Memory(
                shape=unsigned(bits), depth=p.segments, init=[], attrs=NO_COLLISION)
            write, read = memory.write_port(), memory.read_port()
            own = source.write & (source.word // p.segments == kind)
            m.d.comb += [write.addr.eq(source.word % p.segments), write.en.eq(own),
                         write.data.eq(source.i.payload.data[0]),
                         read.addr.eq(segment), read.en.eq(~own)]
            asked.append(read.data)
        left = Signal(WORD)
        first, improved = Signal(), Signal()
        sweep, best_sweep = Signal(p.sweep_bits), Signal(p.sweep_bits)
        best, winner = Signal.like(sweeper.energy), Signal.like(sweeper.winner)
        turn = Signal(range(max(WORD + 2, p.replicas)))
        better = (best_sweep == 0) | (sweeper.energy < best)

        # The answer.
        header = words(p.answer[:-1])
        beat = Signal(range(header))
        rounded = WORD * ceil_div(p.spins, WORD)
        spin = Signal(range(rounded + 1))
        word = Signal(WORD)
        fields = Cat(best_sweep != 0, winner)
        shown = Signal()
        m.d.comb += shown.eq((best_sweep != 0) & (spin < p.spins))
        shown = delayed(m, shown, 2, "shown")
        m.d.comb += [
            sweeper.first.eq(first), sweeper.keep.eq(improved), sweeper.winner.eq(winner),
            sweeper.address.eq(spin)]
        with m.FSM():
            with m.State("LOAD"):
                m.d.comb += sweeper.clear.eq(1)
                m.d.sync += [first.eq(1), improved.eq(0), sweep.eq(1), best_sweep.eq(0),
                             best.eq(0), winner.eq(0), beat.eq(0), spin.eq(0), segment.eq(0)]
                with m.If(source.full):
                    m.next = "FETCH"
                    with m.If(source.error):
                        m.next = "ERROR"
            with m.State("ERROR"):
                m.d.comb += [o.valid.eq(1), o.payload.last.eq(1), o.payload.error.eq(1),
                             source.begin.eq(o.ready)]
                with m.If(o.ready):
                    m.next = "LOAD"
            with m.State("FETCH"):
                m.d.sync += [left.eq(asked[0]), segment.eq(segment + 1),
                             sweeper.noise.eq(asked[1])]
                if p.range_bits:
                    m.d.sync += sweeper.reach.eq(asked[2])
                m.next = "SWEEP"
                with m.If((segment == p.segments) | (asked[0] == 0)):
                    m.next = "HEADER"
            with m.State("SWEEP"):
                m.d.comb += sweeper.run.eq(1)
                m.d.sync += turn.eq(0)
                with m.If(sweeper.over):
                    m.next = "DRAIN"
            with m.State("DRAIN"):
                m.d.sync += turn.eq(turn + 1)
                with m.If(turn == DRAIN - 1):
                    m.d.sync += [turn.eq(0), improved.eq(0)]
                    m.next = "SCAN"
            with m.State("SCAN"):
                m.d.comb += sweeper.rotate.eq(1)
                m.d.sync += turn.eq(turn + 1)
                with m.If(better):
                    m.d.sync += [best.eq(sweeper.energy), winner.eq(turn), best_sweep.eq(sweep),
                                 improved.eq(1)]
                with m.If(turn == p.replicas - 1):
                    m.d.sync += [first.eq(0), sweep.eq(sweep + 1), left.eq(left - 1)]
                    m.next = "SWEEP"
                    with m.If(left == 1):
                        m.next = "FETCH"
            with m.State("HEADER"):
                widths = (STATUS, COUNT, ENERGY)
                parts = (fields, best_sweep, best)
                whole = Cat(map(_extended, parts, widths))
                m.d.comb += [o.valid.eq(1), o.payload.data[0].eq(
                    Array(whole.word_select(n, WORD) for n in range(header))[beat])]
                m.d.sync += turn.eq(0)
                with m.If(o.ready):
                    m.d.sync += beat.eq(beat + 1)
                    with m.If(beat == header - 1):
                        m.next = "GATHER"
            with m.State("GATHER"):
                # A spin's state is there two cycles after its address.
                state = Mux(improved, sweeper.now, sweeper.kept)
                m.d.sync += turn.eq(turn + 1)
                with m.If(turn >= 2):
                    m.d.sync += word.eq(Cat(word[1:], shown & state))
                with m.If(turn < WORD):
                    m.d.sync += spin.eq(spin + 1)
                with m.If(turn == WORD + 1):
                    m.d.sync += turn.eq(0)
                    m.next = "WORD"
            with m.State("WORD"):
                m.d.comb += [o.valid.eq(1), o.payload.data[0].eq(word),
                             o.payload.last.eq(spin == rounded),
                             source.begin.eq(o.ready & o.payload.last)]
                with m.If(o.ready):
                    m.next = "GATHER"
                    with m.If(o.payload.last):
                        m.next = "LOAD"
        return m


def _extended(value, width):
    """With its sign, where it has one."""
    filling = value[-1] if value.shape().signed else Const(0, 1)
    return Cat(value, filling.replicate(width - len(value)))


class Ising(AxiStreamTop):
    """`golden.invertible.ising.Ising` as an AXI4-Stream top.

    **Latency** of a job: `golden.invertible.ising.Ising.cycles`. **Throughput** in a sweep
    ``lanes`` couplings of every replica a cycle; jobs one after the other. **Back-pressure** by
    jobs.
    """

    def __init__(self, params, tensors):
        super().__init__(IsingCore(params), output_register=False)
