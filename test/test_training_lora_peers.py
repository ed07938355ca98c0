"""Parity with microsoft/LoRA and huggingface/peft, which only tests need."""

import copy
import json
import warnings

import pytest
from safetensors.torch import load_file
import torch
from torch import nn
from training.errors import ConfigError
from training.lora import delta
from training.lora.config import LoraConfig
from training.lora.files import load_adapter, save_adapter
from training.lora.fingerprint import weights_sha256
from training.lora.inject import adapters, attach, fold

WHY = 'a peer to compare with, not needed to run: pip install -r requirements/dev.txt'


class Small(nn.Module):
    """Every layer that peft can adapt: strides, odd kernels, string padding, a linear head."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 6, (5, 1), stride=(2, 1), padding='valid', bias=False),
            nn.Conv2d(6, 6, 3, padding='same'),
        )  # fmt: skip
        self.project = nn.Conv2d(6, 4, 1)
        self.head = nn.Linear(4, 5)

    def forward(self, x):
        return self.head(self.project(self.body(x)).mean(dim=(2, 3)))


def settled(network):
    """Give batch norms statistics of their own, as a trained network has."""
    generator = torch.Generator().manual_seed(5)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    return network.eval()


def shaken(network):
    """Move every trainable number, as a training would."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    return network


@pytest.fixture
def peft():
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return pytest.importorskip('peft', reason=WHY)


@pytest.mark.parametrize('groups', [1, 2])
@pytest.mark.parametrize('kernel', [1, 3])
def test_loralib_computes_the_same(groups, kernel):
    loralib = pytest.importorskip('loralib', reason=WHY)
    theirs = loralib.Conv2d(4, 6, kernel, r=2, lora_alpha=3, padding=1, stride=2, groups=groups)
    base = nn.Conv2d(4, 6, kernel, padding=1, stride=2, groups=groups)
    network = nn.Sequential(base)
    base.load_state_dict({'weight': theirs.conv.weight, 'bias': theirs.conv.bias})
    nn.init.normal_(theirs.lora_B)
    attach(network, LoraConfig('lora', 2, 3, factorization='loralib', targets=('0',)))
    ours = adapters(network)['0']
    ours.lora_A.weight.data.copy_(theirs.lora_A)
    ours.lora_B.weight.data.copy_(theirs.lora_B)
    x = torch.randn(2, 4, 9, 11)
    assert torch.allclose(network(x), theirs(x), atol=1e-5)
    expected = (theirs.lora_B @ theirs.lora_A).view(base.weight.shape) * theirs.scaling
    actual = delta.reshaped_product(theirs.lora_A, theirs.lora_B, base.weight.shape, 1.5)
    assert torch.equal(actual, expected)
    theirs.eval()  # merges
    assert torch.allclose(fold(network)(x), theirs(x), atol=1e-5)


@pytest.mark.parametrize('batch_norm', ['frozen', 'statistics', 'affine'])
@pytest.mark.parametrize('kind', ['lora', 'dora'])
@pytest.mark.parametrize('rslora', [False, True])
def test_peft_reads_our_files(peft, tmp_path, kind, rslora, batch_norm):
    base = settled(Small())
    network = copy.deepcopy(base)
    targets = ('body.*', 'project')
    config = LoraConfig(kind, 3, 5.0, rslora, targets=targets, batch_norm=batch_norm)
    attach(network, config)
    network.head.requires_grad_(True)  # a head that is trained whole
    shaken(network).train()(torch.randn(8, 3, 16, 12))  # new statistics, where they follow
    network.eval()
    save_adapter(tmp_path, network, config, weights_sha256(base))
    with warnings.catch_warnings():
        warnings.simplefilter('error')  # peft warns of keys that it misses or does not know
        theirs = peft.PeftModel.from_pretrained(copy.deepcopy(base), tmp_path).eval()
    x = torch.randn(2, 3, 16, 12)
    assert not torch.allclose(base(x), network(x), atol=1e-2)
    assert torch.allclose(theirs(x), network(x), atol=1e-5)


@pytest.mark.parametrize('dora', [False, True])
@pytest.mark.parametrize('rslora', [False, True])
def test_we_read_what_peft_saved(peft, tmp_path, dora, rslora):
    base = settled(Small())
    settings = peft.LoraConfig(
        r=3, lora_alpha=5, use_dora=dora, use_rslora=rslora, target_modules=['project', '0', '3'],
        modules_to_save=['head'],
    )  # fmt: skip
    theirs = shaken(peft.get_peft_model(copy.deepcopy(base), settings)).eval()
    theirs.save_pretrained(tmp_path)
    ours = copy.deepcopy(base)
    config = load_adapter(tmp_path, ours)
    assert (config.kind, config.rank, config.alpha) == ('dora' if dora else 'lora', 3, 5)
    assert sorted(adapters(ours)) == ['body.0', 'body.3', 'project']
    x = torch.randn(2, 3, 16, 12)
    assert not torch.allclose(base(x), theirs(x), atol=1e-2)
    assert torch.allclose(ours(x), theirs(x), atol=1e-5)
    assert torch.allclose(fold(ours)(x), theirs(x), atol=1e-5)
    assert ours.head.weight.requires_grad


@pytest.mark.parametrize('layer', [
    nn.Conv2d(4, 4, 3, dilation=2),
    nn.Conv2d(4, 4, 3, padding=1, padding_mode='reflect'),
    nn.Conv2d(4, 4, 3, groups=2),
    nn.ConvTranspose2d(4, 4, 2, stride=2),
])  # fmt: skip
def test_peft_refuses_what_it_would_compute_wrongly(peft, tmp_path, layer):
    network = nn.Sequential(copy.deepcopy(layer))
    config = LoraConfig('lora', targets=('0',))
    sha256 = weights_sha256(network)
    attach(network, config)
    shaken(network)
    save_adapter(tmp_path, network, config, sha256)
    with pytest.raises(KeyError, match='SEG_NODE_LORA'):
        peft.PeftModel.from_pretrained(nn.Sequential(copy.deepcopy(layer)), tmp_path)
    ours = nn.Sequential(copy.deepcopy(layer))
    load_adapter(tmp_path, ours)
    x = torch.randn(1, 4, 9, 9)
    assert torch.equal(ours(x), network(x))


@pytest.mark.parametrize(('key', 'value'), [
    ('bias', 'all'), ('rank_pattern', {'project': 8}), ('init_lora_weights', 'pissa'),
    ('peft_type', 'LOHA'),
])  # fmt: skip
def test_what_only_peft_can_do_is_refused_by_its_name(peft, tmp_path, key, value):
    settings = peft.LoraConfig(r=2, target_modules=['project'])
    peft.get_peft_model(Small(), settings).save_pretrained(tmp_path)
    path = tmp_path / 'adapter_config.json'
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(ConfigError, match=key):
        load_adapter(tmp_path, Small())


def test_keys_and_shapes_are_those_of_peft(peft, tmp_path):
    settings = peft.LoraConfig(r=2, use_dora=True, target_modules=['project', 'head'])
    peft.get_peft_model(Small(), settings).save_pretrained(tmp_path / 'theirs')
    network = Small()
    config = LoraConfig('dora', 2, targets=('project', 'head'), batch_norm='frozen')
    attach(network, config)
    save_adapter(tmp_path / 'ours', network, config, '')
    ours, theirs = (
        {
            key: value.shape
            for key, value in load_file(tmp_path / name / 'adapter_model.safetensors').items()
        }
        for name in ('ours', 'theirs')
    )
    assert ours == theirs
