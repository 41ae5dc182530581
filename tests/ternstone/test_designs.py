"""Ready designs without a model file: what they state is what they have."""

import numpy as np
import pytest

from golden.sparse_conv.joint import Joint
from golden.sparse_conv.synthetic import TASKS
from ternstone.catalogue import DESIGNS
from ternstone.designs import open_design

SYNTHETIC = [name for name, entry in DESIGNS.items() if entry.task in TASKS]


def test_synthetic_layers_are_there():
    assert {name.partition("-")[0] for name in SYNTHETIC} == {"vgg16", "mobilenet"}


@pytest.mark.parametrize("name", SYNTHETIC)
def test_zeros_of_synthetic_layers(name):
    """Weights and activations, as the design states them; all connections of a cyclic layer."""
    entry, design = DESIGNS[name], open_design(name, None, {})
    block, fed = design.block, design.feed(2, 3)
    maps = block.maps(fed.frames)
    maps = maps[0] if isinstance(block, Joint) else maps
    assert (maps == 0).mean() == int(entry.task.removeprefix("zeros-")) / 100
    assert design.score(fed) == (None, None, 0)
    weight = block.own[0]["weight"] if isinstance(block, Joint) else block.tensors["weight"]
    if entry.zeros is not None:
        assert (weight == 0).mean() == entry.zeros
        assert f"{entry.zeros:.0%} zero weights".replace("%", " %") in entry.summary
    zeros = int(entry.task.removeprefix("zeros-"))
    assert (f"{zeros} % zero" in entry.summary and "activations" in entry.summary) == (zeros > 0)
    # What comes out is neither all 0 nor all the largest code.
    out = np.stack(block.run(fed.frames)[:1])
    assert len(np.unique(out)) > 30
