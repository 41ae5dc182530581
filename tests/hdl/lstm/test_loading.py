"""Weights that are not baked in: loaded once, and streamed in beside the vectors."""

import numpy as np
import pytest

import sim
from golden.formats import Format
from golden.lstm.dense import Dense
from golden.lstm.network import Network
from golden.lstm.params import DenseParams, LayerParams, NetworkParams
from hdl.lstm import dense, network
from hdl.verilog import emit


def _network():
    layers = (LayerParams(5, 8, lanes=8, shift=10, cell_norm=True, store="load"),
              LayerParams(8, 6, cell="gru", lanes=6, interval=3, shift=10, store="load"))
    params = NetworkParams(layers, DenseParams(6, 3, lanes=2, shift=8, store="load"), 3,
                           store="load")
    return Network.random(params, np.random.default_rng(3))


def test_a_network_is_loaded_before_its_first_frame_and_after_every_reset():
    block = _network()
    frames = block.random_frames(6, np.random.default_rng(4))
    verilog = emit(network.Network(block.params, block.tensors))
    assert "8'h" not in verilog.text.split("weight_memory_memory")[1].split("endmodule")[0]
    verdicts = sim.check(block, verilog, frames=frames, name="loaded network")
    assert all(verdict.ok for verdict in verdicts)


def test_weights_stream_in_beside_the_vectors():
    params = DenseParams(9, 5, lanes=5, columns=2, weights="ternary", raw=True, store="stream")
    block = Dense.random(params, np.random.default_rng(5))
    verilog = emit(dense.Dense(params, block.tensors))
    frames = block.random_frames(30, np.random.default_rng(6))
    assert all(v.ok for v in sim.check(block, verilog, frames=frames, name="streamed weights"))
    # Vectors that are shorter and longer than their weights: both are dropped to their ends.
    frames[3], frames[7], frames[8] = frames[3][:1], frames[7][:-1], np.tile(frames[8], (3, 1))
    for idle, stall in ((0.0, 0.0), (0.4, 0.4)):
        verdict = sim.run(block, verilog, frames=frames, bad={3, 7, 8}, idle=idle, stall=stall,
                          name="streamed weights, wrong lengths")
        assert verdict.ok, verdict


def test_one_vector_after_another_without_a_gap():
    params = DenseParams(16, 16, lanes=16, weights="ternary", raw=True, store="stream")
    block = Dense.random(params, np.random.default_rng(7))
    frames = block.random_frames(20, np.random.default_rng(8))
    assert block.cycles(frames) - block.cycles(frames[:10]) == 10 * 16


def test_image_is_the_memories_words():
    block = _network()
    widths = [width for width, _ in block.memories()]
    beats = sum(-(-width // 32) * len(words) for width, words in block.memories())
    assert block.image().shape == (beats, 1)
    assert widths[0] == 8 * 2 and block.load.format == Format(32, 0, signed=False)


def test_image_wrong_store():
    params = DenseParams(4, 2)
    block = Dense.random(params, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"^lstm\.dense must have store 'load' to have an image$"):
        block.image()
