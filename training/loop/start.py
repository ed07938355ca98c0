"""The network as a run begins: its first weights, its adapters, and what stays frozen."""

import torch
from torch import nn
from training.config import TrainConfig
from training.loop.freezing import freeze
from training.lora.inject import attach
from training.models.unet import UNet
from training.runs import fill, initial_weights


def build_network(config: TrainConfig, fresh: bool = True) -> nn.Module:
    """
    Return the network to be trained; only what is to learn asks for gradients.

    :param fresh: False leaves the first weights out, for a run that has a checkpoint.
    :raises ConfigError: for weights of another network, or patterns that match nothing.
    """
    network = UNet(config.network)
    if config.init_from and fresh:
        fill(network, initial_weights(config.init_from), config.init_from)
    if config.lora.kind != 'none':
        attach(network, config.lora)
    freeze(network, config.freeze)
    # a third faster on CPUs, whose convolution kernels work in this order
    for parameter in network.parameters():
        if parameter.ndim == 4:  # the stacked experts of a Conv-LoRA have five
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network
