"""
The loss of a segmentation network, for data sets that annotate only some of its labels.

Two statements of a data set decide what a pixel may be. ``annotated``: the ids that the set
judges; elsewhere its masks say only 'none of those'. ``covers``: a set's label that is a union
of the network's (its 'lane_marking' may be paint or a kerb) says 'one of these', and nothing
about which.
"""

from functools import reduce

from seg_node.labels import UNLABELLED
import torch
from training.losses.binary import dice, entropy, focal, Question, structure
from training.losses.config import LossConfig


def segmentation_loss(
    logits: torch.Tensor,
    truth: torch.Tensor,
    annotated: torch.Tensor,
    covers: torch.Tensor | None,
    config: LossConfig,
) -> torch.Tensor:
    """
    Return the loss of a batch as a scalar, computed in float32 or better.

    :param logits: (N, classes, H, W) float of any precision.
    :param truth: (N, H, W) uint8 label ids; 255 carries no loss.
    :param annotated: (N, classes) bool; where False, the sample says nothing about the label.
    :param covers: (N, classes, classes) bool: which labels a pixel of an id (row) may be
        (columns); None is the identity.
    """
    # plane by plane in memory: channels-last logits make all that follows twice as slow
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32)).contiguous()
    if covers is not None and bool((covers == _identity(logits)).all()):
        covers = None
    if config.kind == 'cross_entropy':
        return marginal_cross_entropy(logits, truth, allowed_labels(annotated, covers), config)
    total = logits.sum() * 0.0
    for label in range(logits.shape[1]):
        judged = annotated[:, label]
        if covers is not None:
            # a union of all labels, or of none, asks nothing
            judged = judged & covers[:, label].any(1) & ~covers[:, label].all(1)
        if config.class_weights[label] and bool(judged.any()):
            question = _question(logits, truth, annotated, covers, judged, label, config)
            total = total + config.class_weights[label] * _answer(question, config)
    return total


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


def union_logit(logits: torch.Tensor, members: torch.Tensor) -> torch.Tensor:
    """
    Return the logit of 'one of these labels' of a softmax head against all others together.

    :param logits: (N, classes, H, W) float.
    :param members: (N, classes) bool, in each row some True and some False.
    :return: (N, H, W) float, whose sigmoid is the sum of the members' probabilities.
    """
    answers = []
    # picture by picture: six times faster than one masked logsumexp over the batch
    for planes, chosen in zip(logits, members.tolist(), strict=True):
        inside = [plane for plane, member in zip(planes, chosen, strict=True) if member]
        outside = [plane for plane, member in zip(planes, chosen, strict=True) if not member]
        answers.append(reduce(torch.logaddexp, inside) - reduce(torch.logaddexp, outside))
    return torch.stack(answers)


def allowed_labels(annotated: torch.Tensor, covers: torch.Tensor | None) -> torch.Tensor:
    """
    Return which labels (columns) a pixel of each id (rows) may be, (N, classes, classes) bool.

    A pixel of an id that the set does not judge may be all that the set's judged ids are not.
    """
    if covers is None:
        covers = torch.diag_embed(torch.ones_like(annotated))
    others = ~(covers & annotated[:, :, None]).any(1)
    return torch.where(annotated[:, :, None], covers, others[:, None])


def marginal_cross_entropy(
    logits: torch.Tensor, truth: torch.Tensor, allowed: torch.Tensor, config: LossConfig
) -> torch.Tensor:
    """
    Return the mean of -log(sum of the probabilities of the labels that a pixel may be).

    With full annotation this is the usual cross entropy with class weights. A pixel that may be
    one of several has the mean of their weights; one that may be anything is not counted.

    :param allowed: (N, classes, classes) bool, as ``allowed_labels`` gives it.
    """
    classes = logits.shape[1]
    telling = allowed.any(2) & ~allowed.all(2)
    weights = logits.new_tensor(config.class_weights)
    by_id = (allowed * weights).sum(2) / allowed.sum(2).clamp(min=1) * telling  # (N, classes)
    ids = truth.long().clamp(max=classes - 1)
    sample = torch.arange(len(truth), device=truth.device)[:, None, None]
    weight = by_id.gather(1, ids.flatten(1)).view_as(ids) * (truth != UNLABELLED)
    # where nothing is said all are allowed: a difference of 0, without an infinity on the way
    may_be = (allowed | ~telling[:, :, None])[sample, ids].permute(0, 3, 1, 2)
    inside = logits.masked_fill(~may_be, float('-inf')).logsumexp(1)
    surprise = logits.logsumexp(1) - inside
    return (weight * surprise).sum() / weight.sum().clamp(min=1e-6)


def _identity(logits: torch.Tensor) -> torch.Tensor:
    return torch.eye(logits.shape[1], dtype=torch.bool, device=logits.device)


def _question(
    logits: torch.Tensor,
    truth: torch.Tensor,
    annotated: torch.Tensor,
    covers: torch.Tensor | None,
    judged: torch.Tensor,
    label: int,
    config: LossConfig,
) -> Question:
    """Ask the judged samples whether a pixel is what their ``label`` stands for."""
    logits, truth = logits[judged], truth[judged]
    weight = config.positive_weights[label]
    valid = truth != UNLABELLED
    if covers is None:
        target = truth == label
        return Question(
            one_vs_rest_logit(logits, label), target.to(logits), valid.to(logits), weight
        )
    members = covers[judged, label]
    allowed = allowed_labels(annotated[judged], covers[judged])
    yes = ~(allowed & ~members[:, None]).any(2)  # all that it may be is a member: (n, classes)
    no = ~(allowed & members[:, None]).any(2)
    ids = truth.long().clamp(max=logits.shape[1] - 1).flatten(1)
    valid = valid & (yes ^ no).gather(1, ids).view_as(truth)
    target = valid & yes.gather(1, ids).view_as(truth)
    return Question(union_logit(logits, members), target.to(logits), valid.to(logits), weight)


def _answer(question: Question, config: LossConfig) -> torch.Tensor:
    if config.kind == 'bce':
        return entropy(question)
    if config.kind == 'dice':
        return dice(question)
    if config.kind == 'focal':
        return focal(question, config.focusing)
    if config.kind == 'structure':
        return structure(question, config.edge_weight, config.edge_window)
    return entropy(question) + config.dice * dice(question)
