"""The check of a network's states: what passes, and that a stuck network does not."""

import numpy as np
import pytest

from golden.invertible import sampling
from golden.invertible.build import network
from golden.invertible.hamiltonian import GATES
from golden.invertible.sampling import frozen, measure, noise, plan, sampler, schedule
from ternstone.designs import open_design


@pytest.mark.parametrize("design, name", [("and-gate", "and"), ("full-adder", "full-adder"),
                                          ("adder-8", "adder-8")])
def test_designs_are_samplers(design, name):
    assert open_design(design, None, {}).block.params == sampler(name)


def test_clamps_and_the_states_that_they_allow():
    p = sampler("and")
    clamps = sampling.clamps(p)
    assert len(clamps) == len(set(clamps)) == 21 and (0, -1, 1) not in clamps
    assert sampling.allowed(p, (-1, -1, 0)).tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    for name in sampling.NAMES[:-1]:
        p = sampler(name)
        assert len(sampling.allowed(p, (-1,) * len(p.bits))) == 1 << GATES[name].inputs


def test_sampled_clamps_of_an_adder():
    p = sampler("adder-8")
    found = sampling.sampled_clamps(p)
    sizes = {name.split(":")[0]: [] for name in found}
    for name, clamp in found.items():
        states = sampling.allowed(p, clamp)
        codes = states[:, :8] @ (1 << np.arange(8))
        assert len(set(codes.tolist())) == len(states) > 0
        sizes[name.split(":")[0]].append(len(states))
    assert sizes["forward"] == [1, 1] and max(sizes["backward"]) == 256 == max(sizes["mixed"])


def test_the_coldest_noise_that_moves():
    assert [noise(sampler(name)) for name in sampling.NAMES] == [1] * 7 + [5]
    p = sampler("adder-8")
    assert [level for _, level, _ in schedule(p, 1000, 50)] == [16, 10, 7, 6, 5, 5]
    assert sum(count for count, _, _ in schedule(p, 1000, 50)) == 1050
    assert schedule(sampler("and"), 100, 50) == ((150, 1, 0),)


def test_every_check_counts_as_many_cycles():
    for name in ("xor", "adder-8"):
        for states in (1, 2, 3, 24, 256):
            own, jobs = plan(sampler(name), states)
            assert own[-1][0] * jobs == 1 << 20
            assert [level for _, level, _ in frozen(sampler(name), states)[0]] == [0] * len(own)


@pytest.mark.parametrize("name", ["and", "full-adder"])
def test_a_network_passes_and_a_frozen_one_fails(name):
    """Fewer cycles than the bench's; clamps that allow no more than two states, and none."""
    p = sampler(name)
    clamps = [clamp for clamp in sampling.clamps(p)
              if len(sampling.allowed(p, clamp)) < 3][::9] + [(-1,) * p.spins]
    found = measure(p, clamps, lambda params, states: (((1 << 13, 1, 0),), 8))
    assert all(each.passed for each in found), found
    assert all(each.counts.sum() == 8 << 13 for each in found)
    stuck = measure(p, clamps, lambda params, states: (((1 << 9, 0, 0),), 8))
    assert not stuck[-1].passed and stuck[-1].least == 0
    # Three times the noise leaves the valid states too often.
    hot = measure(p.replace(noise_bits=2), clamps, lambda params, states: (((1 << 10, 3, 0),), 8))
    assert not hot[-1].passed and hot[-1].valid < sampling.VALID


def test_a_frozen_adder_fails():
    p = sampler("adder-8")

    def few(params, states):
        own, jobs = frozen(params, states)
        return tuple((min(count, 300), level, reach) for count, level, reach in own), 64

    clamps = list(sampling.sampled_clamps(p).values())[:4]
    assert not any(each.passed for each in measure(p, clamps, few))


def test_a_histogram_must_tell_states_apart():
    p = network("and", scale=3, draws=7, answer="histogram", histogram="y")
    with pytest.raises(ValueError, match=r"^Histogram must tell apart the valid states of \[-1, "
                                         r"-1, -1\]$"):
        measure(p, [(-1, -1, -1)])
    with pytest.raises(ValueError, match=r"^Sampler must be one of .*, adder-8, not 'adder-9'$"):
        sampler("adder-9")
