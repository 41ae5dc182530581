"""Faults of a line, for golden's link, the hardware and the host program alike."""

from golden.link.packet import BROKEN, FLAG

__all__ = ["damage"]

FAULTS = ("flip", "cut", "drop", "insert", "double", "broken", "break", "none")


def damage(packet, rng):
    """(line, fault): ``packet`` with a random fault; the line's items are bytes, or `BROKEN`."""
    line, fault = list(packet), rng.choice(FAULTS)
    at = rng.randrange(len(line))
    if fault == "flip":
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(line))
            line[at] ^= 1 << rng.randrange(8)
    elif fault == "cut":
        line = line[:at]
    elif fault == "drop":
        del line[at:at + rng.randint(1, 3)]
    elif fault == "insert":
        line[at:at] = [rng.randrange(256) for _ in range(rng.randint(1, 9))]
    elif fault == "double":
        line += packet
    elif fault == "broken":
        line[at] = BROKEN
    elif fault == "break":
        line[at:at] = [BROKEN]
    if rng.random() < 0.2:  # garbage between packets
        line = [rng.randrange(256) for _ in range(rng.randint(1, 20))] + line
    if rng.random() < 0.2:
        line += [FLAG] * rng.randint(1, 3)
    return line, fault
