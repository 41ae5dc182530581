"""Numbers that streams are compared with: shift registers, and low-discrepancy digital nets.

A stream's bit in cycle t is ``code > number(t)``: over all ``2**width`` numbers it is 1 as often as
the code says. Numbers begin anew with every frame.

``net``: number bit b is the exclusive or of those bits of t that row b of a random binary matrix
selects, and of a constant. The matrix of the most significant bits has full rank, so that the first
``2**k`` cycles visit each of ``2**k`` equal intervals once: the linearly scrambled digital net of
Matousek ("On the L2-discrepancy for anchored boxes", J. Complexity 14, 1998), drawn without regard
to how two generators fit each other, which is measured instead.
"""

import numpy as np

from golden import lfsr
from golden.check import require_int
from golden.params import ceil_log2

__all__ = ["KINDS", "check_generators", "numbers", "rotate", "rows", "seeds", "streams"]

KINDS = ("net", "vdc", "lfsr")


def check_generators(bank, subject, width, length):
    """Raise unless ``bank`` gives numbers of ``width`` bits for ``length`` cycles."""
    if bank.kind != "lfsr":
        return
    require_int(f"{subject} lfsr register", bank.register, max(3, width), 32)
    period = (1 << bank.register) - 1
    if length > period:
        raise ValueError(f"{subject} stream length must be at most {period}, the period of an LFSR "
                         f"of {bank.register} stages, not {length}")
    if bank.count > period:
        raise ValueError(f"{subject} count must be at most {period}, the seeds of an LFSR of "
                         f"{bank.register} stages, not {bank.count}")


def rows(bank, width, length):
    """Of kinds net and vdc: for each generator the masks of t, most significant bit first, and the
    constant: list of (masks, constant)."""
    bits = max(1, ceil_log2(length))
    if bank.kind == "vdc":
        # Bit reversal; a number wider than t has zeros below.
        masks = [1 << b if b < bits else 0 for b in range(width)]
        rng = np.random.default_rng((bank.seed, width))
        shifts = [0, *map(int, rng.integers(0, 1 << width, bank.count - 1))]
        return [(masks, shift) for shift in shifts]
    return [_net(np.random.default_rng((bank.seed, number, width, bits)), width, bits)
            for number in range(bank.count)]


def _net(rng, width, bits):
    """Masks whose first min(width, bits) are independent, and a constant."""
    masks, basis = [], []
    while len(masks) < width:
        mask = int(rng.integers(1 << bits))
        rest = _reduced(mask, basis)
        if rest:
            basis = sorted([*basis, rest], reverse=True)
        elif len(basis) < bits:
            continue
        masks.append(mask)
    return masks, int(rng.integers(1 << width))


def _reduced(mask, basis):
    for vector in basis:
        mask = min(mask, mask ^ vector)
    return mask


def seeds(bank):
    """Of kind lfsr: every register's seed; no two are equal."""
    rng = np.random.default_rng((bank.seed, bank.register))
    found = {}
    while len(found) < bank.count:
        found[int(rng.integers(1, 1 << bank.register))] = None
    return list(found)


def numbers(bank, width, length):
    """int64 [length, count]: every generator's number in every stream cycle."""
    if bank.kind == "lfsr":
        # As many steps a cycle as the number has bits: no bit comes twice in a row.
        states = lfsr.sequence(bank.register, seeds(bank), length, steps=width)
        return states >> (bank.register - width)
    t = np.arange(length)
    out = np.zeros((length, bank.count), dtype=np.int64)
    for number, (masks, constant) in enumerate(rows(bank, width, length)):
        for mask in masks:
            out[:, number] = out[:, number] * 2 + (np.bitwise_count(t & mask) & 1)
        out[:, number] ^= constant
    return out


def rotate(number, by, width):
    """``number`` (int or array) with its ``width`` bits moved up by ``by``, around the end.

    >>> rotate(0b0011, 3, 4)
    9
    """
    return (number << by | number >> (width - by)) & ((1 << width) - 1) if by else number


def streams(bank, count, width, length):
    """int64 [length, count]: the number that each of ``count`` streams is compared with."""
    made = numbers(bank, width, length)
    return np.stack([rotate(made[:, generator], rotation, width)
                     for generator, rotation in bank.shared(count)], axis=1)
