import numpy as np
import pytest

from golden.invertible.graph import of_graph, random_graph, schedule
from golden.invertible.ising import BEHIND, Ising, IsingParams, anneal, energy, generators
from golden.xorshift import seeds, step

RING = tuple((n, n + 1, 1) for n in range(7)) + ((0, 7, -2),)


@pytest.mark.parametrize("change, error", [
    ({"spins": 3}, r"Ising spins must be between 4 and 65536, not 3"),
    ({"couplings": ()}, r"Ising couplings must be at least 1, not 0"),
    ({"couplings": ((0, 8, 1),)}, r"Coupling spin must be between 0 and 7, not 8"),
    ({"couplings": ((0, 1, 1 << 15),)}, r"Coupling J must be between -32767 and 32767, not 32768"),
    ({"couplings": ((1, 0, 1),)}, r"Coupling must be \(i, j, J\) with i < j, .*, not \(1, 0, 1\)"),
    ({"couplings": ((0, 1, 0),)}, r"Coupling must be \(i, j, J\) with .*, not \(0, 1, 0\)"),
    ({"replicas": 0}, r"Ising replicas must be between 1 and 256, not 0"),
    ({"lanes": 65}, r"Ising lanes must be between 1 and 64, not 65"),
    ({"draws": 17}, r"Ising draws must be between 1 and 16, not 17"),
    ({"fraction": -1}, r"Ising fraction must be between 0 and 8, not -1"),
    ({"noise_bits": 0}, r"Ising noise_bits must be between 1 and 16, not 0"),
    ({"range_bits": 17}, r"Ising range_bits must be between 0 and 16, not 17"),
    ({"segments": 1}, r"Ising segments must be between 2 and 256, not 1"),
    ({"segments": 12}, r"Ising segments must be a power of two, not 12"),
    ({"seed": -1}, r"Ising seed must be between 0 and \d+, not -1"),
])
def test_init_wrong(change, error):
    with pytest.raises(ValueError, match=f"^{error}$"):
        IsingParams(**{"spins": 8, "couplings": RING, **change})


def test_round_trip_of_parameters():
    params = IsingParams(8, RING, replicas=3)
    assert IsingParams.from_dict(params.to_dict()) == params


def test_wrong_schedules():
    params = IsingParams(8, RING, segments=2)
    for given, error in [
            (((1, 1),) * 3, r"Schedule must have at most 2 segments, not 3"),
            (((1 << 16, 1),), r"Schedule sweeps must be between 0 and 65535, not 65536"),
            (((1, 64),), r"Schedule noise must be between 0 and 63, not 64"),
            (((1, 1, 1),), r"Schedule range without accumulators must be between 0 and 0, not 1")]:
        with pytest.raises(ValueError, match=f"^{error}$"):
            params.ask(given)


def plain(params, segments):
    """As the equations say, spin by spin, in Python's integers: each replica's energies and
    states, sweep by sweep."""
    p = params
    couplings = np.zeros((p.spins, p.spins), int)
    for i, j, value in p.couplings:
        couplings[i, j] = couplings[j, i] = value
    states = [(value & (1 << 64) - 1, value >> 64) for value in seeds(64, p.seed, p.generators)]
    spins = [[0] * p.spins for _ in range(p.replicas)]
    memory = [[0] * p.spins for _ in range(p.replicas)]
    found = []
    for sweeps, noise, reach in segments:
        for _ in range(sweeps):
            for spin in range(p.spins):
                bits = [word >> k & 1 for _, word in states for k in range(64)]
                for r in range(p.replicas):
                    ones = sum(bits[r * p.draws:(r + 1) * p.draws])
                    field = sum(int(couplings[spin, k]) * spins[r][k] for k in range(p.spins))
                    total = (field * 2**p.fraction + noise * (2 * ones - p.draws)
                             + memory[r][spin])
                    if p.range_bits:
                        memory[r][spin] = max(-reach, min(max(reach - 1, 0), total))
                    spins[r][spin] = 1 if total >= 0 else -1
                states = [tuple(int(v) for v in step(64, np.uint64(old), np.uint64(new)))
                          for old, new in states]
            found.append([list(state) for state in spins])
    return (np.array(found) + 1) // 2


@pytest.mark.parametrize("options", [
    {"replicas": 5}, {"replicas": 9, "draws": 8, "fraction": 0},
    {"replicas": 2, "draws": 1, "range_bits": 4}])
def test_equations(options):
    graph = random_graph(12, 40, (-2, 1, 3), seed=4)
    params = IsingParams(12, graph.couplings, **options)
    segments = [(3, 9, 7), (2, 5, 0), (3, 1, 3)]
    states = plain(params, segments)
    energies = energy(params, states)
    made = anneal(params, segments, *generators(params))
    assert made.final[0].tolist() == energies[-1].tolist()
    assert made.replicas[0].tolist() == energies.min(0).tolist()
    sweep, replica = np.unravel_index(energies.argmin(), energies.shape)
    assert (made.energy[0], made.sweep[0], made.replica[0]) == (energies.min(), sweep + 1, replica)
    assert made.bits[0].tolist() == states[sweep, replica].tolist()
    assert made.curve[:, 0].tolist() == np.minimum.accumulate(energies.min(1)).tolist()


def test_jobs_side_by_side_are_those_alone():
    params = of_graph(random_graph(40, 200, seed=5), replicas=7)
    segments = schedule(params, 12)
    together = anneal(params, segments, *generators(params, (3, 4, 5)))
    for n, seed in enumerate((3, 4, 5)):
        alone = anneal(params, segments, *generators(params, (seed,)))
        assert (alone.final[0] == together.final[n]).all()
        assert (alone.bits[0] == together.bits[n]).all()


def test_generators_run_on():
    params = of_graph(random_graph(20, 60, seed=5), replicas=4)
    job = params.ask([(3, 9), (2, 4)])
    first, second = Ising(params, {}).run([job, job])
    assert (first != second).any()
    assert (Ising(params, {}).run([job])[0] == first).all()


def test_no_sweeps():
    params = IsingParams(8, RING)
    (answer,) = Ising(params, {}).run([params.ask(())])
    read = params.read(answer)
    assert (read["sweep"], read["energy"], read["bits"].any()) == (0, 0, False)


@pytest.mark.parametrize("nodes, edges, lanes",
                         [(8, 10, 4), (12, 66, 3), (40, 60, 1), (60, 500, 8)])
def test_program(nodes, edges, lanes):
    """Every coupling once at each end, spins in order, and none that is on its way."""
    params = IsingParams(nodes, random_graph(nodes, edges, seed=nodes).couplings, lanes=lanes)
    program = params.program
    spins = np.cumsum(program.last) - program.last
    assert spins[-1] == nodes - 1 and program.last[-1]
    row, lane = np.nonzero(program.weights)
    found = zip(spins[row].tolist(), program.addresses[row, lane].tolist(),
                program.weights[row, lane].tolist(), strict=True)
    both = [*params.couplings, *((j, i, value) for i, j, value in params.couplings)]
    assert sorted(found) == sorted(both)
    end = {int(spins[n]): n for n in np.flatnonzero(program.last)}
    for n, row in enumerate(program.addresses):
        for address, weight in zip(row, program.weights[n], strict=True):
            if weight and address < spins[n]:
                assert n - end[int(address)] > BEHIND
    assert program.utilisation == np.count_nonzero(program.weights) / program.weights.size


def test_utilisation_of_a_graph_like_g1():
    params = of_graph(random_graph(800, 19176, seed=1))
    assert params.program.utilisation > 0.96
    job = params.ask([(100, 1)])
    assert Ising(params, {}).utilisation([job]) > 0.96
