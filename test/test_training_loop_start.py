"""Where a run begins, and what learns in it: first weights, adapters, teachers."""

from dataclasses import asdict, replace
import json
from pathlib import Path

import pytest
from safetensors.torch import save_file
from seg_node.bundle import describe_file, Manifest, save_bundle
import torch
from training.errors import ConfigError
from training.learning_curve import read_history
from training.loop.distillation import Teacher, teaching_loss
from training.loop.settings import DistillConfig
from training.lora.config import LoraConfig
from training.lora.inject import adapters
from training.losses.config import LossConfig
from training.models.unet import UNet, UNetConfig
from training.runs import initial_weights, LAST, read_weights, Run
from training.settings import plain
from training.train import train
from training_runs import same, tiny_config


@pytest.fixture(scope='module')
def base(tmp_path_factory):
    """Return the settings of a finished run."""
    config = tiny_config(tmp_path_factory.mktemp('base'), name='base', samples_per_epoch=8)
    train(config, quiet=True)
    return config


def write_bundle(run_config, folder):
    """Write the weights of a run as a bundle to fine-tune from."""
    run = Run.load(run_config.folder)
    staged = folder / 'staged'
    staged.mkdir()
    save_file(run.network.state_dict(), staged / 'model.safetensors')
    file = describe_file(staged, 'model.safetensors', format='safetensors', precision='fp32')
    manifest = Manifest(
        name='bundle', files=(file,), input=run_config.input,
        network={'kind': 'unet', **plain(asdict(run_config.network))},
    )  # fmt: skip
    return save_bundle(folder / 'bundle', manifest, {file.path: staged / file.path})


def output(network):
    torch.manual_seed(3)
    with torch.no_grad():
        return network(torch.randn(2, 3, 32, 64))


ADAPTERS = {
    'lora': LoraConfig(kind='lora', rank=2, dropout=0.1),
    'dora': LoraConfig(kind='dora', rank=2, batch_norm='affine'),
    'mergeable': LoraConfig(
        kind='conv_lora', rank=2, scales=(1,), gate='uniform', mergeable=True, batch_norm='frozen'
    ),
    'conv_lora': LoraConfig(kind='conv_lora', rank=2, scales=(1, 2)),
}


@pytest.mark.parametrize('kind', ADAPTERS)
def test_adapter_learns_beside_a_base_that_stays(base, kind):
    config = replace(
        base, name=kind, init_from=base.folder, lora=ADAPTERS[kind], freeze=('!head.bias',)
    )
    facts = train(config, quiet=True)
    first, last = initial_weights(base.folder), read_weights(config.folder / LAST)
    assert facts['parameters']['trainable'] < facts['parameters']['total'] - 1900
    kept = {name.replace('.base.', '.'): value for name, value in last.items()}
    changed = {name for name in first if not torch.equal(first[name], kept[name])}
    norms = {name for name in first if 'running' in name or 'batches' in name}
    affine = {n for n in first if n.rpartition('.')[0] + '.running_var' in first} - norms
    allowed = {'head.bias', *(norms if ADAPTERS[kind].batch_norm != 'frozen' else ())}
    allowed |= affine if ADAPTERS[kind].batch_norm == 'affine' else set()
    assert 'head.bias' in changed
    assert changed <= allowed

    attached = Run.load(config.folder, folded=False).network
    folded = Run.load(config.folder).network
    assert adapters(attached)
    torch.testing.assert_close(output(folded), output(attached), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(output(folded), output(Run.load(base.folder).network))
    assert (folded.state_dict().keys() == first.keys()) == (kind != 'conv_lora')


def test_experts_are_kept_in_balance(base):
    loss = []
    for balance in (0.0, 100.0):
        lora = replace(ADAPTERS['conv_lora'], balance=balance)
        config = replace(base, name=f'balance{balance}', epochs=1, lora=lora)
        train(config, quiet=True)
        loss.append(read_history(config.folder)['loss'][0])
    assert loss[1] > loss[0] + 1e-3


def test_adapted_run_can_be_started_from(base):
    adapted = replace(base, name='adapted', init_from=base.folder, lora=ADAPTERS['lora'])
    train(adapted, quiet=True)
    folded = Run.load(adapted.folder).network.state_dict()
    assert same(dict(initial_weights(adapted.folder)), dict(folded))
    again = replace(base, name='again', epochs=1, init_from=adapted.folder)
    assert train(again, quiet=True)['init_from']['facts']['config']['name'] == 'adapted'


def test_bundle_gives_weights_and_shape(base, tmp_path):
    bundle = write_bundle(base, tmp_path)
    config = replace(
        base, name='of_bundle', epochs=1, init_from=bundle.folder, network=UNetConfig(),
        freeze=('*', '!head.*'),
    )  # fmt: skip
    facts = train(config, quiet=True)
    assert facts['config']['network']['widths'] == [4, 8]
    assert facts['init_from']['path'].endswith('model.safetensors')
    first, last = initial_weights(base.folder), initial_weights(config.folder)
    changed = {name for name in first if not torch.equal(first[name], last[name])}
    assert changed == {'head.weight', 'head.bias'}


def test_weights_of_another_network_are_named_with_both_shapes(base):
    other = replace(base, name='x', network=UNetConfig(widths=(4, 12)), init_from=base.folder)
    told = r'encoder\.1\.0\.weight is \[12, 4, 3, 3\] here and \[8, 4, 3, 3\] there'
    with pytest.raises(ConfigError, match=told):
        train(other, quiet=True)
    deeper = replace(base, name='x', network=UNetConfig(widths=(4, 8, 8)), init_from=base.folder)
    with pytest.raises(ConfigError, match='here and missing there'):
        train(deeper, quiet=True)
    assert not other.folder.exists()


@pytest.mark.parametrize('length', [0, 100, -1])
def test_truncated_weights_are_told(base, tmp_path, length):
    whole = (base.folder / LAST).read_bytes()
    for name in ('cut.ckpt', 'cut.safetensors'):
        (tmp_path / name).write_bytes(whole[:length])
        with pytest.raises(ConfigError, match=rf'{name} holds no weights .* damaged'):
            train(replace(base, name='x', init_from=tmp_path / name), quiet=True)


@pytest.mark.parametrize('content', [
    torch.ones(3), [1], {'state_dict': [1]}, {'state_dict': 3}, {'weights': {}},
])  # fmt: skip
def test_other_contents_are_no_weights(tmp_path, content):
    torch.save(content, tmp_path / 'other.ckpt')
    with pytest.raises(ConfigError, match=r'other\.ckpt holds no weights of a training here'):
        read_weights(tmp_path / 'other.ckpt')


def test_no_weights_there_says_what_to_name(base, tmp_path):
    with pytest.raises(ConfigError, match='name a run folder, a bundle folder'):
        train(replace(base, name='x', init_from=tmp_path / 'nothing'), quiet=True)


class TestTeacher:
    def test_student_comes_to_answer_as_its_teacher(self, base):
        """Without any word of the masks."""
        config = replace(
            base, name='student', seed=5, epochs=6, samples_per_epoch=16,
            teacher=DistillConfig(run=base.folder, weight=1.0, temperature=1.0),
            loss=LossConfig(class_weights=(1e-6, 0, 0)),
        )  # fmt: skip
        facts = train(config, quiet=True)
        assert facts['teacher']['facts']['config']['name'] == 'base'
        teacher = output(Run.load(base.folder).network).softmax(1)
        torch.manual_seed(5)
        before = (output(UNet(config.network).eval()).softmax(1) - teacher).abs().mean()
        student = Run.load(config.folder / LAST).network
        after = (output(student).softmax(1) - teacher).abs().mean()
        assert after < 0.7 * before
        weights = [torch.load(c.folder / LAST)['state_dict'].keys() for c in (config, base)]
        assert weights[0] == weights[1]

    def test_bundle_teaches_as_its_run_does(self, base, tmp_path):
        bundle = write_bundle(base, tmp_path)
        image = torch.randint(0, 256, (2, 32, 64, 3), dtype=torch.uint8)
        of_run, of_bundle = (
            Teacher.load(replace(base, teacher=DistillConfig(run=path))).probabilities(image)
            for path in (base.folder, bundle.folder)
        )
        assert torch.equal(of_run, of_bundle)

    def test_soft_labels_of_the_batch_are_learnt(self, base):
        soft = torch.zeros(1, 3, 2, 4, dtype=torch.uint8)
        soft[:, 1, :, :2] = 255  # nothing is said about the right half
        batch = {'soft': soft, 'truth': torch.zeros(1, 2, 4, dtype=torch.uint8)}
        logits = torch.zeros(1, 3, 2, 4, requires_grad=True)
        loss = teaching_loss(logits, batch, None, base)
        loss.backward()
        assert loss.item() > 0
        assert (logits.grad[:, 1, :, :2] < 0).all()
        assert (logits.grad[..., 2:] == 0).all()
        assert teaching_loss(logits, {}, None, base) is None

    @pytest.mark.parametrize(('change', 'told'), [
        ({'labels': ('background', 'lane_marking', 'kerb')}, 'knows the labels .*road, this run'),
        ({'teacher': DistillConfig(run=Path('nowhere'))}, 'no training run at nowhere'),
    ])  # fmt: skip
    def test_teacher_that_does_not_fit_is_told(self, base, change, told):
        config = replace(base, teacher=DistillConfig(run=base.folder))
        with pytest.raises(ConfigError, match=told):
            Teacher.load(replace(config, **change))


def test_damaged_statement_of_a_run_is_told(base, tmp_path):
    (tmp_path / 'best.ckpt').write_bytes((base.folder / LAST).read_bytes())
    for content in ('', '[]', '{"config": 3}', json.dumps({'config': {'epoch': 3}})):
        (tmp_path / 'run.json').write_text(content)
        with pytest.raises(ConfigError, match=r'run\.json'):
            Run.load(tmp_path)
