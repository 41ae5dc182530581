import gzip
import struct

import numpy as np
import pytest

from golden import data


def write_idx(path, array, zipped=True):
    raw = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    raw += array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(raw) if zipped else raw)


@pytest.fixture
def mnist_folder(tmp_path):
    rng = np.random.default_rng(0)
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", rng.integers(0, 256, (50, 28, 28)))
    write_idx(tmp_path / "t10k-labels-idx1-ubyte.gz", np.arange(50) % 10)
    return tmp_path


def test_digits():
    images = data.digits()
    assert images.pixels.shape == (1797, 8, 8) and images.pixels.max() == images.maximum == 16
    held_out = np.concatenate([test for _, test in images.splits])
    assert sorted(held_out) == list(range(1797))
    for train, test in images.splits:
        assert not set(train) & set(test)
        shares = np.bincount(images.labels[test], minlength=10) / len(test)
        assert abs(shares - np.bincount(images.labels) / 1797).max() < 0.005
    again = data.digits().splits
    assert all((a[1] == b[1]).all() for a, b in zip(images.splits, again, strict=True))


def test_mnist_test_images_alone(mnist_folder):
    images = data.mnist(mnist_folder)
    assert images.name == "mnist-test-8k/2k"
    (train, test), = images.splits
    assert len(train) == 40 and len(test) == 10
    assert sorted(images.labels[test]) == list(range(10))


def test_mnist_usual_split(mnist_folder):
    write_idx(mnist_folder / "train-images-idx3-ubyte", np.zeros((60, 28, 28)), zipped=False)
    write_idx(mnist_folder / "train-labels-idx1-ubyte", np.zeros(60), zipped=False)
    images = data.mnist(mnist_folder)
    (train, test), = images.splits
    assert images.name == "mnist" and (len(train), len(test)) == (60, 50)
    assert test[0] == 60


def test_mnist_wrong_folder(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"^MNIST folder must exist, not '.*nowhere'$"):
        data.mnist(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"^MNIST folder must hold t10k-images.* not$"):
        data.mnist(tmp_path)
    monkeypatch.delenv("TERNSTONE_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match=r"^Data folder must be given: set TERNSTONE_DATA"):
        data.mnist()
    monkeypatch.setenv("TERNSTONE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match=r"^Data folder must exist, not '.*nowhere'"):
        data.text("tinyshakespeare")


def test_mnist_wrong_file(mnist_folder):
    labels = mnist_folder / "t10k-labels-idx1-ubyte.gz"
    whole = labels.read_bytes()
    labels.write_bytes(whole[:-12])
    with pytest.raises(ValueError, match=r"^MNIST file .* must be whole gzip data: .*$"):
        data.mnist(mnist_folder)
    labels.write_bytes(b"no gzip at all")
    with pytest.raises(ValueError, match=r"^MNIST file .* must be whole gzip data: .*$"):
        data.mnist(mnist_folder)
    labels.write_bytes(gzip.compress(b"another format"))
    with pytest.raises(ValueError, match=r"^MNIST file .* must be IDX of 1-.* 616e6f74$"):
        data.mnist(mnist_folder)
    labels.write_bytes(gzip.compress(gzip.decompress(whole)[:-1]))
    with pytest.raises(ValueError, match=r"^MNIST file .* must hold 50 bytes .*, not 49: .*$"):
        data.mnist(mnist_folder)
    write_idx(labels, np.zeros(49))
    with pytest.raises(ValueError, match=r"^MNIST images and labels .*, not 50 and 49$"):
        data.mnist(mnist_folder)


def test_vocabulary():
    assert len(data.VOCABULARY) == len(set(data.VOCABULARY)) == 96
    codes = data.encode(data.VOCABULARY)
    assert codes.tolist() == list(range(96))
    assert data.decode(codes) == data.VOCABULARY


def test_encode_wrong_character():
    with pytest.raises(ValueError, match=r"^Characters of here must be newline or printable ASCII, "
                                         r"not '\\t' at line 2, column 3$"):
        data.encode("one\ntw\to", "here")
    with pytest.raises(ValueError, match=r"^Characters of text .*, not 'é' at line 1, column 1$"):
        data.encode("é")
    assert data.decode(data.encode("a\té", replace="?")) == "a??"


def test_text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("some text\n")
    assert data.decode(data.text(path)) == "some text\n"
    path.write_bytes(b"caf\xe9")
    with pytest.raises(ValueError, match=r"^Text file .*a\.txt must be UTF-8, byte 3 is not$"):
        data.text(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"^Text file .*a\.txt must not be empty$"):
        data.text(path)
    with pytest.raises(FileNotFoundError, match=r"^Text file must exist, not '.*b\.txt'$"):
        data.text(tmp_path / "b.txt")


def test_text_that_we_bring():
    assert 10_000 < len(data.text("sample")) <= 50_000
    codes = data.text("stdlib")
    assert len(codes) > 500_000 and codes.max() < 96
    assert "import" in data.decode(codes[:20_000])


def test_tinyshakespeare(tmp_path, monkeypatch):
    (tmp_path / "tinyshakespeare").mkdir()
    (tmp_path / "tinyshakespeare" / "input.txt").write_text("First Citizen:\n")
    monkeypatch.setenv("TERNSTONE_DATA", str(tmp_path))
    assert data.decode(data.text("tinyshakespeare")) == "First Citizen:\n"
