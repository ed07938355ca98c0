import pytest
import torch
from torch import nn
from training.errors import ConfigError
from training.lora.batch_norm import adapt_statistics, batch_norms
from training.lora.config import LoraConfig
from training.lora.inject import attach
from training.models.unet import UNet, UNetConfig


def network_with(policy):
    network = UNet(UNetConfig(widths=(4, 8)))
    attach(network, LoraConfig('lora', batch_norm=policy))
    return network


def statistics(network):
    return torch.cat([
        torch.cat((norm.running_mean, norm.running_var)) for norm in batch_norms(network).values()
    ])  # fmt: skip


@pytest.mark.parametrize(('policy', 'follows', 'learns'), [
    ('frozen', False, False),
    ('statistics', True, False),
    ('affine', True, True),
])  # fmt: skip
def test_policy_survives_modes_of_the_whole_network(policy, follows, learns):
    network = network_with(policy)
    before = statistics(network)
    network.eval().train().train(False).train()
    network(torch.randn(2, 3, 16, 16) + 3).sum().backward()
    assert torch.equal(statistics(network), before) != follows
    norms = batch_norms(network).values()
    assert {norm.weight.requires_grad for norm in norms} == {learns}
    assert {norm.weight.grad is not None for norm in norms} == {learns}
    adapted = statistics(network)
    network.eval()(torch.randn(2, 3, 16, 16))
    assert torch.equal(statistics(network), adapted)


@pytest.mark.parametrize('policy', ['frozen', 'statistics'])
def test_statistics_become_those_of_all_pictures(policy):
    network = network_with(policy).train()
    network.decoder.eval()
    modes = {name: module.training for name, module in network.named_modules()}
    pictures = torch.randn(5, 3, 16, 16) * 2 + 1
    assert adapt_statistics(network, pictures.split(2)) == 5  # 2, 2 and 1
    first = network.encoder[0][1]
    with torch.no_grad():
        features = network.encoder[0][0](network.fold(pictures))
    assert torch.allclose(first.running_mean, features.mean(dim=(0, 2, 3)), atol=1e-5)
    within = torch.stack([
        part.var(dim=(0, 2, 3)) * len(part) / 5 for part in features.split(2)
    ]).sum(dim=0)  # fmt: skip
    assert torch.allclose(first.running_var, within, atol=1e-5)
    assert {name: module.training for name, module in network.named_modules()} == modes
    assert {norm.momentum for norm in batch_norms(network).values()} == {0.1}


def test_statistics_of_one_batch_normalise_it():
    network = network_with('statistics')
    picture = torch.randn(8, 3, 32, 32) * 3 - 2
    network.train()
    with torch.no_grad():
        expected = network(picture)  # by its own statistics
        adapt_statistics(network, [picture])
        actual = network.eval()(picture)
    assert torch.allclose(actual, expected, atol=0.02)  # but for the variance's n and n - 1


@pytest.mark.parametrize('batches', [[], [torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 15, 16)]])
def test_failure_leaves_the_old_statistics(batches):
    network = network_with('statistics').train()
    network(torch.randn(2, 3, 16, 16))
    before = statistics(network)
    with pytest.raises((ConfigError, ValueError)):
        adapt_statistics(network, batches)
    assert torch.equal(statistics(network), before)
    assert all(module.training for module in network.modules())


def test_network_without_batch_norm_is_told():
    with pytest.raises(ConfigError, match='no batch norm'):
        adapt_statistics(nn.Conv2d(3, 3, 1), [torch.zeros(1, 3, 4, 4)])
