"""The multiply-accumulate array: every weight bit that arrives feeds an accumulation."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.weights import product_stages
from hdl.delay import delayed
from hdl.formats import shape
from hdl.product import registered_products

__all__ = ["MacArray"]

#: Row registers form so many chains, or fewer, so that each has two steps. Rows that leave move
#: those of their chain alone; more chains need a larger multiplexer (docs/lstm.md).
CHAINS = 4


class MacArray(wiring.Component):
    """``lanes`` accumulators, each adding ``columns`` products of a weight and an operand a cycle.

    The sum of a phase's last word goes straight to the output row register and clears the
    accumulator in the same cycle, so that phases follow each other without a gap, and the
    accumulator itself needs neither an enable nor a multiplexer in front of its adder: a word
    that adds nothing is a word of zero operands. There is one row register for each of the two
    phases, because their sums are scaled differently. They leave ``rows`` lanes at a time, lane 0
    first: ``shift`` brings the next ones. The registers form chains that take turns.

    **Latency** ``2 + golden.weights.product_stages(kind, columns)`` cycles from the last word to
    ``rows_*``: operands stand in registers first, since a block RAM leaves no time for an adder
    behind it. **Throughput** one word a cycle. **Back-pressure** none: whoever sets ``last_*``
    sees to it that the rows have left.

    Operands are signed or unsigned; accumulators are wide enough for every sum of a phase.
    Products are `hdl.product`'s.

    It does not round, saturate or scale.

    Parameters
    ----------
    kind : WeightKind
    lanes, columns, batch : int
        Each batch item has its own accumulators; weights are shared.
    operand : Format
    widths : dict
        Accumulator width of each phase, ``h`` and ``x``, or of ``x`` alone.
    rows : int
        Lanes that leave a cycle.

    Members
    -------
    values : In, [batch][columns] operands, zero where there is none
    weights : In, lane-major codes
        Always codes of the kind, beside zero operands too: the code that is no ternary weight
        (10) would add its carry-in.
    last_h, last_x : In(1), this word is its phase's last
    shift : In(1)
    rows_h, rows_x : Out, [batch][rows] sums

    Source: Ardakani et al., ICLR 2019 (arXiv 1809.11086): multipliers replaced by multiplexers.
    """

    def __init__(self, *, kind, lanes, columns, batch, operand, widths, rows=1):
        self.kind, self.lanes, self.columns, self.batch = kind, lanes, columns, batch
        self.widths, self.rows = widths, rows
        members = {
            "values": In(data.ArrayLayout(data.ArrayLayout(shape(operand), columns), batch)),
            "weights": In(lanes * columns * kind.bits),
            "shift": In(1),
        }
        for phase, width in widths.items():
            members[f"last_{phase}"] = In(1)
            members[f"rows_{phase}"] = Out(
                data.ArrayLayout(data.ArrayLayout(signed(width), rows), batch))
        super().__init__(members)

    def elaborate(self, _platform):
        m = Module()
        phases = list(self.widths)
        width = max(self.widths.values())
        # What a memory's output register holds before its first read may be no weight at all.
        starting = Signal(init=1)
        values = Signal.like(self.values, name="registered_values")
        weights = Signal.like(self.weights, name="registered_weights")
        m.d.sync += [starting.eq(0), values.eq(self.values), weights.eq(self.weights)]
        bits = self.kind.bits
        stages = 1 + product_stages(self.kind, self.columns)
        ends = {phase: delayed(m, getattr(self, f"last_{phase}"), stages, f"ends_{phase}")
                for phase in phases}
        clear = delayed(m, starting, stages, "cleared") | Cat(ends.values()).any()
        chain_count = max(1, min(CHAINS, self.lanes // self.rows // 2))
        stride = chain_count * self.rows
        turn = Signal(range(chain_count))
        with m.If(Cat(ends.values()).any()):
            m.d.sync += turn.eq(0)
        with m.Elif(self.shift):
            m.d.sync += turn.eq(Mux(turn == chain_count - 1, 0, turn + 1))
        for item in range(self.batch):
            registers = {
                phase: [Signal(signed(size), name=f"row_{phase}_{item}_{lane}", reset_less=True)
                        for lane in range(self.lanes)] for phase, size in self.widths.items()}
            for lane in range(self.lanes):
                acc = Signal(signed(width), name=f"acc_{item}_{lane}")
                total = Signal(signed(width), name=f"sum_{item}_{lane}")
                codes = [weights[(lane * self.columns + column) * bits:][:bits]
                         for column in range(self.columns)]
                m.d.comb += total.eq(registered_products(
                    m, self.kind, values[item], codes, acc, name=f"product_{item}_{lane}"))
                m.d.sync += acc.eq(Mux(clear, 0, total))
                chain = lane // self.rows % chain_count
                for phase, lanes in registers.items():
                    with m.If(ends[phase]):
                        m.d.sync += lanes[lane].eq(total)
                    with m.Elif(self.shift & (turn == chain)):
                        m.d.sync += lanes[lane].eq(
                            lanes[lane + stride] if lane + stride < self.lanes else 0)
            for phase, lanes in registers.items():
                rows = getattr(self, f"rows_{phase}")
                m.d.comb += [rows[item][row].eq(Array(lanes[row:stride:self.rows])[turn])
                             for row in range(self.rows)]
        return m
