from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional
from training.losses.config import LossConfig
from training.losses.segmentation import (
    one_vs_rest_logit,
    segmentation_loss,
    union_logit,
)

KINDS = ('bce_dice', 'bce', 'dice', 'cross_entropy', 'focal', 'structure')
ALL = torch.ones(3, 3, dtype=torch.bool)
LANE_ONLY = torch.tensor([[False, True, False]] * 3)


@pytest.fixture
def logits():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(3, 3, 6, 8, generator=generator, requires_grad=True)


def truth_like(logits, values=(0, 1, 2, 255)):
    rng = np.random.default_rng(1)
    n, _, height, width = logits.shape
    return torch.from_numpy(rng.choice(values, (n, height, width)).astype(np.uint8))


def loss_of(logits, truth, annotated=ALL, covers=None, **settings):
    return segmentation_loss(logits, truth, annotated, covers, LossConfig(**settings))


def test_one_vs_rest_logit_is_the_logit_of_the_softmax(logits):
    probability = logits.softmax(dim=1)
    for label in range(3):
        expected = torch.logit(probability[:, label].double())
        torch.testing.assert_close(
            one_vs_rest_logit(logits, label).double(), expected, rtol=1e-4, atol=1e-4
        )


def formula_of_the_first_release(logits, truth, annotated, config):
    """BCE + Dice as the shipped models were trained with, written out without its helpers."""
    total = 0.0
    for label in range(logits.shape[1]):
        chosen, mask = logits[annotated[:, label]], truth[annotated[:, label]]
        first, *more = [chosen[:, other] for other in range(logits.shape[1]) if other != label]
        for other in more:
            first = torch.logaddexp(first, other)
        logit = chosen[:, label] - first
        valid, target = (mask != 255).float(), (mask == label).float()
        entropy = functional.binary_cross_entropy_with_logits(
            logit,
            target,
            weight=valid,
            pos_weight=torch.tensor(config.positive_weights[label]),
            reduction='sum',
        ) / valid.sum().clamp(min=1)
        probability = logit.sigmoid() * valid
        overlap = (probability * target).sum()
        dice = 1 - (2 * overlap + 1) / (probability.sum() + target.sum() + 1)
        total = total + config.class_weights[label] * (entropy + config.dice * dice)
    return total


@pytest.mark.parametrize('covers', [None, torch.eye(3, dtype=torch.bool).expand(3, 3, 3)])
def test_the_default_loss_is_that_of_the_first_release_to_the_bit(logits, covers):
    annotated = torch.tensor([[True, True, True], [False, True, False], [True, True, False]])
    truth, config = truth_like(logits), LossConfig()
    expected = formula_of_the_first_release(logits, truth, annotated, config)
    loss = segmentation_loss(logits, truth, annotated, covers, config)
    assert loss.item() == expected.item()
    (push,) = torch.autograd.grad(loss, logits)
    assert torch.equal(push, torch.autograd.grad(expected, logits)[0])


def test_binary_cross_entropy_agrees_with_the_formula(logits):
    truth = truth_like(logits)
    loss = loss_of(
        logits,
        truth,
        LANE_ONLY,
        class_weights=(0, 1, 0),
        positive_weights=(1, 3, 1),
        kind='bce',
    ).item()
    p = logits.softmax(dim=1)[:, 1].detach().numpy()
    valid, lane = truth.numpy() != 255, truth.numpy() == 1
    terms = np.where(lane, -3 * np.log(p), -np.log(1 - p))
    assert loss == pytest.approx(terms[valid].mean(), rel=1e-4)


def test_both_parts_make_the_whole(logits):
    truth = truth_like(logits)
    parts = [loss_of(logits, truth, kind=kind).item() for kind in ('bce', 'dice')]
    assert loss_of(logits, truth, dice=0.5).item() == pytest.approx(parts[0] + 0.5 * parts[1])


def test_cross_entropy_is_the_usual_one_where_all_is_annotated(logits):
    truth, weights = truth_like(logits), (0.3, 2.0, 1.0)
    expected = functional.cross_entropy(
        logits, truth.long(), weight=torch.tensor(weights), ignore_index=255
    )
    loss = loss_of(logits, truth, kind='cross_entropy', class_weights=weights)
    torch.testing.assert_close(loss, expected)


def test_cross_entropy_of_a_partly_annotated_set_is_the_marginal_likelihood(logits):
    truth = truth_like(logits)
    p = logits.softmax(1)[:, 1]
    valid = truth != 255
    expected = -torch.where(truth == 1, p, 1 - p).log()[valid].mean()
    loss = loss_of(logits, truth, LANE_ONLY, kind='cross_entropy', class_weights=(1.0, 1.0, 1.0))
    torch.testing.assert_close(loss, expected)


def test_focal_loss_agrees_with_the_paper(logits):
    truth = truth_like(logits)
    weights = {'class_weights': (0, 1, 0), 'positive_weights': (1, 1, 1)}
    p = logits.softmax(dim=1)[:, 1].detach().numpy()
    lane, valid = truth.numpy() == 1, truth.numpy() != 255
    right = np.where(lane, p, 1 - p)
    loss = loss_of(logits, truth, kind='focal', focusing=2, **weights).item()
    assert loss == pytest.approx(-((1 - right) ** 2 * np.log(right))[valid].mean(), rel=1e-4)
    plain = loss_of(logits, truth, kind='bce', **weights)
    torch.testing.assert_close(loss_of(logits, truth, kind='focal', focusing=0, **weights), plain)


def published_structure_loss(logit, target, weighted):
    """PraNet's code, with its BCE weighted as meant or one mean as it runs."""
    around = functional.avg_pool2d(target, 31, 1, 15)
    weight = 1 + 5 * (around - target).abs()
    entropy = functional.binary_cross_entropy_with_logits(
        logit, target, reduction='none' if weighted else 'mean'
    )
    entropy = (weight * entropy).sum((2, 3)) / weight.sum((2, 3))
    p = logit.sigmoid()
    overlap, both = (p * target * weight).sum((2, 3)), ((p + target) * weight).sum((2, 3))
    return (entropy + 1 - (overlap + 1) / (both - overlap + 1)).mean()


def test_structure_loss_is_the_published_one_not_the_one_of_the_public_code():
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(2, 2, 40, 56, generator=generator)
    truth = torch.zeros(2, 40, 56, dtype=torch.uint8)
    truth[0, 10:30, 5:20] = truth[1, :, 50:] = 1
    target, logit = (truth == 1).float()[:, None], one_vs_rest_logit(logits, 1)[:, None]
    settings = {'kind': 'structure', 'class_weights': (0, 1), 'positive_weights': (1, 1)}
    loss = loss_of(logits, truth, torch.ones(2, 2, dtype=torch.bool), **settings)
    torch.testing.assert_close(loss, published_structure_loss(logit, target, weighted=True))
    slip = published_structure_loss(logit, target, weighted=False)
    assert abs(loss.item() - slip.item()) > 1e-3


def test_structure_loss_does_not_see_what_nobody_labelled():
    """A frame of unlabelled pixels must give what the window gives at the picture's border."""
    logits = torch.randn(1, 2, 70, 70, generator=torch.Generator().manual_seed(4))
    truth = torch.full((1, 70, 70), 255, dtype=torch.uint8)
    truth[:, 35:] = 0
    truth[:, 50:60, 20:40] = 1
    settings = {'kind': 'structure', 'class_weights': (0, 1), 'positive_weights': (1, 1)}
    both = torch.ones(1, 2, dtype=torch.bool)
    loss = loss_of(logits, truth, both, **settings)
    other = logits.clone()
    other[:, :, :35] = 50
    torch.testing.assert_close(loss_of(other, truth, both, **settings), loss)


@pytest.mark.parametrize('kind', KINDS)
def test_unlabelled_pixels_carry_no_gradient(logits, kind):
    truth = truth_like(logits)
    loss_of(logits, truth, kind=kind).backward()
    hidden = (truth == 255)[:, None].expand_as(logits)
    assert hidden.any()
    assert logits.grad[hidden].abs().max() == 0
    assert logits.grad[~hidden].abs().min() > 0


@pytest.mark.parametrize('kind', KINDS)
def test_samples_that_annotate_nothing_carry_no_gradient(logits, kind):
    annotated = torch.tensor([[False] * 3, [False, True, False], [True] * 3])
    loss_of(logits, truth_like(logits, (0, 1, 2)), annotated, kind=kind).backward()
    assert logits.grad[0].abs().max() == 0
    assert logits.grad[1].abs().max() > 0


@pytest.mark.parametrize('kind', KINDS)
def test_lane_only_set_leaves_the_others_to_each_other(logits, kind):
    """Moving probability between background and road must not change a lane-only loss."""
    truth = truth_like(logits, (0, 1))
    settings = {'kind': kind, 'class_weights': (1.0, 1.0, 1.0)}
    before = loss_of(logits, truth, LANE_ONLY, **settings)
    swapped = logits.detach()[:, [2, 1, 0]]
    torch.testing.assert_close(loss_of(swapped, truth, LANE_ONLY, **settings), before.detach())
    before.backward()
    # the gradient divides among them as they are: never one against the other
    share = logits.detach()[:, [0, 2]].softmax(1)
    push = logits.grad[:, [0, 2]]
    torch.testing.assert_close(push, push.sum(1, keepdim=True) * share, atol=1e-7, rtol=1e-4)


def kerb_covers():
    """Of 4 labels: the set's lane_marking (1) is paint or a kerb (3)."""
    covers = torch.eye(4, dtype=torch.bool)
    covers[1, 3] = True
    return covers.expand(2, 4, 4)


@pytest.fixture
def four():
    generator = torch.Generator().manual_seed(5)
    return torch.randn(2, 4, 6, 8, generator=generator, dtype=torch.double, requires_grad=True)


#: A set that cannot tell paint from kerb annotates all but the kerb.
NO_KERB = torch.tensor([[True, True, True, False]] * 2)
FOUR = {'class_weights': (1.0, 1.0, 1.0, 1.0), 'positive_weights': (1.0, 2.0, 1.0, 1.0)}


def test_union_logit_is_the_logit_of_the_sum(four):
    members = torch.tensor([[False, True, False, True], [True, False, False, False]])
    p = four.softmax(1)
    expected = torch.stack((torch.logit(p[0, 1] + p[0, 3]), torch.logit(p[1, 0])))
    torch.testing.assert_close(union_logit(four, members), expected)


@pytest.mark.parametrize('kind', KINDS)
def test_a_union_of_labels_is_pushed_together_and_never_divided(four, kind):
    truth = truth_like(four, (0, 1, 2))
    only_lane = torch.tensor([[False, True, False, False]] * 2)
    loss_of(four, truth, only_lane, kerb_covers(), kind=kind, **FOUR).backward()
    share = four.detach()[:, [1, 3]].softmax(1)
    push = four.grad[:, [1, 3]]
    torch.testing.assert_close(push, push.sum(1, keepdim=True) * share)
    painted = (truth == 1)[:, None].expand_as(push)
    assert (push[painted] < 0).all(), 'more of both where the set says lane_marking'
    assert (push[~painted] > 0).all()


@pytest.mark.parametrize('kind', KINDS)
def test_a_union_is_judged_as_one_label_of_three_would_be(four, kind):
    truth = truth_like(four, (0, 1, 2, 255))
    together = torch.logaddexp(four[:, 1], four[:, 3])
    three = torch.stack((four[:, 0], together, four[:, 2]), dim=1)
    config = LossConfig(kind=kind, **FOUR)
    expected = segmentation_loss(
        three,
        truth,
        NO_KERB[:, :3],
        None,
        replace(config, class_weights=(1.0,) * 3, positive_weights=(1.0, 2.0, 1.0)),
    )
    loss = segmentation_loss(four, truth, NO_KERB, kerb_covers(), config)
    torch.testing.assert_close(loss, expected)


def test_where_the_answer_depends_on_which_of_a_union_it_is_nothing_is_asked(four):
    """Kerbs are annotated too, so a pixel of the union may or may not be one."""
    truth = truth_like(four, (0, 1))
    only_kerb = {**FOUR, 'class_weights': (0.0, 0.0, 0.0, 1.0), 'kind': 'bce'}
    loss_of(four, truth, torch.ones_like(NO_KERB), kerb_covers(), **only_kerb).backward()
    union = (truth == 1)[:, None].expand_as(four)
    assert four.grad[union].abs().max() == 0
    assert (four.grad[:, 3][truth == 0] > 0).all(), 'background is certainly no kerb'


def test_samples_of_one_batch_may_cover_differently(four):
    truth = truth_like(four, (0, 1, 2))
    covers = torch.stack((torch.eye(4, dtype=torch.bool), kerb_covers()[0]))
    settings = {'kind': 'bce', **FOUR}
    halves = [
        loss_of(four[i : i + 1], truth[i : i + 1], NO_KERB[:1], covers[i : i + 1], **settings)
        for i in range(2)
    ]
    loss = loss_of(four, truth, NO_KERB, covers, **settings)
    torch.testing.assert_close(loss, sum(halves) / 2)


@pytest.mark.parametrize('kind', KINDS)
def test_gradients_are_those_of_finite_differences(kind):
    logits = torch.randn(
        2, 4, 3, 2, generator=torch.Generator().manual_seed(6), dtype=torch.double
    ).requires_grad_()
    truth = truth_like(logits, (0, 1, 2, 255))
    config = LossConfig(kind=kind, edge_window=3, **FOUR)
    assert torch.autograd.gradcheck(
        lambda x: segmentation_loss(x, truth, NO_KERB, kerb_covers(), config), logits
    )


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_every_loss_is_finite_in_half_precision(kind, dtype):
    logits = torch.randn(2, 4, 6, 8, generator=torch.Generator().manual_seed(7))
    logits[0] *= 3e4
    logits = logits.clamp(-6e4, 6e4).to(dtype)  # as far as float16 goes
    logits.requires_grad_()
    truth = truth_like(logits, (0, 1, 2, 255))
    loss = loss_of(logits, truth, NO_KERB, kerb_covers(), kind=kind, **FOUR)
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize('kind', KINDS)
def test_perfect_prediction_beats_every_other(logits, kind):
    truth = truth_like(logits, (0, 1, 2))
    perfect = functional.one_hot(truth.long(), 3).permute(0, 3, 1, 2) * 20.0
    assert loss_of(perfect, truth, kind=kind).item() < 0.05
    assert loss_of(logits, truth, kind=kind).item() > 0.2


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('values', [(0, 1, 2), (255,)])
def test_batch_without_any_annotation_is_zero_and_differentiable(logits, kind, values):
    annotated = ~ALL if 0 in values else ALL
    loss = loss_of(logits, truth_like(logits, values), annotated, kind=kind)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().max() == 0


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('kind', 'hinge'),
        ('class_weights', (0.0, 0.0, 0.0)),
        ('positive_weights', (1.0, -1.0, 1.0)),
        ('focusing', -1.0),
        ('edge_window', 4),
    ],
)
def test_settings_that_cannot_be_computed_are_refused_by_name(field, value):
    with pytest.raises(ValueError, match=f'^{field}: '):
        LossConfig(**{field: value})
