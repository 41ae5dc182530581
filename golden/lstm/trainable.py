"""The trainable twin of `golden.lstm.network`: float weights and straight-through estimators in,
integer tensors out.

Source: "Learning Recurrent Binary/Ternary Weights" (arXiv 1809.11086): the cells, the fixed scales,
stochastic and deterministic quantisation, normalisation of the recurrent and of the input part by
themselves; "Learning to Skip Ineffectual Recurrent Computations in LSTMs" (arXiv 1811.10396): the
pruned state with its straight-through gradient.

Ours: several networks of one shape train side by side (the *members*, the first axis of every
tensor), which costs little more than one. Normalisation statistics are shared over time, because
hardware has one frozen set; ``statistics="step"`` has the paper's per-step minibatch statistics.
With ``fixed`` set, the forward pass rounds and saturates as the hardware does, scales and biases
included, so that the network that is tuned is the network that is built.
"""

import dataclasses
import math

import numpy as np
import torch
from torch import nn

from golden.check import require_choice, require_int
from golden.lstm.params import NetworkParams

__all__ = ["RecurrentNetwork", "Quantiser", "paper_scale"]

EPSILON = 1e-5
MOMENTUM = 0.05
INITIAL_GAMMA = 0.1


def paper_scale(fan_in, rows):
    """The fixed scale of few-bit weights: ``0.5 * sqrt(6 / (fan_in + rows))``."""
    return 0.5 * math.sqrt(6 / (fan_in + rows))


class _StraightThrough(torch.autograd.Function):
    """``replaced`` in the forward pass, exactly; the gradient goes to ``value``."""

    @staticmethod
    def forward(ctx, value, replaced):
        return replaced.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


class Quantiser:
    """Latent float weights to integer codes of one kind, and the real value of code 1.

    kind:        a `golden.weights.WeightKind`, or None for float weights
    stochastic:  binary and ternary weights are drawn anew for every minibatch in training

    Binary and ternary: the paper's rules around a given scale a. ``int<k>``: each row has the
    scale that spans ``min(max |w|, (k/2 + 0.3) rms)``, about the best clipping of a normal
    distribution for few bits, and no clipping for many.
    """

    def __init__(self, kind, stochastic=False):
        self.kind, self.stochastic = kind, stochastic

    def __call__(self, latent, scale, sample):
        """latent [..., rows, n] and scale [..., rows or 1, 1] to (codes, value of code 1)."""
        if self.kind is None:
            return latent, torch.ones_like(scale)
        if self.kind.name not in ("binary", "ternary"):
            scale = self.span(latent.detach()) / self.kind.maximum
        with torch.no_grad():
            codes = self.codes(latent / scale, sample and self.stochastic)
        return _StraightThrough.apply(latent / scale, codes), scale

    def span(self, latent):
        rms = latent.square().mean(-1, keepdim=True).sqrt()
        largest = latent.abs().amax(-1, keepdim=True)
        return torch.minimum(largest, (0.5 * self.kind.bits + 0.3) * rms).clamp(min=1e-8)

    def codes(self, w, sample):
        if self.kind.name == "binary":
            if sample:
                return (torch.rand_like(w) < (w + 1) / 2) * 2.0 - 1
            return (w >= 0) * 2.0 - 1
        if self.kind.name == "ternary":
            if sample:
                return (torch.rand_like(w) < w.abs()) * w.sign()
            return (w > 1 / 3) * 1.0 - (w <= -1 / 3) * 1.0
        return w.round().clamp(-self.kind.maximum, self.kind.maximum)


class Norm(nn.Module):
    """Batch normalisation per row, statistics shared over time; its affine folds into the rows."""

    def __init__(self, members, rows):
        super().__init__()
        self.gamma = nn.Parameter(torch.full((members, rows), INITIAL_GAMMA))
        self.register_buffer("mean", torch.zeros(members, rows))
        self.register_buffer("square", torch.ones(members, rows))
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def affine(self):
        """(scale, bias) [members, rows] of ``y = scale * x + bias`` with frozen statistics."""
        variance = (self.square - self.mean.square()).clamp(min=0)
        scale = self.gamma * torch.rsqrt(variance + EPSILON)
        return scale, -self.mean * scale

    def update(self, x):
        """Move the statistics towards those of x [members, samples, rows]."""
        with torch.no_grad():
            self.updates += 1
            rate = max(MOMENTUM, 1 / int(self.updates))
            self.mean.lerp_(x.mean(1), rate)
            self.square.lerp_(x.square().mean(1), rate)

    def by_batch(self, x):
        """x [members, batch, rows] normalised by its own statistics, without a shift."""
        variance, mean = torch.var_mean(x, 1, keepdim=True, correction=0)
        return (x - mean) * (self.gamma[:, None] * torch.rsqrt(variance + EPSILON))

    def set_identity(self, scale):
        """Scale by ``scale`` [members, rows], without statistics."""
        with torch.no_grad():
            self.mean.zero_()
            self.square.fill_(1)
            self.gamma.copy_(scale * math.sqrt(1 + EPSILON))


class _FloatArithmetic:
    """Gates, states and outputs as real numbers."""

    sigmoid = staticmethod(torch.sigmoid)

    @staticmethod
    def tanh(z):
        # Several times faster than torch.tanh on a CPU.
        return (2 * z).sigmoid_().mul_(2).sub_(1)

    @staticmethod
    def state(value):
        return value

    @staticmethod
    def output(value):
        return value


class _FixedArithmetic:
    """The same on the grids of a layer's formats: what `golden.lstm.lstm` does, in floats."""

    def __init__(self, params):
        self.params = params

    def address(self, z):
        """The middle of the table's interval in which z lies."""
        pre = self.params.pre
        code = (z * 2.0**pre.fraction).floor_().clamp_(pre.minimum, pre.maximum)
        return code.add_(0.5).mul_(pre.resolution)

    def sigmoid(self, z):
        top = 2.0**self.params.activation.width
        return self.address(z).sigmoid_().mul_(top).round_().clamp_(1, top - 1).div_(top)

    def tanh(self, z):
        top = 2.0 ** (self.params.activation.width - 1)
        value = self.address(z).mul_(2).sigmoid_().mul_(2).sub_(1)
        return value.mul_(top).round_().clamp_(1 - top, top - 1).div_(top)

    def state(self, value):
        return _round_half_up(value, self.params.state)

    def output(self, value):
        return _round_half_up(value, self.params.activation)


def _round_half_up(value, to):
    code = (value * 2.0**to.fraction).add_(0.5).floor_()
    return code.clamp_(to.minimum, to.maximum).mul_(to.resolution)


class _LSTMStep(torch.autograd.Function):
    """Element-wise part of an LSTM step; every rounding is straight-through."""

    @staticmethod
    def forward(ctx, pre, c, cell_scale, cell_bias, arithmetic):
        n = c.shape[-1]
        i_f, o = arithmetic.sigmoid(pre[..., :2 * n]), arithmetic.sigmoid(pre[..., 3 * n:])
        g = arithmetic.tanh(pre[..., 2 * n:3 * n])
        i, f = i_f[..., :n], i_f[..., n:]
        new = arithmetic.state(torch.addcmul(f * c, i, g))
        z = new if cell_scale is None else new * cell_scale + cell_bias
        t = arithmetic.tanh(z)
        ctx.save_for_backward(i_f, o, g, t, c, new, cell_scale)
        return arithmetic.output(o * t), new

    @staticmethod
    def backward(ctx, dh, dc):
        i_f, o, g, t, c, new, cell_scale = ctx.saved_tensors
        n = c.shape[-1]
        i, f = i_f[..., :n], i_f[..., n:]
        dz = dh * o * (1 - t * t)
        dscale = dbias = None
        if cell_scale is not None:
            dscale, dbias = (dz * new).sum(1, keepdim=True), dz.sum(1, keepdim=True)
            dz = dz * cell_scale
        dc = dc + dz
        dpre = dc.new_empty(*dc.shape[:-1], 4 * n)
        torch.mul(dc, g, out=dpre[..., :n])
        torch.mul(dc, c, out=dpre[..., n:2 * n])
        dpre[..., :2 * n] *= i_f * (1 - i_f)
        torch.mul(dc * i, 1 - g * g, out=dpre[..., 2 * n:3 * n])
        torch.mul(dh * t, o * (1 - o), out=dpre[..., 3 * n:])
        return dpre, dc * f, dscale, dbias, None


class _GRUStep(torch.autograd.Function):
    """Element-wise part of a GRU step: row sums of h and x, gate order r, n, z."""

    @staticmethod
    def forward(ctx, from_h, from_x, state, arithmetic):
        n = state.shape[-1]
        r = arithmetic.sigmoid(from_h[..., :n] + from_x[..., :n])
        z = arithmetic.sigmoid(from_h[..., 2 * n:] + from_x[..., 2 * n:])
        inner = arithmetic.state(from_h[..., n:2 * n])
        candidate = arithmetic.tanh(arithmetic.state(from_x[..., n:2 * n]) + r * inner)
        new = arithmetic.state(candidate + z * (state - candidate))
        ctx.save_for_backward(r, z, inner, candidate, state)
        return arithmetic.output(new.clone()), new

    @staticmethod
    def backward(ctx, dh, dstate):
        r, z, inner, candidate, state = ctx.saved_tensors
        dstate = dstate + dh
        dn = dstate * (1 - z) * (1 - candidate * candidate)
        dr = dn * inner * r * (1 - r)
        dz = dstate * (state - candidate) * z * (1 - z)
        return torch.cat([dr, dn * r, dz], -1), torch.cat([dr, dn, dz], -1), dstate * z, None


class _Layer(nn.Module):
    """One layer's latent weights, norms and biases; see `golden.lstm.params.LayerParams`."""

    def __init__(self, params, members, quantiser, knee):
        super().__init__()
        self.params, self.quantiser, self.knee = params, quantiser, knee
        rows, hidden = params.rows, params.hidden
        self.weight_h = nn.Parameter(torch.empty(members, rows, hidden))
        self.weight_x = nn.Parameter(torch.empty(members, rows, params.inputs))
        fan_in = {"h": hidden, "x": params.inputs}
        if params.joint:
            fan_in = dict.fromkeys(fan_in, hidden + params.inputs)
        for source, terms in fan_in.items():
            self.register_buffer(f"scale_{source}",
                                 torch.full((members, rows, 1), paper_scale(terms, rows)))
        self.norms = nn.ModuleDict({source: Norm(members, rows)
                                    for source in (("joint",) if params.joint else ("h", "x"))})
        self.bias = nn.Parameter(torch.zeros(members, rows))
        if params.cell == "gru":
            self.bias_h = nn.Parameter(torch.zeros(members, hidden))
        if params.cell_norm:
            self.norms["c"] = Norm(members, hidden)
            nn.init.constant_(self.norms["c"].gamma, 0.5)
            self.cell_bias = nn.Parameter(torch.zeros(members, hidden))
        # Real values; steered by training when it prunes.
        self.register_buffer("threshold", torch.full(
            (members,), params.threshold * params.activation.resolution))
        self.register_buffer("penalty", torch.full((members,), 0.01))

    def initialise(self, member, generator):
        """Orthogonal blocks for h, the paper's uniform distribution for x; forget bias 1."""
        p, n = self.params, self.params.hidden
        with torch.no_grad():
            for gate in range(p.gates):
                block = self.weight_h[member, gate * n:(gate + 1) * n]
                nn.init.orthogonal_(block, generator=generator)
            limit = 2 * paper_scale(p.inputs, p.rows)
            self.weight_x[member].uniform_(-limit, limit, generator=generator)
            gate = p.gate_names.index("f" if p.cell == "lstm" else "z")
            self.bias[member, gate * n:(gate + 1) * n] = 1

    def quantised(self, sample):
        """Integer weights of h and of x, and what a weight of 1 is worth in each."""
        if not self.params.joint:
            codes_h, unit_h = self.quantiser(self.weight_h, self.scale_h, sample)
            codes_x, unit_x = self.quantiser(self.weight_x, self.scale_x, sample)
            return codes_h, unit_h, codes_x, unit_x
        codes, unit = self.quantiser(torch.cat([self.weight_h, self.weight_x], 2), self.scale_h,
                                     sample)
        n = self.params.hidden
        return codes[..., :n], unit, codes[..., n:], unit

    def folded(self, sample):
        """What the hardware's tensors stand for, as real numbers with gradients.

        name -> tensor: ``codes_h, codes_x`` (integer weights), ``row_h, row_x`` (what one unit of
        a row's integer sum is worth), ``unit_h, unit_x`` (what a weight of 1 was worth before
        normalisation), ``bias``, and as the cell has them ``bias_h``, ``cell_scale``,
        ``cell_bias``.
        """
        names = ("codes_h", "unit_h", "codes_x", "unit_x")
        out = dict(zip(names, self.quantised(sample), strict=True))
        bias, n = self.bias, self.params.hidden
        for source in ("h", "x"):
            joint = self.params.joint
            scale, shift = self.norms["joint" if joint else source].affine()
            out[f"row_{source}"] = out[f"unit_{source}"].squeeze(-1) * scale
            if joint and source == "x":
                continue
            if source == "h" and self.params.cell == "gru":
                # The candidate gate's recurrent sum is finished before r multiplies it.
                out["bias_h"] = self.bias_h + shift[:, n:2 * n]
                shift = torch.cat([shift[:, :n], torch.zeros_like(self.bias_h),
                                   shift[:, 2 * n:]], 1)
            bias = bias + shift
        out["bias"] = bias
        if self.params.cell_norm:
            out["cell_scale"], shift = self.norms["c"].affine()
            out["cell_bias"] = self.cell_bias + shift
        return out

    def shifts(self, folded):
        """Parameters with the largest shifts that the folded scales and biases allow, of all
        members together."""
        p = self.params
        pre = p.pre.fraction
        limits = [(folded["row_h"], pre - p.activation.fraction, p.scale_width),
                  (folded["row_x"], pre - p.input_value.fraction, p.scale_width),
                  (folded["bias"], pre, p.bias_width)]
        if p.cell == "gru":
            limits.append((folded["bias_h"], pre, p.bias_width))
        changes = {"shift": _largest_shift(limits)}
        if p.cell == "gru" and changes["shift"] < p.state.fraction - pre:
            raise ValueError("Layer scales must leave a shift of at least "
                             f"{p.state.fraction - pre}, not {changes['shift']}")
        if p.cell_norm:
            changes["cell_shift"] = _largest_shift([
                (folded["cell_scale"], pre - p.state.fraction, p.scale_width),
                (folded["cell_bias"], pre, p.bias_width)], low=1)
        return p.replace(**changes)

    @staticmethod
    def grids(params):
        """Fraction bits of each folded tensor's integer code."""
        total = params.pre.fraction + params.shift
        out = {"row_h": total - params.activation.fraction,
               "row_x": total - params.input_value.fraction, "bias": total, "bias_h": total}
        if params.cell_norm:
            total = params.pre.fraction + params.cell_shift
            out |= {"cell_scale": total - params.state.fraction, "cell_bias": total}
        return out

    def forward(self, x, initial, mode):
        """x [members, batch, steps, inputs] or codes [members, batch, steps].

        Returns h of every step, the last (h, state), the state of every step, and, when pruning,
        the mean of ``knee * log(1 + |h| / knee)`` over h before it is pruned [members]: small h
        are drawn to zero, large ones hardly.
        """
        folded = self.folded(sample=mode.training)
        arithmetic = _FloatArithmetic
        if mode.fixed:
            arithmetic = _FixedArithmetic(self.params)
            grids = self.grids(self.shifts(folded))
            folded |= {name: _on_grid(folded[name], grids[name]) for name in grids
                       if name in folded}
        from_x, sums = (self._sums_by_batch if mode.by_batch else self._sums)(x, folded)
        cell, prune = self._cell(folded, arithmetic), self._prune(mode)
        h, state = initial
        outputs, states, activity = [], [], 0.0
        for step in from_x.unbind(2):
            h, state = cell(sums(h, step), state)
            if prune:
                activity = activity + torch.log1p(h.abs() / self.knee).mean((1, 2))
                h = prune(h)
            outputs.append(h)
            states.append(state)
        return torch.stack(outputs, 2), (h, state), states, activity * self.knee / len(outputs)

    def _cell(self, folded, arithmetic):
        """The element-wise part: (what `_sums` gives, state) to (h, state)."""
        if self.params.cell == "gru":
            return lambda sums, state: _GRUStep.apply(*sums, state, arithmetic)
        scale, bias = (folded[name][:, None] if name in folded else None
                       for name in ("cell_scale", "cell_bias"))
        return lambda sums, state: _LSTMStep.apply(sums, state, scale, bias, arithmetic)

    def _sums(self, x, folded):
        """Row sums of all x, and the function that joins one step's with h's."""
        from_x = self._input_sums(x, folded["codes_x"] * folded["row_x"][..., None])
        from_x = from_x + folded["bias"][:, None, None]
        weight = (folded["codes_h"] * folded["row_h"][..., None]).transpose(1, 2)
        if self.params.cell == "lstm":
            return from_x, lambda h, step: torch.baddbmm(step, h, weight)
        bias_h = self._candidate_rows(folded["bias_h"])
        return from_x, lambda h, step: (torch.bmm(h, weight) + bias_h, step)

    def _sums_by_batch(self, x, folded):
        """The same with each step normalised by its own minibatch (c excepted): the paper's."""
        from_x = self._input_sums(x, folded["codes_x"] * folded["unit_x"])
        weight = (folded["codes_h"] * folded["unit_h"]).transpose(1, 2)
        bias, norms = self.bias[:, None], self.norms
        if self.params.joint:
            return from_x, lambda h, step: norms["joint"].by_batch(
                torch.baddbmm(step, h, weight)) + bias
        if self.params.cell == "lstm":
            return from_x, lambda h, step: (norms["h"].by_batch(torch.bmm(h, weight))
                                            + norms["x"].by_batch(step) + bias)
        bias_h = self._candidate_rows(self.bias_h)
        return from_x, lambda h, step: (norms["h"].by_batch(torch.bmm(h, weight)) + bias_h,
                                        norms["x"].by_batch(step) + bias)

    def _candidate_rows(self, bias_h):
        """A bias of the GRU's candidate gate alone, as one of all rows."""
        zeros = torch.zeros_like(bias_h)
        return torch.cat([zeros, bias_h, zeros], 1)[:, None]

    def _input_sums(self, x, weight):
        """Row sums of x [members, batch, steps, ...] with weight [members, rows, inputs]."""
        if self.params.one_hot:
            # A code that is no column adds nothing, as in hardware.
            table = nn.functional.pad(weight.transpose(1, 2), (0, 0, 0, 1))
            codes = x.clamp(0, self.params.inputs)
            if len(x) == 1:
                return nn.functional.embedding(codes[0], table[0])[None]
            return table[torch.arange(len(x)).reshape(-1, 1, 1), codes]
        sums = x.flatten(1, 2) @ weight.transpose(1, 2)
        return sums.unflatten(1, x.shape[1:3])

    def _prune(self, mode):
        """The function that zeroes small h, or None; its gradient is straight-through."""
        if not bool(self.threshold.any()):
            return None
        threshold = self.threshold[:, None, None]
        if mode.fixed:
            threshold = _on_grid(threshold, self.params.activation.fraction)
        return lambda h: _StraightThrough.apply(h, h * (h.abs() >= threshold))

    def update_norms(self, x, h, initial, states):
        """Statistics of one minibatch: of x, of the h that each step started from, and of c."""
        with torch.no_grad():
            # About 1,024 steps of a shuffled minibatch are plenty for a moving average.
            some = slice(-(-1024 // h.shape[2]))
            before = torch.cat([initial[0][:, some, None], h[:, some, :-1]], 2).flatten(1, 2)
            codes_h, unit_h, codes_x, unit_x = self.quantised(sample=False)
            from_h = before @ (codes_h * unit_h).transpose(1, 2)
            from_x = self._input_sums(x[:, some], codes_x * unit_x).flatten(1, 2)
            if self.params.joint:
                self.norms["joint"].update(from_h + from_x)
            else:
                self.norms["h"].update(from_h)
                self.norms["x"].update(from_x)
            if self.params.cell_norm:
                self.norms["c"].update(torch.stack(states, 1).detach().flatten(1, 2))


def _largest_shift(limits, low=0):
    """limits: (real values, fraction bits at shift 0, signed code width) of each tensor."""
    best = 40
    for values, fraction, width in limits:
        largest = float(values.detach().abs().max())
        if largest:
            room = math.log2(((1 << (width - 1)) - 1) / largest)
            best = min(best, math.floor(room - fraction - 1e-6))
    if best < low:
        raise ValueError(f"Layer scales and biases must fit their widths at a shift of {low}; "
                         f"they would need a shift of {best}: give them more bits")
    return best


def _on_grid(value, fraction):
    return _StraightThrough.apply(value, (value * 2.0**fraction).round() * 2.0**-fraction)


class _Head(nn.Module):
    """A few-bit matrix with a scale and a bias per row."""

    def __init__(self, params, members, quantiser):
        super().__init__()
        self.params, self.quantiser = params, quantiser
        self.weight = nn.Parameter(torch.empty(members, params.outputs, params.inputs))
        self.gain = nn.Parameter(torch.ones(members, params.outputs))
        self.bias = nn.Parameter(torch.zeros(members, params.outputs))
        self.register_buffer("scale", torch.full(
            (members, params.outputs, 1), 2 * paper_scale(params.inputs, params.outputs)))

    def initialise(self, member, generator):
        limit = 1 / math.sqrt(self.params.inputs)
        with torch.no_grad():
            self.weight[member].uniform_(-limit, limit, generator=generator)

    def folded(self, sample):
        codes, unit = self.quantiser(self.weight, self.scale, sample)
        return {"codes": codes, "row": unit.squeeze(-1) * self.gain, "bias": self.bias}

    def shifts(self, folded):
        p = self.params
        out = p.output.fraction
        return p.replace(shift=_largest_shift([
            (folded["row"], out - p.input.fraction, p.scale_width),
            (folded["bias"], out, p.bias_width)]))

    @staticmethod
    def grids(params):
        total = params.output.fraction + params.shift
        return {"row": total - params.input.fraction, "bias": total}

    def forward(self, h, mode):
        """h [members, samples, inputs] to [members, samples, outputs]."""
        folded = self.folded(sample=mode.training)
        if mode.fixed:
            grids = self.grids(self.shifts(folded))
            folded |= {name: _on_grid(folded[name], grids[name]) for name in grids}
        weight = folded["codes"] * folded["row"][..., None]
        y = torch.baddbmm(folded["bias"][:, None], h, weight.transpose(1, 2))
        if not mode.fixed:
            return y
        return _StraightThrough.apply(y, _round_half_up(y.detach(), self.params.output))


@dataclasses.dataclass(frozen=True)
class _Mode:
    training: bool
    fixed: bool
    by_batch: bool


class RecurrentNetwork(nn.Module):
    """Trains what `NetworkParams` describes; `quantise` gives its tensors.

    params:      formats, sizes, kinds; shifts and thresholds are found by training
    seeds:       one member is initialised from each
    float_weights: real weights in place of the parameters' kinds (the comparison; not for hardware)
    stochastic:  binary and ternary weights are drawn anew for each minibatch in training
    statistics:  ``shared`` over time (moving averages, what hardware has) or the minibatch's own
                 in each ``step`` (the paper's)
    sparsity:    share of h that training prunes to zero: every |h| below ``threshold``, with a
                 penalty on |h| (before pruning) that is steered until the share is met

    Attributes that a training loop sets: ``fixed`` (hardware arithmetic in the forward pass),
    ``frozen`` (statistics and thresholds stay as they are).
    """

    def __init__(self, params, *, seeds=(0,), float_weights=False, stochastic=False,
                 statistics="shared", sparsity=0.0, threshold=0.2):
        super().__init__()
        require_choice("Network statistics", statistics, ("shared", "step"))
        if not 0 <= sparsity < 1:
            raise ValueError(f"Network sparsity must be at least 0 and below 1, not {sparsity!r}")
        if params.head is not None and params.head.raw:
            raise ValueError("A trained head must have scales (raw = False), not raw = True")
        if not 0 < threshold < 1:
            raise ValueError(f"Network threshold must be between 0 and 1, not {threshold!r}")
        for part in (*params.layers, *([params.head] if params.head else [])):
            if part.sum_shift:
                raise ValueError("A trained network's sum_shift must be 0: training rounds whole "
                                 f"sums, not {part.sum_shift!r}")
        self.params, self.statistics = params, statistics
        self.sparsity, self.threshold = sparsity, threshold
        self.float_weights = float_weights
        self.fixed = self.frozen = False

        def quantiser(part):
            return Quantiser(None if float_weights else part.kind, stochastic)

        self.layers = nn.ModuleList(_Layer(part, len(seeds), quantiser(part), threshold)
                                    for part in params.layers)
        self.head = None
        if params.head is not None:
            # Noise in the classifier would drown a few-bit network's gradient: never stochastic.
            self.head = _Head(params.head, len(seeds),
                              Quantiser(None if float_weights else params.head.kind))
        for member, seed in enumerate(seeds):
            require_int("Network seed", seed, 0)
            generator = torch.Generator().manual_seed(seed)
            for part in (*self.layers, self.head) if self.head else self.layers:
                part.initialise(member, generator)

    members = property(lambda self: len(self.layers[0].weight_h))
    dtype = property(lambda self: self.layers[0].weight_h.dtype)

    def initial(self, batch):
        """Zero (h, state) of each layer."""
        return [tuple(torch.zeros(self.members, batch, part.params.hidden, dtype=self.dtype)
                      for _ in range(2))
                for part in self.layers]

    def forward(self, x, initial=None, *, by_batch=None):
        """Input codes int64 [members, batch, steps, inputs] (one_hot: without the last axis) to
        ``(y, final state, zeros, penalty)``.

        y [members, batch, outputs], with per_step [members, batch, steps, outputs], real values;
        zeros: each layer's share of zeros in h [layers, members]; penalty [members]: what pruning
        adds to the loss. ``by_batch`` chooses minibatch statistics; by default they are used in
        training as ``statistics`` says.
        """
        if by_batch is None:
            by_batch = self.training and self.statistics == "step" and not self.frozen
        mode = _Mode(self.training, self.fixed, by_batch)
        if not self.params.layers[0].one_hot:
            x = x.to(self.dtype) * self.params.layers[0].input.resolution
        initial = initial or self.initial(x.shape[1])
        final, zeros, penalty = [], [], torch.zeros(self.members)
        for part, start in zip(self.layers, initial, strict=True):
            h, last, states, activity = part(x, start, mode)
            if self.training and not self.frozen:
                part.update_norms(x, h.detach(), start, states)
            final.append(tuple(value.detach() for value in last))
            zeros.append((h.detach() == 0).float().mean((1, 2, 3)))
            penalty = penalty + part.penalty * activity
            x = h
        if not self.params.per_step:
            h = h[:, :, -1:]
        y = h.flatten(1, 2)
        if self.head is not None:
            y = self.head(y, mode)
        y = y.unflatten(1, h.shape[1:3])
        return (y if self.params.per_step else y[:, :, 0]), final, torch.stack(zeros), penalty

    def steer(self, zeros, share=1.0):
        """After a minibatch: raise or lower each layer's penalty by how far its ``zeros`` are from
        the wanted sparsity; ``share`` ramps threshold and sparsity up."""
        if not self.sparsity:
            return
        for part, measured in zip(self.layers, zeros, strict=True):
            part.penalty *= torch.exp(0.3 * (share * self.sparsity - measured))
            part.penalty.clamp_(1e-4, 100)
            if not self.frozen:
                part.threshold.fill_(share * self.threshold)

    def quantise(self, member=0, **resources):
        """``(NetworkParams, tensors)`` of one member.

        resources: fields of every layer to change on the way, such as ``lanes`` or ``interval``.
        """
        if self.float_weights:
            raise ValueError("A network with float weights must not be quantised: train a kind")
        require_int("Network member", member, 0, self.members - 1)
        layers, tensors = [], {}
        with torch.no_grad():
            for n, part in enumerate(self.layers):
                folded = {k: v[member:member + 1] for k, v in part.folded(sample=False).items()}
                p = part.shifts(folded)
                threshold = float(part.threshold[member]) / p.activation.resolution
                p = p.replace(threshold=round(threshold), **resources)
                values = _codes({name: value for name, value in folded.items()
                                 if not name.startswith("unit")}, part.grids(p))
                names = {"codes_h": "weight_h", "codes_x": "weight_x",
                         "row_h": "scale_h", "row_x": "scale_x"}
                if p.joint:
                    names["row_h"] = "scale"
                    del values["row_x"]
                for name, value in values.items():
                    shape = (p.gates, p.hidden) if name not in (
                        "bias_h", "cell_scale", "cell_bias") else (p.hidden,)
                    tensors[f"layers.{n}.{names.get(name, name)}"] = value.reshape(
                        *shape, *value.shape[1:])
                layers.append(p)
            head = self.params.head
            if self.head is not None:
                folded = {k: v[member:member + 1] for k, v in self.head.folded(False).items()}
                head = self.head.shifts(folded)
                for name, value in _codes(folded, self.head.grids(head)).items():
                    tensors[f"head.{ {'codes': 'weight', 'row': 'scale'}.get(name, name) }"] = value
        params = NetworkParams(**{f.name: getattr(self.params, f.name)
                                  for f in dataclasses.fields(NetworkParams)}
                               | {"layers": tuple(layers), "head": head})
        return params, tensors


def _codes(folded, grids):
    """Real values to int64 arrays on their grids; weights are codes already."""
    return {name: np.round(value[0].numpy().astype(np.float64) * 2.0 ** grids.get(name, 0))
            .astype(np.int64) for name, value in folded.items()}
