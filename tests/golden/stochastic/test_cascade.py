"""A cascade against a slow one in Python's integers, its clock counted out, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings

from golden.formats import Format
from golden.stochastic.build import network
from golden.stochastic.cascade import Cascade, cascade, split
from golden.stochastic.network import Network
from golden.stochastic.params import CascadeParams
from golden.stochastic.timing import depth
from tests.golden.stochastic.test_network import naive
from tests.hdl.stochastic.networks import cascades


@settings(max_examples=60, deadline=None)
@given(cascades())
def test_equals_bit_by_bit(case):
    """Each section by the slow network; between them the ones of its last layer, counted."""
    block, frames = case
    answers, last = block.run(frames), block.params.sections[-1]
    for frame, answer in zip(frames, answers, strict=True):
        x = frame.reshape(-1)[:block.params.inputs]
        for section, part in zip(block.params.sections, block.networks, strict=True):
            best, cycles, scores, traced = counted(section, part.tensors, x)
            x = np.sum(traced, 0, dtype=int)[-section.outputs:]
        expected = [[best, cycles]] if last.answer == "class" else [[score] for score in scores]
        assert answer.tolist() == expected


def counted(section, tensors, x):
    """As `naive`, also of a network without a head."""
    if section.answer != "ones":
        return naive(section, tensors, x)
    # With a head of no weight behind it, which changes no bit before it.
    head = section.layers[-1].replace(
        inputs=section.outputs, outputs=1, states=0, threshold=0, start=0, bias=False, neurons=0,
        synapses=0, w=section.layers[-1].w.replace(table=None))
    whole = section.replace(layers=(*section.layers, head), answer="class", out_columns=1)
    return naive(whole, {**tensors, f"layers.{len(section.layers)}.weight":
                         np.zeros((1, section.outputs), int)}, x)


def test_split_keeps_layers_and_gives_each_section_its_own_numbers():
    whole = network(12, 9, 4, 2, 64, columns=3)
    params = split(whole, [128, 0, 32], stop="margin", margin=5)
    first, last = params.sections
    assert first.layers + last.layers == whole.layers
    assert (first.length, first.answer, first.stop) == (128, "ones", "never")
    assert (last.length, last.answer, last.stop) == (32, "class", "margin")
    assert last.input == Format(8, 7, signed=False)
    assert last.columns == first.out_columns == 3
    assert first.x.seed != last.x.seed
    tensors = Network.random(whole, np.random.default_rng(0)).tensors
    block = Cascade.of(params, tensors)
    assert (block.tensors["sections.1.layers.0.weight"] == tensors["layers.2.weight"]).all()
    assert CascadeParams.from_dict(params.to_dict()) == params
    assert (params.inputs, params.outputs, params.words, params.answer) == (12, 4, 4, "class")
    assert block.input == block.networks[0].input and block.output == block.networks[1].output


def test_clock_cycles():
    """In a row: load, first section, the counts' beats, second section; then the slowest's pace."""
    params = cascade(16, 12, 4, "256,64", columns=4)
    first, last = params.sections
    block = Cascade.random(params, np.random.default_rng(0))
    frames = block.random_frames(20, np.random.default_rng(1))
    one = 4 + 256 + depth(first) + 3 + 64 + depth(last) + 1
    assert block.cycles(frames[:1]) == one
    assert block.cycles(frames) == one + 19 * 256
    slower = Cascade(CascadeParams((first, last.replace(length=1024))), block.tensors)
    assert slower.cycles(frames) == one + 1024 - 64 + 19 * 1024


def test_utilisation():
    params = cascade(16, 12, 4, "256,256", columns=4)
    block = Cascade.random(params, np.random.default_rng(0))
    frames = block.random_frames(40, np.random.default_rng(1))
    assert 0.97 < block.utilisation(frames) < 1
    # The head idles for most of each frame: its synapses stand still.
    uneven = Cascade(split(network(16, 12, 4, columns=4), [256, 64]), block.tensors)
    work, idle = 12 * 17, 4 * 13
    assert uneven.utilisation(frames) == pytest.approx(
        (work + idle / 4) / (work + idle), rel=0.03)


PARAMS = cascade()
FIRST, LAST = PARAMS.sections


@pytest.mark.parametrize("sections, message", [
    ((LAST,), r"Cascade sections must be between 2 and 16, not 1"),
    ((LAST, LAST), r"Network answer must be 'ones' in every section but the last of a cascade, "
                   r"not 'class' in section 0"),
    ((FIRST, FIRST), r"Network answer must be 'class' or 'scores' in the last section of a "
                     r"cascade, not 'ones' in section 1"),
    ((FIRST, network(5, columns=4)), r"Network inputs must be 8 in section 1, as the section "
                                     r"before gives it, not 5"),
    ((FIRST, network(8, columns=4, input=Format(8, 8, signed=False))),
     r"Network input must be u9\.8 in section 1, as the section before gives it, not u8\.8"),
    ((FIRST, LAST.replace(columns=3)),
     r"Network columns must be 4 in section 1, as the section before gives it, not 3"),
])
def test_wrong_sections(sections, message):
    with pytest.raises(ValueError, match=rf"^{message}$"):
        CascadeParams(sections)


def test_a_section_that_is_none():
    with pytest.raises(TypeError, match=r"^Cascade section must be a NetworkParams, not 1$"):
        CascadeParams((FIRST, 1))


@pytest.mark.parametrize("changes, message", [
    ({"length": 48}, r"Network length must be a power of two, 2 to 32768, with answer 'ones', "
                     r"not 48"),
    ({"length": 1}, r"Network length must be a power of two, 2 to 32768, with answer 'ones', "
                    r"not 1"),
    ({"stop": "certain"}, r"Network stop must be 'never' with answer 'ones', not 'certain'"),
    ({"layers": LAST.layers}, r"Layer states must be at least 2 in every layer with answer "
                              r"'ones', not 0 in layer 0"),
    ({"out_columns": 65}, r"Network out_columns must be between 1 and 64, not 65"),
])
def test_wrong_counting_network(changes, message):
    with pytest.raises(ValueError, match=rf"^{message}$"):
        FIRST.replace(**changes)


@pytest.mark.parametrize("lengths, message", [
    ("256,x", r"Cascade lengths must be whole numbers with commas between, as 256,64, "
              r"not '256,x'"),
    ("0,64", r"Cascade length of the first layer must be at least 1, not 0"),
    ("64", r"Cascade sections must be between 2 and 16, not 1"),
    ("100,64", r"Network length must be a power of two, 2 to 32768, with answer 'ones', not 100"),
])
def test_wrong_lengths(lengths, message):
    with pytest.raises(ValueError, match=rf"^{message}$"):
        cascade(lengths=lengths)
    with pytest.raises(ValueError, match=r"^Cascade lengths must be between 2 and 2, not 3$"):
        split(network(), [64, 64, 64])
