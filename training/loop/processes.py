"""
Several processes that train one network.

Each takes its share of every batch. What the loss of the masks pools over a batch (Dice, the
number of judged pixels) is pooled over all shares, so that its gradient is the one that a single
process with the whole batch would compute, but for the order of sums. A teacher's advice and the
balance of experts are the mean of what the shares give by themselves.
"""

from typing import TypeVar

import torch
from torch import distributed
from training.first_process import is_first_process

T = TypeVar('T')


def process_count() -> int:
    """Return how many processes train together, in a running training."""
    return distributed.get_world_size() if _together() else 1


def process_rank() -> int:
    """Return which of them this one is, from 0, in a running training."""
    return distributed.get_rank() if _together() else 0


def writes_files() -> bool:
    """Return whether this process is the first one, also before the others are met."""
    if _together():
        return distributed.get_rank() == 0
    return is_first_process()


def gather_batch(share: torch.Tensor) -> torch.Tensor:
    """
    Return the whole batch of which every process has a share, in the order of their ranks.

    The gradient flows into this process's own share only: the others see to theirs.

    :param share: (N, ...) of any dtype that is not half precision, the same shape everywhere.
    :return: (processes * N, ...).
    """
    if process_count() == 1:
        return share
    sent = share.detach().contiguous()
    if sent.dtype == torch.bool:
        sent = sent.to(torch.uint8)
    shares = [torch.empty_like(sent) for _ in range(process_count())]
    distributed.all_gather(shares, sent)
    shares = [received.to(share.dtype) for received in shares]
    shares[process_rank()] = share
    return torch.cat(shares)


def gather_lists(items: list[T]) -> list[T]:
    """Return the items of all processes, those of the first one first."""
    if process_count() == 1:
        return items
    lists: list[list[T]] = [[] for _ in range(process_count())]
    distributed.all_gather_object(lists, items)
    return [item for part in lists for item in part]


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()
