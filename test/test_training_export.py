from dataclasses import replace
import importlib.util
import json
import resource
import shutil
import signal

import cv2
import numpy as np
import onnx
import pytest
from rendered_roads import render_road
from safetensors.numpy import load_file
from seg_node.bundle import ModelBundle
from seg_node.engines import EngineError, load_engine
from seg_node.frame import Frame
from seg_node.labels import LANE_LABELS
from seg_node.preprocess import InputSpec
from seg_node.segmenter import Segmenter
import torch
from torch import nn
from training.bundle_writing import label_table
from training.data.sources import SetConfig
from training.errors import ConfigError, ExportError
from training.evaluate import evaluate
from training.evaluate_config import EvaluateConfig
from training.export import export
from training.export_config import ExportConfig
from training.merge_gate import check_parity
from training.models.score_graph import channel_softmax, ScoreGraph
from training.models.unet import UNet, UNetConfig
from training.onnx_graph import write_onnx
from training.runs import Run
from training.thresholds import THRESHOLDS
from training.train import train
from training_runs import tiny_config


@pytest.fixture(scope='module')
def run_config(tmp_path_factory):
    config = tiny_config(tmp_path_factory.mktemp('export'), epochs=8, samples_per_epoch=16)
    train(config, quiet=True)
    return config


@pytest.fixture(scope='module')
def exported(run_config):
    output = run_config.data_root / 'models' / 'tiny_lane'
    result = export(
        ExportConfig(run=run_config.folder, output=output, data_root=run_config.data_root),
        quiet=True,
    )
    return result, ModelBundle.load(output)


def test_bundle_states_what_it_is_made_of(run_config, exported):
    result, bundle = exported
    manifest = bundle.manifest
    assert manifest.name == 'tiny_lane'
    assert manifest.input == run_config.input
    assert manifest.output.lane_threshold in THRESHOLDS
    assert manifest.network == {
        'kind': 'unet', 'widths': [4, 8], 'classes': 3, 'stem_factor': 2,
        'upsampling': 'bilinear', 'norm': 'batch', 'block': 'double', 'stem': 'fold',
    }  # fmt: skip
    assert {d['licence'] for d in manifest.provenance['data']} == {'rendered for tests'}
    assert manifest.provenance['config']['epochs'] == 8
    model = manifest.files[0]
    assert model.metrics == result['metrics']
    assert set(model.latency_ms) >= {'onnxruntime'}
    assert max(result['parity_max_difference'].values()) <= 1


def test_labels_of_other_names_get_colors_of_their_own():
    table = label_table(['background', 'lane_marking', 'road', 'kerb', 'grass'])
    assert table[:3] == LANE_LABELS
    assert [label.name for label in table[3:]] == ['kerb', 'grass']
    assert len({label.color for label in table}) == 5


def test_onnx_is_one_file_without_traces_of_the_machine(exported):
    _, bundle = exported
    path = bundle.folder / 'model.onnx'
    model = onnx.load(path, load_external_data=False)
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert {p.key: p.value for p in model.metadata_props}['bundle'] == 'tiny_lane'
    content = path.read_bytes()
    for trace in (b'site-packages', b'score_graph.py', b'/training/'):
        assert trace not in content


def test_weights_to_fine_tune_from_are_those_of_the_run(run_config, exported):
    _, bundle = exported
    weights = load_file(bundle.folder / 'model.safetensors')
    expected = Run.load(run_config.folder).network.state_dict()
    assert set(weights) == set(expected)
    for name, value in weights.items():
        assert np.array_equal(value, expected[name].numpy())
    again = replace(
        run_config, name='again', epochs=1, init_from=bundle.folder / 'model.safetensors'
    )
    facts = train(again, quiet=True)
    assert facts['init_from']['path'].endswith('model.safetensors')


def test_training_does_not_init_from_weights_of_another_shape(run_config, exported):
    _, bundle = exported
    other = replace(
        run_config,
        name='other',
        network=UNetConfig(widths=(4, 12)),
        init_from=bundle.folder / 'model.safetensors',
    )
    with pytest.raises(ConfigError, match='another network shape: encoder'):
        train(other, quiet=True)


@pytest.mark.parametrize('engine', ['onnxruntime', 'openvino', 'torch'])
def test_bundle_and_run_measure_the_same(run_config, exported, engine):
    pytest.importorskip(engine)
    _, bundle = exported
    threshold = bundle.manifest.output.lane_threshold
    common = EvaluateConfig(
        path='roads', data_root=run_config.data_root, engine=engine, precision='fp32'
    )
    of_bundle = evaluate(replace(common, model=bundle.folder), quiet=True)['sets'][0]
    of_run = evaluate(
        replace(common, model=run_config.folder, lane_threshold=threshold), quiet=True
    )['sets'][0]
    assert of_bundle['samples'] == of_run['samples'] == 8
    for name in ('lane_iou', 'lane_f1_3px', 'road_iou', 'mean_iou'):
        assert of_bundle[name] == pytest.approx(of_run[name], abs=2e-3)
    assert of_bundle['road_iou'] > 0.5


def test_evaluate_writes_the_worst_frames_first(run_config, exported, tmp_path):
    _, bundle = exported
    sets = tuple(SetConfig(path='roads', annotated=(label,)) for label in ('lane_marking', 'road'))
    result = evaluate(
        EvaluateConfig(
            model=bundle.folder, data_root=run_config.data_root, sets=sets,
            engine='onnxruntime', precision='fp32', overlays=tmp_path / 'worst', worst=3,
        ),
        quiet=True,
    )  # fmt: skip
    assert [set(row) & {'lane_iou', 'road_iou'} for row in result['sets']] == [
        {'lane_iou'}, {'road_iou'},
    ]  # fmt: skip
    for folder in ('0_roads', '1_roads'):
        files = sorted((tmp_path / 'worst' / folder).glob('*_iou*.jpg'))
        ious = [float(path.stem.rpartition('iou')[2]) for path in files]
        assert len(files) == 3
        assert ious == sorted(ious)
        assert cv2.imread(str(files[0])).shape == (64, 256, 3)


def test_parity_gate_refuses_a_graph_that_computes_something_else(exported):
    _, bundle = exported
    graph = ScoreGraph(UNet(UNetConfig(widths=(4, 8))), bundle.manifest.input).eval()
    image, _ = render_road(np.random.default_rng(0), 32, 64)
    engine = load_engine(bundle, 'onnxruntime', 'fp32')
    with pytest.raises(ExportError, match='onnxruntime does not compute what torch does'):
        check_parity(graph, {'onnxruntime': engine}, [image[None]])
    engine.close()


def test_failed_parity_leaves_no_bundle(run_config, monkeypatch, tmp_path):
    """As if the exporter had lost a tenth of the last layer's weights."""

    def write_wrong(graph, *arguments):
        head = graph.network.head
        whole = head.weight.detach().clone()
        with torch.no_grad():
            head.weight *= 0.9
        write_onnx(graph, *arguments)
        with torch.no_grad():
            head.weight.copy_(whole)

    monkeypatch.setattr('training.export.write_onnx', write_wrong)
    with pytest.raises(ExportError, match='nothing was written'):
        export(
            ExportConfig(
                run=run_config.folder, output=tmp_path / 'bundle', data_root=run_config.data_root
            ),
            quiet=True,
        )
    assert list(tmp_path.iterdir()) == []


def test_an_engine_that_could_not_be_checked_is_not_offered(run_config, monkeypatch, tmp_path):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        'training.engine_figures.importlib.util.find_spec',
        lambda name: None if name == 'openvino' else found(name),
    )
    config = ExportConfig(
        run=run_config.folder, output=tmp_path / 'bundle', data_root=run_config.data_root
    )
    result = export(config, quiet=True)
    assert set(result['parity_max_difference']) == {'onnxruntime', 'torch'}
    assert 'openvino is not installed' in result['warnings'][0]
    bundle = ModelBundle.load(config.output)
    assert bundle.manifest.files[0].engines == ('onnxruntime', 'torch', 'tensorrt')
    with pytest.raises(EngineError, match='has nothing for engine openvino'):
        load_engine(bundle, 'openvino')


def test_a_run_without_lane_marking_is_no_bundle(tmp_path):
    config = tiny_config(tmp_path, labels=('background', 'kerb', 'road'), monitor='road_iou')
    train(
        replace(
            config,
            epochs=1,
            train=(replace(config.train[0], annotated=('road',)),),
            validation=(replace(config.validation[0], annotated=('road',)),),
        ),
        quiet=True,
    )
    settings = ExportConfig(run=config.folder, output=tmp_path / 'bundle', data_root=tmp_path)
    with pytest.raises(ConfigError, match='background, kerb, road: in a bundle lane_marking is'):
        export(settings, quiet=True)
    assert not settings.output.exists()


def test_no_room_leaves_no_bundle(run_config, tmp_path):
    """As on a full disk: the file of the graph cannot be written to its end."""
    config = ExportConfig(
        run=run_config.folder, output=tmp_path / 'bundle', data_root=run_config.data_root
    )
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(ExportError, match=r'cannot be written .* nothing was changed there'):
            export(config, quiet=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_no_numbers_are_not_exported(run_config, tmp_path):
    shutil.copytree(run_config.folder, tmp_path / 'run')
    path = tmp_path / 'run' / 'best.ckpt'
    content = torch.load(path, weights_only=True)
    name = next(key for key in content['state_dict'] if key.endswith('weight'))
    content['state_dict'][name][0] = float('nan')
    torch.save(content, path)
    with pytest.raises(ExportError, match='holds NaN or infinity'):
        export(
            ExportConfig(
                run=tmp_path / 'run', output=tmp_path / 'b', data_root=run_config.data_root
            ),
            quiet=True,
        )
    assert not (tmp_path / 'b').exists()


def test_export_of_nothing_says_what_a_run_is(tmp_path):
    with pytest.raises(ConfigError, match='no training run at'):
        export(ExportConfig(run=tmp_path))


def test_spelt_out_softmax_is_the_softmax():
    logits = torch.randn(2, 4, 5, 6) * 30
    torch.testing.assert_close(channel_softmax(logits), logits.softmax(dim=1))


def test_score_graph_reads_bgr_and_rounds_half_up():
    class Reds(nn.Module):
        def forward(self, x):
            red = x[:, :1]
            return torch.cat((torch.zeros_like(red), red * 4, red * 0 - 50), dim=1)

    batch = torch.zeros((1, 1, 2, 3), dtype=torch.uint8)
    batch[0, 0, 1, 2] = 255
    scores = ScoreGraph(Reds(), InputSpec(width=2, height=1))(batch)
    lane = 1 / (1 + np.exp(-4))
    assert scores.dtype == torch.uint8
    assert scores[0, :2, 0, 0].tolist() == [128, 128]
    assert scores[0, :, 0, 1].tolist() == [round(255 * (1 - lane)), round(255 * lane), 0]


def test_normalisation_is_part_of_the_graph():
    spec = InputSpec(width=2, height=1, mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 1.0))
    batch = torch.tensor([[[[0, 0, 255], [255, 0, 0]]]], dtype=torch.uint8)
    x = ScoreGraph(nn.Identity(), spec).normalize(batch)
    assert x[0, :, 0, 0].tolist() == [1, -1, 0]
    assert x[0, :, 0, 1].tolist() == [-1, -1, 1]


def test_frames_of_any_size_come_back_at_their_size(exported):
    _, bundle = exported
    segmenter = Segmenter.load(bundle, 'onnxruntime', 'fp32')
    for height, width in ((64, 128), (100, 60), (9, 200)):
        image, _ = render_road(np.random.default_rng(1), height, width)
        assert segmenter.segment(Frame(image)).mask.labels.shape == (height, width)
    segmenter.close()


def test_manifest_is_plain_json(exported):
    _, bundle = exported
    text = (bundle.folder / 'bundle.json').read_text()
    assert json.loads(text)['provenance']['config']['train'][0]['path'] == 'roads'
    assert str(bundle.folder.parent) not in text
