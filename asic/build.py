"""From Verilog to a timed netlist: synthesis is repeated, in other ways, until the clock is met."""

from dataclasses import dataclass

from asic import pdk as kits
from asic.liberty import Library
from asic.synth import Synthesis, synthesise
from asic.timing import Timing, analyse
from fpga.steps import StepError

__all__ = ["ATTEMPTS", "Built", "build"]

#: What is tried until the clock is met: whether the design is one module, whether it is made for
#: speed, and the share of the period that ABC sizes for.
ATTEMPTS = ((False, False, 0.85), (False, True, 0.7), (True, True, 0.7), (True, True, 0.4))


@dataclass(frozen=True)
class Built:
    """The best netlist that was found.

    timing:    in the corner that was asked for
    corners:   corner -> `Timing`, of every corner of the kit
    attempts:  what was tried, in order
    """

    pdk: kits.Pdk
    period_ns: float
    synthesis: Synthesis
    timing: Timing
    corners: dict
    attempts: list

    @property
    def met(self):
        return self.timing.setup_ns >= 0


def build(verilog, top, pdk, period_ns, cache, say, *, memories=(), roms=(), shapes=(), root=None):
    """The first `Built` that meets the clock, or the fastest.

    verilog, memories, roms, shapes: as `asic.synth.synthesise` takes them
    say:   is told what comes next
    root:  where other corners are sought, in place of ``PDK_ROOT``

    Errors: as `synthesise` and `asic.timing.analyse`.
    """
    best, attempts = None, []
    for flat, fast, share in ATTEMPTS:
        say(f"synthesis{', for speed' if fast else ''}{', flat' if flat else ''}, for "
            f"{share * period_ns:.3g} ns")
        made = synthesise(verilog, top, pdk, cache, memories=memories, roms=roms, shapes=shapes,
                          target_ns=share * period_ns, flat=flat, fast=fast)
        say(f"timing of {len(made.netlist.cells):,} cells")
        timing = analyse(made.netlist, pdk, period_ns, cache, made.macros)
        attempts.append({"flat": flat, "fast": fast, "target_ns": round(share * period_ns, 4),
                         "mhz": timing.mhz, "seconds": round(made.seconds + timing.seconds, 1)})
        if best is None or timing.setup_ns > best[1].setup_ns:
            best = made, timing
        if timing.setup_ns >= 0:
            break
    made, timing = best
    corners = {pdk.corner: timing}
    for corner, other in kits.corners(pdk, root).items():
        if corner not in corners:
            say(f"timing, {corner} corner")
            try:
                corners[corner] = analyse(made.netlist, other, period_ns, cache, made.macros)
            except StepError:
                Library(other.liberty)  # says which file is broken, and where, if one is
                raise
    return Built(pdk, period_ns, made, timing, corners, attempts)
