"""Frames and weights with exactly as many zeros as stated, for every dataflow."""

import numpy as np
import pytest

from golden.sparse_conv import convolution
from golden.sparse_conv.array import Array, array
from golden.sparse_conv.cyclic import Cyclic, cyclic
from golden.sparse_conv.feed import feed as feed_networks
from golden.sparse_conv.joint import Joint, balance, build
from golden.sparse_conv.lists import sets
from golden.sparse_conv.nullhop import Nullhop, layer
from golden.sparse_conv.synthetic import TASKS, feed, task_of

BLOCKS = {
    "array": Array.random(array(), np.random.default_rng(0)),
    "cyclic": Cyclic.random(cyclic(16, 4, 5), np.random.default_rng(0)),
    "nullhop": Nullhop.random(layer(order="pairs", word=16), np.random.default_rng(0)),
    "joint": Joint.random(build(8, 5, 6, layers=2), np.random.default_rng(0)),
}


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("task", TASKS)
def test_maps_have_the_zeros_stated(name, task):
    block = BLOCKS[name]
    fed = (feed_networks if name == "joint" else feed)(task, block.params, 3, 5)
    maps = block.maps(fed.frames)
    maps = (maps[0] if name == "joint" else maps).reshape(3, -1)
    wanted = round(maps.shape[1] * int(task.split("-")[1]) / 100)
    assert ((maps == 0).sum(1) == wanted).all()
    if 0 < wanted:
        assert not (maps[0] == maps[1]).all()
    assert fed.score(block.params, None) == (None, 0) and task_of({"task": task}) is None
    again = feed(task, block.params, 3, 5).frames
    assert all((one == other).all() for one, other in zip(fed.frames, again, strict=True))


def test_wrong_feed():
    params = BLOCKS["array"].params
    with pytest.raises(ValueError, match=r"^Task must be one of zeros-0, .*, not 'zeros-33'$"):
        feed("zeros-33", params, 1)
    with pytest.raises(ValueError, match=r"^Frames must be at least 1, not 0$"):
        feed("zeros-50", params, 0)


def test_zero_out():
    values = np.arange(1, 13).reshape(3, 4)
    convolution.zero_out(values, np.arange(12).reshape(4, 3), 0.6, np.random.default_rng(1))
    assert ((values.reshape(4, 3) != 0).sum(1) == 1).all()
    convolution.zero_out(values, np.arange(12), 0.0, np.random.default_rng(1))
    assert (values != 0).sum() == 4


@pytest.mark.parametrize("zeros", [0.0, 0.25, 0.5, 0.75])
def test_weights_have_the_zeros_stated(zeros):
    """And no list is longer than another."""
    rng = np.random.default_rng(1)
    block = Array.sparse(array(16, filters=8, groups=4, index="list"), rng, zeros)
    weight = block.tensors["weight"]
    assert (weight == 0).mean() == zeros
    assert ((weight.ravel()[sets(block.params)] != 0).sum(1) == 36 * (1 - zeros)).all()
    assert (block.lengths == 36 * (1 - zeros)).all()
    block = Joint.sparse(build(8, filters=32, layers=2, lanes=8, stride=2), rng, zeros)
    for own, one in zip(block.own, block.params.layers, strict=True):
        assert (own["weight"] == 0).mean() == zeros
        assert balance(one, 8, own["weight"])[1] == 0


def test_wrong_sparse():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"^Array index must be 'list' to leave out zeros, "
                                         r"not 'dense'$"):
        Array.sparse(array(), rng, 0.5)
    with pytest.raises(ValueError, match=r"^Joint lanes must divide the 12 filters for lists of "
                                         r"one length, not 8$"):
        Joint.sparse(build(filters=12), rng, 0.5)
