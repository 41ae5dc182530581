"""What the compressed-activation dataflow's read-only memories hold. Torch-free."""

__all__ = ["banks", "memories", "tables"]


def _joined(codes, bits):
    """Codes side by side, the first one lowest."""
    return sum(int(code) << bits * place for place, code in enumerate(codes))


def memories(p, tensors):
    """All of them, as (width, words), in the order in which they are loaded."""
    width = p.filters_pass * p.layer.kind.bits
    return [*((width, words) for words in banks(p, tensors["weight"])),
            *tables(p, tensors).values()]


def banks(p, weight):
    """Of each controller the words of its MACs' banks: pass by pass, channel by channel, kernel row
    by kernel row; a word has a weight for every filter of the pass. ``weight``: int64 [filters,
    channels, kernel, kernel]."""
    kind = p.layer.kind
    codes = kind.encode(weight)
    found = []
    for c in range(p.active):
        own = codes[:, c * p.share:(c + 1) * p.share].reshape(len(codes), -1)
        found.append([_joined(row, kind.bits) for n in range(p.passes)
                      for row in own[n * p.filters_pass:(n + 1) * p.filters_pass].T])
    return found


def tables(p, tensors):
    """Of biases, and of scales, (width, words): for each word of sums ``lanes`` values."""
    found = {}
    for name, bits in (("bias", p.layer.bias_width), ("scale", p.layer.scale_width)):
        if name in tensors:
            codes = tensors[name] & (1 << bits) - 1
            found[name] = (bits * p.lanes,
                           [_joined(row, bits) for row in codes.reshape(-1, p.lanes)])
    return found
