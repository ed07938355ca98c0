"""Losses of one yes-or-no question that is asked at every pixel."""

from typing import NamedTuple

import torch
from torch.nn import functional


class Question(NamedTuple):
    """One label, or a union of labels, against all others; (N, H, W) float each."""

    logit: torch.Tensor
    target: torch.Tensor  # 1 where the answer is yes, else 0
    valid: torch.Tensor  # 1 where the answer is known, else 0; target is 0 there
    positive_weight: float  # of a yes; of a no it is 1


def pixel_entropy(question: Question) -> torch.Tensor:
    """Return the cross entropy of each pixel, (N, H, W), 0 where the answer is not known."""
    positive = torch.tensor(question.positive_weight, device=question.logit.device)
    return functional.binary_cross_entropy_with_logits(
        question.logit,
        question.target,
        weight=question.valid,
        pos_weight=positive,
        reduction='none',
    )


def entropy(question: Question) -> torch.Tensor:
    """Return the mean cross entropy over the pixels whose answer is known."""
    return pixel_entropy(question).sum() / question.valid.sum().clamp(min=1)


def dice(question: Question) -> torch.Tensor:
    """Return 1 - Dice, pooled over the batch."""
    # pooled over the batch: a picture without the label would otherwise swing between 0 and 1
    probability = question.logit.sigmoid() * question.valid
    overlap = (probability * question.target).sum()
    return 1 - (2 * overlap + 1) / (probability.sum() + question.target.sum() + 1)


def focal(question: Question, focusing: float) -> torch.Tensor:
    """
    Return the focal loss of Lin et al. 2017 (https://arxiv.org/abs/1708.02002), equation 4.

    The mean is over the pixels, where the paper divides by the number of matched boxes, and the
    positive weight stands where the paper has alpha.

    :param focusing: the exponent gamma of (1 - p)^gamma.
    """
    # the logit of being wrong; in logarithms no probability can round to 0 or 1
    wrong = torch.where(question.target > 0, -question.logit, question.logit)
    return (
        pixel_entropy(question) * torch.exp(focusing * functional.logsigmoid(wrong))
    ).sum() / question.valid.sum().clamp(min=1)


def structure(question: Question, edge_weight: float, edge_window: int) -> torch.Tensor:
    """
    Return weighted BCE plus weighted IoU, the mean over pictures.

    As published in PraNet (Fan et al. 2020, https://arxiv.org/abs/2006.11392) and used by
    Conv-LoRA: pixels near an edge count more in both. The public code of both has a slip: an
    outdated argument makes its BCE one mean, which the weights can no longer reach. Here the
    BCE is weighted. Pixels of unknown answer are left out of both sums and of the window.
    """
    weight = edge_weights(question, edge_weight, edge_window) * question.valid
    pixels = (1, 2)
    weighted_entropy = (weight * pixel_entropy(question)).sum(pixels) / weight.sum(pixels).clamp(
        min=1
    )
    probability = question.logit.sigmoid()
    overlap = (weight * probability * question.target).sum(pixels)
    union = (weight * (probability + question.target)).sum(pixels) - overlap
    return (weighted_entropy + 1 - (overlap + 1) / (union + 1)).mean()


def edge_weights(question: Question, edge_weight: float, edge_window: int) -> torch.Tensor:
    """
    Return 1 + edge_weight * |mean of the target around a pixel - the target|, (N, H, W).

    Beyond the picture's border the target is 0, as published.
    """
    unknown = _window_mean(1 - question.valid, edge_window)
    around = _window_mean(question.target, edge_window) / (1 - unknown).clamp(min=1e-6)
    return 1 + edge_weight * (around - question.target).abs()


def _window_mean(planes: torch.Tensor, side: int) -> torch.Tensor:
    """Average in rows, then in columns: 2 * side additions a pixel instead of side squared."""
    rows = functional.avg_pool2d(planes[:, None], (1, side), 1, (0, side // 2))
    return functional.avg_pool2d(rows, (side, 1), 1, (side // 2, 0))[:, 0]
