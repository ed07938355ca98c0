"""``quantize``: int8 enters a bundle when it is faster and as good, or nothing changes at all."""

from dataclasses import replace
import json
from pathlib import Path
import shutil

import cv2
import numpy as np
import onnx
import pytest
from rendered_roads import write_pairs
from rich.console import Console
from seg_node.bundle import Adapter, describe_file, ModelBundle, save_bundle
from seg_node.bundle_report import describe_bundle
from seg_node.engines import load_engine
from seg_node.engines.selection import find_candidates
from seg_node.frame import Frame
from seg_node.preprocess import preprocess
from seg_node.segmenter import Segmenter
from training.__main__ import main
from training.bundle_writing import sources_in
from training.data.sources import SetConfig
from training.export import export
from training.export_config import ExportConfig
from training.quantization.gate import GateConfig
from training.quantize import quantize, show
from training.quantize_config import (
    AdapterSets,
    CalibrationConfig,
    FallbackConfig,
    QatConfig,
    QuantizeConfig,
    TimingConfig,
)
from training.train import train
from training_runs import PLAIN, tiny_config

pytest.importorskip('nncf', reason='quantization needs nncf')
ALL = ('background', 'lane_marking', 'road')
#: A network of a few hundred weights is no faster in int8: these tests ask for less of it.
ANY_SPEED = GateConfig(min_speed_up=0.01)
ENGINES = ('onnxruntime', 'openvino')


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Return a bundle that finds lanes, with an adapter that is the same network again."""
    root = tmp_path_factory.mktemp('quantize')
    run = tiny_config(root, epochs=8, samples_per_epoch=16, augment=PLAIN)
    train(run, quiet=True)
    write_pairs(root / 'others', 12, ALL)
    black = write_pairs(root / 'black', 9, ALL)
    for path in (black / 'images').iterdir():
        cv2.imwrite(str(path), np.zeros((64, 128, 3), np.uint8))
    export(
        ExportConfig(run=run.folder, output=root / 'made', data_root=root, lane_threshold=0.5),
        quiet=True,
    )
    bundle = ModelBundle.load(root / 'made')
    twin = root / 'adapters' / 'twin' / 'model.onnx'
    twin.parent.mkdir(parents=True)
    shutil.copyfile(bundle.folder / 'model.onnx', twin)
    file = describe_file(
        root, 'adapters/twin/model.onnx', format='onnx', precision='fp32', engines=ENGINES
    )
    manifest = replace(bundle.manifest, adapters={'twin': Adapter((file,))})
    return save_bundle(root / 'trained', manifest, sources_in(bundle) | {file.path: twin})


@pytest.fixture
def config(trained, tmp_path):
    """Return how to quantize a copy of it in a few seconds."""
    shutil.copytree(trained.folder, tmp_path / 'bundle')
    return QuantizeConfig(
        bundle=tmp_path / 'bundle',
        data_root=trained.folder.parent,
        data=(SetConfig(path='others'),),
        validation=(SetConfig(path='roads', part='held_out', hold_out=4),),
        calibration=CalibrationConfig(frames=8, histogram_frames=8),
        gate=ANY_SPEED,
        timing=TimingConfig(runs=3, threads=1),
        report=None,
    )


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob('*') if p.is_file()}


def by_name(result: dict, model: int = 0) -> dict[str, dict]:
    return {row['name']: row for row in result['models'][model]['variants']}


def test_int8_enters_for_the_base_and_every_adapter(config, trained):
    before = files_below(config.bundle)
    result = quantize(replace(config, adapters=(
        AdapterSets('twin', validation=(SetConfig(path='others'),)),
    )), quiet=True)  # fmt: skip
    assert result['written']
    bundle = ModelBundle.load(config.bundle)
    made = {'model.int8.onnx', 'model.int8.xml', 'model.int8.bin'}
    after = files_below(config.bundle)
    assert set(after) - set(before) == made | {f'adapters/twin/{name}' for name in made}
    assert all(after[name] == before[name] for name in before if name != 'bundle.json')
    for holder in (bundle.manifest, bundle.manifest.adapters['twin']):
        told = holder.provenance['quantization']
        assert told['calibration']['frames'] == 8
        assert len(told['calibration']['sha256']) == 64
        assert {told[engine]['method'] for engine in ENGINES} == {'minmax'}
    files = {file.path: file for file in bundle.manifest.files}
    assert files['model.int8.xml'].engines == ('openvino',)
    assert files['model.int8.onnx'].engines == ('onnxruntime',)
    assert files['model.int8.bin'].engines == ()
    assert (
        files['model.int8.xml'].metrics['lane_iou']
        == (by_name(result)['openvino minmax']['sets'][0]['lane_iou'])
    )
    assert files['model.int8.xml'].measured_on.startswith('roads (held_out);')
    assert "base's data" in ' '.join(result['models'][1]['notes'])
    assert 'calibration' in describe_bundle(bundle.folder, bundle.manifest)
    again = quantize(replace(config, engines=('onnxruntime',)), quiet=True)
    assert again['written']
    assert set(files_below(config.bundle)) == set(after), 'the old files were replaced'


@pytest.mark.parametrize('engine', ENGINES)
def test_the_node_runs_int8_and_sees_what_fp32_sees(config, engine):
    quantize(replace(config, engines=(engine,)), quiet=True)
    bundle = ModelBundle.load(config.bundle)
    for adapter in ('', 'twin'):
        found = find_candidates(bundle, adapter=adapter)
        assert (engine, 'int8') in {(one.engine, one.precision) for one in found}, 'auto tries it'
        models = [Segmenter.load(bundle, engine, p, adapter, 1) for p in ('fp32', 'int8')]
        assert 'int8' in models[1].description
        same = differing = 0.0
        paths = sorted((config.data_root / 'others' / 'images').iterdir())
        for path in paths:
            frame = Frame(cv2.imread(str(path)))
            (a, _), (b, _) = (model.scores(frame) for model in models)
            differing += float(np.abs(a.astype(float) - b).mean())
            first, second = (model.segment(frame).mask.labels for model in models)
            same += float((first == second).mean())
        for model in models:
            model.close()
        # the tolerance of a network with four channels; what ships is compared by its report
        assert same / len(paths) > 0.97
        assert differing / len(paths) < 6


def test_a_bad_calibration_is_refused_and_the_bundle_is_left_alone(config):
    before = files_below(config.bundle)
    result = quantize(replace(config, data=(SetConfig(path='black'),)), quiet=True)
    assert not result['written']
    assert files_below(config.bundle) == before
    assert not ModelBundle.load(config.bundle).select('onnxruntime', 'int8')
    for name in ('onnxruntime minmax', 'openvino minmax'):
        gate = by_name(result)[name]['gate']
        assert gate['lane_iou_drop'] > 0.005
        assert 'lane_iou falls by' in gate['reasons'][0]
    console = Console(record=True, width=200)
    show(result, console)
    assert 'was left as it is: no variant passed the gate' in console.export_text()


def test_dark_frames_among_others_cut_nothing_off(config):
    """Ranges hold every frame's values; their mean over frames would clip the bright ones."""
    mixed = (SetConfig(path='others'), SetConfig(path='black'))
    result = quantize(replace(config, data=mixed), quiet=True)
    for name in ('onnxruntime minmax', 'openvino minmax'):
        row = by_name(result)[name]
        assert row['gate']['lane_iou_drop'] <= 0.005
        assert row['sets'][0]['agreement']['lane_iou'] > 0.95


def test_no_speed_no_entry(config):
    before = files_below(config.bundle)
    slow = replace(config, gate=GateConfig(min_speed_up=1000), engines=('onnxruntime',))
    result = quantize(slow, quiet=True)
    assert files_below(config.bundle) == before
    assert 'times as fast as onnxruntime fp32' in by_name(result)['onnxruntime minmax']['gate'][
        'reasons'
    ][0]  # fmt: skip


def test_every_method_is_told_of_and_only_the_right_ones_enter(config, trained, tmp_path):
    report = tmp_path / 'report'
    made = trained.folder.with_name('made')  # without an adapter, which would take as long again
    result = quantize(
        replace(
            config,
            bundle=made,
            output=tmp_path / 'other',
            methods=('entropy', 'percentile', 'accuracy', 'qat', 'dynamic', 'tensorrt'),
            fallback=FallbackConfig(agreement=1.0, max_layers=1),
            qat=QatConfig(steps=2, batch_size=2),
            calibration=CalibrationConfig(frames=10, histogram_frames=8),
            report=report,
        ),
        quiet=True,
    )
    variants = by_name(result)
    assert set(variants) >= {
        'onnxruntime entropy', 'onnxruntime percentile', 'openvino percentile',
        'onnxruntime accuracy', 'openvino accuracy', 'openvino qat', 'onnxruntime dynamic',
        'tensorrt symmetric',
    }  # fmt: skip
    assert not variants['onnxruntime dynamic']['enters']
    assert 'not run on TensorRT' in variants['tensorrt symmetric']['gate']['reasons'][0]
    assert variants['openvino qat']['facts']['steps'] == 2
    common = result['models'][0]['calibration']
    for name in ('onnxruntime entropy', 'onnxruntime percentile', 'openvino percentile'):
        own = variants[name]['facts']['calibration']
        assert (common['frames'], own['frames'], sum(own['strata'].values())) == (10, 8, 8)
        assert own['sha256'] != common['sha256']
    assert 'calibration' not in variants['onnxruntime accuracy']['facts']
    entered = ModelBundle.load(tmp_path / 'other').manifest.provenance['quantization']
    for engine in ENGINES:
        if entered[engine]['method'] in ('entropy', 'percentile'):
            assert entered[engine]['calibration']['frames'] == 8
    kept = variants['onnxruntime accuracy']['facts']['layers_in_fp32']
    assert len(kept) == 1
    model = onnx.load(report / 'variants' / 'base' / 'onnxruntime_accuracy' / 'model.int8.onnx')
    names = {tensor.name for tensor in model.graph.initializer}
    assert [n for n in names if n.startswith('network.') and n.endswith('.weight')] == [
        f'network.{kept[0]}.weight'
    ]
    bundle = ModelBundle.load(tmp_path / 'other')
    assert len(bundle.select('onnxruntime', 'int8')) == len(bundle.select('openvino', 'int8')) == 1
    assert not bundle.select('tensorrt', 'int8')
    told = json.loads((report / 'report.json').read_text())['models'][0]
    changes = [one['score_rms'] for one in told['sensitivity']]
    assert changes == sorted(changes, reverse=True)
    assert changes[0] > 0
    assert len(changes) == 8  # two levels down, one up with its projection, the head
    for rows in told['operators'].values():
        total = rows[-1]
        assert total['operator'] == 'all'
        assert sum(row['before_ms'] for row in rows[:-1]) == pytest.approx(total['before_ms'], 0.1)
    text = (report / 'report.md').read_text()
    assert '## Base' in text
    for picture in ('variants_base.png', 'differences_base_openvino.jpg'):
        assert picture in text
        assert cv2.imread(str(report / picture)) is not None


def test_int8_takes_what_the_node_feeds(config):
    """The engine's own check of shapes and of scores holds for int8 files too."""
    quantize(config, quiet=True)
    bundle = ModelBundle.load(config.bundle)
    batch, _ = preprocess(Frame(np.full((50, 90, 3), 90, np.uint8)), bundle.manifest.input)
    for engine in ENGINES:
        loaded = load_engine(bundle, engine, 'int8', threads=1)
        scores = loaded.infer(batch)
        assert abs(int(scores.astype(int).sum(axis=1).mean()) - 255) <= 1
        loaded.close()


def without_graph(config: QuantizeConfig) -> QuantizeConfig:
    bundle = ModelBundle.load(config.bundle)
    files = tuple(file for file in bundle.manifest.files if file.format != 'onnx')
    manifest = replace(bundle.manifest, files=files, adapters={})
    folder = config.bundle.with_name('bare')
    save_bundle(folder, manifest, sources_in(bundle))
    return replace(config, bundle=folder)


@pytest.mark.parametrize(
    ('changes', 'expected'),
    [
        ({'--data': None}, '--data is missing'),
        ({'--bundle': 'nowhere'}, 'there is no such folder'),
        ({'--data': 'nothing'}, 'no data set at'),
        ({'--data': 'few'}, 'too few'),
        ({'--bundle': 'bare'}, 'has no ONNX file in fp32'),
        ({'--adapter_data': 'night=others'}, 'has no adapter night'),
        ({'--adapter_data': 'others'}, 'write NAME=PAIRS'),
        ({'--methods': 'magic'}, 'magic'),
        ({'--methods': 'dynamic', '--engines': 'openvino'}, 'which needs onnxruntime in'),
        ({'--methods': 'qat', '--engines': 'onnxruntime'}, 'which needs openvino in'),
        ({'--bootstrap.level': '2'}, '--bootstrap.level is 2'),
        ({'--report': 'bundle/report'}, 'a bundle: name another folder'),
        ({'--output': 'few'}, 'holds other files and no readable bundle.json'),
        ({'--output': 'few/images/0000.png/made'}, 'cannot be written'),
        ({'--bundle': 'without', '--output': 'bundle'}, 'bundle has the adapter twin, which'),
        ({'--calibration.frames': '2'}, 'use 8 or more'),
    ],
)
def test_what_the_user_gets_wrong_is_one_sentence(config, capsys, changes, expected):
    root = config.bundle.parent
    for name in ('others', 'roads'):
        shutil.copytree(config.data_root / name, root / name)
    write_pairs(root / 'few', 3, ALL)
    without_graph(config)
    shutil.copytree(config.data_root / 'made', root / 'without')
    flags = {
        '--bundle': 'bundle', '--data': 'others', '--validation': 'roads', '--report': 'report'
    } | changes  # fmt: skip
    for key in ('--bundle', '--output', '--report'):
        if key in flags:
            flags[key] = str(root / flags[key])
    words = [word for key, value in flags.items() if value for word in (key, value)]
    before = files_below(config.bundle)
    status = main(['quantize', *words, '--data_root', str(root)])
    error = capsys.readouterr().err
    assert status == 2
    assert expected in error
    assert error.startswith('error: ')
    assert len(error.splitlines()) == 1
    assert files_below(config.bundle) == before


def test_without_nncf_it_says_what_to_install(config, capsys, monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'nncf', None)
    words = ['--data', 'others', '--data_root', str(config.data_root)]
    assert main(['quantize', str(config.bundle), *words]) == 2
    assert 'pip install nncf' in capsys.readouterr().err
