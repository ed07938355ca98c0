"""The mixture of convolution experts between the two thin factors of Conv-LoRA."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional
from training.lora.config import LoraConfig


class ExpertMixture(nn.Module):
    """
    u + sum over i of gate_i(u) * expert_i(u), on feature maps of any height and width.

    All experts are always computed and weighed, whatever the gate: one graph without branches,
    the same in training, in evaluation and in an exported file. With three experts of rank 4
    that costs less than sorting the batch by expert.

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

    def forward(self, u: torch.Tensor, groups: int = 1) -> torch.Tensor:
        """
        Return the mixture, of the shape of u.

        :param u: (N * groups, width, H, W) float.
        :param groups: maps that belong to one picture; they share one decision of the gate.
        """
        mixed = u
        gates = self.gates(u, groups)
        for index, expert in enumerate(self.experts):
            mixed = mixed + gates[:, index, None, None, None] * expert(u)
        return mixed

    def gates(self, u: torch.Tensor, groups: int = 1) -> torch.Tensor:
        """Return the weight of each expert for each map, (N * groups, experts), of u's type."""
        experts = len(self.experts)
        if self.gate is None:
            return u.new_full((u.shape[0], experts), 1 / experts)
        # in full precision: a mean over a large map overflows float16
        pooled = u.to(torch.promote_types(u.dtype, torch.float32)).mean((2, 3))
        gates = self.gate(pooled.unflatten(0, (-1, groups)).mean(1))
        return gates.to(u.dtype).repeat_interleave(groups, 0) if groups > 1 else gates.to(u.dtype)


class ScaleExpert(nn.Module):
    """
    Enlarge, 3 x 3 convolution, GELU, back to the old size.

    :param scale: how many times the map is enlarged, in both directions; 1 leaves it.
    """

    def __init__(self, width: int, scale: int, **factory: Any) -> None:
        super().__init__()
        self.scale = scale
        self.conv = nn.Conv2d(width, width, 3, padding=1, **factory)
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        """Return a map of the shape of u."""
        if self.scale == 1:
            return functional.gelu(self.conv(u))
        size = u.shape[-2:]
        large = _resize(u, [size[0] * self.scale, size[1] * self.scale])
        return _resize(functional.gelu(self.conv(large)), list(size))


def _resize(maps: torch.Tensor, size: list[int]) -> torch.Tensor:
    return functional.interpolate(maps, size, mode='bilinear', align_corners=False)


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
