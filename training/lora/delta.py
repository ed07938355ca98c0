"""
What an adapter adds to a weight, as pure functions: tensors in, tensor out.

Shapes: a convolution's weight is (Cout, Cin/groups, kh, kw), a transposed convolution's
(Cin, Cout/groups, kh, kw), a linear layer's (Cout, Cin); r is the rank. Nothing here knows of
stride, padding or dilation: a convolution is linear in its weight, so a sum of weights is exact
for all of them.
"""

from collections.abc import Sequence

import torch


def two_convolutions(
    down: torch.Tensor, up: torch.Tensor, shape: Sequence[int], scaling: float
) -> torch.Tensor:
    """
    Return the kernel of a k x k convolution to r channels and a 1 x 1 one back, as peft's.

    Seen as a matrix (Cout, Cin/groups * kh * kw) its rank is r or less, with groups too: then all
    groups share ``down``, so that a depthwise layer gets r spatial patterns, mixed anew for each
    channel, in r * (Cout + kh * kw) numbers (a set of r for each group would outgrow the layer).
    A linear layer is the case without kh and kw.

    :param down: (r, Cin/groups, kh, kw), peft's lora_A.
    :param up: (Cout, r, 1, 1), peft's lora_B.
    :param shape: of the weight.
    """
    return (up.flatten(1) @ down.flatten(1)).view(tuple(shape)) * scaling


def two_transposed_convolutions(
    down: torch.Tensor, up: torch.Tensor, shape: Sequence[int], scaling: float
) -> torch.Tensor:
    """
    Return the kernel of a 1 x 1 convolution to r channels and a transposed k x k one from there.

    The mirror image of ``two_convolutions``: the thin tensor stays on the coarse grid, where it is
    cheap. peft has no transposed convolutions. With groups, all groups share ``up``.

    :param down: (r, Cin, 1, 1).
    :param up: (r, Cout/groups, kh, kw).
    :param shape: of the weight.
    """
    return (down.flatten(1).T @ up.flatten(1)).view(tuple(shape)) * scaling


def reshaped_product(
    down: torch.Tensor, up: torch.Tensor, shape: Sequence[int], scaling: float
) -> torch.Tensor:
    """
    Return one matrix product read as a kernel, as microsoft/LoRA's ConvLoRA does.

    The plain ``view`` mixes rows of the kernel with channels, so the rank, up to r * k, is the
    product's, not that of any pair of convolutions. With groups: the same, as there.

    :param down: (r * k, Cin * kw), loralib's lora_A.
    :param up: (Cout/groups * kh, r * k), loralib's lora_B.
    :param shape: of the weight; for a transposed one Cin and Cout change places above.
    """
    return (up @ down).view(tuple(shape)) * scaling


def channel_norms(weight: torch.Tensor, transposed_groups: int = 0) -> torch.Tensor:
    """
    Return the length of each output channel's kernel, (Cout,).

    :param transposed_groups: groups of a transposed convolution; 0 for the other layers.
    """
    kernels = weight
    if transposed_groups:
        by_group = weight.unflatten(0, (transposed_groups, -1))  # (g, Cin/g, Cout/g, kh, kw)
        kernels = by_group.transpose(1, 2).flatten(0, 1)
    # contiguous: the order of the sum, and so its last bit, must not depend on the memory format
    return kernels.flatten(1).contiguous().norm(dim=1)


def scale_channels(
    weight: torch.Tensor, factors: torch.Tensor, transposed_groups: int = 0
) -> torch.Tensor:
    """
    Return a weight with each output channel's kernel multiplied.

    :param factors: (Cout,).
    :param transposed_groups: as for ``channel_norms``.
    """
    if transposed_groups:
        by_group = weight.unflatten(0, (transposed_groups, -1))
        return (by_group * factors.view(transposed_groups, 1, -1, 1, 1)).flatten(0, 1)
    return weight * factors.view(-1, *[1] * (weight.ndim - 1))


def with_magnitude(
    weight: torch.Tensor, delta: torch.Tensor, magnitude: torch.Tensor, transposed_groups: int = 0
) -> torch.Tensor:
    """
    Return what DoRA adds: the sum's direction with lengths of its own, less the weight.

    The norm takes no gradient, as in section 4.3 of the paper and in peft. A channel that is zero
    stays finite.

    :param delta: the low-rank change, of the weight's shape.
    :param magnitude: Cout values, in any shape.
    """
    moved = weight + delta
    norms = channel_norms(moved, transposed_groups).detach()
    factors = magnitude.flatten() / torch.where(norms == 0, torch.ones_like(norms), norms)
    return scale_channels(moved, factors, transposed_groups) - weight
