"""What there is: blocks, and ready designs. Pure data: names point at code, nothing is imported."""

from dataclasses import dataclass, field

__all__ = ["BENCHES", "BLOCKS", "DESIGNS", "BlockEntry", "DesignEntry"]


@dataclass(frozen=True)
class BlockEntry:
    """A block's three faces as ``module:name``, and the parameters it has when none are given.

    build:     what makes the parameters from flat keyword arguments, where they are nested;
               otherwise the parameter class itself
    defaults:  arguments that ``build`` (or the class) has no default for
    feed:      module whose ``feed`` makes frames of real data, for each of its ``TASKS``
    train:     what trains the network of a ready design
    smaller:   parameters that change cells and cycles but no bit, and the values that are tried
               where a design is too large for a board; ``keep`` names those that stay
    """

    params: str
    golden: str
    hdl: str
    summary: str
    build: str | None = None
    defaults: dict[str, int | str] = field(default_factory=dict)
    feed: str | None = None
    train: str = ""
    smaller: dict[str, tuple[int, ...]] = field(default_factory=dict)
    keep: tuple[str, ...] = ()


@dataclass(frozen=True)
class DesignEntry:
    """A trained network of ``models/``, or a block with parameters; and the task that feeds it.

    model:   the file; None for a block whose parameters are all that there is to it
    params:  what such a block is built with, in place of its defaults
    zeros:   share of its weights that are 0, where no lane waits for others (golden's ``sparse``);
             without it the weights are any
    task:    None for random frames
    boards:  those that it is known to fit behind a UART, and with which parameters
    clocks:  board -> MHz that it reaches there, where that is less than usual
    """

    model: str | None
    block: str
    task: str | None
    summary: str
    params: dict[str, str] = field(default_factory=dict)
    zeros: float | None = None
    boards: dict[str, dict[str, str]] = field(default_factory=dict)
    clocks: dict[str, float] = field(default_factory=dict)


BLOCKS: dict[str, BlockEntry] = {
    "lstm.dense": BlockEntry(
        "golden.lstm.params:DenseParams", "golden.lstm.dense:Dense", "hdl.lstm.dense:Dense",
        "few-bit matrix-vector product, requantised row by row",
        defaults={"inputs": 16, "outputs": 8}),
    "lstm.network": BlockEntry(
        "golden.lstm.params:NetworkParams", "golden.lstm.network:Network",
        "hdl.lstm.network:Network", "LSTM or GRU layers with few-bit weights, and a head",
        build="golden.lstm.build:network", feed="golden.lstm.feed",
        train="golden.lstm.tasks:make_model",
        smaller={"lanes": (4, 8, 16, 24, 32, 64, 128), "interval": (1, 2, 3, 4, 6, 8, 16)},
        keep=("head.lanes",)),
    "stochastic.network": BlockEntry(
        "golden.stochastic.params:NetworkParams", "golden.stochastic.network:Network",
        "hdl.stochastic.network:Network", "integral stochastic network, in parallel or folded",
        build="golden.stochastic.build:network", feed="golden.stochastic.feed",
        train="golden.stochastic.tasks:make_model",
        smaller={"neurons": (1, 2, 4, 8, 16), "synapses": (8, 16, 32, 64)}),
    "stochastic.cascade": BlockEntry(
        "golden.stochastic.params:CascadeParams", "golden.stochastic.cascade:Cascade",
        "hdl.stochastic.cascade:Cascade", "stochastic networks in a row, streams made anew between",
        build="golden.stochastic.cascade:cascade", feed="golden.stochastic.feed"),
    "stochastic.converter": BlockEntry(
        "golden.stochastic.arithmetic:ConverterParams", "golden.stochastic.converter:Converter",
        "hdl.stochastic.converter:Converter", "numbers to stochastic or integer streams",
        build="golden.stochastic.converter:converter"),
    "stochastic.product": BlockEntry(
        "golden.stochastic.arithmetic:ProductParams", "golden.stochastic.product:Product",
        "hdl.stochastic.product:Product", "product of streams: AND, XNOR or multiplexer"),
    "stochastic.adder": BlockEntry(
        "golden.stochastic.arithmetic:AdderParams", "golden.stochastic.adder:Adder",
        "hdl.stochastic.adder:Adder", "sum of integer streams, without scaling"),
    "stochastic.fsm": BlockEntry(
        "golden.stochastic.arithmetic:FsmParams", "golden.stochastic.fsm:Fsm",
        "hdl.stochastic.fsm:Fsm", "tanh or exp of a stream's mean by a saturating counter"),
    "stochastic.counter": BlockEntry(
        "golden.stochastic.arithmetic:CounterParams", "golden.stochastic.counter:Counter",
        "hdl.stochastic.counter:Counter", "stochastic stream to number"),
    "stochastic.mac": BlockEntry(
        "golden.stochastic.mac:MacParams", "golden.stochastic.mac:Mac", "hdl.stochastic.mac:Mac",
        "stochastic multiply-accumulate of numbers loaded at run time"),
    "stochastic.radix": BlockEntry(
        "golden.stochastic.arithmetic:RadixParams", "golden.stochastic.radix:Radix",
        "hdl.stochastic.radix:Radix", "binary-radix neurons, the baseline: product and sigmoid",
        defaults={"inputs": 16, "outputs": 8}),
    "invertible.network": BlockEntry(
        "golden.invertible.params:NetworkParams", "golden.invertible.network:Network",
        "hdl.invertible.network:Network", "spins that run a circuit in any direction",
        build="golden.invertible.build:network", feed="golden.invertible.feed"),
    "invertible.search": BlockEntry(
        "golden.invertible.search:SearchParams", "golden.invertible.search:Search",
        "hdl.invertible.search:Search", "factors by parallel trials, a set of them a cycle",
        build="golden.invertible.search:factoring", feed="golden.invertible.feed"),
    "invertible.collapsed": BlockEntry(
        "golden.invertible.collapsed:CollapsedParams", "golden.invertible.collapsed:Collapsed",
        "hdl.invertible.collapsed:Collapsed", "factors by spins of 2 N^2, no ANDs among them",
        build="golden.invertible.collapsed:factoring"),
    "invertible.ising": BlockEntry(
        "golden.invertible.ising:IsingParams", "golden.invertible.ising:Ising",
        "hdl.invertible.ising:Ising", "maximum cuts: spins in series, couplings in memory",
        build="golden.invertible.graph:ising",
        smaller={"lanes": (1, 2, 4, 8)}),
    "mac.array": BlockEntry(
        "golden.mac.params:ArrayParams", "golden.mac.array:Array", "hdl.mac.array:Array",
        "sums of few-bit products, several terms a cycle, made for standard cells",
        build="golden.mac.array:array"),
    "sparse_conv.array": BlockEntry(
        "golden.sparse_conv.params:ArrayParams", "golden.sparse_conv.array:Array",
        "hdl.sparse_conv.array:Array",
        "a convolution, dense, or with lists, patterns, shifts or combs",
        build="golden.sparse_conv.array:array", feed="golden.sparse_conv.synthetic"),
    "sparse_conv.cyclic": BlockEntry(
        "golden.sparse_conv.params:CyclicParams", "golden.sparse_conv.cyclic:Cyclic",
        "hdl.sparse_conv.cyclic:Cyclic", "a cyclic sparsely connected layer: no index memory",
        build="golden.sparse_conv.cyclic:cyclic", feed="golden.sparse_conv.synthetic"),
    "sparse_conv.masked": BlockEntry(
        "golden.sparse_conv.params:MaskedParams", "golden.sparse_conv.masked:Masked",
        "hdl.sparse_conv.masked:Masked", "a fully connected layer masked by shift registers",
        build="golden.sparse_conv.masked:masked"),
    "sparse_conv.nullhop": BlockEntry(
        "golden.sparse_conv.nullhop_params:NullhopParams", "golden.sparse_conv.nullhop:Nullhop",
        "hdl.sparse_conv.nullhop:Nullhop",
        "convolution of compressed activations, zeros cost no cycle",
        build="golden.sparse_conv.nullhop:layer", feed="golden.sparse_conv.synthetic"),
    "sparse_conv.joint": BlockEntry(
        "golden.sparse_conv.joint_params:JointParams", "golden.sparse_conv.joint:Joint",
        "hdl.sparse_conv.joint:Joint", "whole networks; zero weights and activations cost no cycle",
        build="golden.sparse_conv.joint:build", feed="golden.sparse_conv.feed",
        train="golden.sparse_conv.tasks:make_model",
        smaller={"lanes": (1, 2, 4, 8, 16, 32), "requantisers": (1,)}),
    "sparse_conv.winners": BlockEntry(
        "golden.sparse_conv.params:WinnersParams", "golden.sparse_conv.winners:Winners",
        "hdl.sparse_conv.winners:Winners", "the k largest codes of every pixel, the others 0"),
}

#: Of networks that sample (`golden.invertible.sampling.sampler`, which a test compares).
_SAMPLES = {"update": "chromatic", "draws": "7", "noise_bits": "1", "range": "0",
            "range_bits": "1", "segments": "1", "answer": "histogram"}

DESIGNS: dict[str, DesignEntry] = {
    "digits-lstm-ternary": DesignEntry(
        "digits-lstm-ternary.safetensors", "lstm.network", "digits-rows",
        "handwritten digits row by row, ternary weights",
        boards={"icebreaker": {"interval": "6"}, "hx8k": {"interval": "4"}}),
    "digits-lstm-binary": DesignEntry(
        "digits-lstm-binary.safetensors", "lstm.network", "digits-rows",
        "handwritten digits row by row, binary weights",
        boards={"icebreaker": {"interval": "6"}}),
    "digits-lstm-pruned": DesignEntry(
        "digits-lstm-pruned.safetensors", "lstm.network", "digits-rows",
        "handwritten digits row by row, ternary weights, most states zero and skipped",
        boards={"ulx3s-25f": {}}),
    "digits-gru-ternary": DesignEntry(
        "digits-gru-ternary.safetensors", "lstm.network", "digits-rows",
        "handwritten digits row by row, GRU with ternary weights",
        boards={"icebreaker": {"interval": "6"}}),
    "text-lstm-ternary": DesignEntry(
        "text-lstm-ternary.safetensors", "lstm.network", "text",
        "next character of a text, ternary weights",
        boards={"ulx3s-25f": {}}),
    "text-lstm-binary": DesignEntry(
        "text-lstm-binary.safetensors", "lstm.network", "text",
        "next character of a text, binary weights",
        boards={"ulx3s-25f": {}}),
    "digits-stochastic": DesignEntry(
        "digits-stochastic.safetensors", "stochastic.network", "digits",
        "handwritten digits, 64-32-10, streams of 256 cycles", boards={"ulx3s-25f": {}}),
    "mnist-stochastic": DesignEntry(
        "mnist-stochastic.safetensors", "stochastic.network", "mnist",
        "MNIST images, 784-100-200-10, folded; needs TERNSTONE_DATA",
        boards={"ulx3s-25f": {}}),
    "digits-sparse-cnn": DesignEntry(
        "digits-sparse-cnn.safetensors", "sparse_conv.joint", "digits",
        "handwritten digits, three convolutions of which a quarter of the weights stay",
        boards={"icebreaker": {"lanes": "4", "beat": "4", "requantisers": "1", "passes": "words",
                               "store": "weights"}}, clocks={"icebreaker": 24}),
    "mnist-sparse-cnn": DesignEntry(
        "mnist-sparse-cnn.safetensors", "sparse_conv.joint", "mnist",
        "MNIST images, three convolutions of which a quarter stays; needs TERNSTONE_DATA",
        boards={"ulx3s-45f": {}}),
    "vgg16-conv1-2": DesignEntry(
        None, "sparse_conv.nullhop", "zeros-75",
        "VGG-16's conv1_2, 64 to 64 maps cropped to 8 x 8, 75 % zero activations",
        params={"channels": "64", "filters": "64", "macs": "32", "lanes": "2", "shift": "13"},
        boards={"ulx3s-25f": {}}),
    "vgg16-conv2-1": DesignEntry(
        None, "sparse_conv.array", "zeros-0",
        "VGG-16's conv2_1, 64 to 128 maps cropped to 8 x 8, 75 % zero weights",
        params={"channels": "64", "filters": "128", "groups": "16", "tiles": "2", "index": "list",
                "shift": "12"}, zeros=0.75, boards={"ulx3s-45f": {}}),
    "vgg16-conv2-2": DesignEntry(
        None, "sparse_conv.joint", "zeros-50",
        "VGG-16's conv2_2, 128 to 128 maps cropped to 6 x 6, 50 % zero weights and activations",
        params={"channels": "128", "height": "6", "width": "6", "filters": "128", "lanes": "16",
                "beat": "8", "requantisers": "8", "shift": "13"}, zeros=0.5,
        boards={"ulx3s-85f": {"lanes": "4", "requantisers": "4"}}),
    "mobilenet-depthwise": DesignEntry(
        None, "sparse_conv.cyclic", "zeros-50",
        "MobileNet's depthwise layer of 128 maps cropped to 14 x 14, 50 % zero activations",
        params={"nodes": "128", "height": "14", "width": "14", "kernel": "3", "padding": "1",
                "fan_in": "1", "lanes": "16", "shift": "8"}, boards={"ulx3s-45f": {}}),
    "mobilenet-pointwise": DesignEntry(
        None, "sparse_conv.joint", "zeros-50",
        "MobileNet's 1 x 1 after it, 128 to 256 maps cropped to 8 x 8, 50 % zero weights and "
        "activations",
        params={"channels": "128", "height": "8", "width": "8", "filters": "256", "kernel": "1",
                "padding": "0", "lanes": "16", "beat": "8", "requantisers": "8",
                "shift": "11"}, zeros=0.5, boards={"ulx3s-45f": {}}),
    "and-gate": DesignEntry(
        None, "invertible.network", "sampling", "AND in any direction, its states counted",
        params={**_SAMPLES, "circuit": "and", "scale": "3", "histogram": "x,y"},
        boards={"icebreaker": {}}),
    "full-adder": DesignEntry(
        None, "invertible.network", "sampling", "full adder in any direction, its states counted",
        params={**_SAMPLES, "circuit": "full-adder", "scale": "6", "histogram": "x,y"},
        boards={"icebreaker": {}}),
    "adder-8": DesignEntry(
        None, "invertible.network", "sampling",
        "8-bit adder in any direction, its states counted by their a",
        params={**_SAMPLES, "circuit": "adder", "width": "8", "scale": "48", "draws": "11",
                "noise_bits": "5", "segments": "6", "histogram": "a"},
        boards={"hx8k": {}}, clocks={"hx8k": 36}),
    "factor-5x5": DesignEntry(
        None, "invertible.search", "factoring", "factors of products of two 5-bit numbers",
        params={"bits": "5", "stages": "2"}, boards={"icebreaker": {}}, clocks={"icebreaker": 18}),
    "factor-8x8": DesignEntry(
        None, "invertible.search", "factoring", "factors of products of two 8-bit numbers",
        params={"bits": "8", "stages": "6"}, boards={"icebreaker": {}}, clocks={"icebreaker": 24}),
    "maxcut-g1": DesignEntry(
        None, "invertible.ising", None,
        "maximum cut of 800 nodes: G1 if TERNSTONE_DATA has gset/G1, or else a graph of its kind",
        params={"graph": "g1"}, boards={"ulx3s-25f": {}}),
}

#: Family -> what measures its headline figures: name -> part, in order.
BENCHES: dict[str, str] = {
    "lstm": "ternstone.bench_lstm:PARTS",
    "stochastic": "ternstone.bench_stochastic:PARTS",
    "invertible": "ternstone.bench_invertible:PARTS",
    "sparse_conv": "ternstone.bench_sparse_conv:PARTS",
    "mac": "ternstone.bench_mac:PARTS",
    "asic": "ternstone.bench_asic:PARTS",
    "fpga": "ternstone.bench_fpga:PARTS",
    "peers": "ternstone.bench_peers:PARTS",
}
