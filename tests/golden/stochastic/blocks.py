"""Random parameters of the arithmetic blocks, small enough for a simulator in Python."""

from hypothesis import strategies as st

from golden.stochastic.arithmetic import (
    AdderParams,
    ConverterParams,
    CounterParams,
    FsmParams,
    ProductParams,
)
from golden.stochastic.params import Generators

__all__ = ["adders", "converters", "counters", "fsms", "products"]

LENGTHS = st.sampled_from([1, 2, 3, 7, 8, 16])
RANGES = st.sampled_from([1, 1, 2, 3, 4, 8])
CODINGS = st.sampled_from(["unipolar", "bipolar", "sign"])


@st.composite
def converters(draw):
    coding, bits = draw(CODINGS), draw(st.integers(1, 5))
    kind = draw(st.sampled_from(["net", "vdc", "lfsr"]))
    x = Generators(kind, draw(st.integers(1, 3)), draw(st.integers(1, bits)),
                   draw(st.integers(0, 99)), register=draw(st.sampled_from([6, 9, 16])))
    return ConverterParams(draw(LENGTHS), draw(RANGES), coding, draw(st.integers(1, 3)), bits, x)


@st.composite
def products(draw):
    kind, m, coding = draw(st.sampled_from(["and", "xnor", "mux"])), draw(RANGES), draw(CODINGS)
    if kind == "xnor":
        m, coding = 1, "bipolar"
    if (kind, m, coding) == ("and", 1, "bipolar"):
        coding = "unipolar"
    return ProductParams(draw(LENGTHS), m, coding, kind=kind)


@st.composite
def adders(draw):
    return AdderParams(draw(LENGTHS), draw(RANGES), draw(CODINGS), draw(st.integers(2, 9)))


@st.composite
def fsms(draw):
    m, coding = draw(RANGES), draw(st.sampled_from(["bipolar", "sign"]))
    function, states = draw(st.sampled_from(["tanh", "exp"])), draw(st.integers(2, 20))
    threshold = draw(st.one_of(st.none(), st.integers(1, states - 1)))
    gain = draw(st.integers(1, 3)) if function == "exp" else 0
    if threshold is None:
        states = max(states, m * gain + 1)
    start = draw(st.one_of(st.none(), st.integers(0, states - 1)))
    return FsmParams(draw(LENGTHS), m, coding, function, states, threshold, start, gain)


@st.composite
def counters(draw):
    return CounterParams(draw(LENGTHS), draw(RANGES), draw(CODINGS))
