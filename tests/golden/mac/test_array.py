import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.formats import Format
from golden.mac.array import Array, array, corrections, weight_words
from golden.mac.params import ArrayParams
from tests.golden.mac.kinds import KINDS, SERIAL


@pytest.mark.parametrize("kind, serial", [
    *((kind, False) for kind in KINDS), *((kind, True) for kind in SERIAL)])
@settings(deadline=None, max_examples=5)
@given(bits=st.integers(2, 12), is_signed=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_selections_and_corrections_make_the_sum(kind, serial, bits, is_signed, seed):
    """What lanes add, read off the tables, is the sum of products but for the correction."""
    rng = np.random.default_rng(seed)
    p = ArrayParams(kind[0], Format(bits, 0, is_signed), 2, 2 * kind[1],
                    (2 if serial else 4) * kind[1], kind[1], serial=serial)
    block = Array.random(p, rng)
    (frame,) = block.random_frames(1, rng)
    words = weight_words(p, block.tensors["weight"])
    totals, beats = [0] * p.lanes, frame
    if serial:  # its bits, the highest first
        words, raised = words * bits, frame[0] + (1 << bits - 1) * is_signed
        beats = raised >> np.arange(bits)[::-1, None] & 1
    for word, beat in zip(words, beats.tolist(), strict=True):
        totals = [total << serial for total in totals]
        shared = [s.offset + sum(f * beat[s.first + k] for k, f in enumerate(s.factors))
                  for s in p.sums]
        assert all(0 <= v < 1 << s.width for v, s in zip(shared, p.sums, strict=True))
        assert all((v ^ shared[s.parity]) & 1 == 0 for v, s in zip(shared, p.sums, strict=True)
                   if s.parity is not None)
        for lane in range(p.lanes):
            codes = word >> lane * p.word_bits
            for made in p.selections:
                code = sum((codes >> at & 1) << k for k, at in enumerate(made.sources)
                           if at is not None)
                chosen, negate = made.table[code]
                value = 0
                if chosen is not None:
                    index, shift = made.candidates[chosen]
                    early = negate and made.early
                    value = (shared[index] ^ early * ((1 << p.sums[index].width) - 1)) << shift
                late = negate and not made.early
                totals[lane] += (value ^ late * ((1 << made.width) - 1)) << made.base
    half = 1 << p.sum_width - 1
    totals = np.array(totals, dtype=object) + corrections(p, block.tensors["weight"])
    assert [(t + half) % (2 * half) - half for t in totals] == block.run([frame])[0][:, 0].tolist()


def test_zero_that_is_subtracted():
    """Inverted behind the choice it is all ones; before, none of it is left."""
    booth, powers = (ArrayParams(kind, Format(8), 1, 1, 1) for kind in ("int2", "powers3"))
    (digit, *_), (power,) = booth.selections, powers.selections
    assert digit.table[7] == power.table[4] == (None, True)
    assert (digit.early, digit.constant(7, booth.sums)) == (False, (1 << 9) - 1)
    assert (power.early, power.constant(4, powers.sums)) == (True, 0)


def test_run():
    block = Array(ArrayParams("ternary", Format(4), 2, 2, 4), {
        "weight": np.array([[1, 0, -1, 1], [-1, -1, -1, -1]])})
    assert block.run([np.array([[1, 2], [3, -8]])])[0].tolist() == [[-10], [2]]
    for stages in (1, 2, 3):
        params = block.params.replace(stages=stages)
        assert Array(params, block.tensors).cycles([None] * 3) == 3 * (2 + 2 + stages) + 1
    params = block.params.replace(terms=4, serial=True)
    assert Array(params, block.tensors).cycles([None] * 3) == 3 * (4 + 2 + 1) + 1


def test_extremes_fit():
    p = ArrayParams("int8", Format(8), 1, 2, 6)
    block = Array(p, {"weight": np.full((1, 6), -127)})
    (total,) = block.run([np.full((3, 2), -128)])
    assert total == 6 * 127 * 128 <= p.output.format.maximum


def test_array():
    p = array(weights="binary", bits=5, signed=False, share=2)
    assert (p.operand, p.share) == (Format(5, 0, False), 2)
    assert array(length=24, serial=True).terms == 24


@pytest.mark.parametrize("given, error, message", [
    ({"weights": "int1"}, ValueError, r"^Weight kind must be one of binary, .*, not 'int1'$"),
    ({"operand": 8}, TypeError, r"^Array operand must be a Format, not 8$"),
    ({"operand": Format(17)}, ValueError, r"^Array operand width must be between 2 and 16, not 17"),
    ({"lanes": 0}, ValueError, r"^Array lanes must be between 1 and 1024, not 0$"),
    ({"terms": 0}, ValueError, r"^Array terms must be between 1 and 256, not 0$"),
    ({"terms": 3}, ValueError, r"^Array length must be a multiple of the 3 terms a cycle, not 16$"),
    ({"length": 2}, ValueError, r"^Array length must be between 4 and 65536, not 2$"),
    ({"share": 3}, ValueError, r"^Array share must be between 1 and 2, not 3$"),
    ({"weights": "powers4", "share": 2}, ValueError,
     r"^Array share must be 1 with powers4 weights, not 2$"),
    ({"weights": "int8", "share": 4}, ValueError, r"^Array share must be between 1 and 3, not 4$"),
    ({"serial": 1}, TypeError, r"^Array serial must be a bool, not 1$"),
    ({"serial": True}, ValueError, r"^Array terms must be the length of 16 where operands come bit "
     r"by bit, not 4$"),
    ({"weights": "binary", "share": 3}, ValueError,
     r"^Array terms must be a multiple of the share of 3, not 4$"),
    ({"structure": "tree"}, ValueError,
     r"^Array structure must be one of ripple, carry-save, not 'tree'$"),
    ({"stages": 4}, ValueError, r"^Array stages must be between 1 and 3, not 4$"),
])
def test_init_wrong(given, error, message):
    with pytest.raises(error, match=message):
        ArrayParams(**given)


def test_wrong_weights():
    with pytest.raises(ValueError, match=r"^Tensor weight must hold binary weights only$"):
        Array(ArrayParams("binary"), {"weight": np.zeros((8, 16))})
