"""The network against a slow one in Python's integers; what a job says."""

import numpy as np
import pytest
from hypothesis import given, settings

from golden import lfsr, xorshift
from golden.invertible.network import Job, Network, cycles, ramp, simulate
from tests.hdl.invertible.gates import AND, FULL_ADDER, networks


def generated(params, steps):
    """Random bits as lists, step by step."""
    rows = []
    for state in params.first_states():
        if params.random == "lfsr":
            words = [int(x) for x in lfsr.sequence(32, [state], steps)[:, 0]]
        else:
            old, new = xorshift.states(32, [state], steps)
            words = [int(a) | int(b) << 32 for a, b in zip(old[:, 0], new[:, 0], strict=True)]
        rows.append([[word >> k & 1 for k in range(params.register)] for word in words])
    return [sum((row[t] for row in rows), []) for t in range(steps)]


def forward(params, state):
    state = list(state)
    for inputs, outputs, table in params.gates:
        code = table[sum(state[spin] << k for k, spin in enumerate(inputs))]
        for k, spin in enumerate(outputs):
            state[spin] = code >> k & 1
    return [state[spin] for spin in params.bits]


def naive(params, frame, bits):
    """One job, with the random bits of each step: (states of every cycle, words, steps)."""
    p = params
    schedule, clamps = Job.of(p, frame)
    held = {spin: int(c) for spin, c in zip(p.bits, clamps, strict=True) if c >= 0}
    offset = p.replicas * p.spins * p.draws

    def noise(step, q, i):
        at = (q * p.spins + i) * p.draws
        return bits[step][at:at + p.draws]

    networks, memories = [], []     # those that take turns
    levels = [(w, r) for count, w, r in schedule for _ in range(count)]
    seen, valid, hit, counts = [], 0, None, [0] * p.counters
    def update(t):
        """Makes state t, begun with state ``t - stages``."""
        state, memory = networks[t % p.stages], memories[t % p.stages]
        begun = t - p.stages
        w, reach = levels[begun]
        reach = reach if p.range < 0 else p.range
        before = [list(own) for own in state]
        for q in range(p.replicas):
            for i in range(p.spins):
                rest = (p.rest or [0] * p.spins)[i]
                at = offset + q * sum(p.rest) + sum(p.rest[:i])
                turn = p.turns[begun // p.stages % len(p.turns)]
                if i in held or i not in turn or (
                        rest and not all(bits[begun + 1][at:at + rest])):
                    continue
                total = p.h[i] + memory[q][i]
                total += sum(value * (2 * before[q][j] - 1) for j, value in p.neighbours[i])
                total += p.ring * (2 * before[(q + 1) % p.replicas][i] - 1)
                total += sum(w * (2 * r - 1 if p.coding == "bipolar" else r)
                             for r in noise(begun + 1, q, i))
                state[q][i] = int(total >= 0)
                memory[q][i] = min(max(total, -reach), max(reach - 1, 0))

    for t in range(len(levels) + 1):
        if t < p.stages:
            networks.append([[held.get(i, noise(t, q, i)[0]) for i in range(p.spins)]
                             for q in range(p.replicas)])
            memories.append([[0] * p.spins for _ in range(p.replicas)])
        else:
            update(t)
        state = networks[t % p.stages]
        seen.append([list(own) for own in state])
        if p.gates:
            said = [forward(p, own) for own in state]
            valid += sum([own[spin] for spin in p.bits] == answer
                         for own, answer in zip(state, said, strict=True))
            good = [all(c < 0 or c == bit for c, bit in zip(clamps, answer, strict=True))
                    for answer in said]
            right = [state[0][spin] for spin in p.bits] == said[0]
            if any(good) and hit is None:
                hit = t, good.index(True), said[good.index(True)]
                if p.stop == "hit":
                    break
        if p.counters and t > len(levels) - (schedule[-1][0] if schedule else 0):
            code = sum(state[0][spin] << k for k, spin in enumerate(p.counted))
            counts[code + (right << len(p.counted) if p.gates else 0)] += 1
    ended = t
    count = hit[0] + 1 if hit else len(levels) + 1
    answer = hit[2] if hit and p.stop == "hit" else [state[0][spin] for spin in p.bits]
    packed = sum(bit << k for k, bit in enumerate(answer))
    words = [int(hit is not None) | (hit[1] << 1 if hit else 0), count & 0xFFFF, count >> 16,
             valid & 0xFFFF, valid >> 16]
    words += [packed >> at & 0xFFFF for at in range(0, len(answer), 16)]
    words += [half for count in counts for half in (count & 0xFFFF, count >> 16)]
    return seen, words, min(len(levels), ended + p.finder_depth + 1) + 1


@settings(max_examples=60, deadline=None)
@given(networks(jobs=2))
def test_equals_bit_by_bit(case):
    block, frames = case
    p, done = block.params, 0
    bits = generated(p, 1 + sum(sum(c for c, _, _ in Job.of(p, f)[0]) + 1 for f in frames))
    for frame, answer in zip(frames, block.run(frames), strict=True):
        seen, words, steps = naive(p, frame, bits[done:])
        if p.answer == "trace":
            assert answer.tolist() == [sum(state, []) for state in seen]
        else:
            assert answer[:, 0].tolist() == words
        done += steps


def test_many_jobs_are_each_of_their_own_seed():
    """As alone, and as a network whose parameters have that seed."""
    clamps = np.array([[-1] * 5, [1, 0, -1, -1, -1], [-1, -1, -1, 1, 1]])
    p = FULL_ADDER.replace(stop="hit", update="chromatic")
    together = simulate(p, ((80, 3, 4),), clamps, seeds=(5, 6, 7))
    for n, seed in enumerate((5, 6, 7)):
        alone = simulate(p.replace(seed=seed), ((80, 3, 4),), clamps[n:n + 1])
        for name in ("found", "states", "valid", "bits", "verdicts", "steps"):
            assert np.array_equal(getattr(together, name)[n:n + 1], getattr(alone, name))


def test_generators_run_on():
    """The second job begins where the first one's steps ended."""
    block = Network(AND, {})
    frames = [Job(((20, 3, 4),)).frame(AND)] * 2
    first = block.results(frames[:1])[0]
    again = simulate(AND, ((20, 3, 4),), np.full((1, 3), -1), after=int(first.steps[0]))
    assert np.array_equal(block.results(frames)[1].bits, again.bits)
    assert int(first.steps[0]) == 21


def test_networks_that_take_turns_are_networks_of_their_own():
    """Without noise each goes its way, by its own start and whose turn it is, as it would alone."""
    p = FULL_ADDER.replace(update="chromatic", range=0)
    alone, turns = (simulate(params, ((30, 0, 0),), np.full((4, 5), -1), seeds=range(4),
                             trace=True).trace for params in (p, p.replace(stages=3)))
    assert np.array_equal(turns[:, ::3], alone[:, :11])
    assert not np.array_equal(turns[:, 1::3], turns[:, ::3][:, :10])


def test_a_circuit_of_many_inputs_needs_no_table():
    """A chain of parities over more inputs than a table is written for."""
    count = 22
    gates, before = [], 0
    for n in range(1, count):
        gates.append(((before, n), (count + n - 1,), (0, 1, 1, 0)))
        before = count + n - 1
    p = AND.replace(h=(0,) * (2 * count - 1), couplings=(), gates=tuple(gates),
                    ports=(("x", tuple(range(count))), ("parity", (before,))))
    found = simulate(p, (), np.array([[n >> k & 1 for k in range(count)] + [-1]
                                      for n in (0, 1, 3, 0b1011)]))
    assert found.valid.shape == (4,) and found.found.all()
    hit = simulate(p.replace(stop="hit"), (), np.array([[1] + [0] * (count - 1) + [0],
                                                        [1] + [0] * (count - 1) + [1]]))
    assert hit.found.tolist() == [False, True]


def test_ramps():
    assert ramp("step", 11, 5, 100, 2) == [(50, 11), (50, 5)]
    assert ramp("geometric", 16, 1, 50, 5) == [(10, 16), (10, 8), (10, 4), (10, 2), (10, 1)]
    assert [level for _, level in ramp("linear", 0, 8, 9, 9)] == list(range(9))
    assert sum(count for count, _ in ramp("linear", 0, 8, 100, 7)) == 100
    for arguments, message in (
            (("cubic", 1, 2, 3, 1), r"Ramp kind must be one of step, linear, geometric, not "
                                    r"'cubic'"),
            (("step", 1, 2, 3, 4), r"Ramp cycles must be at least 4, not 3"),
            (("geometric", 0, 2, 3, 2), r"Ramp ends must be at least 1 where it is geometric, "
                                        r"not 0")):
        with pytest.raises(ValueError, match=rf"^{message}$"):
            ramp(*arguments)


def test_a_job_as_words():
    job = Job(((70000, 11, 6), (3, 5, 6)), {"a": 2, "sum": {1: 1}})
    frame = job.frame(FULL_ADDER)
    assert frame.shape == (FULL_ADDER.words, 1)
    assert frame[:8, 0].tolist() == [70000 & 0xFFFF, 1, 11, 6, 3, 0, 5, 6]
    schedule, clamps = Job.of(FULL_ADDER, frame)
    assert schedule == job.schedule
    assert clamps.tolist() == [0, 1, -1, -1, 1]


@pytest.mark.parametrize("job, message", [
    (Job((), {"z": 1}), r"Clamped port must be one of a, carry, sum, not 'z'"),
    (Job((), {"a": 4}), r"Clamp of a must be between 0 and 3, not 4"),
    (Job((), {"a": {2: 1}}), r"Clamped bit of a must be between 0 and 1, not 2"),
    (Job((), {"a": {1: 2}}), r"Clamp of a bit 1 must be between 0 and 1, not 2"),
    (Job(((1, 64, 0),)), r"Schedule noise must be between 0 and 63, not 64"),
    (Job(((1, 0, 16),)), r"Schedule range must be between 0 and 15, not 16"),
    (Job(((1, 0, 0),) * 5), r"Schedule must have at most 4 segments, not 5"),
])
def test_wrong_jobs(job, message):
    with pytest.raises(ValueError, match=rf"^{message}$"):
        job.frame(FULL_ADDER)


def test_clock_cycles():
    """A job's words, its states, the finder, the answer's words; the next one loads meanwhile."""
    p = FULL_ADDER
    assert (p.words, p.finder_depth, p.answer_words) == (17, 1, 6)
    assert cycles(p, [60]) == 17 + 1 + 61 + 1 + 6
    assert cycles(p, [60, 5]) - cycles(p, [60]) == 17 + 1 + 6 + 1
