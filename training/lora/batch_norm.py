"""What becomes of batch norms when a network is adapted, and AdaBN."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from training.errors import ConfigError
from training.lora.replace import replace_modules


class FrozenBatchNorm1d(nn.BatchNorm1d):
    """``nn.BatchNorm1d`` that stays in evaluation mode, whatever ``train()`` says."""

    def train(self, _mode: bool = True) -> 'FrozenBatchNorm1d':
        """Keep the running statistics as they are."""
        return super().train(False)


class FrozenBatchNorm2d(nn.BatchNorm2d):
    """``nn.BatchNorm2d`` that stays in evaluation mode, whatever ``train()`` says."""

    def train(self, _mode: bool = True) -> 'FrozenBatchNorm2d':
        """Keep the running statistics as they are."""
        return super().train(False)


#: The frozen class of each class of batch norm.
FROZEN: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm1d: FrozenBatchNorm1d,
    nn.BatchNorm2d: FrozenBatchNorm2d,
}
_PLAIN = {frozen: plain for plain, frozen in FROZEN.items()}


def batch_norms(network: nn.Module) -> dict[str, _BatchNorm]:
    """Return the batch norms that keep running statistics, by name."""
    return {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, _BatchNorm) and module.running_mean is not None
    }


def apply_policy(network: nn.Module, policy: str) -> None:
    """
    Set every batch norm of a frozen network up for adaptation, in place.

    :param policy: ``frozen``, ``statistics`` or ``affine``, as ``LoraConfig.batch_norm``.
    """
    if policy == 'frozen':
        replace_modules(network, lambda module: _recast(module, FROZEN))
    for norm in batch_norms(network).values():
        norm.requires_grad_(policy == 'affine')


def plain_batch_norms(network: nn.Module) -> None:
    """Undo what ``frozen`` did to the classes, in place."""
    replace_modules(network, lambda module: _recast(module, _PLAIN))


def _recast(module: nn.Module, classes: dict[type[nn.Module], type[nn.Module]]) -> nn.Module:
    """Return a module of the other class with the same tensors, or the module itself."""
    other = classes.get(type(module))
    if other is None:
        return module
    twin = other.__new__(other)
    twin.__dict__.update(module.__dict__)
    return twin.train(module.training)


def adapt_statistics(network: nn.Module, batches: Iterable[torch.Tensor]) -> int:
    """
    Replace the running statistics by those of new pictures: AdaBN, which needs no labels.

    Li et al. 2016, https://arxiv.org/abs/1603.04779. The statistics become the mean over all
    batches, weighted by their sizes; the rest of the network is in evaluation mode meanwhile, and
    every module's mode is put back. When anything fails, the old statistics are too.

    :param batches: inputs of the network, (N, C, H, W) each. The variance is the mean of those
        within the batches, so give several pictures a batch.
    :return: how many pictures there were.
    :raises ConfigError: when there are none, or the network has no batch norm.
    """
    norms = batch_norms(network)
    if not norms:
        raise ConfigError(
            'this network has no batch norm, so no statistics to adapt: train an adapter instead'
        )
    seen = 0
    with _measuring(network, list(norms.values())), torch.no_grad():
        for batch in batches:
            seen += len(batch)
            for norm in norms.values():
                norm.momentum = len(batch) / seen
            network(batch)
        if not seen:
            raise ConfigError('no pictures to adapt the statistics to: give one batch or more')
    return seen


@contextmanager
def _measuring(network: nn.Module, norms: list[_BatchNorm]) -> Iterator[None]:
    """Let only the batch norms learn; put modes and momenta back, after an error all."""
    modes = {module: module.training for module in network.modules()}
    momenta = [norm.momentum for norm in norms]
    before = [{key: value.clone() for key, value in norm.state_dict().items()} for norm in norms]
    network.eval()
    try:
        for norm in norms:
            norm.training = True  # a frozen one too
            norm.reset_running_stats()
        yield
    except BaseException:
        for norm, state in zip(norms, before, strict=True):
            norm.load_state_dict(state)
        raise
    finally:
        for module, mode in modes.items():
            module.training = mode
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
