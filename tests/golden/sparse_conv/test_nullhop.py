"""Who does what, and what the block makes of streams."""

import numpy as np
import pytest

from golden.formats import Format
from golden.sparse_conv import convolution
from golden.sparse_conv.compressed import StreamError, decode
from golden.sparse_conv.nullhop import Nullhop, layer
from golden.sparse_conv.nullhop_cycles import busy
from golden.sparse_conv.nullhop_params import NullhopParams


@pytest.mark.parametrize("channels, filters, kernel, found", [
    # cluster, filters of a pass, passes, channels of a controller: the chip's 128 MACs
    (3, 64, 3, (2, 64, 1, 2)), (64, 64, 3, (2, 64, 1, 32)), (128, 128, 3, (1, 128, 1, 128)),
    (256, 256, 3, (1, 128, 2, 256)), (512, 512, 3, (2, 64, 8, 256)), (64, 16, 3, (8, 16, 1, 8)),
    (100, 192, 3, (1, 128, 2, 128)), (455, 128, 3, (1, 128, 1, 512)),
    (456, 128, 3, (2, 64, 2, 256)),
])
def test_allocation(channels, filters, kernel, found):
    p = layer(channels, 8, 8, filters, kernel, macs=128)
    assert (p.cluster, p.filters_pass, p.passes, p.share) == found


@pytest.mark.parametrize("changes, error", [
    ({"macs": 12}, r"^NullHop macs must be one of 8, 16, 32, 64, 128, not 12$"),
    ({"controllers": 3}, r"^NullHop controllers must be one of 1, 2, 4, 8, not 3$"),
    ({"bank": 0}, r"^NullHop bank must be between 1 and 1048576, not 0$"),
    ({"bank": 10}, r"^NullHop controllers must be at least 16 for banks of 10 weights, not 8 "
                   r"\(or make the bank larger\)$"),
    ({"word": 12}, r"^NullHop word must be one of 4, 8, 16, not 12$"),
    ({"word": 4}, r"^NullHop word must be at least the layer's input width \(8\), not 4$"),
    ({"beat": 3}, r"^NullHop beat must be one of 1, 2, 4, 8, not 3$"),
    ({"order": "columns"}, r"^NullHop order must be one of rows, pairs, not 'columns'$"),
    ({"columns": 2}, r"^NullHop columns must be at least the kernel \(3\), not 2$"),
    ({"columns": 6}, r"^NullHop columns must be one of 2, 4, 8, 16, 32, not 6$"),
    ({"filters": 18, "lanes": 4}, r"^NullHop lanes must divide the filters \(18\) and be at most "
                                  r"those of a pass \(16\), not 4$"),
    ({"store": "stream"}, r"^NullHop store must be one of rom, load, not 'stream'$"),
    ({"room": -1}, r"^NullHop room must be at least 0, not -1$"),
])
def test_wrong_params(changes, error):
    with pytest.raises(ValueError, match=error):
        layer(**changes)


def test_wrong_layer():
    with pytest.raises(TypeError, match=r"^NullHop layer must be a ConvParams, not None$"):
        NullhopParams(None)


def test_params_round_trip():
    p = layer(pool=2, lanes=4)
    assert NullhopParams.from_dict(p.to_dict()) == p


@pytest.mark.parametrize("pool, relu", [(1, True), (1, False), (2, True), (2, False)])
def test_run(pool, relu):
    """The decoded answer is the reference's, and the next layer takes it."""
    rng = np.random.default_rng(0)
    p = layer(20, 7, 6, 24, pool=pool, relu=relu, output=Format(8, 0, signed=not relu), word=8)
    block = Nullhop.random(p, rng)
    maps = convolution.random_maps(p.layer, 3, rng)
    frames = block.encode(maps)
    expected = convolution.convolve(p.layer, block.tensors, maps)
    shape = expected.shape[1:]
    for frame, image in zip(block.run(frames), expected, strict=True):
        found = decode(frame.reshape(-1), *shape, p.layer.output, 8, p.out_order, raw=not relu,
                       beat=2)
        assert (found == image).all()
    if relu:
        after = Nullhop.random(layer(*shape, 8, order=p.out_order, input=p.layer.output), rng)
        assert (after.maps(block.run(frames)) == expected).all()


def test_wrong_frame():
    block = Nullhop.random(layer(), np.random.default_rng(0))
    frame = block.random_frames(1, np.random.default_rng(1))[0]
    with pytest.raises(StreamError, match=r"^Stream must "):
        block.run([frame[:-1]])


def test_image():
    """Weights, then biases, then scales: what the memories hold, word for word."""
    block = Nullhop.random(layer(2, 3, 3, 2, 1, 1, 0, scale_width=8, macs=8, controllers=2,
                                 store="load"), np.random.default_rng(0))
    weight, bias, scale = (block.tensors[name] for name in ("weight", "bias", "scale"))
    low = [int(weight[0, c, 0, 0]) & 255 | (int(weight[1, c, 0, 0]) & 255) << 8 for c in (0, 1)]
    assert block.image()[:, 0].tolist() == [
        *low, *(bias & (1 << 24) - 1).tolist(), *(scale & 255).tolist()]
    with pytest.raises(ValueError, match=r"^sparse_conv.nullhop must have store 'load' to have an "
                                         r"image$"):
        Nullhop.random(layer(), np.random.default_rng(0)).image()


def test_no_room():
    block = Nullhop.random(layer(room=5), np.random.default_rng(0))
    maps = np.zeros((1, 16, 8, 8), np.int64)
    maps[0, :5, 3, 2] = 1
    assert (block.maps(block.encode(maps)) == maps).all()
    maps[0, 5, 3, 7] = 1
    with pytest.raises(StreamError, match=r"^Rows must have at most 5 values for controller 0, not "
                                          r"6$"):
        block.run(block.encode(maps))


@pytest.mark.parametrize("stride, padding, pool", [(1, 0, 1), (1, 2, 1), (2, 1, 1), (1, 1, 2),
                                                   (3, 0, 1)])
def test_busy(stride, padding, pool):
    """Multiplications are those of non-zero values with outputs within the map, no more."""
    p = layer(8, 7, 6, 8, stride=stride, padding=padding, pool=pool)
    maps = convolution.random_maps(p.layer, 4, np.random.default_rng(0))
    useful = convolution.useful_macs(p.layer, np.ones((8, 8, 3, 3)), maps)
    made = busy(p, maps) * p.filters_pass
    # Pooling leaves an odd last row and column out.
    assert (made == useful).all() if pool == 1 else (made <= useful).all()
    if pool == 1:
        assert busy(p, maps * 0 + 1)[0] * p.filters_pass == p.layer.macs
