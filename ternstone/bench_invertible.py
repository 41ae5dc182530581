"""Headline figures of the invertible family: each is measured, on generated hardware or on the
golden network that it equals, beside its target."""

from ternstone.bench import Part
from ternstone.bench_invertible_area import multipliers, peer, published, standard_cells
from ternstone.bench_invertible_factoring import factoring, yardsticks
from ternstone.bench_invertible_maxcut import maximum_cut
from ternstone.bench_invertible_sampling import equality, sampled, speed

__all__ = ["PARTS"]

#: The parts, in the order in which they are shown.
PARTS: dict[str, Part] = {
    "equality": equality,
    "sampled": sampled,
    "yardsticks": yardsticks,
    "factoring": factoring,
    "maximum cut": maximum_cut,
    "published": published,
    "multipliers": multipliers,
    "standard cells": standard_cells,
    "peer": peer,
    "speed": speed,
}
