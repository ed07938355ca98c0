"""``adapt``: an adapter in a bundle, from a few labelled frames."""

from dataclasses import asdict, replace
import io
import json
from pathlib import Path

from adaptations import files_below
import numpy as np
import pytest
from rendered_roads import render_road
from rich.console import Console
from seg_node.bundle import ModelBundle
from seg_node.bundle_report import describe_bundle
from seg_node.frame import Frame
from seg_node.segmenter import Segmenter
import torch
from training.adapt import adapt, show
from training.adapt_config import AdaptConfig
from training.base_model import BaseModel
from training.bundle_writing import only_writer
from training.command_line import parse
from training.data.sources import SetConfig, SourceConfig
from training.errors import ConfigError
from training.lora.config import LoraConfig
from training.lora.files import load_adapter
from training.quantize import quantize
from training.quantize_config import QuantizeConfig
from training.runs import Run

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture
def fresh(adaptation, tmp_path):
    """Return the task on a bundle without adapters, of two steps."""
    return adaptation.fresh(tmp_path)


def test_an_adapter_is_better_at_its_target_and_says_what_it_costs(adaptation):
    result, bundle = adaptation.adapted
    target, known = result['target'], result['base_sets'][0]
    assert target['adapted']['mean_iou'] > target['base']['mean_iou'] + 0.1
    assert (target['samples'], target['use'], known['use']) == (6, 'target', 'base')
    assert known['base'].keys() == known['adapted'].keys()
    assert result['merge_max_difference'] < 1e-4
    assert set(result['parity_max_difference']) >= {'onnxruntime'}
    assert max(result['parity_max_difference'].values()) <= 1
    run = Run.load(adaptation.config.folder, folded=False)
    trainable = sum(p.numel() for p in run.network.parameters() if p.requires_grad)
    assert result['parameters'] == trainable
    folder = bundle.folder / 'adapters' / 'negative'
    sizes = [path.stat().st_size for path in folder.glob('*.safetensors')]
    assert result['weights_bytes'] == sum(sizes)
    assert len(run.facts['data']) == 2
    assert run.facts['data'][0]['samples'] == 6
    json.dumps(result)


def test_a_large_adapter_is_warned_of(adaptation):
    result, _ = adaptation.adapted
    assert result['share_of_base'] > 0.05  # of a base of a few hundred parameters
    assert any('smaller --lora.rank' in warning for warning in result['warnings'])


def test_the_bundle_keeps_its_model_and_states_the_adapter(adaptation):
    result, bundle = adaptation.adapted
    assert bundle.manifest.files == adaptation.exported.manifest.files
    assert bundle.manifest.output == adaptation.exported.manifest.output
    adapter = bundle.manifest.adapters['negative']
    assert [Path(file.path).name for file in adapter.files] == [
        'model.onnx', 'adapter_config.json', 'adapter_model.safetensors', 'batch_norm.safetensors'
    ]  # fmt: skip
    assert adapter.files[0].metrics == result['target']['adapted']
    assert adapter.base_sha256 == bundle.manifest.files[1].sha256
    assert adapter.comparisons[1].use == 'base'
    assert {entry['path'] for entry in adapter.provenance['data']} == {'negatives'}
    told = describe_bundle(bundle.folder, bundle.manifest)
    assert 'adapted to: negatives (held_out), 6 frames, base -> adapter' in told
    assert 'adapters/negative/adapter_config.json: settings' in told
    assert str(bundle.folder.parent) not in json.dumps(asdict(adapter))


@pytest.mark.parametrize('engine', ['onnxruntime', 'openvino', 'torch'])
def test_the_node_side_switches_to_it(adaptation, engine):
    pytest.importorskip(engine)
    _, bundle = adaptation.adapted
    image, _ = render_road(np.random.default_rng(3))
    frame = Frame(255 - image)
    masks = {}
    for name in ('', 'negative'):
        segmenter = Segmenter.load(bundle, engine, 'fp32', name)
        masks[name] = segmenter.segment(frame).mask.labels
        segmenter.close()
    assert (masks[''] != masks['negative']).mean() > 0.02
    from training.torch_segmenter import TorchSegmenter

    network = Run.load(adaptation.config.folder, folded=False).network
    unmerged = TorchSegmenter(network, bundle.manifest.input, bundle.manifest.output).mask(frame)
    assert (unmerged.labels == masks['negative']).mean() > 0.999


def test_its_files_are_enough_to_go_on_from(adaptation):
    _, bundle = adaptation.adapted
    base = BaseModel.open(adaptation.config.bundle)
    network = base.build()
    load_adapter(bundle.folder / 'adapters' / 'negative', network)
    expected = Run.load(adaptation.config.folder, folded=False).network.state_dict()
    assert set(expected) == set(network.state_dict())
    for name, value in network.state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_a_second_adapter_leaves_the_first_alone(adaptation):
    _, bundle = adaptation.adapted
    other = replace(
        adaptation.config,
        name='plain',
        output=adaptation.config.bundle.with_name('both'),
        data=SourceConfig(path='roads', part='train', hold_out=2),
        shots=0,
        base_sets=(),
        lora=LoraConfig(kind='dora', rank=1, batch_norm='frozen', targets=('head', 'decoder.*')),
        steps=2,
    )
    adapt(other, quiet=True)
    both = ModelBundle.load(other.output)
    assert list(both.manifest.adapters) == ['negative', 'plain']
    assert both.manifest.adapters['negative'] == bundle.manifest.adapters['negative']
    names = {Path(file.path).name for file in both.manifest.adapters['plain'].files}
    assert names == {'model.onnx', 'adapter_config.json', 'adapter_model.safetensors'}
    assert list(ModelBundle.load(adaptation.config.bundle).manifest.adapters) == ['negative']


def test_two_runs_do_not_write_one_bundle(fresh):
    """The later one would put back what the bundle held before the other."""
    with only_writer(fresh.bundle):
        with pytest.raises(ConfigError, match=r'another run is about to write .*wait for it'):
            adapt(fresh, quiet=True)
        settings = QuantizeConfig(bundle=fresh.bundle, data=(SetConfig(path='roads'),))
        with pytest.raises(ConfigError, match='another run is about to write'):
            quantize(settings, quiet=True)
    assert not fresh.folder.exists()
    with only_writer(fresh.bundle):
        pass


@pytest.mark.parametrize('gate', ['soft', 'top_k'])
def test_a_conv_lora_that_cannot_be_folded_is_shipped_with_its_experts(fresh, gate):
    lora = LoraConfig(kind='conv_lora', rank=2, scales=(1, 2), gate=gate, batch_norm='frozen')
    result = adapt(replace(fresh, lora=lora), quiet=True)
    assert result['merge_max_difference'] is None
    assert set(result['parity_max_difference']) == {'onnxruntime', 'openvino', 'torch'}
    assert max(result['parity_max_difference'].values()) <= 1
    show(result, Console(file=(told := io.StringIO()), width=300))
    assert 'cannot be folded' in told.getvalue()


def test_a_mergeable_conv_lora_is_folded(fresh):
    lora = LoraConfig(kind='conv_lora', rank=2, scales=(1,), gate='uniform', mergeable=True)
    result = adapt(replace(fresh, lora=lora), quiet=True)
    assert result['merge_max_difference'] < 1e-4
    graph = fresh.bundle / 'adapters' / 'negative' / 'model.onnx'
    assert abs(graph.stat().st_size - (fresh.bundle / 'model.onnx').stat().st_size) < 2000


def test_replacing_takes_the_place_of_adapter_and_run(fresh):
    adapt(fresh, quiet=True)
    first = files_below(fresh.bundle)
    adapt(replace(fresh, replace=True, seed=2), quiet=True)
    second = files_below(fresh.bundle)
    path = 'adapters/negative/adapter_model.safetensors'
    assert first[path] != second[path]
    assert first['model.onnx'] == second['model.onnx']
    assert first.keys() == second.keys()


@pytest.mark.parametrize('name', ['adapt_track', 'adapt_night', 'quickstart_adapt'])
def test_shipped_configurations_are_whole(name):
    path = REPOSITORY / 'training' / 'configs' / f'{name}.yaml'
    config, _ = parse(AdaptConfig, 'adapt', [str(path)])
    config.check()
    shots = config.source.shots
    assert config.data.path == config.test.path
    assert config.data.hold_out == config.test.hold_out > 0
    assert config.test.part == 'held_out'
    assert shots <= 20
