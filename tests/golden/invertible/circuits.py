"""Small circuits for the searches' tests: gates and ports, nothing else."""

import numpy as np

__all__ = ["AND", "FULL_ADDER", "multiplier", "random_circuit"]

AND = (0, 0, 0, 1)
FULL_ADDER = (0, 1, 1, 2, 1, 2, 2, 3)


def multiplier(bits):
    """Gates and ports of ``product = a b``, row by row."""
    spins = iter(range(2 * bits, 10 * bits * bits))
    a, b = range(bits), range(bits, 2 * bits)
    gates, rows = [], []
    for y in b:
        rows.append([next(spins) for _ in a])
        gates += [((x, y), (spin,), AND) for x, spin in zip(a, rows[-1], strict=True)]
    total, product, top = rows[0], [], None
    for row in rows[1:]:
        product.append(total[0])
        above, carry, sums = [*total[1:], top], None, []
        for bit, known in zip(row, above, strict=True):
            given = [spin for spin in (bit, known, carry) if spin is not None]
            if len(given) == 1:
                sums.append(given[0])
                continue
            out = next(spins), next(spins)
            gates.append((tuple(given), out, FULL_ADDER[:1 << len(given)]))
            sums.append(out[0])
            carry = out[1]
        total, top = sums, carry
    product += [*total, *([] if top is None else [top])]
    return tuple(gates), (("a", tuple(a)), ("b", tuple(b)), ("product", tuple(product)))


def random_circuit(rng, inputs, gates):
    """Gates of one to three inputs and one or two outputs, and ports of all inputs and some spins.
    """
    made, spins = [], inputs
    for _ in range(gates):
        given = rng.choice(spins, min(spins, int(rng.integers(1, 4))), replace=False)
        out = tuple(range(spins, spins + int(rng.integers(1, 3))))
        table = rng.integers(0, 1 << len(out), 1 << len(given))
        made.append((tuple(given.tolist()), out, tuple(table.tolist())))
        spins += len(out)
    shown = rng.permutation(np.arange(inputs, spins))[:int(rng.integers(0, spins - inputs + 1))]
    ports = [("x", tuple(range(inputs)))] + ([("y", tuple(shown.tolist()))] if len(shown) else [])
    return tuple(made), tuple(ports)
