"""Accuracy against bit faults: stochastic networks beside a binary-radix one, at the same rates.

``python -m golden.stochastic.fault_study docs/results/stochastic-faults.json``

The binary-radix network has the same float weights in 8 bits, inputs as they are, hidden values of
8 bits from an exact sigmoid, and accumulators that just hold their range. Its faults hit the same
places: ``streams`` the bits of what enters a layer, ``sums`` what an adder gives. Serial, one
adder takes a neuron's inputs one after another, and a partial sum that is wrong stays wrong;
parallel, a tree gives one sum a neuron, and only that is hit.

Digits, the five folds of one seed; every figure is over all 1,797 held-out digits.
"""

import sys
from pathlib import Path

import numpy as np

from golden import training
from golden.files import write_json
from golden.stochastic.network import Network, simulate
from golden.stochastic.params import Faults
from golden.stochastic.tasks import TASKS, load_data, train

__all__ = ["NETS", "RATES", "main", "measure", "radix"]

RATES = (0, 0.001, 0.01, 0.05, 0.2)
NETS = ("streams", "sums", "states")
#: Bits of the binary-radix network's weights and hidden values.
BITS = 8


def radix(weights, scales, x, fraction, *, streams=0.0, sums=0.0, serial=True, rng):
    """Classes that a binary-radix network gives to input codes x [frames, inputs].

    weights: for every layer real [terms, outputs], the bias as last term, within -scale .. scale
    streams, sums: rates of flipped bits
    """
    value = x.astype(np.int64)
    for number, (weight, scale) in enumerate(zip(weights, scales, strict=True)):
        code = np.round(weight / scale * (2 ** (BITS - 1) - 1)).astype(np.int64)
        width = fraction + (number == 0)
        terms = value ^ _mask(value.shape, width, streams, rng)
        if len(code) > terms.shape[1]:
            terms = np.concatenate([terms, np.full((len(terms), 1), 1 << fraction)], 1)
        reach = int(np.abs(code).sum(0).max()) << fraction
        bits = reach.bit_length() + 1
        if serial and sums:
            total = np.zeros((len(x), code.shape[1]), dtype=np.int64)
            for i in range(len(code)):
                total = _flipped(total + terms[:, i:i + 1] * code[i], bits, sums, rng)
        else:
            total = _flipped(terms @ code, bits, sums, rng)
        real = total * scale / (2 ** (BITS - 1) - 1) / 2.0**fraction
        fraction = BITS
        value = np.minimum(np.round(2**BITS / (1 + np.exp(-real))), 2**BITS - 1).astype(np.int64)
    return total.argmax(1)


def _mask(shape, bits, rate, rng):
    """Whole numbers whose bits are 1 at ``rate``."""
    mask = np.zeros(shape, dtype=np.int64)
    for bit in range(bits if rate else 0):
        mask |= (rng.random(shape) < rate).astype(np.int64) << bit
    return mask


def _flipped(total, bits, rate, rng):
    """Two's complement sums of so many bits, some of them inverted."""
    code = (total ^ _mask(total.shape, bits, rate, rng)) & ((1 << bits) - 1)
    return np.where(code >> (bits - 1), code - (1 << bits), code)


def measure(epochs=None, say=lambda text: None):
    """JSON-ready: accuracy in percent by network, net and rate."""
    task = TASKS["digits"]
    data = load_data(task)
    folds = range(len(data.splits))
    networks, rows = {}, []
    for m in (1, 4):
        say(f"training m = {m}")
        networks[m] = train(task.replace(m=m), seeds=(0,) * len(folds), folds=tuple(folds),
                            data=data, epochs=epochs)
    x, y, counts = training.held_out(data, folds)
    for net in NETS:
        for rate in RATES:
            say(f"{net} {rate:g}")
            kinds = {f"stochastic, m = {m}": [
                _stochastic(networks[m], member, net, rate, x[member, :count].numpy())
                for member, count in enumerate(counts)] for m in (1, 4)}
            for name, serial in (("radix, serial", True), ("radix, parallel", False)):
                if net == "states":
                    continue
                kinds[name] = [
                    radix([getattr(networks[1], f"float_{n}")[member].numpy() for n in (0, 1)],
                          task.scales, x[member, :count].numpy(),
                          networks[1].params.input.fraction, **{net: rate}, serial=serial,
                          rng=np.random.default_rng(member))
                    for member, count in enumerate(counts)]
            for name, classes in kinds.items():
                right = [found == y[member, :count].numpy()
                         for member, (found, count) in enumerate(zip(classes, counts, strict=True))]
                rows.append({"network": name, "net": net, "rate": rate,
                             "accuracy": round(100 * float(np.concatenate(right).mean()), 3)})
    return {"rows": rows, "digits": int(sum(counts)),
            "command": "python -m golden.stochastic.fault_study "
                       "docs/results/stochastic-faults.json"}


def _stochastic(network, member, net, rate, x):
    block = Network(*network.quantise(member))
    params = block.params.replace(faults=Faults(**{net: round(rate * 65536)}))
    return simulate(params, block.weights(), x).classes


def main(arguments):
    write_json(Path(arguments[0]), measure(say=lambda text: sys.stderr.write(f"{text}\n")))


if __name__ == "__main__":
    main(sys.argv[1:])
