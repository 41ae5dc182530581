"""Model files: one ``.safetensors`` with integer tensors, and the parameters in its metadata.

Metadata: ``format`` = ``ternstone``, ``version`` = ``1``, ``block`` (the dotted name), ``params``
and ``info`` as JSON. No code runs on loading.
"""

import importlib
import json
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from golden.files import write_whole

__all__ = ["PARAMS", "VERSION", "load", "save"]

VERSION = "1"

#: Block name -> where its parameter class is.
PARAMS = {
    "lstm.network": "golden.lstm.params:NetworkParams",
    "lstm.dense": "golden.lstm.params:DenseParams",
    "stochastic.network": "golden.stochastic.params:NetworkParams",
    "sparse_conv.joint": "golden.sparse_conv.joint_params:JointParams",
}

_INTEGERS = (np.int8, np.int16, np.int32, np.int64)


def save(path, block, params, tensors, info):
    """Write one model, whole or not at all.

    block: a key of `PARAMS`; params: its dataclass; tensors: name -> integer array, stored in the
    smallest signed type that holds it; info: JSON-ready dict on task, training and accuracy
    """
    if block not in PARAMS:
        raise ValueError(f"Model block must be one of {', '.join(PARAMS)}, not {block!r}")
    packed = {}
    for name, value in tensors.items():
        value = np.asarray(value)
        if not np.issubdtype(value.dtype, np.integer):
            raise TypeError(f"Tensor {name} must be of integers, not {value.dtype}")
        packed[name] = np.ascontiguousarray(value.astype(_smallest(value)))
    metadata = {"format": "ternstone", "version": VERSION, "block": block,
                "params": json.dumps(params.to_dict()), "info": json.dumps(info)}
    return write_whole(path, safetensors.numpy.save(packed, metadata))


def _smallest(value):
    low, high = (int(value.min()), int(value.max())) if value.size else (0, 0)
    return next(kind for kind in _INTEGERS
                if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)


def load(path):
    """``(block, params, tensors, info)`` of a model file; tensors are int64.

    Errors: FileNotFoundError; ValueError, one line with the path, for a file that is truncated,
    not ours, of another version, or whose parameters are out of range. Whether the tensors fit
    the parameters is for the block to say.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"Model file must exist, not {str(path)!r}")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (safetensors.SafetensorError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"Model file {path} must be whole safetensors data: {reason}") from None
    if metadata.get("format") != "ternstone":
        raise ValueError(f"Model file {path} must carry ternstone's metadata: it is another "
                         "program's; make one with from_torch or `ternstone train`")
    if metadata.get("version") != VERSION:
        raise ValueError(f"Model file {path} must have format version {VERSION}, "
                         f"not {metadata.get('version')!r}")
    block = metadata.get("block")
    if block not in PARAMS:
        raise ValueError(f"Model file {path} must be of a block {', '.join(PARAMS)}, not {block!r}")
    module, _, name = PARAMS[block].partition(":")
    try:
        fields, info = json.loads(metadata["params"]), json.loads(metadata["info"])
        params = getattr(importlib.import_module(module), name).from_dict(fields)
    except KeyError as error:
        raise ValueError(f"Model file {path} must carry metadata {error}") from None
    except (ValueError, TypeError) as error:
        raise ValueError(f"Model file {path} must hold valid parameters: {error}") from None
    for name, value in tensors.items():
        if not np.issubdtype(value.dtype, np.integer):
            raise ValueError(
                f"Model file {path} must hold integers, tensor {name} is {value.dtype}")
    return block, params, {name: value.astype(np.int64) for name, value in tensors.items()}, info
