"""Real data sets: images as sequences, text as symbols.

What a package brings is the default: scikit-learn's digits, CPython's own library as text. MNIST
and tinyshakespeare are taken from the folder that the environment variable ``TERNSTONE_DATA``
names, when they are there.
"""

import gzip
import os
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["VOCABULARY", "Images", "data_folder", "decode", "digits", "encode", "mnist",
           "stdlib_text", "text"]

#: Symbol codes 0..95: newline, then printable ASCII.
VOCABULARY = "\n" + "".join(map(chr, range(32, 127)))
_CODES = {character: code for code, character in enumerate(VOCABULARY)}


@dataclass(frozen=True)
class Images:
    """Grey images and their classes.

    pixels: uint8 [count, height, width]; labels: int64 [count]; maximum: the largest pixel value
    splits: pairs (training indices, test indices)
    """

    name: str
    pixels: np.ndarray
    labels: np.ndarray
    maximum: int
    splits: tuple


def data_folder():
    """The folder of data sets that no package brings."""
    folder = os.environ.get("TERNSTONE_DATA")
    if not folder:
        raise FileNotFoundError(
            "Data folder must be given: set TERNSTONE_DATA to the folder that holds "
            "mnist/ and tinyshakespeare/")
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"Data folder must exist, not {folder!r} (TERNSTONE_DATA)")
    return Path(folder)


def digits(folds=5, seed=0):
    """scikit-learn's 1,797 digits, 8 x 8 pixels of 0..16, with stratified folds as splits."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import StratifiedKFold

    bunch = load_digits()
    labels = bunch.target.astype(np.int64)
    splits = StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels)
    return Images("digits", bunch.images.astype(np.uint8), labels, 16, tuple(splits))


def mnist(folder=None):
    """MNIST from its IDX files, gzipped or not.

    With the training files the usual 60,000/10,000 split, named ``mnist``. With the 10,000 test
    images alone a stratified split with seed 0, named ``mnist-test-8k/2k``: its errors must not
    stand beside published ones.
    """
    folder = data_folder() / "mnist" if folder is None else Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"MNIST folder must exist, not {str(folder)!r}")
    images, labels = _mnist_part(folder, "t10k")
    if not any(folder.glob("train-images-idx3-ubyte*")):
        from sklearn.model_selection import train_test_split

        split = train_test_split(np.arange(len(labels)), test_size=len(labels) // 5,
                                 stratify=labels, random_state=0)
        return Images("mnist-test-8k/2k", images, labels, 255, (tuple(map(np.sort, split)),))
    train_images, train_labels = _mnist_part(folder, "train")
    count = len(train_labels)
    split = (np.arange(count), np.arange(count, count + len(labels)))
    return Images("mnist", np.concatenate([train_images, images]),
                  np.concatenate([train_labels, labels]), 255, (split,))


def _mnist_part(folder, part):
    images = _idx(folder, f"{part}-images-idx3-ubyte", 3)
    labels = _idx(folder, f"{part}-labels-idx1-ubyte", 1).astype(np.int64)
    if len(images) != len(labels):
        raise ValueError(f"MNIST images and labels in {folder} must be as many, "
                         f"not {len(images)} and {len(labels)}")
    return images, labels


def _idx(folder, name, dimensions):
    """One IDX file of unsigned bytes: magic 0, 0, 8, dimensions; sizes; data."""
    path = next((folder / (name + end) for end in (".gz", "") if (folder / (name + end)).is_file()),
                None)
    if path is None:
        raise FileNotFoundError(f"MNIST folder must hold {name}.gz or {name}, {folder} does not")
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, OSError, gzip.zlib.error) as error:
        raise ValueError(f"MNIST file {path} must be whole gzip data: {error}") from None
    head = 4 + 4 * dimensions
    if len(raw) < head or raw[:4] != bytes((0, 0, 8, dimensions)):
        raise ValueError(f"MNIST file {path} must be IDX of {dimensions}-dimensional unsigned "
                         f"bytes, its head is {raw[:4].hex() or 'empty'}")
    shape = tuple(np.frombuffer(raw, ">u4", dimensions, 4).tolist())
    if len(raw) - head != np.prod(shape):
        raise ValueError(f"MNIST file {path} must hold {np.prod(shape)} bytes after its head, "
                         f"not {len(raw) - head}: it is truncated or foreign")
    return np.frombuffer(raw, np.uint8, offset=head).reshape(shape)


def encode(characters, source="text", replace=None):
    """Characters to symbol codes (uint8 array).

    replace: the character that stands for any that the vocabulary does not have; by default such
    a character is an error that says where in ``source`` it stands.
    """
    codes = np.frombuffer(characters.encode("utf-32-le"), np.uint32)
    known = (codes == 10) | ((codes >= 32) & (codes < 127))
    if not known.all():
        if replace is None:
            at = int(np.argmin(known))
            line = characters.count("\n", 0, at) + 1
            column = at - (characters.rfind("\n", 0, at) + 1) + 1
            raise ValueError(f"Characters of {source} must be newline or printable ASCII, not "
                             f"{characters[at]!r} at line {line}, column {column}")
        codes = np.where(known, codes, ord(replace))
    return np.where(codes == 10, 0, codes - 31).astype(np.uint8)


def decode(codes):
    """Symbol codes to characters."""
    return "".join(VOCABULARY[code] for code in codes)


def text(name, replace=None):
    """Symbol codes of a text: ``stdlib``, ``tinyshakespeare``, ``sample`` or a file's path."""
    if name == "stdlib":
        return stdlib_text()
    if name == "tinyshakespeare":
        path = data_folder() / "tinyshakespeare" / "input.txt"
    elif name == "sample":
        path = Path(__file__).with_name("sample.txt")
    else:
        path = Path(name)
    if not path.is_file():
        raise FileNotFoundError(f"Text file must exist, not {str(path)!r}")
    try:
        characters = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"Text file {path} must be UTF-8, byte {error.start} is not") from None
    if not characters:
        raise ValueError(f"Text file {path} must not be empty")
    return encode(characters, str(path), replace)


def stdlib_text(limit=2_000_000):
    """The first ``limit`` characters of CPython's own library: the top modules by name, in
    printable ASCII (tabs expanded, any other character replaced by ``?``)."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    parts, size = [], 0
    for path in sorted(folder.glob("*.py")):
        try:
            part = path.read_text(encoding="utf-8").expandtabs()
        except UnicodeDecodeError:
            continue
        parts.append(part)
        size += len(part)
        if size >= limit:
            break
    if not parts:
        raise FileNotFoundError(f"CPython's library must be found as source files in {folder}, "
                                "there are none")
    return encode("".join(parts)[:limit], replace="?")
