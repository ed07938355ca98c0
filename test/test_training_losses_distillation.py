import pytest
import torch
from torch.nn import functional
from training.losses.distillation import distillation_loss

KINDS = ('pixel', 'channel')


def maps(seed, dtype=torch.float32, size=(4, 5)):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, 3, *size, generator=generator, dtype=dtype)


EVERY = torch.ones(2, 4, 5, dtype=torch.bool)


def test_pixel_kind_is_hintons():
    student, teacher, temperature = maps(1), maps(2), 3.0
    expected = functional.kl_div(
        (student / temperature).log_softmax(1),
        (teacher / temperature).softmax(1),
        reduction='none',
    )
    expected = expected.sum(1).mean() * temperature**2
    loss = distillation_loss(student, teacher.softmax(1), EVERY, temperature)
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)


def test_channel_kind_is_cwd_on_log_probabilities():
    student, teacher, temperature = maps(1), maps(2), 4.0
    spread = [
        (logits.log_softmax(1) / temperature).flatten(2).softmax(2)
        for logits in (teacher, student)
    ]
    expected = (spread[0] * (spread[0] / spread[1]).log()).sum() * temperature**2 / (2 * 3)
    loss = distillation_loss(student, teacher.softmax(1), EVERY, temperature, 'channel')
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('kind', KINDS)
def test_a_student_that_agrees_loses_nothing_and_is_left_alone(kind):
    student = maps(1).requires_grad_()
    loss = distillation_loss(student, student.softmax(1), EVERY, 2.0, kind)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-5)
    assert student.grad.abs().max() < 1e-5
    assert distillation_loss(maps(1), maps(2).softmax(1), EVERY, 2.0, kind) > 0.05


@pytest.mark.parametrize('kind', KINDS)
def test_descending_it_makes_the_student_the_teacher(kind):
    student, teacher = maps(1).requires_grad_(), maps(2).softmax(1)
    optimizer = torch.optim.Adam([student], lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        distillation_loss(student, teacher, EVERY, 1.0, kind).backward()
        optimizer.step()
    assert distillation_loss(student, teacher, EVERY, 1.0, kind).item() < 1e-3
    assert (student.argmax(1) == teacher.argmax(1)).float().mean() >= 0.9


@pytest.mark.parametrize('kind', KINDS)
def test_hidden_pixels_neither_count_nor_carry_a_gradient(kind):
    student, teacher = maps(1).requires_grad_(), maps(2).softmax(1)
    valid = EVERY.clone()
    valid[0, :, 2:] = False
    valid[1] = False
    loss = distillation_loss(student, teacher, valid, 2.0, kind)
    loss.backward()
    part = distillation_loss(
        student[:1, :, :, :2], teacher[:1, :, :, :2], EVERY[:1, :, :2], 2.0, kind
    )
    torch.testing.assert_close(loss, part)
    hidden = ~valid[:, None].expand_as(student)
    assert student.grad[hidden].abs().max() == 0
    assert student.grad[~hidden].abs().min() > 0


@pytest.mark.parametrize('kind', KINDS)
def test_nothing_valid_is_nothing_to_learn(kind):
    student = maps(1).requires_grad_()
    loss = distillation_loss(student, maps(2).softmax(1), ~EVERY, 2.0, kind)
    loss.backward()
    assert loss.item() == 0
    assert student.grad.abs().max() == 0


@pytest.mark.parametrize('kind', KINDS)
def test_gradients_are_those_of_finite_differences(kind):
    student = maps(1, torch.double, (2, 3)).requires_grad_()
    teacher = maps(2, torch.double, (2, 3)).softmax(1)
    valid = torch.tensor([[[1, 1, 0], [1, 1, 1]]] * 2)
    assert torch.autograd.gradcheck(
        lambda x: distillation_loss(x, teacher, valid, 2.0, kind), student
    )


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_and_rounded_teachers_stay_finite(kind, dtype):
    student = (maps(1) * 1e4).to(dtype).requires_grad_()
    teacher = functional.one_hot(maps(2).argmax(1), 3).permute(0, 3, 1, 2).to(dtype)
    loss = distillation_loss(student, teacher, EVERY, 1.0, kind)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(student.grad).all()


def test_what_does_not_fit_is_refused_in_words():
    with pytest.raises(ValueError, match='temperature: 0 must be above 0'):
        distillation_loss(maps(1), maps(2), EVERY, 0)
    with pytest.raises(ValueError, match='teacher and student differ in shape'):
        distillation_loss(maps(1), maps(2)[:, :2], EVERY, 1)
