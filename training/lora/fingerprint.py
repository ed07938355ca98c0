"""Which weights an adapter was made for."""

import hashlib

import torch
from torch import nn
from training.errors import ConfigError
from training.lora.inject import adapters


def weights_sha256(network: nn.Module) -> str:
    """
    Return the SHA-256 of a network's names, shapes, types and values.

    It does not depend on the file or the order in memory that they came from.

    :raises ConfigError: for a network with adapters, whose base may have new statistics already.
    """
    if adapters(network):
        raise ConfigError('this network has adapters: take the hash of its base before attaching')
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(f'{name} {value.dtype} {list(value.shape)}\n'.encode())
        flat = value.detach().cpu().contiguous().flatten()
        digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()
