"""One test bench for every design: a device in a simulator against golden, beat by beat."""

from sim.bench import (
    Scenario,
    SimulationError,
    Verdict,
    check,
    grid,
    run,
    run_scenarios,
)
from sim.build import BuildError
from sim.tools import ToolError

__all__ = ["BuildError", "Scenario", "SimulationError", "ToolError", "Verdict", "check", "grid",
           "run", "run_scenarios"]
