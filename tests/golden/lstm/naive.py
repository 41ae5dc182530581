"""The recurrent networks once more, as slowly and plainly as can be: Python ints and fractions.

Only the equations of the docstrings stand here, one element at a time; nothing is taken from
golden but the parameters.
"""

import math
from fractions import Fraction

__all__ = ["dense", "network", "sigmoid", "tanh"]

HALF = Fraction(1, 2)


def clamp(value, form):
    low, high = ((-2**(form.width - 1), 2**(form.width - 1) - 1) if form.signed
                 else (0, 2**form.width - 1))
    return max(low, min(high, value))


def nearest(exact):
    """Nearest integer, ties up."""
    return math.floor(exact + HALF)


def sigmoid(z, pre, width):
    """Code of width bits, all of them fraction bits; never 0 and never 1."""
    x = (abs(z + 0.5)) / 2**pre.fraction
    y = min(round(2**width / (1 + math.exp(-x))), 2**width - 1)
    return y if z >= 0 else 2**width - y


def tanh(z, pre, width):
    x = abs(z + 0.5) / 2**pre.fraction
    y = min(round(math.tanh(x) * 2**(width - 1)), 2**(width - 1) - 1)
    return y if z >= 0 else -y


def short(total, p):
    """A row sum without its low bits."""
    return math.floor(Fraction(total, 2**p.sum_shift))


def dot(row, vector):
    return sum(int(w) * int(x) for w, x in zip(row, vector, strict=True))


def lstm_unit(p, t, unit, acc_h, acc_x, c):
    """(h, c) of one unit from its four row sums."""
    width, one = p.activation.width, 2**p.activation.width
    z = {}
    for row, gate in enumerate(("i", "f", "g", "o")):
        if p.joint:
            total = short(acc_h[row] + acc_x[row], p) * int(t["scale"][row, unit])
        else:
            total = (short(acc_h[row], p) * int(t["scale_h"][row, unit])
                     + short(acc_x[row], p) * int(t["scale_x"][row, unit]))
        total += int(t["bias"][row, unit])
        z[gate] = clamp(math.floor(Fraction(total, 2**p.shift)), p.pre)
    i, f, o = (Fraction(sigmoid(z[gate], p.pre, width), one) for gate in "ifo")
    g = Fraction(tanh(z["g"], p.pre, width), one // 2)
    state_one = 2**p.state.fraction
    c = clamp(nearest((f * Fraction(c, state_one) + i * g) * state_one), p.state)
    if p.cell_norm:
        z_c = math.floor(Fraction(c * int(t["cell_scale"][unit]) + int(t["cell_bias"][unit]),
                                  2**p.cell_shift))
    else:
        z_c = math.floor(Fraction(c, state_one) * 2**p.pre.fraction)
    h = clamp(nearest(o * tanh(clamp(z_c, p.pre), p.pre, width)), p.activation)
    return (0 if abs(h) < p.threshold else h), c


def gru_unit(p, t, unit, acc_h, acc_x, state):
    """(h, state) of one unit from its three row sums."""
    width, one = p.activation.width, 2**p.activation.width
    rows = {gate: (short(acc_h[row], p) * int(t["scale_h"][row, unit]),
                   short(acc_x[row], p) * int(t["scale_x"][row, unit])
                   + int(t["bias"][row, unit]))
            for row, gate in enumerate(("r", "n", "z"))}
    r, z = (Fraction(sigmoid(clamp(math.floor(Fraction(sum(rows[gate]), 2**p.shift)), p.pre),
                             p.pre, width), one) for gate in "rz")
    # Row sums have pre.fraction + shift fraction bits.
    to_state = Fraction(2**p.state.fraction, 2**(p.pre.fraction + p.shift))
    inner_h = clamp(nearest((rows["n"][0] + int(t["bias_h"][unit])) * to_state), p.state)
    inner_x = clamp(nearest(rows["n"][1] * to_state), p.state)
    state_one = 2**p.state.fraction
    z_n = clamp(math.floor((inner_x + r * inner_h) * Fraction(2**p.pre.fraction, state_one)),
                p.pre)
    n = Fraction(tanh(z_n, p.pre, width), one // 2)
    old = Fraction(state, state_one)
    state = clamp(nearest((n + z * (old - n)) * state_one), p.state)
    h = clamp(nearest(Fraction(state, state_one) * (one // 2)), p.activation)
    return (0 if abs(h) < p.threshold else h), state


def layer_step(p, t, x, h, state):
    """One step of one batch item. x: a vector, or a symbol code."""
    unit_step = {"lstm": lstm_unit, "gru": gru_unit}[p.cell]
    new_h, new_state = [], []
    for unit in range(p.hidden):
        acc_h, acc_x = [], []
        for row in range(4 if p.cell == "lstm" else 3):
            acc_h.append(dot(t["weight_h"][row, unit], h))
            if p.one_hot:
                acc_x.append(int(t["weight_x"][row, unit, x]) if x < p.inputs else 0)
            else:
                acc_x.append(dot(t["weight_x"][row, unit], x))
        a, b = unit_step(p, t, unit, acc_h, acc_x, state[unit])
        new_h.append(a)
        new_state.append(b)
    return new_h, new_state


def dense(p, t, x):
    """One vector through the head."""
    y = []
    for row in range(p.outputs):
        acc = dot(t["weight"][row], x)
        if not p.raw:
            acc = clamp(nearest(Fraction(short(acc, p) * int(t["scale"][row]) + int(t["bias"][row]),
                                         2**p.shift)), p.output)
        y.append(acc)
    return y


def vectors(beats, size, columns, batch):
    """Beats of one vector to a vector for each batch item."""
    taken = [[] for _ in range(batch)]
    for beat in beats:
        for item in range(batch):
            taken[item] += [int(v) for v in beat[item * columns:(item + 1) * columns]]
    return [values[:size] for values in taken]


def network(p, tensors, frames):
    """What `golden.lstm.network.Network.run` must give: for each frame a list of beats."""
    def part(prefix):
        return {name[len(prefix) + 1:]: value for name, value in tensors.items()
                if name.startswith(prefix + ".")}

    parts = [part(f"layers.{n}") for n in range(len(p.layers))]
    first = p.layers[0]
    per_step = 1 if first.one_hot else -(-first.inputs // first.columns)
    answers, memory = [], None
    for frame in frames:
        if memory is None or not p.stateful:
            memory = [[([0] * q.hidden, [0] * q.hidden) for q in p.layers]
                      for _ in range(p.batch)]
        beats = []
        for step in range(p.steps):
            given = frame[step * per_step:(step + 1) * per_step]
            if first.one_hot:
                items = [int(code) for code in given[0]]
            else:
                items = vectors(given, first.inputs, first.columns, p.batch)
            outputs = []
            for item, x in enumerate(items):
                for n, q in enumerate(p.layers):
                    memory[item][n] = layer_step(q, parts[n], x, *memory[item][n])
                    x = memory[item][n][0]
                outputs.append(dense(p.head, part("head"), x) if p.head else x)
            if p.per_step or step == p.steps - 1:
                beats += [list(beat) for beat in zip(*outputs, strict=True)]
        answers.append(beats)
    return answers
