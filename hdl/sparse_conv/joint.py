"""The engine that skips zero weights and activations together. Bits: `golden.sparse_conv.joint`."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.params import ceil_log2
from golden.sparse_conv.joint_params import instruction_widths, loaded, memories, program
from hdl.axi import AxiStreamTop
from hdl.formats import shape
from hdl.frame import FrameInput, input_layout
from hdl.memory import NO_COLLISION
from hdl.sparse_conv.joint_drain import Drain
from hdl.sparse_conv.joint_lanes import Lanes
from hdl.sparse_conv.joint_scanner import Scanner, Walker
from hdl.store import Store, index_width, load_signature, loadable
from hdl.stream import Queue

__all__ = ["Cluster", "Joint", "JointCore"]



class Cluster(wiring.Component):
    """Lanes, and what brings them the non-zero codes of their part of every word.

    **Latency, throughput**: `golden.sparse_conv.joint._cluster`, which counts the cycles from
    ``start`` to the first one with ``idle``. **Back-pressure** none.

    Parameters
    ----------
    params : JointParams
    instruction : Layout
    weights, lists, rows : hdl.store.Store

    Members
    -------
    instruction, start : In
    fetch, at, data : Out, Out, In
        The map memory's read port.
    clear, address : In
        A zero is written in every lane at the address; without ``clear`` and while idle it is
        read, 5 cycles later in ``sums``.
    idle : Out(1)
        The map has been worked through, up to the lanes' last writes.
    sums : Out
    """

    def __init__(self, params, instruction, weights, lists, rows):
        self.params, self._weights, self._lists, self._rows = params, weights, lists, rows
        self._scanner = Scanner(params, instruction, rows.depth)
        self._lanes = Lanes(params)
        members = self._scanner.signature.members
        super().__init__({
            "instruction": In(instruction), "start": In(1), "fetch": Out(1),
            "at": Out(members["at"].shape), "data": In(members["data"].shape),
            "clear": In(1), "address": In(params.address), "idle": Out(1),
            "sums": Out(self._lanes.sums.shape())})

    def elaborate(self, _platform):
        m = Module()
        entry = index_width(self._weights.depth)
        m.submodules.weights, m.submodules.lists = weights, lists = self._weights, self._lists
        m.submodules.rows = rows = self._rows
        m.submodules.scanner = scanner = self._scanner
        m.submodules.lanes = lanes = self._lanes
        m.submodules.walker = walker = Walker(self.params, entry, lists.width - entry)
        m.d.comb += [
            scanner.instruction.eq(self.instruction), scanner.start.eq(self.start),
            self.fetch.eq(scanner.fetch), self.at.eq(scanner.at), scanner.data.eq(self.data),
            scanner.room.eq(walker.room),
            walker.valid.eq(scanner.valid), walker.value.eq(scanner.value),
            walker.base.eq(scanner.base),
            rows.address.eq(scanner.row), scanner.row_word.eq(rows.word),
            lists.address.eq(scanner.list), walker.word.eq(lists.word),
            weights.address.eq(walker.entry), lanes.word.eq(weights.word),
            lanes.placement.eq(self.instruction.placement),
            lanes.walk.eq(walker.busy), lanes.write.eq(walker.busy | self.clear),
            lanes.value.eq(walker.o_value),
            lanes.base.eq(Mux(walker.busy, walker.o_base, self.address)),
            self.idle.eq(scanner.done & walker.idle), self.sums.eq(lanes.sums),
        ]
        return m


class JointCore(wiring.Component):
    """Takes maps, runs the program's passes on each, and gives the last map, or a class.

    **Latency, throughput**: `golden.sparse_conv.joint.Joint.cycles`. The next frame loads while the
    last layer runs. **Back-pressure** by words at the output; at the input while a frame waits, or
    a layer runs that is not the last one.

    Parameters
    ----------
    params : JointParams
    tensors : dict of int64 arrays as `golden.sparse_conv.joint.Joint.shapes`

    Members
    -------
    i, o : In, Out, streams of beats
    w : In, the image, unless the store is "rom"
    """

    def __init__(self, params, tensors):
        self.params = p = params
        made = memories(p, tensors)
        if p.store != "load":
            del made["program"]     # logic: a table of a few instructions
        filled = loaded(p, made)
        self._stores = {name: Store(width, len(words), None if name in filled else words)
                        for name, (width, words) in made.items()}
        self._loaded = [self._stores[name] for name in filled]
        self._instruction = data.StructLayout(instruction_widths(p))
        self._given = shape(p.network.first.input)
        if p.answer == "class":
            answer = data.ArrayLayout(unsigned(index_width(p.network.last.filters)), 1)
        else:
            answer = data.ArrayLayout(shape(p.network.last.output), p.beat)
        self._beat = data.StructLayout({"data": answer, "last": 1, "error": 1})
        members = {"i": In(stream.Signature(input_layout(self._given, p.beat))),
                   "o": Out(stream.Signature(self._beat))}
        if self._loaded:
            members["w"] = In(load_signature())
        super().__init__(members)

    def elaborate(self, _platform):
        body = Module()
        p = self.params
        body.submodules.input = source = FrameInput(
            words=p.map_words(p.network.first), columns=p.beat, element=self._given)
        body.submodules.output = output = Queue(self._beat, _room(p))
        wiring.connect(body, output.o, wiring.flipped(self.o))
        m, ready = body, 1
        if self._loaded:
            m = Module()
            ready = loadable(m, body, self.w, self._loaded)
        opened = Signal()   # the next frame may load
        body.d.comb += source.i.payload.eq(self.i.payload)
        m.d.comb += [source.i.valid.eq(self.i.valid & opened & ready),
                     self.i.ready.eq(source.i.ready & opened & ready)]
        self._engine(body, source, output, opened)
        return m

    def _engine(self, m, source, output, opened):
        p = self.params
        layer = Signal(range(max(2, len(p.runs))))      # the run, where a layer has several
        own = Signal(self._instruction)
        m.d.comb += own.eq(self._fetched(m, layer))
        filters = self._stores["filters"]
        m.submodules.filters = filters
        m.submodules.drain = drain = Drain(p, self._instruction, filters.depth, filters.width)
        start, clear = Signal(), Signal()
        sweep = Signal(p.address)
        clusters = []
        for n in range(p.clusters):
            m.submodules[f"cluster_{n}"] = cluster = Cluster(
                p, self._instruction,
                *(self._stores[f"{name}.{n}"] for name in ("weights", "lists", "rows")))
            clusters.append(cluster)
            m.d.comb += [cluster.instruction.eq(own), cluster.start.eq(start),
                         cluster.clear.eq(clear),
                         cluster.address.eq(Mux(clear, sweep, drain.address)),
                         drain.sums[n].eq(cluster.sums)]
        m.d.comb += [drain.instruction.eq(own), drain.start.eq(start),
                     filters.address.eq(drain.filter), drain.fields.eq(filters.word)]
        idle = Signal()
        m.d.comb += idle.eq(Cat(cluster.idle for cluster in clusters).all())

        # Words of the last layer that have been begun, and have not left.
        owed = Signal(range(_room(p) + 1))
        begun, left = Signal(), Signal()
        wrong = Signal()
        m.d.comb += [left.eq(output.o.valid & output.o.ready & ~output.o.payload.error),
                     begun.eq(drain.step & drain.completes & own.final)]
        if p.answer == "class":
            m.d.comb += [begun.eq(drain.step & drain.last & own.ends)]
        m.d.sync += owed.eq(owed + begun - left)

        with m.FSM():
            with m.State("FETCH"):
                m.d.sync += sweep.eq(0)
                m.next = "CLEAR"
            with m.State("CLEAR"):
                m.d.comb += clear.eq(1)
                m.d.sync += sweep.eq(sweep + 1)
                with m.If(sweep == own.clear):
                    # No earlier after a reset, so that latency is the same at all times.
                    with m.If(layer == 0):
                        m.d.sync += opened.eq(1)
                    m.next = "WAIT"
            with m.State("WAIT"):
                m.d.comb += [start.eq((layer != 0) | (source.full & ~source.error)),
                             wrong.eq((layer == 0) & source.full & source.error)]
                with m.If(start):
                    m.d.sync += opened.eq(own.final)
                    m.next = "RUN"
                m.d.comb += source.begin.eq((start & (layer == 0))
                                            | (wrong & output.i.ready))
            with m.State("RUN"):
                with m.If(idle):
                    m.next = "DRAIN"
            with m.State("DRAIN"):
                m.d.comb += drain.step.eq((owed != _room(p)) | ~own.final)
                with m.If(drain.step & drain.last):
                    m.next = "SETTLE"
            with m.State("SETTLE"):
                with m.If(drain.settled):
                    m.d.sync += layer.eq(Mux(own.ends, 0, layer + 1))
                    m.next = "FETCH"
        self._maps(m, source, drain, clusters, start, own)

        beat = output.i.payload
        m.d.comb += [output.i.valid.eq(wrong), beat.error.eq(1), beat.last.eq(1)]
        answers = drain.decided & own.ends if p.answer == "class" else drain.valid & own.final
        with m.If(answers):
            m.d.comb += [output.i.valid.eq(1), beat.error.eq(0)]
            if p.answer == "class":
                # A 1, but not a constant: that would be a bit of a Verilog process without inputs.
                m.d.comb += [beat.last.eq(drain.decided), beat.data[0].eq(drain.best)]
            else:
                m.d.comb += [beat.last.eq(drain.end & own.ends),
                             *(beat.data[n].eq(drain.word[n]) for n in range(p.beat))]

    def _fetched(self, m, layer):
        """The layer's instruction."""
        if self.params.store == "load":
            m.submodules.program = memory = self._stores["program"]
            m.d.comb += memory.address.eq(layer)
            return memory.word
        own = Signal(self._instruction)
        with m.Switch(layer):
            for n, each in enumerate(program(self.params)):
                with m.Case(n):
                    m.d.comb += [own[name].eq(Const(int(value), own[name].shape()))
                                 for name, value in each.items()]
        return own

    def _maps(self, m, source, drain, clusters, start, own):
        """The map memories, one for each cluster's codes: a half is read while the other is
        written, by the input or by the drain."""
        p = self.params
        width = p.operand.width
        half = Signal()
        low, high = p.map_depths
        bits = ceil_log2(max(low, high))
        count = Signal(range(max(2, low, high)))
        written = Signal(len(count))
        m.d.comb += written.eq(Mux(source.write, source.word, count))
        with m.If(drain.valid):
            m.d.sync += count.eq(count + own.stride)
        with m.If(start):
            m.d.sync += [half.eq(half ^ own.enters), count.eq(own.place)]
        for n, cluster in enumerate(clusters):
            m.submodules[f"map_{n}"] = memory = Memory(
                shape=unsigned(p.slice * width), depth=(1 << bits) + high, init=[],
                attrs=NO_COLLISION)
            read, write = memory.read_port(), memory.write_port()
            m.d.comb += [
                read.en.eq(cluster.fetch), read.addr.eq(Cat(cluster.at[:bits], half)),
                cluster.data.eq(read.data),
                write.addr.eq(Cat(written[:bits], ~half)),
                write.en.eq(source.write | (drain.valid & ~own.final)),
            ]
            for k in range(p.slice):
                at = n * p.slice + k
                part = write.data[k * width:(k + 1) * width]
                with m.If(source.write):
                    # As wide as all maps' codes: with its sign, or zeros, in front.
                    code = Signal(shape(p.operand), name=f"given_{n}_{k}")
                    m.d.comb += [code.eq(source.i.payload.data[at]), part.eq(code)]
                with m.Else():
                    m.d.comb += part.eq(drain.word[at])


def _room(params):
    """Words that may be on their way to the output, the queue's among them: more than there are
    cycles from a word's last step to its return, so that a stall leaves no gap behind."""
    return params.latency + 4


class Joint(AxiStreamTop):
    """`golden.sparse_conv.joint.Joint` as an AXI4-Stream top."""

    def __init__(self, params, tensors):
        super().__init__(JointCore(params, tensors), output_register=False)  # it ends in a queue
