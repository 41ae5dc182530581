"""The engine that skips both kinds of zeros: places of sums, memories, and what it refuses."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.formats import Format
from golden.params import ceil_log2
from golden.sparse_conv import convolution
from golden.sparse_conv.joint import Joint, balance, build, groups
from golden.sparse_conv.joint_params import Geometry, JointParams, memories, program, walks
from golden.sparse_conv.params import ConvParams, NetworkParams
from golden.sparse_conv.tasks import unit_sets
from tests.golden.sparse_conv.joint_networks import joint_params
from tests.golden.sparse_conv.test_convolution import layers


def products(geometry, pixel, tap):
    """Where a pixel's product with a tap is added, and the output there, or None."""
    p, place = geometry.layer, []
    for axis, at, k in zip((geometry.y, geometry.x), pixel, tap, strict=True):
        where, phase = divmod(at + p.padding, axis.step)
        if k % axis.step != phase:
            return None
        place.append(where - k // axis.step)
    inside = 0 <= place[0] < p.rows and 0 <= place[1] < p.columns
    address = geometry.origin + (place[0] << geometry.pitch_bits) + place[1]
    return address, tuple(place) if inside else None


@settings(max_examples=60, deadline=None)
@given(layers(largest=6), st.integers(1, 4))
def test_every_product_has_its_place(p, lanes):
    """Every product that the equation has is met once; what lies beyond the edges meets no sum."""
    geometry = Geometry(p, lanes)
    met, beside, used = set(), set(), {}
    for pixel in itertools.product(range(p.height), range(p.width)):
        for tap in itertools.product(range(p.kernel), repeat=2):
            found = products(geometry, pixel, tap)
            if found is None:
                continue
            for own in range(geometry.filters):
                address = found[0] + (own << geometry.plane_bits)
                assert 0 <= address < geometry.depth
                if found[1] is None:
                    beside.add(address)
                else:
                    used.setdefault(address, set()).add((own, found[1]))
            if found[1]:
                met.add((pixel, tap, found[1]))
    assert all(len(outputs) == 1 for outputs in used.values())
    assert beside.isdisjoint(used)
    wanted = {((y * p.stride + j - p.padding, x * p.stride + i - p.padding), (j, i), (y, x))
              for y in range(p.rows) for x in range(p.columns)
              for j in range(p.kernel) for i in range(p.kernel)}
    assert met == {each for each in wanted
                   if 0 <= each[0][0] < p.height and 0 <= each[0][1] < p.width}


def unpacked(word, widths):
    fields = []
    for width in widths:
        fields.append(word & (1 << width) - 1)
        word >>= width
    return fields


@settings(max_examples=40, deadline=None)
@given(joint_params(), st.integers(0, 99))
def test_memories_hold_the_weights(params, seed):
    """What the lists say, read as the hardware does, is every product of the equation that is not
    0, once, at its output; and beside the outputs anything."""
    p, block = params, Joint.random(params, np.random.default_rng(seed))
    made = memories(p, block.tensors)
    codes = {int(code): int(value) for value, code in zip(
        p.kind.values, p.kind.encode(p.kind.values), strict=True)}
    for run, instruction in zip(p.runs, program(p), strict=True):
        geometry, layer, found = run.geometry, run.layer, {}
        weight = run.of(block.own[run.number]["weight"])
        takes = walks(layer, p.lanes, weight)[1][geometry.pixel_classes()]
        for channel, y, x in itertools.product(range(layer.channels), range(layer.height),
                                               range(layer.width)):
            word, own = divmod(channel, p.beat)
            cluster, own = divmod(own, p.slice)
            width, lists = made[f"lists.{cluster}"]
            start_bits = max(1, ceil_log2(len(made[f"weights.{cluster}"][1])))
            base, place = unpacked(made[f"rows.{cluster}"][1][instruction["rows"] + y],
                                   [p.address, p.table])
            phase = (geometry.rows()[y][1], (x + layer.padding) % geometry.x.step)
            place += instruction["lists"] + phase[1] * p.words(layer.channels) + word
            start, length = unpacked(lists[(place << p.slice_bits) + own],
                                     [start_bits, width - start_bits])
            assert length == takes[y, x, channel]
            base += (x + layer.padding) // geometry.x.step - geometry.x.first[0]
            for entry in made[f"weights.{cluster}"][1][start:start + length]:
                for lane, fields in enumerate(unpacked(entry, [p.entry] * p.lanes)):
                    code, column, row, q = unpacked(fields, [p.kind.bits, *p.index_widths])
                    address = (base + column + (row << geometry.pitch_bits)
                               + (q << geometry.plane_bits) - geometry.origin)
                    key = lane, channel, y, x, address
                    if codes[code]:
                        found[key] = found.get(key, 0) + codes[code]
        for f, channel, j, i, y, x in itertools.product(
                range(layer.filters), range(layer.channels), range(layer.kernel),
                range(layer.kernel), range(layer.rows), range(layer.columns)):
            at = y * layer.stride + j - layer.padding, x * layer.stride + i - layer.padding
            inside = 0 <= at[0] < layer.height and 0 <= at[1] < layer.width
            if weight[f, channel, j, i] and inside:
                address = (f // p.lanes << geometry.plane_bits) + (y << geometry.pitch_bits) + x
                assert found.pop((f % p.lanes, channel, *at, address)) == weight[f, channel, j, i]
        outputs = {(lane, (q << geometry.plane_bits) + (y << geometry.pitch_bits) + x)
                   for f in range(layer.filters) for q, lane in [divmod(f, p.lanes)]
                   for y in range(layer.rows) for x in range(layer.columns)}
        assert all((lane, address) not in outputs for lane, _, _, _, address in found)


@settings(max_examples=40, deadline=None)
@given(layers(), st.integers(1, 9))
def test_groups_hold_every_weight_once(layer, lanes):
    found = np.concatenate([places.ravel() for places in groups(layer, lanes)])
    assert sorted(found[found >= 0]) == list(range(layer.filters * layer.terms))


def test_groups_are_what_training_prunes():
    """With stride 1 a class is all of a channel, as the pruning of the tasks has it."""
    layer = ConvParams(3, 6, 6, 8, padding=1)
    (sets,) = unit_sets(NetworkParams((layer,)), [0.5], 4)
    assert {tuple(sorted(own)) for own in np.asarray(sets).tolist()} == {
        tuple(sorted(own)) for own in groups(layer, 4)[0].reshape(-1, 18).tolist()}


def test_balanced_lists_have_no_zeros():
    layer, rng = ConvParams(8, 6, 6, 16, stride=2), np.random.default_rng(0)
    weight = np.zeros(16 * 8 * 9, np.int64)
    taken = []
    for places in groups(layer, 4):
        kept = places.shape[-1] // 2
        taken.append(np.full(8, kept))
        for own in places.reshape(-1, places.shape[-1]):
            weight[rng.choice(own, kept, replace=False)] = 1
    lengths, share = balance(layer, 4, weight.reshape(16, 8, 3, 3))
    assert share == 0 and lengths.tolist() == np.stack(taken).tolist()
    weight[np.flatnonzero(weight)[0]] = 0
    assert balance(layer, 4, weight.reshape(16, 8, 3, 3))[1] > 0


def test_class_is_the_first_of_the_largest():
    p = build(2, 1, 1, 3, kernel=1, padding=0, activation=Format(8), answer="class", lanes=1,
              beat=1, shift=0)
    tensors = {"layers.0.weight": np.array([[1, 0], [0, 1], [0, 1]])[..., None, None],
               "layers.0.bias": np.zeros(3, int)}
    block = Joint(p, tensors)
    frames = [np.array([[a], [b]]) for a, b in ((5, 4), (4, 5), (5, 5), (0, 0))]
    assert np.concatenate(block.run(frames)).ravel().tolist() == [0, 1, 0, 0]


def test_products_of_non_zeros():
    p = build(2, 3, 3, 2, lanes=2, beat=2)
    block = Joint.random(p, np.random.default_rng(3))
    frames = block.random_frames(2, np.random.default_rng(4))
    maps, weight = block.maps(frames)[0], block.own[0]["weight"]
    valid = every = 0
    for c, y, x, f, j, i in itertools.product(*map(range, (2, 3, 3, 2, 3, 3))):
        count = ((maps[:, c, y, x] != 0) & (weight[f, c, j, i] != 0)).sum()
        every += count
        valid += count * (0 <= y + 1 - j < 3 and 0 <= x + 1 - i < 3)
    found = block.products(frames)
    assert found[0] == valid and valid < found[1] < every
    assert block.utilisation(frames) == valid / (block.cycles(frames) * 2)


NETWORK = NetworkParams((ConvParams(3, 4, 4, 4, padding=1),))


@pytest.mark.parametrize("changes, message", [
    ({"lanes": 0}, r"^Joint lanes must be between 1 and 1024, not 0$"),
    ({"clusters": 3}, r"^Joint clusters must divide beat \(4\), not 3$"),
    ({"requantisers": 3}, r"^Joint requantisers must divide beat \(4\), not 3$"),
    ({"requantisers": 4, "lanes": 6}, r"^Joint requantisers must divide lanes \(6\), not 4$"),
    ({"beat": 65}, r"^Joint beat must be between 1 and 64, not 65$"),
    ({"answer": "sum"}, r"^Joint answer must be one of map, class, not 'sum'$"),
    ({"answer": "class"}, r"^Joint answer must be 'map' for a last map of 4 x 4, not 'class'$"),
    ({"store": "ram"}, r"^Joint store must be one of rom, load, weights, not 'ram'$"),
    ({"passes": "two"}, r"^Joint passes must be one of one, words, not 'two'$"),
    ({"passes": "words", "beat": 2}, r"^Joint passes must be 'one' for a last map of 4 x 4 whose "
                                     r"pixels are 2 words, not 'words'$"),
    ({"lanes": 1, "network": NetworkParams((ConvParams(1, 200, 200, 4, padding=1),))},
     r"^Layer 0 must need at most 65536 accumulators of a lane, not \d+ \(take more lanes, a "
     r"smaller map, or passes 'words'\)$"),
])
def test_wrong(changes, message):
    with pytest.raises(ValueError, match=message):
        JointParams(**{"network": NETWORK, **changes})


def test_wrong_type():
    with pytest.raises(TypeError, match=r"^Joint network must be a NetworkParams, not 3$"):
        JointParams(3)
    with pytest.raises(TypeError, match=r"^Joint beat must be an int, not True$"):
        JointParams(NETWORK, beat=True)


def test_wrong_tensor():
    block = Joint.random(JointParams(NETWORK), np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"^Layer 0 weight must hold int8 values only$"):
        Joint(block.params, {**block.tensors,
                             "layers.0.weight": np.full((4, 3, 3, 3), 128)})


def test_fully_connected_layer_of_a_map_that_is_not_square():
    with pytest.raises(ValueError, match=r"^Joint width must be the height of the map that the "
                                         r"fully connected layer takes \(6\), not 8$"):
        build(height=6, width=8, outputs=3)


def test_to_and_from_dict():
    params = build(layers=2, outputs=3)
    assert JointParams.from_dict(params.to_dict()) == params


def test_run_is_the_reference():
    params = build(layers=2, pool=2, outputs=4)
    block = Joint.random(params, np.random.default_rng(1))
    frames = block.random_frames(2, np.random.default_rng(2))
    maps = convolution.to_maps(frames, 4, 6, 6)
    for layer, own in zip(params.layers, block.own, strict=True):
        maps = convolution.convolve(layer, own, maps)
    assert (convolution.to_maps(block.run(frames), 4, 1, 1) == maps).all()
