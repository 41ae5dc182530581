"""A component with streams as a top module with AXI4-Stream ports."""

from amaranth.hdl import Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.stream import SkidBuffer

__all__ = ["AxiStreamTop"]


class AxiStreamTop(wiring.Component):
    """Gives ``component`` ports with AXI4-Stream names, beside ``clk`` and ``rst`` (synchronous,
    active high).

    ``tdata`` is whole bytes: elements packed least significant first, unused bits zero on
    ``m_axis`` and ignored on ``s_axis``. There is no ``tkeep``: lengths follow from the parameters.

    **Latency** 0 cycles from ``s_axis`` (and ``s_axis_w``) to the component, 1 cycle from the
    component to ``m_axis``. **Throughput** one beat a cycle. **Back-pressure** passes through:
    ``s_axis_tready`` is the component's own, ``m_axis_*`` come from registers (`SkidBuffer`), so
    that the component sees a stall one beat later. Without ``output_register`` the component's
    own ``o`` is ``m_axis``, 0 cycles away: right where it is a function of registers alone.

    It neither counts nor checks frames: that is the component's work.

    Parameters
    ----------
    component : wiring.Component
        With streams ``i`` (payload ``data``: ArrayLayout of elements; ``last``), ``o`` (``data``,
        ``last``, ``error``) and optionally ``w`` (``data``, ``last``).
    output_register : bool

    Members
    -------
    s_axis_tdata, s_axis_tvalid, s_axis_tlast : In; s_axis_tready : Out
    m_axis_tdata, m_axis_tvalid, m_axis_tlast, m_axis_tuser : Out; m_axis_tready : In
        ``tuser[0]`` is ``error``: the frame had a wrong length and was discarded.
    s_axis_w_tdata, s_axis_w_tvalid, s_axis_w_tlast : In; s_axis_w_tready : Out
        Only where the component has ``w``.
    """

    def __init__(self, component, *, output_register=True):
        self.component, self.output_register = component, output_register
        self._inputs = {"s_axis": component.i}
        if hasattr(component, "w"):
            self._inputs["s_axis_w"] = component.w
        members = {}
        for name, port in self._inputs.items():
            members |= {f"{name}_tdata": In(_bytes(port)), f"{name}_tvalid": In(1),
                        f"{name}_tready": Out(1), f"{name}_tlast": In(1)}
        members |= {"m_axis_tdata": Out(_bytes(component.o)), "m_axis_tvalid": Out(1),
                    "m_axis_tready": In(1), "m_axis_tlast": Out(1), "m_axis_tuser": Out(1)}
        super().__init__(members)

    def elaborate(self, _platform):
        m = Module()
        m.submodules.core = core = self.component
        o = core.o
        if self.output_register:
            m.submodules.skid = output = SkidBuffer(core.o.payload.shape())
            wiring.connect(m, core.o, output.i)
            o = output.o
        for name, port in self._inputs.items():
            m.d.comb += [
                Value.cast(port.payload.data).eq(getattr(self, f"{name}_tdata")),
                port.payload.last.eq(getattr(self, f"{name}_tlast")),
                port.valid.eq(getattr(self, f"{name}_tvalid")),
                getattr(self, f"{name}_tready").eq(port.ready),
            ]
        m.d.comb += [
            self.m_axis_tdata.eq(Value.cast(o.payload.data)),
            self.m_axis_tlast.eq(o.payload.last),
            self.m_axis_tuser.eq(o.payload.error),
            self.m_axis_tvalid.eq(o.valid),
            o.ready.eq(self.m_axis_tready),
        ]
        return m


def _bytes(port):
    """Bits of ``tdata``: what the elements take, in whole bytes."""
    return -(-len(Value.cast(port.payload.data)) // 8) * 8
