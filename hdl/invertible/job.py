"""Jobs in, answers out: what all that search share. Frames: `golden.invertible.job`."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.invertible.job import COUNT, STATUS, WORD, WORDS, words
from hdl.frame import FrameCheck, beat_in, beat_out

__all__ = ["JobCore", "JobPort", "turns"]


class JobPort(wiring.Component):
    """Takes a job, counts the cycles that it runs, and answers.

    **Latency** 1 cycle from a job's last beat to ``start``, 1 from there to the first cycle of
    ``run``, 1 from the last one to the answer's first beat. **Throughput** a beat a cycle.
    **Back-pressure** by jobs: the next one is taken when the answer has left.

    A job of a wrong length is dropped, and answered by one beat with ``error``.

    Parameters
    ----------
    params
        With ``job`` and ``answer``, as `golden.invertible.job.JobBlock` says.

    Members
    -------
    i : In, stream of `beat_in`
    o : Out, stream of `beat_out`
        From registers, as far as ``value`` is.
    asked : Out
        What stands behind the limit, each field on a word's boundary.
    start, run : Out(1)
        Of a job of a wrong length neither.
    found : In(1)
        It is solved with the cycle that runs.
    replica : In(15)
        By which one, 0 if by none, and ``value``: both read while the answer leaves.
    value : In
    """

    def __init__(self, params):
        self.params = params
        _, *fields = params.job
        super().__init__({
            "i": In(stream.Signature(beat_in(WORDS))), "o": Out(stream.Signature(beat_out(WORDS))),
            "asked": Out(WORD * words(fields)), "start": Out(1), "run": Out(1), "found": In(1),
            "replica": In(STATUS - 1), "value": In(params.answer[-1])})

    def elaborate(self, _platform):
        m = Module()
        p, i, o = self.params, self.i, self.o
        m.submodules.frame = frame = FrameCheck(words(p.job))
        loaded = Signal(WORD * words(p.job))
        limit, cycles = loaded[:COUNT], Signal(COUNT)
        found, error = Signal(), Signal()
        beats = words(p.answer)
        beat = Signal(range(beats))
        m.d.comb += [frame.step.eq(i.valid & i.ready), frame.last.eq(i.payload.last),
                     self.asked.eq(loaded[COUNT:]), o.payload.error.eq(error),
                     o.payload.last.eq(error | (beat == beats - 1))]
        with m.FSM():
            with m.State("LOAD"):
                m.d.comb += i.ready.eq(1)
                with m.If(i.valid):
                    m.d.sync += loaded.eq(Cat(loaded[WORD:], i.payload.data[0]))
                    with m.If(i.payload.last):
                        m.d.sync += error.eq(frame.wrong)
                        m.next = "START"
            with m.State("START"):
                m.d.comb += self.start.eq(~error)
                m.d.sync += [cycles.eq(1), beat.eq(0)]
                m.next = "RUN"
                with m.If(error):
                    m.next = "ANSWER"
            with m.State("RUN"):
                m.d.comb += self.run.eq(1)
                m.d.sync += found.eq(self.found)
                with m.If(self.found | (cycles >= limit)):
                    m.next = "ANSWER"
                with m.Else():
                    m.d.sync += cycles.eq(cycles + 1)
            with m.State("ANSWER"):
                m.d.comb += o.valid.eq(1)
                with m.If(o.ready):
                    m.d.sync += beat.eq(beat + 1)
                    with m.If(o.payload.last):
                        m.next = "LOAD"
        answer = Cat(found, self.replica, cycles, self.value)
        data = Signal(WORD)
        with m.Switch(beat):
            for n in range(beats):
                with m.Case(n):
                    m.d.comb += data.eq(answer[n * WORD:(n + 1) * WORD])
        m.d.comb += o.payload.data[0].eq(Mux(error, 0, data))
        return m


class JobCore(wiring.Component):
    """A `JobPort`, and what runs its jobs: components of equal members, one for each replica.

    **Latency**, **throughput**, **back-pressure**: `JobPort`.

    Parameters
    ----------
    params
        As `JobPort` takes them.
    replicas : list of wiring.Component
        With ``asked``, ``start``, ``run`` (In), ``found`` (in the cycle that runs) and ``value``
        (from the next one on).

    Members
    -------
    i : In, stream of `beat_in`
    o : Out, stream of `beat_out`
    """

    def __init__(self, params, replicas):
        self.params, self.replicas = params, replicas
        super().__init__({"i": In(stream.Signature(beat_in(WORDS))),
                          "o": Out(stream.Signature(beat_out(WORDS)))})

    def elaborate(self, _platform):
        m = Module()
        m.submodules.port = port = JobPort(self.params)
        wiring.connect(m, wiring.flipped(self.i), port.i)
        wiring.connect(m, port.o, wiring.flipped(self.o))
        for number, replica in enumerate(self.replicas):
            m.submodules[f"replica_{number}"] = replica
            m.d.comb += [replica.asked.eq(port.asked), replica.start.eq(port.start),
                         replica.run.eq(port.run)]
        m.d.comb += port.found.eq(Cat(*(replica.found for replica in self.replicas)).any())
        winner = Signal(range(max(2, len(self.replicas))))
        m.d.comb += [port.replica.eq(winner), port.value.eq(self.replicas[0].value)]
        with m.If(port.run):
            m.d.sync += winner.eq(0)
        for number, replica in reversed(list(enumerate(self.replicas))):
            with m.If(port.run & replica.found):
                m.d.sync += winner.eq(number)
        for number, replica in enumerate(self.replicas[1:], 1):
            with m.If(winner == number):
                m.d.comb += port.value.eq(replica.value)
        return m


def turns(m, stages, start, run):
    """For searches that take turns, one for each stage of a pipeline: whether one begins in the
    first stage, nothing being finished; and which one."""
    begins, turn = Signal(), Signal(range(max(2, stages)))
    more = Signal()     # of them
    m.d.comb += begins.eq(start | (run & more))
    m.d.sync += [turn.eq(Mux(begins, turn + 1, 0)), more.eq(begins & (turn != stages - 1))]
    return begins, turn
