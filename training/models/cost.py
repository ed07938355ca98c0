"""What a network costs: its parameters, and the arithmetic for one picture."""

import torch
from torch import nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode


def count_parameters(model: nn.Module, trainable_only: bool = False) -> int:
    """
    Return the number of parameters; buffers, such as running statistics, are not counted.

    :param trainable_only: leave out those that are frozen.
    """
    return sum(
        parameter.numel()
        for parameter in model.parameters()
        if parameter.requires_grad or not trainable_only
    )


def count_multiply_adds(model: nn.Module, height: int, width: int) -> int:
    """
    Return the multiply-adds of all convolutions and matrix products for one picture.

    Floating-point operations are twice as many. Counted on shapes alone, so nothing is computed
    and a net of any size takes a moment. Batch norms (which fold into the convolutions),
    activations and resizing are left out, as is usual.

    :param model: takes (1, 3, height, width) float; left as it is, in its own mode.
    """
    modes = [(module, module.training) for module in model.modules()]
    tensors = {
        name: tensor.detach().to('meta')
        for name, tensor in (*model.named_parameters(), *model.named_buffers())
    }
    picture = torch.empty(1, 3, height, width, device='meta')
    try:
        model.eval()
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            functional_call(model, tensors, (picture,))
    finally:
        for module, training in modes:
            module.training = training
    return counter.get_total_flops() // 2
