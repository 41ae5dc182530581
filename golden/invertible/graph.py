"""Weighted graphs: the G-set's text format, maximum cuts as couplings of spins, their noise.

A cut splits the nodes in two; its value is the weight of all edges between the parts. With spins
m = +-1 for the parts and ``J = -w`` the energy ``E = -sum J m m`` is the total weight less twice
the cut: the largest cut is a ground state.

Source of the format: the graphs G1 to G81 of C. Helmberg and F. Rendl, "A spectral bundle method
for semidefinite programming", SIAM J. Optim. 10(3), 2000, made by G. Rinaldi's generator rudy.
"""

import math
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from golden.check import require_int
from golden.invertible.ising import IsingParams
from golden.invertible.network import ramp
from golden.invertible.params import NetworkParams

__all__ = ["BEST_KNOWN", "KINDS", "Graph", "graph_of", "ising", "network", "random_graph", "read",
           "schedule"]

#: Cuts that no one has bettered; recalled from U. Benlic and J.-K. Hao, "Breakout local search for
#: the max-cut problem", Eng. Appl. Artif. Intell. 26(3), 2013, and not read again.
BEST_KNOWN = {"G1": 11624}

#: Standard deviation of the noise, first and last, as shares of what a spin's neighbours add up to
#: at random. Ours, by trial on graphs like G1 and G6.
START, END = 0.87, 0.07
#: Levels of the noise between them, at least.
LEVELS = 12


@dataclass(frozen=True)
class Graph:
    """``nodes``, and edges (i, j, weight), i < j, counted from 0, each pair once."""

    nodes: int
    edges: tuple

    def __post_init__(self):
        require_int("Graph nodes", self.nodes, 2)
        seen = set()
        for i, j, weight in self.edges:
            require_int("Graph edge's node", i, 0, self.nodes - 1)
            require_int("Graph edge's node", j, 0, self.nodes - 1)
            require_int("Graph edge's weight", weight, -(1 << 15) + 1, (1 << 15) - 1)
            if i >= j or (i, j) in seen:
                raise ValueError("Graph edge must be (i, j, weight) with i < j, and there only "
                                 f"once, not {(i, j, weight)}")
            seen.add((i, j))

    #: Weight of all edges.
    weight = property(lambda self: sum(weight for _, _, weight in self.edges))

    @cached_property
    def couplings(self):
        """(i, j, J) of `IsingParams` and `NetworkParams`."""
        return tuple((i, j, -weight) for i, j, weight in self.edges if weight)

    def cut(self, bits):
        """Of states, 0 or 1 for each node's part: int64 [...] from [..., nodes]."""
        i, j, weight = np.array(self.edges).T
        bits = np.asarray(bits)
        return ((bits[..., i] != bits[..., j]) * weight).sum(-1)

    def cut_of(self, energy):
        """The cut of a state of this energy."""
        return (self.weight - energy) // 2


def read(path):
    """`Graph` of a file: ``nodes edges``, then ``i j weight`` for each edge, nodes from 1 on.

    Errors: ValueError, which names the line; OSError.
    """
    try:
        lines = Path(path).read_text(encoding="ascii").splitlines()
    except UnicodeDecodeError:
        raise ValueError("Graph file must be text in the G-set's format, not binary") from None
    rows = [(number, line.split()) for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise ValueError("Graph file must begin with the numbers of nodes and edges, not be empty")

    def numbers(row, count, what):
        number, words = row
        if len(words) != count or not all(re.fullmatch(r"[+-]?\d{1,9}", word) for word in words):
            raise ValueError(f"Line {number} must be {what}, not {' '.join(words)[:40]!r}")
        return tuple(map(int, words))

    nodes, count = numbers(rows[0], 2, "the numbers of nodes and edges")
    if not 2 <= nodes <= 1 << 16:
        raise ValueError(f"Line {rows[0][0]} must have between 2 and {1 << 16} nodes, not {nodes}")
    if count != len(rows) - 1:
        raise ValueError(f"Graph file must have {count} edges, as it says, not {len(rows) - 1}")
    edges = {}
    for row in rows[1:]:
        i, j, weight = numbers(row, 3, "an edge's two nodes and its weight, whole numbers")
        for node in (i, j):
            if not 1 <= node <= nodes:
                raise ValueError(f"Line {row[0]} must have nodes between 1 and {nodes}, not {node}")
        if i == j:
            raise ValueError(f"Line {row[0]} must have two different nodes, not {i} twice")
        pair = min(i, j) - 1, max(i, j) - 1
        if pair in edges:
            raise ValueError(f"Line {row[0]} must have an edge that is not there yet, not {i} {j} "
                             "again")
        if abs(weight) >= 1 << 15:
            raise ValueError(f"Line {row[0]} must have a weight between {-(1 << 15) + 1} and "
                             f"{(1 << 15) - 1}, not {weight}")
        edges[pair] = weight
    return Graph(nodes, tuple((i, j, weight) for (i, j), weight in sorted(edges.items())))


def random_graph(nodes, edges, weights=(1,), seed=0):
    """A graph of that many edges, every one as likely, of weights drawn from ``weights``."""
    most = nodes * (nodes - 1) // 2
    require_int("Random graph's edges", edges, 1, most)
    rng = np.random.default_rng(seed)
    i, j = np.triu_indices(nodes, 1)
    chosen = np.sort(rng.choice(most, edges, replace=False))
    drawn = rng.choice(weights, edges)
    return Graph(nodes, tuple(zip(i[chosen].tolist(), j[chosen].tolist(), drawn.tolist(),
                                  strict=True)))


#: Name -> the file of the G-set, if there is one, and what is made where it is not there.
KINDS = {
    "g1": ("G1", lambda: random_graph(800, 19176, seed=1)),
    "g6": ("G6", lambda: random_graph(800, 19176, (-1, 1), seed=6)),
    "small": (None, lambda: random_graph(48, 200, (-1, 1), seed=0)),
}


def graph_of(name):
    """(`Graph`, where it is from) of a name of `KINDS`, or of a file.

    A graph of the G-set is read from ``gset/`` in the folder that ``TERNSTONE_DATA`` names, if it
    is there. If not, a random one of the same kind is made.
    """
    if name not in KINDS:
        if not Path(name).is_file():
            raise ValueError(f"Graph must be one of {', '.join(KINDS)}, or a file, not {name!r}")
        return read(name), str(name)
    file, made = KINDS[name]
    path = Path(os.environ.get("TERNSTONE_DATA") or ".", "gset", file or "")
    if file and os.environ.get("TERNSTONE_DATA") and path.is_file():
        return read(path), file
    return made(), "generated"


def pull(couplings, spins):
    """What a spin's neighbours add up to at random: the mean over spins of a standard deviation."""
    squares = np.zeros(spins)
    for i, j, value in couplings:
        squares[[i, j]] += value * value
    return float(np.sqrt(squares).mean())


def of_graph(graph, *, draws=4, **arguments):
    """`IsingParams` of a graph's maximum cut; the noise is as fine as its range asks for."""
    start = max(START * pull(graph.couplings, graph.nodes) / math.sqrt(draws), 2**-8)
    fraction = min(8, max(0, math.ceil(math.log2(LEVELS / start) - 0.1)))
    bits = round(start * 2**fraction).bit_length() + 1
    return IsingParams(graph.nodes, graph.couplings, draws=draws, fraction=fraction,
                       noise_bits=max(4, bits), **arguments)


def ising(graph: str = "small", *, replicas: int = 16, lanes: int = 4, draws: int = 4,
          range_bits: int = 0, segments: int = 16, seed: int = 1) -> IsingParams:
    """The network of a graph by name, or of a file, for its maximum cut.

    graph: of `KINDS`, or a file in the G-set's format

    Errors: as `graph_of` and `IsingParams`.
    """
    return of_graph(graph_of(graph)[0], replicas=replicas, lanes=lanes, draws=draws,
                    range_bits=range_bits, segments=segments, seed=seed)


def schedule(params, sweeps):
    """A job's segments for the maximum cut: the noise falls on a line, from `START` to `END`."""
    unit = (pull(params.couplings, params.spins) * 2**params.fraction / math.sqrt(params.draws))
    most = (1 << params.noise_bits) - 1
    start, end = (min(most, max(1, round(share * unit))) for share in (START, END))
    return [(count, noise, 0) for count, noise in
            ramp("linear", start, end, sweeps, min(params.segments, sweeps))]


def network(graph, *, scale=4, **arguments):
    """`NetworkParams` of a graph's maximum cut, all spins at once: for small graphs. J is ``scale``
    times the weight, so that noise is finer; the one port, ``parts``, is the nodes. Every other
    argument is another field's."""
    couplings = tuple((i, j, scale * value) for i, j, value in graph.couplings)
    return NetworkParams((0,) * graph.nodes, couplings,
                         (("parts", tuple(range(graph.nodes))),), **arguments)
