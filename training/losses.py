"""BCE and Dice for label ids of which a data set annotates only some."""

from dataclasses import dataclass
from functools import reduce

from seg_node.labels import UNLABELLED
import torch
from torch.nn import functional


@dataclass(frozen=True)
class LossConfig:
    """
    Weights of the loss.

    :param class_weights: weight of each label's term, in the order of their ids.
    :param positive_weights: how much more a pixel of the label counts than one of the rest, in
        the cross entropy; lane markings are 1 to 5 % of the pixels.
    :param dice: weight of the Dice term; the cross entropy has weight 1.
    """

    class_weights: tuple[float, ...] = (0.25, 1.0, 0.5)
    positive_weights: tuple[float, ...] = (1.0, 2.0, 1.0)
    dice: float = 1.0


def one_vs_rest_logit(logits: torch.Tensor, label: int) -> torch.Tensor:
    """
    Return the logit of one label of a softmax head against all others together.

    Its sigmoid is the softmax probability of the label, so a set that annotates only this label
    trains exactly the marginal: how the rest divides among the others is left alone.

    :param logits: (N, classes, H, W) float.
    :return: (N, H, W) float.
    """
    others = [logits[:, other] for other in range(logits.shape[1]) if other != label]
    return logits[:, label] - reduce(torch.logaddexp, others)


def segmentation_loss(
    logits: torch.Tensor, truth: torch.Tensor, annotated: torch.Tensor, config: LossConfig
) -> torch.Tensor:
    """
    Return the mean over labels of cross entropy plus Dice, as a scalar.

    :param logits: (N, classes, H, W) float.
    :param truth: (N, H, W) uint8 label ids; 255 carries no loss.
    :param annotated: (N, classes) bool; where False, the sample says nothing about the label.
    """
    # plane by plane in memory: channels-last logits make all that follows twice as slow
    logits = logits.float().contiguous()
    total = logits.sum() * 0.0
    for label in range(logits.shape[1]):
        judged = annotated[:, label]
        if config.class_weights[label] and bool(judged.any()):
            term = _binary_loss(
                one_vs_rest_logit(logits[judged], label), truth[judged], label, config
            )
            total = total + config.class_weights[label] * term
    return total


def _binary_loss(
    logit: torch.Tensor, truth: torch.Tensor, label: int, config: LossConfig
) -> torch.Tensor:
    valid = (truth != UNLABELLED).float()
    target = (truth == label).float()
    positive = torch.tensor(config.positive_weights[label], device=logit.device)
    entropy = functional.binary_cross_entropy_with_logits(
        logit, target, weight=valid, pos_weight=positive, reduction='sum'
    ) / valid.sum().clamp(min=1)
    # pooled over the batch: a picture without the label would otherwise swing between 0 and 1
    probability = logit.sigmoid() * valid
    overlap = (probability * target).sum()
    dice = 1 - (2 * overlap + 1) / (probability.sum() + target.sum() + 1)
    return entropy + config.dice * dice
