"""What the parts of `ternstone bench asic` share: whole designs on SG13G2, before layout."""

from collections.abc import Mapping, Sequence
from typing import Any

from asic.area import find_sta
from asic.pdk import find_pdk
from sim.bench import Scenario
from sim.tools import ToolError
from ternstone import bench_mac
from ternstone.asic import SCENARIOS, implement
from ternstone.bench import Row, Say, figure
from ternstone.designs import Design

__all__ = ["CLOCK_MHZ", "energy", "equal", "missing", "run"]

#: Of every design, if not said otherwise.
CLOCK_MHZ = 100.0


def missing() -> str | None:
    """None, or why nothing can be measured."""
    try:
        find_sta()
    except ToolError as error:
        return str(error)
    return bench_mac.missing() or None


def run(design: Design, say: Say, *, mhz: float = CLOCK_MHZ, corner: str = "typical",
        frames: int, feed: Any = None,
        scenarios: Sequence[Scenario] = SCENARIOS) -> dict[str, Any]:
    """What `implement` says of the design, its netlist run on so many frames, or those of
    ``feed``, under all its scenarios or these."""
    pdk = find_pdk(corner=corner)
    assert pdk
    return implement(design, pdk, mhz=mhz, say=lambda what: say(f"{design.name}: {what}"),
                     regress=True, frames=frames, feed=feed, scenarios=scenarios)


def equal(answer: Mapping[str, Any], what: str) -> Row:
    """Whether the netlist computed what golden computes."""
    verdict = answer["regression"]
    return figure("mismatches", f"{what} on cells", verdict.get("mismatches"),
                  verdict["failure"] or f"{verdict['beats']} beats", target="0",
                  met=verdict["passed"])


def energy(answer: Mapping[str, Any], *blocks: str) -> float:
    """nJ a frame of the blocks whose path holds one of these words; of all without."""
    return sum(nj for path, nj in answer["power"]["blocks"].items()
               if not blocks or any(word in path for word in blocks))
