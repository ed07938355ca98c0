"""``adapt``: an adapter in a bundle, from a few labelled frames, or nothing changed at all."""

from dataclasses import asdict, replace
import io
import json
from pathlib import Path
import shutil

import cv2
import numpy as np
import pytest
from rendered_roads import render_road, write_pairs
from rich.console import Console
from seg_node.bundle import BundleError, ModelBundle
from seg_node.bundle_report import describe_bundle
from seg_node.errors import SegNodeError
from seg_node.frame import Frame
from seg_node.segmenter import Segmenter
import torch
from training.adapt import adapt, show
from training.adapt_config import AdaptConfig
from training.base_model import BaseModel
from training.command_line import parse
from training.data.augment import AugmentConfig
from training.data.geometry import GeometryConfig
from training.data.photometric import PhotometricConfig
from training.data.sources import SetConfig, SourceConfig
from training.errors import ConfigError, DataError, ExportError
from training.export import export
from training.export_config import ExportConfig
from training.loop.settings import OptimizerConfig
from training.lora.config import LoraConfig
from training.lora.files import load_adapter
from training.merge_gate import check_merge
from training.models.score_graph import ScoreGraph
from training.onnx_graph import write_onnx
from training.runs import Run
from training.train import train
from training_runs import tiny_config

REPOSITORY = Path(__file__).resolve().parents[1]
ALL = ('background', 'lane_marking', 'road')
PLAIN = AugmentConfig(
    geometry=GeometryConfig(scale=(1, 1), aspect=1, shift=(0, 0), warp=0, rotation_deg=0),
    photometric=PhotometricConfig(
        paint=0, surface=0, tone=0, shadow=0, night=0, blur=0, noise=0, jpeg=0
    ),
    cut_out=0,
    borrow=0,
)


@pytest.fixture(scope='module')
def run_config(tmp_path_factory):
    """Return a finished training, beside a place it never saw: the same roads as negatives."""
    folder = tmp_path_factory.mktemp('adapt')
    config = tiny_config(folder, epochs=8, samples_per_epoch=16, augment=PLAIN)
    train(config, quiet=True)
    write_pairs(folder / 'negatives', 14, ALL)
    for path in (folder / 'negatives' / 'images').iterdir():
        cv2.imwrite(str(path), 255 - cv2.imread(str(path)))
    return config


@pytest.fixture(scope='module')
def exported(run_config):
    """Return the bundle of that training; tests work on copies of it."""
    root = run_config.data_root
    export(
        ExportConfig(
            run=run_config.folder, output=root / 'exported', data_root=root, lane_threshold=0.5
        ),
        quiet=True,
    )
    return ModelBundle.load(root / 'exported')


@pytest.fixture(scope='module')
def config(run_config, exported):
    """Return how to adapt to negatives in a few seconds."""
    root = run_config.data_root
    bundle = root / 'bundle'
    shutil.copytree(exported.folder, bundle)
    return AdaptConfig(
        bundle=bundle,
        name='negative',
        data_root=root,
        runs=root / 'runs',
        data=SourceConfig(path='negatives', part='train', hold_out=6),
        shots=6,
        test=SetConfig(path='negatives', part='held_out', hold_out=6),
        base_sets=(SetConfig(path='roads', part='held_out', hold_out=2),),
        lora=LoraConfig(kind='lora', rank=2, alpha=4, batch_norm='affine'),
        steps=60,
        batch_size=4,
        precision='32-true',
        threads=1,
        workers=0,
        augment=PLAIN,
        optimizer=OptimizerConfig(learning_rate=0.02, warmup_steps=5, ema_decay=0.9),
    )


@pytest.fixture(scope='module')
def adapted(config):
    result = adapt(config, quiet=True)
    return result, ModelBundle.load(config.bundle)


@pytest.fixture
def fresh(config, exported, tmp_path):
    """Return the same task on a bundle without adapters, of two steps."""
    bundle = tmp_path / 'bundle'
    shutil.copytree(exported.folder, bundle)
    return replace(config, bundle=bundle, runs=tmp_path / 'runs', steps=2)


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob('*') if p.is_file()}


def test_an_adapter_is_better_at_its_target_and_says_what_it_costs(config, adapted):
    result, bundle = adapted
    target, known = result['target'], result['base_sets'][0]
    assert target['adapted']['mean_iou'] > target['base']['mean_iou'] + 0.1
    assert (target['samples'], target['use'], known['use']) == (6, 'target', 'base')
    assert known['base'].keys() == known['adapted'].keys()
    assert result['merge_max_difference'] < 1e-4
    assert set(result['parity_max_difference']) >= {'onnxruntime'}
    assert max(result['parity_max_difference'].values()) <= 1
    run = Run.load(config.folder, folded=False)
    trainable = sum(p.numel() for p in run.network.parameters() if p.requires_grad)
    assert result['parameters'] == trainable
    folder = bundle.folder / 'adapters' / 'negative'
    sizes = [path.stat().st_size for path in folder.glob('*.safetensors')]
    assert result['weights_bytes'] == sum(sizes)
    assert len(run.facts['data']) == 2
    assert run.facts['data'][0]['samples'] == 6
    json.dumps(result)


def test_a_large_adapter_is_warned_of(adapted):
    result, _ = adapted
    assert result['share_of_base'] > 0.05  # of a base of a few hundred parameters
    assert any('smaller --lora.rank' in warning for warning in result['warnings'])


def test_the_bundle_keeps_its_model_and_states_the_adapter(exported, adapted):
    result, bundle = adapted
    assert bundle.manifest.files == exported.manifest.files
    assert bundle.manifest.output == exported.manifest.output
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
def test_the_node_side_switches_to_it(config, adapted, engine):
    pytest.importorskip(engine)
    _, bundle = adapted
    image, _ = render_road(np.random.default_rng(3))
    frame = Frame(255 - image)
    masks = {}
    for name in ('', 'negative'):
        segmenter = Segmenter.load(bundle, engine, 'fp32', name)
        masks[name] = segmenter.segment(frame).mask.labels
        segmenter.close()
    assert (masks[''] != masks['negative']).mean() > 0.02
    from training.torch_segmenter import TorchSegmenter

    network = Run.load(config.folder, folded=False).network
    unmerged = TorchSegmenter(network, bundle.manifest.input, bundle.manifest.output).mask(frame)
    assert (unmerged.labels == masks['negative']).mean() > 0.999


def test_its_files_are_enough_to_go_on_from(config, adapted):
    _, bundle = adapted
    base = BaseModel.open(config.bundle)
    network = base.build()
    load_adapter(bundle.folder / 'adapters' / 'negative', network)
    expected = Run.load(config.folder, folded=False).network.state_dict()
    assert set(expected) == set(network.state_dict())
    for name, value in network.state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_a_second_adapter_leaves_the_first_alone(config, adapted):
    _, bundle = adapted
    other = replace(
        config,
        name='plain',
        output=config.bundle.with_name('both'),
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
    assert list(ModelBundle.load(config.bundle).manifest.adapters) == ['negative']


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


def test_a_name_that_is_taken_needs_replace(config, adapted):
    before = files_below(config.bundle)
    with pytest.raises(ConfigError, match=r"has an adapter 'negative' already: .* --replace"):
        adapt(config, quiet=True)
    with pytest.raises(ConfigError, match='holds the run of an adapter: go on with it by'):
        adapt(
            replace(
                config,
                output=config.bundle.with_name('elsewhere'),
                bundle=config.bundle.with_name('exported'),
            ),
            True,
        )
    assert files_below(config.bundle) == before


def test_replacing_takes_the_place_of_adapter_and_run(fresh):
    adapt(fresh, quiet=True)
    first = files_below(fresh.bundle)
    adapt(replace(fresh, replace=True, seed=2), quiet=True)
    second = files_below(fresh.bundle)
    path = 'adapters/negative/adapter_model.safetensors'
    assert first[path] != second[path]
    assert first['model.onnx'] == second['model.onnx']
    assert first.keys() == second.keys()


@pytest.mark.parametrize(
    ('changes', 'kind', 'message'),
    [
        ({'name': ''}, ConfigError, '--name is'),
        ({'name': '../x'}, ConfigError, '--name is'),
        ({'shots': -1}, ConfigError, '--shots is -1'),
        ({'shots': 99}, DataError, 'shots is 99 and the part has 8 samples'),
        ({'steps': 0}, ConfigError, '--steps is 0'),
        ({'replace': True, 'resume': True}, ConfigError, 'say one of them'),
        ({'lora': LoraConfig()}, ConfigError, '--lora.kind is none'),
        ({'lora': LoraConfig(kind='lora', targets=('neck',))}, ConfigError, "'neck' matches no"),
        ({'data': SourceConfig()}, ConfigError, r'--data\.path is missing'),
        ({'test': SetConfig()}, ConfigError, r'--test\.path is missing'),
        ({'test': SetConfig(path='nowhere')}, DataError, 'no data set at'),
        ({'bundle': Path('nowhere')}, BundleError, 'no bundle at nowhere'),
        ({'resume': True}, ConfigError, 'does not exist; start the run without --resume'),
    ],
)
def test_what_cannot_be_is_one_line_and_changes_nothing(fresh, changes, kind, message):
    before = files_below(fresh.bundle)
    with pytest.raises(kind, match=message) as caught:
        adapt(replace(fresh, **changes), quiet=True)
    assert '\n' not in str(caught.value)
    assert files_below(fresh.bundle) == before


def test_an_output_with_another_model_is_refused(fresh, tiny_bundle, tmp_path):
    shutil.copytree(tiny_bundle.folder, tmp_path / 'other')
    with pytest.raises(ConfigError, match='holds another model than'):
        adapt(replace(fresh, output=tmp_path / 'other'), quiet=True)
    with pytest.raises(ConfigError, match=r'has no model\.safetensors to train on'):
        adapt(replace(fresh, bundle=tmp_path / 'other'), quiet=True)


def test_a_damaged_adapter_is_found_when_its_bundle_is_loaded(adapted, tmp_path):
    _, bundle = adapted
    shutil.copytree(bundle.folder, tmp_path / 'bundle')
    folder = tmp_path / 'bundle' / 'adapters' / 'negative'
    weights = folder / 'adapter_model.safetensors'
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(BundleError, match=r'adapter_model\.safetensors has .* bytes instead'):
        ModelBundle.load(tmp_path / 'bundle')
    with pytest.raises(ConfigError, match='is damaged'):
        load_adapter(folder, BaseModel.open(bundle.folder).build())


def test_an_adapter_does_not_fit_an_altered_base(adapted, tmp_path):
    _, bundle = adapted
    network = BaseModel.open(bundle.folder).build()
    with torch.no_grad():
        next(network.parameters()).mul_(1.01)
    with pytest.raises(ConfigError, match='was made for other weights'):
        load_adapter(bundle.folder / 'adapters' / 'negative', network)
    content = json.loads((bundle.folder / 'bundle.json').read_text())
    content['files'][1]['sha256'] = '0' * 64
    shutil.copytree(bundle.folder, tmp_path / 'bundle')
    (tmp_path / 'bundle' / 'bundle.json').write_text(json.dumps(content))
    with pytest.raises(BundleError, match='made for other weights than the bundle'):
        ModelBundle.load(tmp_path / 'bundle')


def test_an_unknown_adapter_is_refused_with_those_there_are(adapted):
    _, bundle = adapted
    with pytest.raises(SegNodeError, match="has no adapter 'snow': it has negative"):
        Segmenter.load(bundle, 'onnxruntime', 'fp32', 'snow')


def test_the_gate_refuses_a_fold_that_computes_something_else(config, adapted):
    base = BaseModel.open(config.bundle)
    spec = base.bundle.manifest.input
    trained = ScoreGraph(Run.load(config.folder, folded=False).network, spec).eval()
    image, _ = render_road(np.random.default_rng(0), spec.height, spec.width)
    assert check_merge(trained, trained, [image[None]]) == 0
    with pytest.raises(ExportError, match=r'a probability differs by .* nothing was written'):
        check_merge(trained, ScoreGraph(base.build(), spec).eval(), [image[None]])


def test_a_graph_that_computes_something_else_changes_nothing(fresh, monkeypatch):
    """As if the exporter had lost a tenth of the last layer's weights."""

    def write_wrong(graph, *arguments):
        head = graph.network.head
        with torch.no_grad():
            whole = head.weight.clone()
            head.weight *= 0.9
            write_onnx(graph, *arguments)
            head.weight.copy_(whole)

    monkeypatch.setattr('training.adapter_files.write_onnx', write_wrong)
    before = files_below(fresh.bundle)
    with pytest.raises(ExportError, match='does not compute what torch does'):
        adapt(fresh, quiet=True)
    assert files_below(fresh.bundle) == before


def test_export_keeps_adapters_of_the_same_model_and_refuses_to_lose_others(
    run_config, adapted, tmp_path
):
    _, bundle = adapted
    root = run_config.data_root
    shutil.copytree(bundle.folder, tmp_path / 'bundle')
    again = ExportConfig(
        run=run_config.folder,
        output=tmp_path / 'bundle',
        data_root=root,
        lane_threshold=bundle.manifest.output.lane_threshold,
    )
    export(again, quiet=True)
    kept = ModelBundle.load(again.output).manifest.adapters
    assert kept == bundle.manifest.adapters
    other = replace(run_config, name='other', epochs=1, seed=7)
    train(other, quiet=True)
    with pytest.raises(ConfigError, match=r'holds adapters \(negative\) .* --drop_adapters'):
        export(replace(again, run=other.folder), quiet=True)
    assert ModelBundle.load(again.output).manifest.adapters == kept
    export(replace(again, run=other.folder, drop_adapters=True), quiet=True)
    assert ModelBundle.load(again.output).manifest.adapters == {}


def test_export_folds_the_adapter_of_a_run(config, adapted, tmp_path):
    _, bundle = adapted
    export(
        ExportConfig(
            run=config.folder,
            output=tmp_path / 'folded',
            data_root=config.data_root,
            lane_threshold=bundle.manifest.output.lane_threshold,
        ),
        quiet=True,
    )
    folded = BaseModel.open(tmp_path / 'folded')
    assert set(folded.build().state_dict()) == set(
        BaseModel.open(bundle.folder).build().state_dict()
    )
    provenance = folded.bundle.manifest.provenance
    assert provenance['config']['lora']['kind'] == 'lora'
    assert provenance['init_from']['sha256'] == bundle.manifest.files[1].sha256
    image, _ = render_road(np.random.default_rng(5))
    masks = []
    for made, name in ((folded.bundle, ''), (bundle, 'negative')):
        segmenter = Segmenter.load(made, 'onnxruntime', 'fp32', name)
        masks.append(segmenter.segment(Frame(255 - image)).mask.labels)
        segmenter.close()
    assert np.array_equal(*masks)


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
