"""Every cycle of the compressed-activation dataflow, from where the zeros are.

Four parts work side by side: the loader takes a word a cycle; each controller finds a non-zero
value or an empty sparsity map a cycle, and its MACs multiply it by a weight a cycle; the output
stage takes a finished column off all controllers, ``lanes`` sums a cycle; the encoder gives a word
a cycle. Each waits for what it needs and for room where it writes, so that times follow from the
times before; within a column they are plain sums.
"""

import numpy as np

from golden.params import ceil_div
from golden.sparse_conv.compressed import GROUP, line_lengths, lines
from golden.sparse_conv.nullhop_params import BLOCK

__all__ = ["busy", "count"]

#: Cycles from the end of a column at a controller's MACs to where the output stage finds its sums:
#: the weight's address (2), its word, a register, the product, the accumulator.
DEPTH = 6


def count(p, maps, outputs):
    """Cycles of these frames (maps int64 [frames, ...], and what `convolve` makes of them), from
    the first beat in to the last beat out, both counted."""
    machine = _Machine(p)
    for image, output in zip(maps, outputs, strict=True):
        machine.frame(image, output)
    return int(machine.encoder.word + 2)


def busy(p, maps):
    """Cycles in which controllers' MACs multiply, over all controllers: int64 [frames]."""
    x = np.array([p.column(x)[1] for x in range(p.width)])
    found = np.zeros(len(maps), np.int64)
    for number in range(p.stripes):
        base, fed, made = p.stripe(number)
        for j in fed:
            values = np.count_nonzero(maps[:, :, base + j, :p.width], axis=1)
            found += values @ x * sum(p.feeds(j, made))
    return found * p.passes


def _load_cycles(p, image):
    """Words of an image's stream, and where a stored map ends within a group of the stream; in one
    cycle more the loader learns whether there was room for all."""
    layer, extra, words = p.layer, 0, np.count_nonzero(image)
    ends = np.minimum(np.arange(BLOCK, layer.channels + BLOCK, BLOCK), layer.channels)
    for length in line_lengths(layer.channels, layer.height, layer.width, p.order):
        at = (np.arange(length // layer.channels)[:, None] * layer.channels + ends).reshape(-1)
        extra += np.count_nonzero((at % GROUP != 0) & (at != length))
        words += ceil_div(length, GROUP) * (GROUP // p.word)
    return int(words + extra) + 1


class _Machine:
    """The parts, and the times that they have come to."""

    def __init__(self, p):
        self.p = p
        self.controllers = [_Controller(p, c) for c in range(p.active)]
        self.encoder = _Encoder(p)
        self.loaded = 1            # the cycle in which the last image was complete
        self.finished = [-1, -1]   # of the two images before: all controllers were done with it
        self.output = 0            # the first cycle in which the output stage may begin a column
        self.released = [-1] * p.columns  # columns left the accumulators

    def frame(self, image, output):
        p = self.p
        start = max(self.loaded, self.finished[-2]) + 1
        self.loaded = start + _load_cycles(p, image)
        for controller in self.controllers:
            controller.load(image)
        table = [p.column(x) for x in range(p.width)]
        output_lines = lines(output, p.out_order)
        after = self.loaded + 3  # a sparsity map leaves its memory, and the register behind it
        for stripe in range(p.stripes):
            made = p.stripe(stripe)[2]
            room = self.encoder.room()
            for number in range(p.passes):
                length = p.pass_words(number) * made
                begun = done = 0
                for x, (_, _, all_begun, all_done) in enumerate(table):
                    # The accumulators that this column begins have been left by then.
                    left = self.released[len(self.released) - p.columns + all_begun - done - 1]
                    ready = 0
                    for controller in self.controllers:
                        ready = max(ready, controller.column(
                            stripe, x, after, left if all_begun > begun else -1,
                            all_done > done))
                    after, begun = 0, all_begun
                    for _ in range(all_done - done):
                        begins = max(self.output, ready, room)
                        self.output = begins + length
                        self.released.append(self.output - 1)
                    done = all_done
            # Sums, clusters, scale, bias, rounding.
            self.encoder.line(output_lines[stripe],
                              self.output + 4 + bool(p.layer.scale_width))
        self.finished.append(max(c.edge for c in self.controllers))


class _Controller:
    """One controller's times.

    begins: the cycle in which the next column's first sparsity map is looked at
    idle:   the first cycle in which the MACs can be given a value
    given:  the cycle in which the last end of a column went to the MACs
    """

    def __init__(self, p, number):
        self.p, self.number = p, number
        self.edge, self.idle, self.given = -1, 0, 0

    def load(self, image):
        """What each stripe's columns hold."""
        p, c = self.p, self.number
        chosen = image[c * p.share:c * p.share + p.channels_of(c)] != 0
        padded = np.zeros((p.chunks(c) * p.chunk, *chosen.shape[1:]), bool)
        padded[:len(chosen)] = chosen
        counts = padded.reshape(p.chunks(c), p.chunk, *chosen.shape[1:]).sum(1)
        self.stripes = [self._scan(counts, number) for number in range(p.stripes)]

    def _scan(self, counts, number):
        """Of each column of a stripe: cycles until the first value is found (of all sparsity maps
        without one), whether there is one, from the first to the last one, multiplications of the
        last one, from there to the end."""
        p = self.p
        base, fed, made = p.stripe(number)
        taps = np.array([p.column(x)[1] for x in range(p.width)])
        maps = [(counts[g, base + j, :p.width], taps * sum(p.feeds(j, made)))
                for j in fed for g in range(len(counts))]
        has = np.zeros(p.width, bool)
        first, between, last, at = (np.zeros(p.width, np.int64) for _ in range(4))
        whole = np.zeros(p.width, np.int64)
        for q, (values, work) in enumerate(maps):
            whole += np.maximum(values, 1)
            found = values > 0
            step = np.where(has, np.maximum(last, q - at), 0) + (values - 1) * work
            first = np.where(found & ~has, q, first)
            between += np.where(found, step, 0)
            last, at = np.where(found, work, last), np.where(found, q, at)
            has |= found
        has &= taps > 0
        first = np.where(has, first, whole)
        return list(zip(first.tolist(), has.tolist(), between.tolist(), last.tolist(),
                        (len(maps) - at).tolist(), strict=True))

    def column(self, stripe, x, after, left, ends):
        """The cycle in which the output stage finds the columns that end with input column ``x``.

        after: the cycle from which on the image is there; 0 within an image
        left:  the cycle in which the accumulators that it begins were left
        ends:  whether output columns end with it
        """
        begins = max(self.edge, after, left + 1) + 1
        first, has, between, last, rest = self.stripes[stripe][x]
        edge = begins + first
        if has:
            value = max(edge, self.idle) + between
            self.idle = value + last
            edge = value + rest
        self.edge = max(edge, self.given)
        if ends:
            self.given = max(self.edge + 1, self.idle)
        return self.given + DEPTH


class _Encoder:
    """The encoder's times.

    word:  the cycle of the last word
    taken: the cycle in which the last group went to be encoded
    freed: of each line the cycle in which its memory was free again
    """

    def __init__(self, p):
        self.p = p
        self.word = self.taken = 0
        self.freed = [-1, -1]

    def room(self):
        """The first cycle in which a line may be written."""
        return self.freed[-2] + 1

    def line(self, line, ready):
        p = self.p
        self.taken = max(self.taken, ready)
        for start in range(0, len(line), GROUP):
            group = line[start:start + GROUP]
            self.taken = max(self.taken + len(group) // p.lanes + 1, self.word)
            self.word = self.taken + (
                GROUP // p.word + np.count_nonzero(group) if p.layer.relu else len(group))
        self.freed.append(self.taken)
