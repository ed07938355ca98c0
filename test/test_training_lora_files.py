import copy
import json

import pytest
from safetensors.torch import load_file, save_file
import torch
from training.errors import ConfigError
from training.lora.config import LoraConfig
from training.lora.files import load_adapter, save_adapter
from training.lora.fingerprint import weights_sha256
from training.lora.inject import adapters, attach
from training.models.unet import UNet, UNetConfig

TENSORS = 'adapter_model.safetensors'
FIRST = 'base_model.model.encoder.0.0.lora_A.weight'


def base_of(widths=(4, 8)):
    torch.manual_seed(3)
    network = UNet(UNetConfig(widths=widths))
    network.train()(torch.randn(2, 3, 16, 16))  # statistics of its own
    return network.eval()


def adapted(base, config):
    network = copy.deepcopy(base)
    attach(network, config)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn_like(parameter))
    network.train()(torch.randn(4, 3, 16, 16) * 2 + 1)
    return network.eval()


@pytest.fixture
def saved(tmp_path):
    base, config = base_of(), LoraConfig('lora', 2)
    save_adapter(tmp_path, adapted(base, config), config, weights_sha256(base))
    return tmp_path


def rewrite(folder, change, facts=False):
    """Change the configuration; or its tensors with a hash that fits, as a forger would."""
    path = folder / 'adapter_config.json'
    content = json.loads(path.read_text())
    change(content['auto_mapping']['seg_node'] if facts else content)
    path.write_text(json.dumps(content))


def rewrite_tensors(folder, change):
    tensors = load_file(folder / TENSORS)
    change(tensors)
    save_file(tensors, folder / TENSORS)
    rewrite(folder, lambda facts: facts['files'].pop(TENSORS), facts=True)


@pytest.mark.parametrize('config', [
    LoraConfig('lora', 2, batch_norm='frozen'),
    LoraConfig('dora', 3, 5.0, rslora=True, batch_norm='affine', dropout=0.25),
    LoraConfig('lora', 2, factorization='loralib', targets=('encoder.1.*', 'head')),
    LoraConfig('conv_lora', 2, scales=(1, 2)),
])  # fmt: skip
def test_adapter_comes_back_to_the_bit(tmp_path, config):
    base = base_of()
    network = adapted(base, config)
    save_adapter(tmp_path, network, config, weights_sha256(base))
    expected = {'adapter_config.json', TENSORS, 'batch_norm.safetensors'}
    if config.batch_norm == 'frozen':
        expected.remove('batch_norm.safetensors')
    assert {path.name for path in tmp_path.iterdir()} == expected
    again = copy.deepcopy(base)
    assert load_adapter(tmp_path, again) == config
    x = torch.randn(2, 3, 16, 16)
    assert torch.equal(again(x), network(x))
    assert not torch.allclose(base(x), network(x), atol=1e-3)
    learning = [name for name, p in network.named_parameters() if p.requires_grad]
    assert [name for name, p in again.named_parameters() if p.requires_grad] == learning


def test_head_that_is_trained_whole_goes_along(tmp_path):
    base, config = base_of(), LoraConfig('lora', 2)
    network = copy.deepcopy(base)
    attach(network, config)
    network.head.requires_grad_(True).weight.data.add_(1)
    save_adapter(tmp_path, network, config, weights_sha256(base))
    again = copy.deepcopy(base)
    load_adapter(tmp_path, again)
    assert torch.equal(again.head.weight, network.head.weight)
    assert again.head.weight.requires_grad


def test_training_that_the_files_would_lose_is_refused(tmp_path):
    config = LoraConfig('lora', 2, targets=('head',))
    network = base_of()
    with pytest.raises(ConfigError, match='no adapter to save'):
        save_adapter(tmp_path, network, config, '')
    attach(network, config)
    adapters(network)['head'].base.bias.requires_grad_(True)
    with pytest.raises(ConfigError, match=r'head\.base\.bias is trained'):
        save_adapter(tmp_path, network, config, '')
    assert not list(tmp_path.iterdir())


def test_another_base_is_refused(saved):
    other = base_of()
    other.encoder[0][1].running_mean[0] += 0.1
    with pytest.raises(ConfigError, match='made for other weights'):
        load_adapter(saved, other)
    with pytest.raises(ConfigError, match='take the hash of its base before'):
        weights_sha256(adapted(base_of(), LoraConfig('lora')))


def test_hash_does_not_depend_on_the_order_in_memory():
    base = base_of()
    sha256 = weights_sha256(base)
    assert weights_sha256(base.to(memory_format=torch.channels_last)) == sha256
    base.head.bias.data[0] += 1e-6
    assert weights_sha256(base) != sha256


def truncate(name):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-40])


def later_training(folder):
    """Leave what a crash between two files would: new weights beside the old configuration."""
    before = (folder / 'adapter_config.json').read_bytes()
    base, config = base_of(), LoraConfig('lora', 2)
    torch.manual_seed(9)
    save_adapter(folder, adapted(base, config), config, weights_sha256(base))
    (folder / 'adapter_config.json').write_bytes(before)


@pytest.mark.parametrize(('damage', 'told'), [
    (lambda f: (f / 'adapter_config.json').unlink(), 'no adapter at'),
    (lambda f: (f / TENSORS).unlink(), f'{TENSORS} is missing'),
    (lambda f: (f / 'batch_norm.safetensors').unlink(), 'batch_norm.safetensors is missing'),
    (truncate('adapter_config.json'), 'is no JSON'),
    (truncate(TENSORS), 'is damaged'),
    (truncate('batch_norm.safetensors'), 'is damaged'),
    (later_training, 'from another training'),
    (lambda f: (f / 'adapter_config.json').write_text('[]'), 'must hold keys'),
    (lambda f: rewrite(f, lambda c: c.pop('r')), 'r is missing'),
    (lambda f: rewrite(f, lambda c: c.update(r=3)), 'needs'),
    (lambda f: rewrite(f, lambda c: c.update(r='many')), 'rank'),
    (lambda f: rewrite(f, lambda c: c.update(modules_to_save=['neck'])), 'no module neck'),
    (lambda f: rewrite(f, lambda c: c.update(schema_version=9), facts=True), 'schema_version 9'),
    (lambda f: rewrite(f, lambda c: c['settings'].pop('kind'), facts=True), 'not whole'),
    (lambda f: rewrite(f, lambda c: c['settings'].update(odd=1), facts=True), 'unknown key odd'),
    (lambda f: rewrite_tensors(f, lambda t: t.popitem()), 'lacks base_model'),
    (lambda f: rewrite_tensors(f, lambda t: t.update(odd=torch.ones(1))), 'unknown tensor odd'),
    (lambda f: rewrite_tensors(f, lambda t: t[FIRST].fill_(torch.nan)), 'not finite'),
])  # fmt: skip
def test_damaged_adapter_is_told_in_one_sentence(saved, damage, told):
    damage(saved)
    with pytest.raises(ConfigError, match=told) as caught:
        load_adapter(saved, base_of())
    assert '\n' not in str(caught.value)


def test_truncated_file_of_a_stranger_is_told(saved):
    rewrite(saved, lambda content: content.pop('auto_mapping'))
    truncate(TENSORS)(saved)
    with pytest.raises(ConfigError, match='is damaged'):
        load_adapter(saved, base_of())


def test_network_of_another_shape_is_told(saved):
    rewrite(saved, lambda facts: facts.update(base_sha256=''), facts=True)
    with pytest.raises(ConfigError, match='for another network'):
        load_adapter(saved, base_of(widths=(4, 12)))
