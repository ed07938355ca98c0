"""The gate of Conv-LoRA: it learns from the task, keeps the balance, and takes as many as told."""

from conv_lora_layers import config_of, MERGEABLE, picture, stirred
import pytest
import torch
from torch import nn
from torch.nn import functional
from training.lora.conv_lora import ConvLoraConv2d, total_balance_loss
from training.lora.conv_lora_experts import expected_load, squared_variation
from training.lora.inject import attach
from training.models.unet import UNet, UNetConfig


@pytest.mark.parametrize('gate', ['soft', 'top_k'])
def test_the_task_reaches_the_gate(gate):
    """In the public code this gradient does not exist."""
    layer = stirred(ConvLoraConv2d(nn.Conv2d(3, 5, 3), config_of(gate=gate))).train()
    task = layer(picture(2, 3, 9, 9)).square().mean()
    (push,) = torch.autograd.grad(task, layer.mixture.gate.weight)
    assert (push.abs().max(0).values > 1e-6).all(), 'each expert, also one that was not taken'


@pytest.mark.parametrize('gate', ['soft', 'top_k'])
def test_the_gate_learns_which_scale_a_picture_needs(gate):
    """Bright pictures were made with the fine expert, dark ones with the coarse one."""
    torch.manual_seed(0)
    base = nn.Conv2d(1, 1, 1, bias=False)
    layer = ConvLoraConv2d(base, config_of(rank=1, alpha=1.0, scales=(1, 4), gate=gate))
    with torch.no_grad():
        layer.lora_A.weight.fill_(1)
        layer.lora_B.weight.fill_(1)
        for expert in layer.mixture.experts:
            expert.conv.weight.copy_(torch.tensor([[-1.0, -1, -1], [-1, 9, -1], [-1, -1, -1]]))
    bright = torch.arange(32) % 2 == 0
    x = torch.randn(32, 1, 8, 8) + torch.where(bright, 1.0, -1.0).view(-1, 1, 1, 1)
    with torch.no_grad():
        fine, coarse = (expert(x) for expert in layer.mixture.experts)
        truth = base(x) + x + torch.where(bright.view(-1, 1, 1, 1), fine, coarse)
    gate_parameters = list(layer.mixture.gate.parameters())
    optimizer = torch.optim.Adam(gate_parameters, lr=0.1)
    layer.train()
    for _ in range(100):
        optimizer.zero_grad()
        functional.mse_loss(layer(x), truth).backward()
        optimizer.step()
    layer.eval()
    with torch.no_grad():
        chosen = layer.mixture.gates(x)
        assert torch.equal(chosen.argmax(1) == 0, bright)
        assert chosen.max(1).values.mean() > 0.9
        assert functional.mse_loss(layer(x), truth) < 0.1 * (fine - coarse).square().mean()


def test_top_k_takes_that_many_and_makes_no_noise_in_evaluation():
    layer = stirred(ConvLoraConv2d(nn.Conv2d(3, 5, 3), config_of(gate='top_k', top_k=2)), 1.0)
    u = picture(6, 2, 5, 5)
    gates = layer.eval().mixture.gates(u)
    assert ((gates > 0).sum(1) == 2).all()
    torch.testing.assert_close(gates.sum(1), torch.ones(6))
    assert torch.equal(gates, layer.mixture.gates(u))
    layer.train()
    assert not torch.equal(layer.mixture.gates(u), layer.mixture.gates(u))
    assert ((layer.mixture.gates(u) > 1e-6).sum(1) == 2).all()


def test_balancing_pulls_towards_equal_use():
    torch.manual_seed(0)
    for gate in ('soft', 'top_k'):
        layer = ConvLoraConv2d(nn.Conv2d(3, 5, 3), config_of(gate=gate))
        with torch.no_grad():
            layer.lora_A.weight.abs_()
            layer.mixture.gate.weight[:, 0] = 3.0  # all to the first expert
        x = torch.rand(16, 3, 8, 8)
        network = nn.Sequential(layer).train()
        optimizer = torch.optim.Adam(layer.mixture.gate.parameters(), lr=0.1)
        network(x)
        before = total_balance_loss(network).item()
        for _ in range(60):
            optimizer.zero_grad()
            network(x)
            total_balance_loss(network).backward()
            optimizer.step()
        assert total_balance_loss(network).item() < 0.1 * before
        network.eval()
        assert total_balance_loss(network).item() == 0


def test_load_is_the_chance_to_be_taken_if_the_noise_were_drawn_again():
    """Against counting, for one picture whose other experts keep their noise."""
    clean = torch.tensor([[0.3, 0.0, -0.2]])
    strength = torch.tensor([[0.5, 1.0, 0.8]])
    noisy = torch.tensor([[0.1, 0.9, -1.0]])
    generator = torch.Generator().manual_seed(0)
    counted = []
    for expert in range(3):
        others = [noisy[0, other].item() for other in range(3) if other != expert]
        drawn = clean[0, expert] + strength[0, expert] * torch.randn(200000, generator=generator)
        counted.append((drawn > max(others)).float().mean())
    torch.testing.assert_close(
        expected_load(clean, noisy, strength, 1), torch.stack(counted), atol=5e-3, rtol=0
    )


def test_squared_variation_is_variance_over_squared_mean():
    assert squared_variation(torch.tensor([2.0, 2, 2])) == 0
    assert squared_variation(torch.tensor([0.0, 3, 0])).item() == pytest.approx(3)


def test_a_network_without_conv_lora_has_nothing_to_balance():
    network = UNet(UNetConfig(widths=(4, 8)))
    assert total_balance_loss(network).item() == 0
    attach(network, config_of(**MERGEABLE))
    assert total_balance_loss(network.train()).item() == 0
