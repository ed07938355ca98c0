"""A large network's advice to a small one, as a loss."""

from typing import Literal

import torch

DistillationKind = Literal['pixel', 'channel']

#: Smallest probability of a teacher: soft labels in files are rounded, and may be 0.
LEAST_PROBABILITY = 1e-6


def distillation_loss(
    student_logits: torch.Tensor,
    teacher_probabilities: torch.Tensor,
    valid: torch.Tensor,
    temperature: float,
    kind: DistillationKind = 'pixel',
) -> torch.Tensor:
    """
    Return how far the student is from its teacher, as a scalar in float32 or better.

    Both kinds are Kullback-Leibler divergences from teacher to student, times the temperature
    squared, so that the gradient keeps its size. ``pixel`` compares the labels at each pixel
    (Hinton et al. 2015, https://arxiv.org/abs/1503.02531). ``channel`` compares where in the
    picture each label is (CWD, Shu et al. 2021, https://arxiv.org/abs/2011.13256): every label's
    map becomes a distribution over pixels. CWD does so to the logits; here both sides are
    log-probabilities, so that a teacher may be a folder of soft labels, whose logits are lost.

    :param student_logits: (N, classes, H, W) float of any precision.
    :param teacher_probabilities: (N, classes, H, W) float, summing to 1 over the classes; of
        logits, their softmax. Nothing flows back into it.
    :param valid: (N, H, W) bool or 0 and 1: the pixels that are compared.
    :param temperature: above 1, also what the teacher finds unlikely is taught; 1 to 4 is usual.
    :raises ValueError: when the temperature is not above 0, or the shapes differ.
    """
    if not temperature > 0:
        raise ValueError(f'temperature: {temperature} must be above 0')
    if student_logits.shape != teacher_probabilities.shape:
        raise ValueError(
            f'teacher and student differ in shape: {tuple(teacher_probabilities.shape)} and '
            f'{tuple(student_logits.shape)}; both need the same labels and the same size'
        )
    precision = torch.promote_types(student_logits.dtype, torch.float32)
    student = student_logits.to(precision)
    teacher = teacher_probabilities.detach().to(precision).clamp(min=LEAST_PROBABILITY).log()
    compare = {'pixel': _pixel, 'channel': _channel}[kind]
    return compare(student, teacher, valid.to(precision), temperature) * temperature**2


def _pixel(
    student: torch.Tensor, teacher: torch.Tensor, valid: torch.Tensor, temperature: float
) -> torch.Tensor:
    # log-probabilities are logits too: p^(1/T), normalised, is the softmax of logits / T
    divergence = _divergence(
        (teacher / temperature).log_softmax(1), (student / temperature).log_softmax(1), 1
    )
    return (divergence * valid).sum() / valid.sum().clamp(min=1)


def _channel(
    student: torch.Tensor, teacher: torch.Tensor, valid: torch.Tensor, temperature: float
) -> torch.Tensor:
    hidden = (valid == 0)[:, None]
    maps = [
        (logits.log_softmax(1) / temperature)
        .masked_fill(hidden, torch.finfo(logits.dtype).min / 4)
        .flatten(2)
        .log_softmax(2)
        for logits in (teacher, student)
    ]
    seen = valid.flatten(1).any(1).to(valid)  # a picture without a valid pixel teaches nothing
    divergence = _divergence(maps[0], maps[1], 2).mean(1)
    return (divergence * seen).sum() / seen.sum().clamp(min=1)


def _divergence(teacher: torch.Tensor, student: torch.Tensor, dimension: int) -> torch.Tensor:
    return (teacher.exp() * (teacher - student)).sum(dimension)
