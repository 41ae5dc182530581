import json

import numpy as np
import pytest
import safetensors.numpy

from golden import modelfile
from golden.lstm.dense import Dense
from golden.lstm.network import Network
from golden.lstm.params import DenseParams, LayerParams, NetworkParams

PARAMS = NetworkParams(layers=(LayerParams(3, 5, lanes=4),), head=DenseParams(5, 2), steps=4)


@pytest.fixture
def model(tmp_path):
    block = Network.random(PARAMS, np.random.default_rng(0))
    return modelfile.save(tmp_path / "a.safetensors", "lstm.network", PARAMS, block.tensors,
                          {"task": "none"})


def rewrite(path, **changes):
    """The file with other metadata; None takes an entry out."""
    tensors = safetensors.numpy.load_file(path)
    with safetensors.safe_open(path, framework="numpy") as file:
        metadata = file.metadata() | changes
    safetensors.numpy.save_file(tensors, path, {k: v for k, v in metadata.items() if v is not None})


def test_round_trip(tmp_path):
    rng = np.random.default_rng(0)
    dense = DenseParams(5, 2)
    for block, params, cls in (("lstm.network", PARAMS, Network), ("lstm.dense", dense, Dense)):
        made = cls.random(params, rng)
        path = modelfile.save(tmp_path / f"{block}.safetensors", block, params, made.tensors,
                              {"seeds": [1], "accuracy": 97.5})
        found, found_params, tensors, info = modelfile.load(path)
        assert (found, found_params) == (block, params)
        assert info == {"seeds": [1], "accuracy": 97.5}
        assert tensors.keys() == made.tensors.keys()
        for name, value in tensors.items():
            assert value.dtype == np.int64 and (value == made.tensors[name]).all()
        cls(found_params, tensors)


@pytest.mark.parametrize("value, kind", [
    (127, np.int8), (-128, np.int8), (128, np.int16), (-32769, np.int32), (1 << 40, np.int64)])
def test_smallest_integers(tmp_path, value, kind):
    path = modelfile.save(tmp_path / "a.safetensors", "lstm.dense", DenseParams(1, 1),
                          {"weight": np.array([[value]])}, {})
    assert safetensors.numpy.load_file(path)["weight"].dtype == kind
    assert modelfile.load(path)[2]["weight"] == value


def test_save_wrong(tmp_path):
    with pytest.raises(ValueError, match=r"^Model block must be one of lstm\.network, .*'lstm.x'$"):
        modelfile.save(tmp_path / "a", "lstm.x", PARAMS, {}, {})
    with pytest.raises(TypeError, match=r"^Tensor w must be of integers, not float64$"):
        modelfile.save(tmp_path / "a", "lstm.dense", PARAMS, {"w": np.zeros(1)}, {})
    assert not list(tmp_path.iterdir())


def test_save_is_whole_or_not_at_all(model, monkeypatch):
    before = model.read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        modelfile.save(model, "lstm.dense", PARAMS, {}, {})
    assert model.read_bytes() == before
    assert [path.name for path in model.parent.iterdir()] == [model.name]


@pytest.mark.parametrize("length", [0, 5, 100, -1])
def test_load_truncated(model, length):
    model.write_bytes(model.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"^Model file .*a\.safetensors must be whole safetensors "
                                         r"data: [^\n]+$"):
        modelfile.load(model)


def test_load_foreign(model, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^Model file must exist, not '.*b'$"):
        modelfile.load(tmp_path / "b")
    safetensors.numpy.save_file({"w": np.zeros(3)}, model)
    with pytest.raises(ValueError, match=r"^Model file .* must carry ternstone's metadata: .*$"):
        modelfile.load(model)


@pytest.mark.parametrize("changes, message", [
    ({"version": "2"}, r"must have format version 1, not '2'"),
    ({"version": None}, r"must have format version 1, not None"),
    ({"block": "lstm.x"}, r"must be of a block lstm\.network, .*, not 'lstm\.x'"),
    ({"params": None}, r"must carry metadata 'params'"),
    ({"params": "{"}, r"must hold valid parameters: .*"),
    ({"params": "[]"}, r"must hold valid parameters: .*"),
    ({"params": json.dumps(PARAMS.to_dict() | {"steps": 0})},
     r"must hold valid parameters: Network steps must be between 1 and 65536, not 0"),
    ({"params": json.dumps(PARAMS.to_dict() | {"sides": 0})},
     r"must hold valid parameters: NetworkParams field must be one of .*, not 'sides'"),
    ({"params": json.dumps({})}, r"must hold valid parameters: .*"),
])
def test_load_wrong_metadata(model, changes, message):
    rewrite(model, **changes)
    with pytest.raises(ValueError, match=rf"^Model file .*a\.safetensors {message}$"):
        modelfile.load(model)


def test_load_float_tensors(model):
    tensors = safetensors.numpy.load_file(model)
    with safetensors.safe_open(model, framework="numpy") as file:
        metadata = file.metadata()
    safetensors.numpy.save_file(tensors | {"head.bias": np.zeros(2)}, model, metadata)
    with pytest.raises(ValueError, match=r"must hold integers, tensor head\.bias is float64$"):
        modelfile.load(model)
