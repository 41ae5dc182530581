"""Products of streams, and the sum that a multiplexer scales: a gate each."""

import numpy as np

from golden.stochastic.arithmetic import PerBeat

__all__ = ["Product", "product"]


def product(params, codes):
    """Codes [.., (a, b) or (a, b, select)] to the result's codes [.., 1].

    >>> from golden.stochastic.arithmetic import ProductParams
    >>> operands = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> product(ProductParams(kind="xnor", coding="bipolar"), operands).ravel().tolist()
    [1, 0, 0, 1]
    """
    a, b = codes[..., :1], codes[..., 1:2]
    if params.kind == "and":
        return np.where(b & 1, a, 0)
    if params.kind == "xnor":
        return 1 - (a ^ b)
    return np.where(codes[..., 2:] & 1, b, a)


class Product(PerBeat):
    """Input beats: the operands' values; output beats: the result's
    (`golden.stochastic.arithmetic.ProductParams`)."""

    name = "stochastic.product"

    def answers(self, codes):
        return product(self.params, codes)
