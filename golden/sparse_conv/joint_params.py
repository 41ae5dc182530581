"""Parameters of the engine that skips zero weights and zero activations together; where the sums of
a layer lie in its lanes; what its memories hold. Torch-free: hardware imports this file."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from golden.check import require_choice, require_int, require_type
from golden.formats import Format
from golden.params import Params, ceil_div, ceil_log2
from golden.sparse_conv.params import ConvParams, NetworkParams
from golden.weights import WeightKind, accumulator_width

__all__ = ["ON_WAY", "QUEUE", "Axis", "Geometry", "JointParams", "Run", "balance", "groups",
           "instruction_widths", "loaded", "memories", "program", "walks"]

#: Activations that may wait for the lanes.
QUEUE = 8
#: Cycles from an activation to the queue: its list is looked up, and stands in a register.
ON_WAY = 2


@dataclass(frozen=True)
class JointParams(Params):
    """A network on one engine, and the engine's size.

    network:      its layers run one after another, their maps kept on chip
    lanes:        accumulators of a cluster; lane p has the filters p, p + lanes, ...
    clusters:     groups of lanes; each works on codes of its own, ``beat / clusters`` of every
                  word, and its sums are added to the others' at the end of a layer
    beat:         codes of a beat, and of a word of a map, all of one pixel; a multiple of
                  ``clusters``
    requantisers: sums that become codes in a cycle; divides ``lanes`` and ``beat``
    answer:       ``map``, or ``class``: the number of the largest output of a last map of 1 x 1,
                  of equals the first
    store:        ``rom`` (weights and program baked in), ``load`` (a second stream loads them) or
                  ``weights`` (it loads the weights alone, for memories that have no contents of
                  their own; what belongs to them is baked in)
    passes:       ``one``: the sums of all filters of a layer are kept at once; ``words``: those of
                  a word's filters, and the layer's map is read once for each word of its outputs.
                  Then the last map must be of 1 x 1, or of pixels of a word, for its order

    Input beats are those of the first map, output beats those of the last one (see
    `golden.sparse_conv.convolution`), or one class.
    """

    network: NetworkParams
    lanes: int = 8
    clusters: int = 1
    beat: int = 4
    requantisers: int = 1
    answer: str = "map"
    store: str = "rom"
    passes: str = "one"

    def __post_init__(self):
        if isinstance(self.network, dict):
            object.__setattr__(self, "network", NetworkParams.from_dict(self.network))
        require_type("Joint network", self.network, NetworkParams)
        require_int("Joint lanes", self.lanes, 1, 1024)
        require_int("Joint clusters", self.clusters, 1, 64)
        require_int("Joint beat", self.beat, 1, 64)
        require_int("Joint requantisers", self.requantisers, 1, 64)
        require_choice("Joint answer", self.answer, ("map", "class"))
        require_choice("Joint store", self.store, ("rom", "load", "weights"))
        require_choice("Joint passes", self.passes, ("one", "words"))
        for name, size, whole in (("clusters", self.clusters, "beat"),
                                  ("requantisers", self.requantisers, "beat"),
                                  ("requantisers", self.requantisers, "lanes")):
            if getattr(self, whole) % size:
                raise ValueError(f"Joint {name} must divide {whole} ({getattr(self, whole)}), "
                                 f"not {size}")
        last = self.network.last
        if self.answer == "class" and (last.out_height, last.out_width) != (1, 1):
            raise ValueError("Joint answer must be 'map' for a last map of "
                             f"{last.out_height} x {last.out_width}, not 'class'")
        if self.passes == "words" and self.words(last.filters) > 1 and (
                last.out_height, last.out_width) != (1, 1):
            raise ValueError("Joint passes must be 'one' for a last map of "
                             f"{last.out_height} x {last.out_width} whose pixels are "
                             f"{self.words(last.filters)} words, not 'words'")
        for run in self.runs:
            if run.geometry.depth > 1 << 16:
                raise ValueError(f"Layer {run.number} must need at most 65536 accumulators of a "
                                 f"lane, not {run.geometry.depth} (take more lanes, a smaller map, "
                                 "or passes 'words')")

    layers = property(lambda self: self.network.layers)

    @cached_property
    def runs(self):
        """What the engine does one after another, as `Run`s."""
        return tuple(
            Run(n, at, Geometry(layer.replace(filters=min(most, layer.filters - at)), self.lanes))
            for n, layer in enumerate(self.layers)
            for most in [layer.filters if self.passes == "one" else self.beat]
            for at in range(0, layer.filters, most))

    #: The runs' `Geometry`s.
    geometries = property(lambda self: tuple(run.geometry for run in self.runs))

    #: Codes of a word that one cluster works on, and bits of such a code's number.
    slice = property(lambda self: self.beat // self.clusters)
    slice_bits = property(lambda self: ceil_log2(self.slice))
    #: Cycles of a word in the requantisers.
    parts = property(lambda self: self.beat // self.requantisers)

    @property
    def operand(self):
        """`Format` that holds the input maps of all layers."""
        return _union([layer.input for layer in self.layers])

    @property
    def code(self):
        """`Format` that holds all maps, the last one too."""
        return _union([self.operand, self.network.last.output])

    @property
    def kind(self):
        """The stored weights' `WeightKind`: the layers' own, or integers that hold them all."""
        kinds = {layer.weights for layer in self.layers}
        if len(kinds) == 1:
            return WeightKind(kinds.pop())
        most = max(WeightKind(kind).maximum for kind in kinds)
        return WeightKind(f"int{most.bit_length() + 1}")

    #: Bits of a cluster's accumulator: its sums cannot overflow.
    width = property(lambda self: max(
        accumulator_width(layer.input, layer.kind,
                          self.words(layer.channels) * self.slice * layer.taps)
        for layer in self.layers))
    #: Bits of a stored bias: with `half`.
    bias_width = property(lambda self: max(
        max(layer.bias_width, layer.shift) + (layer.shift > 0) for layer in self.layers))

    @property
    def scale_width(self):
        """Bits of the scales; a layer without scales has the scale 1, where others have some."""
        widths = {layer.scale_width for layer in self.layers}
        return max(*widths, 2) if len(widths) > 1 else widths.pop()

    #: Words of an accumulator memory, and bits of their addresses.
    depth = property(lambda self: max(geometry.depth for geometry in self.geometries))
    address = property(lambda self: max(1, ceil_log2(self.depth)))

    @property
    def index_widths(self):
        """Bits of an entry's fields that say where its product goes: column, row, filter."""
        return tuple(max(ceil_log2(size) for size in sizes) for sizes in zip(
            *((g.x.reach, g.y.reach, g.filters) for g in self.geometries), strict=True))

    #: Bits of a place in the table of lists, in words.
    table = property(lambda self: max(1, ceil_log2(sum(
        len(g.classes()) * g.x.step * self.words(g.layer.channels) for g in self.geometries))))
    #: Bits of an entry: its weight, and where its product goes.
    entry = property(lambda self: self.kind.bits + sum(self.index_widths))

    def words(self, channels):
        """Words of a pixel."""
        return ceil_div(channels, self.beat)

    def map_words(self, layer):
        """Words of a layer's input map."""
        return layer.height * layer.width * self.words(layer.channels)

    @property
    def map_depths(self):
        """Words of the two halves of the map memory. Map n lies in half n + 1, modulo 2; with an
        odd number of layers the halves change places from frame to frame."""
        sizes = [self.map_words(layer) for layer in self.layers]
        if len(sizes) % 2:
            return max(sizes), max(sizes)
        return max(sizes[1::2]), max(sizes[::2])

    @property
    def modes(self):
        """The different ways in which layers make codes of sums: (relu, shift, output)."""
        return tuple(dict.fromkeys(map(_mode, self.layers)))

    #: Levels of adders that add up the clusters' sums, each a cycle.
    levels = property(lambda self: max(1, ceil_log2(self.clusters)))
    #: Cycles from a step of the drain to the word that it completes; and from there to the class.
    word_latency = property(lambda self: 8 + self.levels + (self.scale_width > 0))
    class_latency = property(lambda self: (
        1 + ceil_log2(self.requantisers) if self.answer == "class" else 0))
    #: Cycles from a layer's last step until the next layer may begin.
    latency = property(lambda self: self.word_latency + self.class_latency)


def _mode(layer):
    # Of an unsigned output saturation does what ReLU would.
    return layer.relu and layer.output.signed, layer.shift, layer.output


def _union(formats):
    signed = any(each.signed for each in formats)
    return Format(max(each.width + (signed and not each.signed) for each in formats), 0, signed)


@dataclass(frozen=True)
class Axis:
    """One dimension of a layer.

    With ``place, phase = divmod(at + padding, step)``, input ``at`` adds to output ``place - k`` by
    tap ``phase + step k``. Outputs below 0 or from ``outputs`` on are none.
    """

    size: int
    outputs: int
    kernel: int
    padding: int
    stride: int

    #: With a single output, a pixel meets one tap at most: then a step as long as the kernel.
    step = property(lambda self: max(self.stride, self.kernel) if self.outputs == 1
                    else self.stride)
    #: The most taps that a pixel meets.
    reach = property(lambda self: ceil_div(self.kernel, self.step))
    first = property(lambda self: divmod(self.padding, self.step))
    #: The outputs that are added to, those that are none included.
    low = property(lambda self: self.first[0] - (self.reach - 1))
    high = property(lambda self: (self.size - 1 + self.padding) // self.step)
    #: From one line to the next, so that what goes beyond a line's ends meets no output: beyond one
    #: line's end and before the next one's begin lie the same accumulators.
    pitch = property(lambda self: max(self.outputs - self.low, self.high + 1, self.reach))


@dataclass(frozen=True)
class Geometry:
    """Where a layer's sums lie in the accumulators of a lane.

    Output (filter ``lanes q + lane``, y, x) has address ``origin + q plane + y pitch + x``; outputs
    that are none have addresses of their own, which are never read. Pitch and plane are powers of
    two, so that an entry's fields make its offset without an adder.
    """

    layer: ConvParams
    lanes: int

    @property
    def y(self):
        p = self.layer
        return Axis(p.height, p.rows, p.kernel, p.padding, p.stride)

    @property
    def x(self):
        p = self.layer
        return Axis(p.width, p.columns, p.kernel, p.padding, p.stride)

    #: Filters of a lane.
    filters = property(lambda self: ceil_div(self.layer.filters, self.lanes))
    pitch_bits = property(lambda self: ceil_log2(self.x.pitch))
    plane_bits = property(lambda self: self.pitch_bits + ceil_log2(self.y.pitch))
    origin = property(lambda self: -(self.y.low << self.pitch_bits) - self.x.low)

    @property
    def depth(self):
        y, x = self.y, self.x
        return (self.origin + (y.high << self.pitch_bits) + x.high
                + (self.filters - 1 << self.plane_bits) + 1)

    def phases(self):
        """(Row's phase, column's phase): pixels of one meet the same taps, but for the edges."""
        return [(y, x) for y in range(self.y.step) for x in range(self.x.step)]

    def rows(self):
        """Of each row of the map its place, its phase, and the first and last of the phase's taps,
        counted from 0, that meet an output."""
        found = []
        for at in range(self.layer.height):
            place, phase = divmod(at + self.y.padding, self.y.step)
            taps = ceil_div(max(0, self.y.kernel - phase), self.y.step)
            found.append((place, phase, max(0, place - self.y.outputs + 1),
                          min(taps - 1, place)))
        return found

    def classes(self):
        """The classes of rows, (phase, first tap, last tap), in the order in which they come."""
        return list(dict.fromkeys(row[1:] for row in self.rows()))

    def pixel_classes(self):
        """The class of each pixel, that of its row times the columns' phases and its column's
        phase: [height, width]."""
        classes = self.classes()
        y = np.array([classes.index(row[1:]) for row in self.rows()])
        return y[:, None] * self.x.step + (np.arange(self.x.size) + self.x.padding) % self.x.step

    def entries(self, values, phase):
        """Of an array [filters, channels, kernel, kernel] the values that pixels of a phase meet,
        by the taps' rows: [channels, lanes, entries], and of each entry the fields column, row,
        filter."""
        own = values[:, :, phase[0]::self.y.step, phase[1]::self.x.step]
        channels, rows, columns = own.shape[1:]
        own = own.reshape(self.filters, self.lanes, channels, rows, columns)
        row, q, column = np.meshgrid(
            self.y.reach - 1 - np.arange(rows), np.arange(self.filters),
            self.x.reach - 1 - np.arange(columns), indexing="ij")
        return (own.transpose(2, 1, 3, 0, 4).reshape(channels, self.lanes, -1),
                [field.ravel() for field in (column, row, q)])

    def padded(self, values, fill):
        """``values`` of all filters, with as many more that every lane has as many."""
        missing = self.filters * self.lanes - self.layer.filters
        return np.pad(values, ((0, missing), (0, 0), (0, 0), (0, 0)), constant_values=fill)


@dataclass(frozen=True)
class Run:
    """A pass: filters whose sums are kept at once.

    number:   of their layer
    first:    of the filters; the others follow
    geometry: of the layer, as if it had these filters alone
    """

    number: int
    first: int
    geometry: Geometry

    layer = property(lambda self: self.geometry.layer)

    def of(self, tensor):
        """The filters' part of a tensor of the layer."""
        return tensor[self.first:self.first + self.layer.filters]


def groups(layer, lanes):
    """The sets of a layer's weights that are worked on side by side: for each phase of pixels (one,
    with stride 1) an array [channels, lanes, entries] of places in the flattened weight tensor, -1
    for none.

    A pixel of that phase takes a cycle for each non-zero weight of the fullest lane; with equally
    many in all lanes none waits.
    """
    geometry = Geometry(layer, lanes)
    shape = (layer.filters, layer.channels, layer.kernel, layer.kernel)
    places = geometry.padded(np.arange(np.prod(shape)).reshape(shape), -1)
    return [geometry.entries(places, phase)[0] for phase in geometry.phases()]


def balance(layer, lanes, weight):
    """How long the lists of a layer's weights are: int64 [phases, channels]; and the share of the
    zeros that fill them up where lanes have unequally many."""
    geometry, weight = Geometry(layer, lanes), np.asarray(weight)
    kept = [_kept(geometry, weight, phase) for phase in geometry.phases()]
    lengths = np.stack([each.sum(-1).max(-1) for each in kept])
    total = int(lengths.sum()) * lanes
    filled = sum(int(each.sum()) for each in kept)
    return lengths, 1 - filled / total if total else 0.0


def _kept(geometry, weight, phase):
    """Which entries [channels, lanes, entries] of a phase are in the lists: what is not 0; with
    binary weights all, those of filters that are not there too, for they have no zero."""
    binary = geometry.layer.kind.name == "binary"
    return geometry.entries(geometry.padded(weight, int(binary)), phase)[0] != 0


def walks(layer, lanes, weight):
    """Where in its list a pixel begins, how many entries it takes, and how many weights all lanes
    have there: three int64 [classes, channels], classes as `Geometry.pixel_classes` counts them.

    Lists are in the order of the taps' rows. Near the map's upper and lower edge a pixel leaves out
    those ends of its list in which no lane has a tap that meets an output.
    """
    geometry, found = Geometry(layer, lanes), []
    for phase, first, last in geometry.classes():
        for column in range(geometry.x.step):
            kept = _kept(geometry, np.asarray(weight), (phase, column))
            _, (_, row, _) = geometry.entries(geometry.padded(np.asarray(weight), 0),
                                              (phase, column))
            tap = geometry.y.reach - 1 - row
            met = kept & (first <= tap) & (tap <= last)
            place = kept.cumsum(-1) - 1
            end = np.where(met, place + 1, 0).max((1, 2), initial=0)
            begin = np.where(met, place, end[:, None, None]).min((1, 2), initial=1 << 40)
            begin = np.minimum(begin, end)
            inside = (begin[:, None, None] <= place) & (place < end[:, None, None])
            found.append((begin, end - begin, (kept & inside).sum((1, 2))))
    return tuple(np.stack(each) for each in zip(*found, strict=True))


def _lists(params, geometry, weight):
    """The lanes' lists: for each phase and channel codes [length, lanes]."""
    binary = params.kind.name == "binary"
    padded, codes = geometry.padded(weight, int(binary)), []
    for phase in geometry.phases():
        values, fields = geometry.entries(padded, phase)
        code, at = params.kind.encode(values), params.kind.bits
        for field, width in zip(fields, params.index_widths, strict=True):
            code, at = code + (field << at), at + width
        kept = _kept(geometry, weight, phase)
        # Non-zero weights first, in their order; a zero adds nothing wherever it points.
        order = np.argsort(~kept, axis=-1, kind="stable")
        code = np.take_along_axis(np.where(kept, code, 0), order, -1)
        codes += [[code[c, :, :n].T for c, n in enumerate(kept.sum(-1).max(-1))]]
    return codes


def _pack(codes, bits):
    """[words, fields] of codes, each of ``bits`` bits, to words as Python integers."""
    planes = ((codes[:, :, None] >> np.arange(bits)) & 1).astype(np.uint8)
    packed = np.packbits(planes.reshape(len(codes), -1), axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]


def memories(params, tensors):
    """Name -> (width, words) of the memories, in the order of the image that loads them: of each
    cluster ``weights.<n>``, ``lists.<n>`` and ``rows.<n>``, then ``filters`` and ``program``.

    ``weights``: a word holds one entry of every lane. ``lists``: where the list of a class, word
    and code begins, and its length above it. ``rows``: of each row of the layers' maps the address
    of its first pixel's sums, and above it the place of its class in ``lists``, in words
    from the run's first one.
    ``filters``: of the filters of one cycle of the drain whether they are there, their scales, and
    their biases with `half` added. ``program``: `program`.
    """
    p, layers = params, []
    for run in p.runs:
        weight = run.of(tensors[f"layers.{run.number}.weight"])
        layers.append((run.geometry, _lists(p, run.geometry, weight),
                       walks(run.layer, p.lanes, weight)))
    made = {}
    for cluster in range(p.clusters):
        codes, entries, total = [], [], 0
        for geometry, lists, (begins, takes, _) in layers:
            starts = {}
            slots = [word * p.beat + cluster * p.slice + own if own < p.slice else -1
                     for word in range(p.words(geometry.layer.channels))
                     for own in range(1 << p.slice_bits)]
            for phase, own in zip(geometry.phases(), lists, strict=True):
                for channel in slots:
                    if 0 <= channel < geometry.layer.channels:
                        starts[phase, channel] = total
                        codes.append(own[channel])
                        total += len(own[channel])
            for at, (phase, *_) in enumerate(geometry.classes()):
                for column in range(geometry.x.step):
                    own = at * geometry.x.step + column
                    entries += [
                        (starts[(phase, column), channel] + int(begins[own, channel]),
                         int(takes[own, channel]))
                        if ((phase, column), channel) in starts and takes[own, channel] else (0, 0)
                        for channel in slots]
        packed = _pack(np.concatenate(codes), p.entry) if total else [0]
        made[f"weights.{cluster}"] = (p.lanes * p.entry, packed)
        start_bits = max(1, ceil_log2(len(packed)))
        length_bits = max(1, max(length for _, length in entries).bit_length())
        made[f"lists.{cluster}"] = (start_bits + length_bits, [
            start | length << start_bits for start, length in entries])
        made[f"rows.{cluster}"] = p.address + p.table, _rows(p)
    made["filters"] = _filters(p, tensors)
    made["program"] = _program_words(p)
    return made


def loaded(params, made):
    """Those of ``made``, `memories` or what stands for them, that are loaded, in their order."""
    return {name: each for name, each in made.items()
            if params.store == "load" or (params.store == "weights" and name.startswith("weights"))}


def _rows(params):
    """Words of ``rows``."""
    words = []
    for g in (run.geometry for run in params.runs if not run.first):
        classes, each = g.classes(), g.x.step * params.words(g.layer.channels)
        for place, *own in g.rows():
            base = place - g.y.first[0] << g.pitch_bits
            words.append(base | each * classes.index(tuple(own)) << params.address)
    return words


def half(layer):
    """Of what is shifted out: added beforehand, it makes rounding down round half up."""
    return 1 << layer.shift - 1 if layer.shift else 0


def _filters(params, tensors):
    p = params
    widths = [1, *([p.scale_width] if p.scale_width else []), p.bias_width]
    words = []
    for n, layer in enumerate(p.layers):    # each word of a pixel is of one run
        count = p.words(layer.filters) * p.beat
        fields = [np.ones(layer.filters, np.int64)]
        if p.scale_width:
            fields.append(tensors.get(f"layers.{n}.scale", fields[0]))
        fields.append(np.asarray(tensors[f"layers.{n}.bias"]) + half(layer))
        for at in range(0, count, p.requantisers):
            word = offset = 0
            for f in range(at, at + p.requantisers):
                for field, width in zip(fields, widths, strict=True):
                    value = int(field[f]) if f < layer.filters else 0
                    word |= (value & (1 << width) - 1) << offset
                    offset += width
            words.append(word)
    return sum(widths) * p.requantisers, words


def program(params):
    """An instruction for each run, as the hardware's counters take it: name -> value."""
    p, instructions = params, []
    rows = filters = table = 0
    shapes = [(g.pitch_bits, g.plane_bits) for g in p.geometries]
    placements = list(dict.fromkeys(shapes))
    for n, run in enumerate(p.runs):
        g, layer = run.geometry, run.layer
        words, out_words = p.words(layer.channels), p.words(layer.filters)
        whole = p.layers[run.number]
        ends = run.first + layer.filters == whole.filters
        final = run.number == len(p.layers) - 1
        instructions.append({
            # Scanner: the map, its rows, the columns' phases, its lists and where a row begins.
            "words": words - 1, "width": layer.width - 1, "height": layer.height - 1,
            "rows": rows, "step": g.x.step - 1, "phase": g.x.first[1],
            "lists": table, "skipped": table + g.x.first[1] * words,
            "pitch": 1 << g.pitch_bits, "placement": placements.index(shapes[n]),
            # Drain: the outputs, and where what makes codes of them lies.
            "clear": g.depth - 1, "origin": g.origin, "plane": 1 << g.plane_bits,
            "out_width": layer.out_width - 1, "out_height": layer.out_height - 1,
            "out_steps": out_words * p.parts - 1, "filters": filters,
            "pool": layer.pool - 1, "out_pitch": layer.pool << g.pitch_bits,
            "mode": p.modes.index(_mode(layer)),
            # The layer's first run; its place in an output pixel, and the next pixel's from there;
            # the last layer; its last run.
            "enters": not run.first, "place": run.first // p.beat,
            "stride": 1 if p.passes == "one" else p.words(whole.filters),
            "final": final, "ends": final and ends})
        rows += layer.height * ends
        filters += out_words * p.parts
        table += g.x.step * words * len(g.classes())
    return instructions


def instruction_widths(params):
    """Bits of an instruction's fields, the first least significant."""
    instructions = program(params)
    return {name: max(1, *(int(each[name]).bit_length() for each in instructions))
            for name in instructions[0]}


def _program_words(params):
    instructions, widths = program(params), instruction_widths(params)
    words = []
    for each in instructions:
        word = offset = 0
        for name, width in widths.items():
            word |= int(each[name]) << offset
            offset += width
        words.append(word)
    return sum(widths.values()), words
