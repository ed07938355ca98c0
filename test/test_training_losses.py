import numpy as np
import pytest
import torch
from training.losses import LossConfig, one_vs_rest_logit, segmentation_loss


@pytest.fixture
def logits():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(3, 3, 6, 8, generator=generator, requires_grad=True)


def truth_like(logits, values=(0, 1, 2, 255)):
    rng = np.random.default_rng(1)
    return torch.from_numpy(rng.choice(values, (3, 6, 8)).astype(np.uint8))


def test_one_vs_rest_logit_is_the_logit_of_the_softmax(logits):
    probability = logits.softmax(dim=1)
    for label in range(3):
        expected = torch.logit(probability[:, label].double())
        torch.testing.assert_close(
            one_vs_rest_logit(logits, label).double(), expected, rtol=1e-4, atol=1e-4
        )


def test_cross_entropy_term_agrees_with_the_formula(logits):
    truth = truth_like(logits)
    config = LossConfig(class_weights=(0, 1, 0), positive_weights=(1, 3, 1), dice=0)
    annotated = torch.tensor([[False, True, False]] * 3)
    loss = segmentation_loss(logits, truth, annotated, config).item()
    p = logits.softmax(dim=1)[:, 1].detach().numpy()
    valid, lane = truth.numpy() != 255, truth.numpy() == 1
    terms = np.where(lane, -3 * np.log(p), -np.log(1 - p))
    assert loss == pytest.approx(terms[valid].mean(), rel=1e-4)


def test_unlabelled_pixels_carry_no_gradient(logits):
    truth = truth_like(logits)
    segmentation_loss(logits, truth, torch.ones(3, 3, dtype=torch.bool), LossConfig()).backward()
    hidden = (truth == 255)[:, None].expand_as(logits)
    assert hidden.any()
    assert logits.grad[hidden].abs().max() == 0
    assert logits.grad[~hidden].abs().min() > 0


def test_samples_that_annotate_nothing_carry_no_gradient(logits):
    annotated = torch.tensor([[False] * 3, [False, True, False], [True] * 3])
    segmentation_loss(logits, truth_like(logits, (0, 1, 2)), annotated, LossConfig()).backward()
    assert logits.grad[0].abs().max() == 0
    assert logits.grad[1].abs().max() > 0


def test_lane_only_set_leaves_the_others_to_each_other(logits):
    """Moving probability between background and road must not change a lane-only loss."""
    annotated = torch.tensor([[False, True, False]] * 3)
    truth = truth_like(logits, (0, 1))
    before = segmentation_loss(logits, truth, annotated, LossConfig())
    swapped = logits.detach()[:, [2, 1, 0]]
    torch.testing.assert_close(
        segmentation_loss(swapped, truth, annotated, LossConfig()), before.detach()
    )
    before.backward()
    # background and road are pushed by their share of the rest only: never against each other
    push = logits.grad[:, [0, 2]]
    assert (push[:, 0] * push[:, 1] >= 0).all()


def test_perfect_prediction_beats_every_other(logits):
    truth = truth_like(logits, (0, 1, 2))
    perfect = torch.nn.functional.one_hot(truth.long(), 3).permute(0, 3, 1, 2) * 20.0
    annotated = torch.ones(3, 3, dtype=torch.bool)
    assert segmentation_loss(perfect, truth, annotated, LossConfig()).item() < 0.05
    assert segmentation_loss(logits, truth, annotated, LossConfig()).item() > 0.5


def test_batch_without_any_annotation_is_zero_and_differentiable(logits):
    loss = segmentation_loss(
        logits, truth_like(logits), torch.zeros(3, 3, dtype=torch.bool), LossConfig()
    )
    loss.backward()
    assert loss.item() == 0
    assert torch.isfinite(logits.grad).all()
