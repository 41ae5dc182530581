"""Many builds of a design, over values of its parameters, and which of them are worth having.

Each point is built as ``ternstone fpga --bare`` builds it and kept by content, so that a sweep that
was interrupted goes on, and a point that two sweeps share is built once.
"""

import concurrent.futures
import dataclasses
import hashlib
import html
import itertools
import json
import math
import random
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fpga.boards import Board
from fpga.build import build
from fpga.report import STYLE, svg, table
from fpga.steps import StepError
from golden.files import write_json, write_whole
from sim.tools import ToolError
from ternstone import report
from ternstone.designs import Design, open_design
from ternstone.errors import BadInput, Unreadable, bad_input
from ternstone.fpga import CACHE, FRAMES, Say, count_cycles, figures, outline
from ternstone.generate import BUILD, folder_of, generate

__all__ = ["MOST_POINTS", "Sweep", "explore", "front", "parse_space", "print_answer"]

#: A grid of more points than these is nobody's wish: a search takes `trials` of them.
MOST_POINTS = 200

Space = dict[str, tuple[str, ...]]
Row = dict[str, Any]

#: What a better point has less of (-1) or more of (1), with and without place and route.
OBJECTIVES = {"logic_cells": -1, "fmax_mhz": 1, "frames_per_second": 1}
QUICK = {"logic_cells": -1, "cycles_per_frame": -1}


def parse_space(given: Iterable[str]) -> Space:
    """Parameters and the values that each takes.

    >>> parse_space(["lanes=8,16,interval=1", "columns=1..3"])
    {'lanes': ('8', '16'), 'interval': ('1',), 'columns': ('1', '2', '3')}

    Errors: `BadInput` for a name without values, or one that comes twice.
    """
    space: dict[str, list[str]] = {}
    for text in given:
        name = None
        for part in text.split(","):
            before, equals, value = (piece.strip() for piece in part.rpartition("="))
            if equals:
                if not before or before in space:
                    raise BadInput(f"--over must name each parameter once, which {text!r} does not")
                name = before
                space[name] = []
            if name is None or not value:
                raise BadInput(f"--over must be name=value,value as lanes=8,16 or lanes=1..4, not "
                               f"{text!r}")
            space[name] += _values(value)
    return {name: tuple(dict.fromkeys(values)) for name, values in space.items()}


def _values(text: str) -> list[str]:
    ends = re.fullmatch(r"(-?\d+)\.\.(-?\d+)", text)
    if not ends:
        return [text]
    low, high = int(ends[1]), int(ends[2])
    if not low <= high < low + 10_000:
        raise BadInput(f"--over must have ranges that rise, by 9,999 at most, not {text!r}")
    return [str(n) for n in range(low, high + 1)]


@dataclasses.dataclass(frozen=True)
class Sweep:
    """What is explored.

    name, model: of the design, as `ternstone.designs.open_design` takes them
    fixed:    parameters of all points; ``space`` has those that vary
    board:    whose device the block is built for, without pins
    route:    False: synthesis alone, so cells and cycles but no Fmax
    seeds:    of place and route, for each point: the fastest counts
    mhz:      what place and route aims at; the board's usual clock by default
    seed:     of random tensors and of a search
    """

    name: str | None
    model: Path | None
    fixed: Mapping[str, str]
    space: Space
    board: Board
    route: bool = True
    seeds: int = 1
    mhz: float | None = None
    seed: int = 0

    def open(self, point: Mapping[str, str]) -> Design:
        return open_design(self.name, self.model, {**self.fixed, **point}, self.seed)

    @property
    def points(self) -> Iterator[dict[str, str]]:
        """The whole grid, the last parameter varying fastest."""
        for values in itertools.product(*self.space.values()):
            yield dict(zip(self.space, values, strict=True))

    @property
    def size(self) -> int:
        return math.prod(map(len, self.space.values()))

    @property
    def objectives(self) -> dict[str, int]:
        return OBJECTIVES if self.route else QUICK


def explore(sweep: Sweep, *, trials: int | None, storage: str | None, jobs: int, say: Say
            ) -> dict[str, Any]:
    """Build the grid, or ``trials`` points of it that a search chooses, ``jobs`` at a time.

    storage: database of the search (a URL of SQLAlchemy's); machines that share it share the
             search. By default ``build/<design>/explore.db``

    The answer is also ``explore-<board>-<digest>.json``, with a page that draws it, in the folder
    of the design with its first point's parameters. Points that do not fit or are no block are in
    it with the reason.

    Errors: `BadInput` for a grid that is too large, for a value that cannot be read, and where no
    point could be built; `ToolError` for a missing tool.
    """
    if trials is None and sweep.size > MOST_POINTS:
        raise BadInput(f"--over must span at most {MOST_POINTS} points, not {sweep.size:,} "
                       "(take fewer values, or let --trials 40 search)")
    _read_all(sweep)
    base = _first(sweep)
    measure = _Measure(sweep)
    if trials is None:
        rows = _grid(measure, jobs, say)
    else:
        rows = _search(measure, trials, storage, jobs, say)
    good = [row for row in rows if row["why"] is None]
    if not good:
        raise BadInput(f"A point must fit {sweep.board.name}, but of {len(rows)} none does: "
                       f"{_named(rows[0]['given'])}: {rows[0]['why']}")
    best = front(good, sweep.objectives)
    for row in rows:
        row["front"] = row in best
    answer = {"design": base.name, "block": base.block.name, "board": sweep.board.name,
              "part": sweep.board.part, "over": {k: list(v) for k, v in sweep.space.items()},
              "fixed": dict(sweep.fixed), "route": sweep.route, "seeds": sweep.seeds,
              "trials": trials, "points": rows}
    digest = hashlib.sha256(json.dumps(answer, sort_keys=True).encode()).hexdigest()[:8]
    folder = folder_of(base)
    name = f"explore-{sweep.board.name}-{digest}"
    answer |= {"file": str(folder / f"{name}.json"), "page": str(folder / f"{name}.html")}
    write_json(folder / f"{name}.json", answer)
    write_whole(folder / f"{name}.html", _page(answer))
    return answer


def _first(sweep: Sweep) -> Design:
    """The first point that is a block.

    Errors: `BadInput`, as of the first point, where none of the first ones is.
    """
    said = None
    for point in itertools.islice(sweep.points, MOST_POINTS):
        try:
            return sweep.open(point)
        except BadInput as error:
            said = said or error
    assert said is not None
    raise said


def _read_all(sweep: Sweep) -> None:
    """A value that no point can have is a slip of the pen, and said before anything is built.

    Errors: `BadInput`.
    """
    first = next(sweep.points)
    for name, values in sweep.space.items():
        for value in values:
            try:
                sweep.open({**first, name: value})
            except Unreadable:
                raise
            except BadInput:
                pass  # a point that is no block is a row, with the reason


def front(rows: Sequence[Row], objectives: Mapping[str, int]) -> list[Row]:
    """The rows that no other row beats in one objective without losing in another (Pareto).

    >>> rows = [{"a": 1, "b": 5}, {"a": 2, "b": 7}, {"a": 2, "b": 6}, {"a": 3, "b": 7}]
    >>> front(rows, {"a": -1, "b": 1})
    [{'a': 1, 'b': 5}, {'a': 2, 'b': 7}]
    """
    points = [[sign * row[name] for name, sign in objectives.items()] for row in rows]

    def beaten(mine: list[float]) -> bool:
        return any(other != mine and all(o >= m for o, m in zip(other, mine, strict=True))
                   for other in points)

    return [row for row, mine in zip(rows, points, strict=True) if not beaten(mine)]


# -- one point

class _Measure:
    """A point to its row."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        # Elaboration is Python's and gains nothing from threads; Yosys and nextpnr are processes.
        self._alone = threading.Lock()

    def __call__(self, point: dict[str, str]) -> Row:
        sweep = self.sweep
        row: Row = {"given": point, "why": None}
        try:
            with self._alone:
                design = sweep.open(point)
                generate(design)
        except BadInput as error:
            return row | {"why": str(error)}
        row["hash"] = design.digest
        try:
            synthesis = outline(design, sweep.board, sweep.mhz, lambda what: None)
            taken = {name: count - synthesis.around.get(name, 0)
                     for name, count in synthesis.taken.items()}
            row |= {"cells": synthesis.cells, "logic_cells": taken["LUT4"]}
            if not synthesis.fits:
                return row | {"why": "takes " + " and ".join(
                    f"{count:,} of {there:,} {name}"
                    for name, (count, there) in synthesis.too_much.items())}
            if sweep.route:
                built = build(synthesis, CACHE, range(1, sweep.seeds + 1))
        except StepError as error:
            return row | {"why": str(error)}
        with self._alone:
            if sweep.route:
                found = figures(design, built)
                row |= {name: found[name] for name in (
                    "fmax_mhz", "cycles_per_frame", "frames_per_second", "critical_path")}
            else:
                cycles, frames = count_cycles(design, FRAMES)
                row["cycles_per_frame"] = round(cycles / frames, 2)
            return row | {"score": _score(design, sweep.seed)}


def _score(design: Design, seed: int) -> dict[str, Any] | None:
    """What golden answers on the task's data, for parameters that change bits."""
    if design.task is None:
        return None
    try:
        metric, value, number = design.score(design.feed(SCORED, seed))
    except FileNotFoundError:
        return None
    return {"metric": metric, "value": value, "number": number} if metric else None


#: Frames that a score is of.
SCORED = 100


# -- many points

def _grid(measure: _Measure, jobs: int, say: Say) -> list[Row]:
    points = list(measure.sweep.points)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        try:
            running = [pool.submit(measure, point) for point in points]
            for done, _ in enumerate(concurrent.futures.as_completed(running)):
                say(f"{done + 1} of {len(points)} points done")
            return [job.result() for job in running]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _search(measure: _Measure, trials: int, storage: str | None, jobs: int,
            say: Say) -> list[Row]:
    """``trials`` more points of a study, and all rows that it has then, other machines' included.

    Optuna's tree-structured Parzen estimator proposes; a point that the study has is not built
    again, and an unseen one is drawn in its place.
    """
    try:
        import optuna
    except ImportError as error:
        raise ToolError("Optuna must be installed for --trials, and is missing "
                        "(pip install 'ternstone[explore]')") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sweep = measure.sweep
    study = _study(optuna, sweep, storage)
    unseen = random.Random(sweep.seed)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        left = min(trials, sweep.size)
        while left:
            known = _known(study)
            taken = set(known)
            batch: list[tuple[Any, concurrent.futures.Future[Row]]] = []
            while len(batch) < min(jobs, left) and len(taken) < sweep.size:
                trial, point = _propose(optuna, study, sweep, taken, unseen)
                taken.add(_key(point))
                batch.append((trial, pool.submit(measure, point)))
            if not batch:
                break  # every point of the space is known
            # In the order of asking, so that the same seed proposes the same points.
            for trial, job in batch:
                row = job.result()
                trial.set_user_attr("row", row)
                values = _values_of(row, sweep.objectives)
                study.tell(trial, values, state=None if values else optuna.trial.TrialState.FAIL)
                left -= 1
                say(f"{trials - left} of {trials} points done")
    return list(_known(study).values())


def _study(optuna: Any, sweep: Sweep, storage: str | None) -> Any:
    base = _first(sweep)
    if storage is None:
        path = BUILD / base.name / "explore.db"
        path.parent.mkdir(parents=True, exist_ok=True)
        storage = f"sqlite:///{path}"
    what = [base.digest, sweep.space, dict(sweep.fixed), sweep.route, sweep.seeds, sweep.mhz]
    digest = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:8]
    kinds = _storage_errors()
    with bad_input(f"Storage {storage}", kinds):
        return optuna.create_study(
            study_name=f"{base.name}-{sweep.board.name}-{digest}", storage=storage,
            load_if_exists=True,
            directions=["minimize" if sign < 0 else "maximize"
                        for sign in sweep.objectives.values()],
            sampler=optuna.samplers.TPESampler(seed=sweep.seed, n_startup_trials=8))


def _storage_errors() -> tuple[type[BaseException], ...]:
    from sqlalchemy.exc import SQLAlchemyError

    return (SQLAlchemyError, ImportError, ValueError, OSError)


def _propose(optuna: Any, study: Any, sweep: Sweep, taken: set[str], unseen: random.Random
             ) -> tuple[Any, dict[str, str]]:
    """A trial at a point that is not ``taken``, of which the space must have one."""
    trial = study.ask()
    point = _suggest(trial, sweep.space)
    if _key(point) not in taken:
        return trial, point
    study.tell(trial, state=optuna.trial.TrialState.FAIL)
    while _key(point) in taken:
        point = {name: unseen.choice(values) for name, values in sweep.space.items()}
    study.enqueue_trial({name: sweep.space[name].index(value) for name, value in point.items()})
    trial = study.ask()
    return trial, _suggest(trial, sweep.space)


def _suggest(trial: Any, space: Space) -> dict[str, str]:
    """By their places among the values, which are taken to be in an order that means something."""
    return {name: values[trial.suggest_int(name, 0, len(values) - 1)]
            for name, values in space.items()}


def _key(point: Mapping[str, str]) -> str:
    return json.dumps(point, sort_keys=True)


def _known(study: Any) -> dict[str, Row]:
    """Point -> row, of all that were measured."""
    rows = [trial.user_attrs["row"] for trial in study.get_trials(deepcopy=False)
            if "row" in trial.user_attrs]
    return {_key(row["given"]): row for row in rows}


def _values_of(row: Row, objectives: Mapping[str, int]) -> list[float] | None:
    """For the sampler: a point that does not fit is as large as it is, and does nothing; None for
    one that is no block."""
    if "logic_cells" not in row:
        return None
    worst = 0.0 if "fmax_mhz" in objectives else 1e12
    return [float(row.get(name, worst)) for name in objectives]


# -- said

def _named(point: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in point.items())


def print_answer(answer: Mapping[str, Any]) -> None:
    """A table of the points, the front marked; the others' reasons on standard error."""
    rows = [row for row in answer["points"] if row["why"] is None]
    names = list(answer["over"])
    route = answer["route"]
    scored = next((row["score"]["metric"] for row in rows if row["score"]), None)
    head = [*names, "logic cells", "FF", "block RAM", "DSP",
            *(["Fmax MHz", "cycles/frame", "frames/s"] if route else ["cycles/frame"]),
            *([scored] if scored else []), "on the front"]
    report.print_table(
        f"{answer['design']} on {answer['board']} ({answer['part']}), block alone", head,
        [[*row["given"].values(), row["logic_cells"],
          *(row["cells"].get(name, 0) for name in ("FF", "RAM", "DSP")),
          *([row["fmax_mhz"]] if route else []), row["cycles_per_frame"],
          *([round(row["frames_per_second"])] if route else []),
          *([row["score"]["value"]] if scored else []), row["front"]]
         for row in sorted(rows, key=lambda row: row["logic_cells"])])
    report.print_table("Files", ["figures", "page"], [[answer["file"], answer["page"]]])
    for row in answer["points"]:
        if row["why"]:
            report.stderr.print(f"left out: {_named(row['given'])}: {row['why']}", markup=False,
                                highlight=False, soft_wrap=True)


def _page(answer: Mapping[str, Any]) -> str:
    """One self-contained HTML page: the plot, and the points of the front."""
    title = html.escape(f"{answer['design']} on {answer['board']}")
    best = sorted((row for row in answer["points"] if row["front"]),
                  key=lambda row: row["logic_cells"])
    names = [name for name in ("logic_cells", "fmax_mhz", "cycles_per_frame", "frames_per_second")
             if name in best[0]]

    points = table(["parameters", *(name.replace("_", " ") for name in names)],
                   [[_named(row["given"]), *(f"{row[name]:,}" for name in names)] for row in best])
    return f"""<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>{STYLE}</style>
<h1>{title}</h1>{svg(draw, answer, (7.5, 5))}
<h2>The front</h2>{points}
</html>
"""


def draw(axes: Any, answer: Mapping[str, Any]) -> None:
    """Logic cells against speed; points of the front are named, colour is Fmax."""
    rows = [row for row in answer["points"] if row["why"] is None]
    rate = "frames_per_second" if answer["route"] else "cycles_per_frame"
    dots = axes.scatter([row["logic_cells"] for row in rows], [row[rate] for row in rows],
                        c=[row.get("fmax_mhz", 0) for row in rows], cmap="viridis", zorder=2,
                        edgecolors=["#c33" if row["front"] else "#ccc" for row in rows])
    if answer["route"]:
        axes.figure.colorbar(dots, label="Fmax, MHz")
    best = sorted((row for row in rows if row["front"]), key=lambda row: row["logic_cells"])
    axes.plot([row["logic_cells"] for row in best], [row[rate] for row in best], color="#c33",
              linewidth=0.8, zorder=1)
    for row in best:
        axes.annotate(_named(row["given"]), (row["logic_cells"], row[rate]), fontsize=7,
                      xytext=(4, -8), textcoords="offset points")
    axes.set(xlabel="logic cells", xscale="log", yscale="log",
             ylabel="frames a second" if answer["route"] else "cycles a frame")
    axes.margins(x=0.2, y=0.1)  # room for the names
    axes.grid(alpha=0.3)
