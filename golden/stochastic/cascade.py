"""Networks one behind the other, whose streams are made anew in between.

A stream that is handed on keeps its length and what its bits have in common with others'. Here the
ones of each are counted, and the next section compares the count with numbers of its own: every
section has its own stream length, works on a frame of its own, and forgets how its inputs were
correlated.
"""


from golden.check import require_int
from golden.design import Block
from golden.stochastic import timing
from golden.stochastic.build import network
from golden.stochastic.network import Network, layer_shapes, random_frames
from golden.stochastic.params import CascadeParams

__all__ = ["Cascade", "cascade", "split"]


def cascade(inputs: int = 16, hidden: int = 8, outputs: int = 4, lengths: str = "256,64", *,
            m: int = 1, weight_bits: int = 4, coding: str = "sign", product: str = "and",
            states: int = 16, kind: str = "net", columns: int = 4, neurons: int = 0,
            synapses: int = 0, stop: str = "never", margin: int = 0, earliest: int = 1,
            answer: str = "class") -> CascadeParams:
    """Layers of ``hidden`` neurons and a head of ``outputs``, as many as there are ``lengths``: of
    each its stream length, or 0 where it takes the streams of the layer before as they come.

    ``columns`` is that of every section. All else: `golden.stochastic.build.network`.

    Errors: as those classes.

    >>> p = cascade(lengths="256,0,64")
    >>> [(len(section.layers), section.length) for section in p.sections]
    [(2, 256), (1, 64)]
    """
    try:
        each = [int(text) for text in lengths.split(",")]
    except ValueError:
        raise ValueError("Cascade lengths must be whole numbers with commas between, as 256,64, "
                         f"not {lengths!r}") from None
    whole = network(inputs, hidden, outputs, len(each) - 1, 1, m, weight_bits, coding=coding,
                    product=product, states=states, kind=kind, columns=columns, neurons=neurons,
                    synapses=synapses, answer=answer)
    return split(whole, each, stop=stop, margin=margin, earliest=earliest)


def split(params, lengths, **last):
    """`CascadeParams` of a network's layers: ``lengths`` as in `cascade`.

    last: fields of the last section that hang on its length
    """
    require_int("Cascade lengths", len(lengths), len(params.layers), len(params.layers))
    require_int("Cascade length of the first layer", lengths[0], 1)
    starts = [n for n, length in enumerate(lengths) if length]
    sections = []
    for first, end in zip(starts, [*starts[1:], len(lengths)], strict=True):
        layers, length = params.layers[first:end], lengths[first]
        changes = {} if end == len(lengths) else {
            "answer": "ones", "out_columns": params.columns, "stop": "never", "earliest": 1}
        if sections:
            # Numbers of its own, or its inputs would meet the ones that their neurons met.
            changes |= {"input": sections[-1].ones_format,
                        "x": params.x.replace(seed=params.x.seed + first, table=None,
                                              rotations=1)}
        if end == len(lengths):
            changes |= last
        sections.append(params.replace(layers=layers, length=length, **changes))
    return CascadeParams(tuple(sections))


def _own(number, name):
    return f"sections.{number}.{name}"


class Cascade(Block):
    """A cascade (`golden.stochastic.params.CascadeParams`).

    Tensors: those of each section's network, as ``sections.<n>.<name>``.

    Input beats are the first section's, output beats the last one's.
    """

    name = "stochastic.cascade"

    @staticmethod
    def shapes(params):
        return {_own(n, name): shape for n, section in enumerate(params.sections)
                for name, shape in Network.shapes(section).items()}

    @classmethod
    def of(cls, params, tensors):
        """The cascade of a network's ``tensors``, numbered through."""
        names = [(n, layer) for n, section in enumerate(params.sections)
                 for layer in range(len(section.layers))]
        return cls(params, {
            _own(n, f"layers.{layer}.{name}"): tensors[f"layers.{at}.{name}"]
            for at, (n, layer) in enumerate(names)
            for name in layer_shapes(params.sections[n].layers[layer])})

    def check(self):
        self.networks = [
            Network(section, {name: self.tensors[_own(n, name)]
                              for name in Network.shapes(section)})
            for n, section in enumerate(self.params.sections)]

    @property
    def input(self):
        return self.networks[0].input

    @property
    def output(self):
        return self.networks[-1].output

    def run(self, frames):
        for section in self.networks:
            frames = section.run(frames)
        return frames

    def _taken(self, frames):
        """For each section the stream cycles of every frame."""
        taken = []
        for section in self.networks:
            taken.append(section.taken(frames))
            if section is not self.networks[-1]:
                frames = section.run(frames)
        return taken

    def cycles(self, frames):
        return timing.cycles(self.params.sections, self._taken(frames))

    def utilisation(self, frames):
        """Useful synapses over those that the hardware could have worked on."""
        taken = self._taken(frames)
        useful = sum(section.synapses * sum(cycles)
                     for section, cycles in zip(self.networks, taken, strict=True))
        lanes = sum(section.lanes for section in self.networks)
        return float(useful / (lanes * timing.cycles(self.params.sections, taken)))

    @classmethod
    def random(cls, params, rng):
        tensors = {}
        for n, section in enumerate(params.sections):
            made = Network.random(section, rng)
            tensors |= {_own(n, name): value for name, value in made.tensors.items()}
        return cls(params, tensors)

    def random_frames(self, count, rng):
        return random_frames(self.params, count, rng)
