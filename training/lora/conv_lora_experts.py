"""The mixture of convolution experts between the two thin factors of Conv-LoRA."""

from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional
from training.lora.config import LoraConfig


class ExpertMixture(nn.Module):
    """
    u + sum over i of gate_i(u) * expert_i(u), on feature maps of any height and width.

    All experts are always computed and weighed, whatever the gate: one graph without branches,
    the same in training, in evaluation and in an exported file. No map is really enlarged, see
    ``ScaleExpert``; one convolution computes all experts, so that three of them cost hardly more
    than one (with true enlargement by 1, 2 and 4 a training step of a small U-Net took six times
    as long).

    :param width: channels of the maps, the rank.
    :param config: scales and gate.
    """

    def __init__(self, width: int, config: LoraConfig, **factory: Any) -> None:
        super().__init__()
        self.experts = nn.ModuleList(
            ScaleExpert(width, scale, **factory) for scale in config.scales
        )
        self.gate: ExpertGate | None = None
        if config.gate != 'uniform' and len(config.scales) > 1:
            self.gate = ExpertGate(width, config, **factory)
        self._phases = [expert.phases for expert in self._scale_experts()]

    def forward(self, u: torch.Tensor, groups: int = 1) -> torch.Tensor:
        """
        Return the mixture, of the shape of u.

        :param u: (N * groups, width, H, W) float.
        :param groups: maps that belong to one picture; they share one decision of the gate.
        """
        kernels = torch.cat([expert.kernels() for expert in self._scale_experts()])
        biases = torch.cat([expert.biases() for expert in self._scale_experts()])
        maps = _activated(u, kernels, biases).unflatten(1, (-1, u.shape[1]))
        gates = self.gates(u, groups)
        # each phase of an expert has its share of the expert's weight
        shares = [
            (gates[:, i : i + 1] / phases).expand(-1, phases)
            for i, phases in enumerate(self._phases)
        ]
        return u + (torch.cat(shares, 1)[:, :, None, None, None] * maps).sum(1)

    def gates(self, u: torch.Tensor, groups: int = 1) -> torch.Tensor:
        """Return the weight of each expert for each map, (N * groups, experts), of u's type."""
        experts = len(self.experts)
        if self.gate is None:
            return u.new_full((u.shape[0], experts), 1 / experts)
        # in full precision: a mean over a large map overflows float16
        pooled = u.to(torch.promote_types(u.dtype, torch.float32)).mean((2, 3))
        gates = self.gate(pooled.unflatten(0, (-1, groups)).mean(1))
        return gates.to(u.dtype).repeat_interleave(groups, 0) if groups > 1 else gates.to(u.dtype)

    def _scale_experts(self) -> list['ScaleExpert']:
        return cast(list[ScaleExpert], list(self.experts))


class ScaleExpert(nn.Module):
    """
    Enlarge, 3 x 3 convolution, GELU, back to the old size: all bilinear, borders repeated.

    Bilinear shrinking by s reads only the middle of each block of s x s pixels: one pixel where s
    is odd, four where it is even. What the convolution finds there is a 3 x 3 convolution of the
    map before its enlargement, with a kernel that is linear in the expert's own (``kernels``).
    So an expert is one convolution to ``phases`` times its channels, a GELU and a mean, and equal
    to the definition.

    :param scale: how many times the map is enlarged, in both directions; 1 leaves it.
    """

    taps: torch.Tensor

    def __init__(self, width: int, scale: int, **factory: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, **factory)
        nn.init.zeros_(self._bias())
        self.register_buffer('taps', middle_taps(scale).to(self.conv.weight), persistent=False)
        self.phases = len(self.taps) ** 2

    def kernels(self) -> torch.Tensor:
        """Return the kernels on the map's own grid, (phases * width, width, 3, 3)."""
        weight, taps = self.conv.weight, self.taps
        # sums of products, because autocast would round a matrix product to half precision
        rows = (weight[None, :, :, :, None] * taps[:, None, None, :, :, None]).sum(3)
        both = (rows[:, None, ..., None] * taps[None, :, None, None, None]).sum(-2)
        return both.flatten(0, 2)

    def biases(self) -> torch.Tensor:
        """Return the bias of each of ``kernels``, (phases * width,)."""
        return self._bias().repeat(self.phases)

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        """Return a map of the shape of u, (N, width, H, W)."""
        maps = _activated(u, self.kernels(), self.biases())
        return maps.unflatten(1, (self.phases, -1)).mean(1)

    def _bias(self) -> torch.Tensor:
        assert self.conv.bias is not None
        return self.conv.bias


def _activated(u: torch.Tensor, kernels: torch.Tensor, biases: torch.Tensor) -> torch.Tensor:
    padded = functional.pad(u, (1, 1, 1, 1), mode='replicate')
    return functional.gelu(functional.conv2d(padded, kernels, biases))


def middle_taps(scale: int) -> torch.Tensor:
    """
    Return what the neighbours of a block's middle are made of, in one direction.

    :return: (phases, 3, 3) float: for each middle pixel of the enlarged block, for the pixel
        before, at and after it, the weights of the pixels i - 1, i, i + 1 of the map.
    """
    middle = sorted({(scale - 1) // 2, scale // 2})
    taps = torch.zeros(len(middle), 3, 3)
    for phase, at in enumerate(middle):
        for step in range(3):
            source = (at + step - 1 + 0.5) / scale - 0.5  # from -1 to 1, 0 is the pixel i
            for neighbour in range(3):
                taps[phase, step, neighbour] = max(0.0, 1 - abs(source - (neighbour - 1)))
    return taps


class ExpertGate(nn.Module):
    """
    Decide for each picture how much each expert counts, and keep the balance of their use.

    ``soft``: the softmax of a linear map of the mean feature. ``top_k`` (Shazeer et al. 2017,
    https://arxiv.org/abs/1701.06538): while training noise of learnt strength is added before
    the best k are taken; their weights are the softmax's, normalised to 1. Backwards the
    softmax over all experts stands for the choice (straight through), so that the task tells
    the gate also what an expert that was not taken would have been worth. In evaluation there
    is no noise.
    """

    def __init__(self, width: int, config: LoraConfig, **factory: Any) -> None:
        super().__init__()
        shape = (width, len(config.scales))
        self.weight = nn.Parameter(torch.zeros(shape, **factory))
        self.top_k = config.top_k if config.gate == 'top_k' else None
        if self.top_k:
            self.noise_weight = nn.Parameter(torch.zeros(shape, **factory))
        self._balance: torch.Tensor | None = None

    def __getstate__(self) -> dict[str, Any]:
        # the balancing loss hangs on a graph, which can neither be copied nor be stored
        return {**self.__dict__, '_balance': None}

    def forward(self, pooled: torch.Tensor) -> torch.Tensor:
        """
        Return the weights of the experts, (N, experts), in the type of the input.

        :param pooled: (N, width) float32 or better, the mean feature of each picture.
        """
        logits = _linear(pooled, self.weight)
        if self.top_k is None:
            weights = logits.softmax(1)
            if self.training:
                self._balance = squared_variation(weights.sum(0))
            return weights
        if not self.training:
            return _best(logits.softmax(1), self.top_k)
        strength = functional.softplus(_linear(pooled, self.noise_weight)) + 1e-2
        noisy = logits + torch.randn_like(logits) * strength
        weights = noisy.softmax(1)
        self._balance = squared_variation(weights.sum(0))
        if self.top_k < logits.shape[1]:
            load = expected_load(logits, noisy, strength, self.top_k)
            self._balance = self._balance + squared_variation(load)
        return _best(weights, self.top_k).detach() + weights - weights.detach()

    def balance_loss(self) -> torch.Tensor:
        """Return the loss of the latest training batch; 0 in evaluation and before the first."""
        if self.training and self._balance is not None:
            return self._balance
        return self.weight.new_zeros(())


def squared_variation(use: torch.Tensor) -> torch.Tensor:
    """
    Return the squared coefficient of variation, 0 where all experts are used alike.

    :param use: (experts,) float, two experts or more.
    """
    return use.var() / (use.mean() ** 2 + 1e-10)


def expected_load(
    clean: torch.Tensor, noisy: torch.Tensor, strength: torch.Tensor, top_k: int
) -> torch.Tensor:
    """
    Return how many pictures each expert would get on average, were its noise drawn again.

    Equations 8 to 10 of Shazeer et al. 2017: unlike a count, it has a gradient.

    :param clean: (N, experts) logits before the noise; ``noisy`` after it.
    :param strength: (N, experts) standard deviation of the noise.
    :param top_k: experts taken, fewer than there are.
    :return: (experts,) float.
    """
    best = noisy.topk(top_k + 1, dim=1).values
    last_in, first_out = best[:, top_k - 1 : top_k], best[:, top_k:]
    # what an expert must beat: without itself, the first one out moves up
    rival = torch.where(noisy > first_out, first_out, last_in)
    return torch.special.ndtr((clean - rival) / strength).sum(0)


def _linear(pooled: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Multiply without autocast's matrix product, which would round to half precision."""
    return (pooled[:, :, None] * weight).sum(1)


def _best(weights: torch.Tensor, top_k: int) -> torch.Tensor:
    """Keep the k largest of each row, normalised to a sum of 1."""
    chosen = torch.zeros_like(weights).scatter(1, weights.topk(top_k, dim=1).indices, 1.0)
    return chosen * weights / (chosen * weights).sum(1, keepdim=True)
