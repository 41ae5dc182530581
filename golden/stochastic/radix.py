"""A layer of binary-radix neurons: the baseline of what stochastic ones cost at equal accuracy."""

from golden import activation
from golden.design import Stream
from golden.lstm.dense import Dense

__all__ = ["Radix"]


class Radix(Dense):
    """``y = sigmoid(W x)``: beats and frames as `golden.lstm.dense.Dense`, codes of y unsigned
    (`golden.stochastic.arithmetic.RadixParams`)."""

    name = "stochastic.radix"

    @property
    def output(self):
        p = self.params
        return Stream(activation.output("sigmoid", p.width), p.batch)

    def run(self, frames):
        table = activation.sigmoid(self.params.output, self.params.width)
        return [activation.lookup(table, z) for z in super().run(frames)]
