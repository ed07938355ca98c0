"""The verb ``benchmark`` from the command line to its report."""

import importlib.util
import io
import json
import os
from pathlib import Path
import subprocess
import sys
from types import SimpleNamespace

from bundles import bundle_of, make_bundle
import cv2
import numpy as np
import onnx
from peer_networks import write_peer
import pytest
from rendered_roads import write_pairs

pytest.importorskip('torch', reason='training needs torch')
from rich.console import Console
from training.__main__ import main
from training.benchmark import benchmark, show
from training.benchmark_config import BenchmarkConfig
from training.benchmarking.cases import list_cases
from training.benchmarking.peer_config import PeerConfig
from training.benchmarking.turns import take_turns
from training.data.sources import SetConfig
from training.evaluate import evaluate
from training.evaluate_config import EvaluateConfig
from training.evaluation.bootstrap import BootstrapConfig

REPOSITORY = Path(__file__).resolve().parents[1]
#: Of the convolutions that make_bundle adds to its network, at one pixel.
MULTIPLY_ADDS = 9 * (32 + 32 * 32 + 32)


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a bundle, a peer, pairs and how to measure them."""
    pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    folder = tmp_path_factory.mktemp('benchmark')
    make_bundle(folder / 'bundle', slow_layers=1)
    write_peer(folder / 'other.onnx')
    write_pairs(folder / 'roads', 4, ('background', 'lane_marking', 'road'))
    settings = {
        'models': [str(folder / 'bundle')],
        'engines': ['onnxruntime'],
        'sizes': ['own', '128x64'],
        'threads': [1],
        'peers': [{'file': str(folder / 'other.onnx'), 'lane_class': 2, 'name': 'theirs'}],
        'picture': '128x64',
        'runs': 11,
        'turn': 4,
        'warm_up': 1,
        'data_root': str(folder),
        'sets': [{'path': 'roads', 'annotated': ['lane_marking']}],
        'bootstrap': {'resamples': 20},
        'report': str(folder / 'report'),
    }
    (folder / 'settings.yaml').write_text(json.dumps(settings))
    return folder


@pytest.fixture(scope='module')
def result(folder: Path) -> dict:
    """Return what the command line prints for machines."""
    command = [sys.executable, '-m', 'training', 'benchmark', folder / 'settings.yaml', '--json']
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_combination_is_measured_in_turns(result: dict) -> None:
    cases = {(c['model'], f'{c["width"]}x{c["height"]}'): c for c in result['cases']}
    assert list(cases) == [
        ('tiny', '64x32'), ('tiny', '128x64'), ('theirs', '64x32'), ('theirs', '128x64')
    ]  # fmt: skip
    for case in cases.values():
        assert (case['engine'], case['precision'], case['threads']) == ('onnxruntime', 'fp32', 1)
        assert case['runs'] == 11
        inference, segment = case['inference_ms'], case['segment_ms']
        assert 0 < inference['p50'] <= inference['p95'] <= inference['p99']
        assert inference['p50'] < segment['p50']
        assert case['times_own_fp32'] == 1
        assert case['times_torch_fp32'] is None
        assert 0 < case['start_s']['load_again'] < case['start_s']['again']
        assert 0 < case['start_s']['load_first'] < case['start_s']['first']
        assert 0 < case['start_s']['cpu_again'] < 2 * case['start_s']['again']
        assert 0 < case['cores_busy'] < 1.5
        assert case['os_threads'] >= 1
        # numpy, OpenCV and the engine, but neither torch nor the parent's own memory
        assert 30 < case['memory_mb'] < 250
    assert result['failures'] == {}
    assert result['machine']['cores'] == len(os.sched_getaffinity(0))


def test_operations_and_their_share_of_what_the_machine_can_do(result: dict) -> None:
    (peak,) = result['peaks']
    assert (peak['engine'], peak['precision'], peak['threads']) == ('onnxruntime', 'fp32', 1)
    assert 1e8 < peak['p50_per_s'] <= peak['best_per_s']
    per_pixel = {'tiny': MULTIPLY_ADDS, 'theirs': 9}
    for case in result['cases']:
        count = per_pixel[case['model']] * case['width'] * case['height']
        assert case['multiply_adds'] == count
        rate = count / case['inference_ms']['p50'] * 1e3
        assert case['multiply_adds_per_s'] == pytest.approx(rate, rel=1e-3)
        assert case['share_of_peak'] == pytest.approx(rate / peak['p50_per_s'], abs=1e-3)


def test_accuracy_is_that_of_the_node_and_of_evaluate(folder: Path, result: dict) -> None:
    config = EvaluateConfig(
        model=folder / 'bundle', engine='onnxruntime', data_root=folder, path='roads',
        annotated=('lane_marking',), bootstrap=BootstrapConfig(resamples=20),
    )  # fmt: skip
    expected = evaluate(config, quiet=True)['sets'][0]
    tiny, _, theirs, _ = (case['accuracy'][0] for case in result['cases'])
    for name in ('lane_iou', 'lane_f1_3px', 'lane_precision', 'lane_recall'):
        assert tiny[name] == expected[name]
    assert tiny['intervals']['lane_iou'] == expected['intervals']['lane_iou']
    hits = union = 0
    for path in sorted((folder / 'roads' / 'images').iterdir()):
        image = cv2.imread(str(path))
        truth = cv2.imread(str(folder / 'roads' / 'masks' / path.name), cv2.IMREAD_UNCHANGED)
        small = cv2.resize(image, (64, 32), interpolation=cv2.INTER_AREA)
        said = np.uint8(small.argmax(axis=2) == 2)
        said = cv2.resize(said, image.shape[1::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        hits += ((said == 1) & (truth == 1)).sum()
        union += ((said == 1) | (truth == 1)).sum()
    assert theirs['lane_iou'] == pytest.approx(hits / union, abs=1e-4)
    assert 0 < theirs['lane_iou'] < 1
    difference = theirs['lane_iou'] - tiny['lane_iou']
    assert theirs['difference']['lane_iou']['value'] == pytest.approx(difference, abs=1e-4)


def test_one_file_fed_in_two_ways_is_two_models(folder: Path) -> None:
    peers = [PeerConfig(folder / 'other.onnx', lane_class=n, name=f'class {n}') for n in (1, 2)]
    config = BenchmarkConfig(
        models=(), engines=('onnxruntime',), threads=(1, 2), peers=tuple(peers), runs=10,
        warm_up=1, picture='128x64', data_root=folder,
        sets=(SetConfig(path='roads', annotated=('lane_marking',)),),
        bootstrap=BootstrapConfig(resamples=0),
    )  # fmt: skip
    cases = benchmark(config, quiet=True)['cases']
    found = {(c['model'], c['threads']): c['accuracy'][0] for c in cases}
    assert found['class 1', 1]['lane_iou'] != found['class 2', 1]['lane_iou']
    assert found['class 1', 1]['lane_iou'] == found['class 1', 2]['lane_iou']
    for name in ('class 1', 'class 2'):
        own = [case for case in cases if case['model'] == name]
        fast, slow = sorted(own, key=lambda case: case['segment_ms']['p50'])
        if fast['segment_ms']['p50'] < slow['segment_ms']['p50']:
            assert not slow['accuracy'][0]['on_front'], 'as good, and slower'
    assert any(one['on_front'] for one in found.values())


def test_models_of_one_name_are_told_apart(folder: Path, tmp_path: Path) -> None:
    other = make_bundle(tmp_path / 'bundle', slow_layers=1).folder
    models = (str(folder / 'bundle'), f'{folder / "bundle"}:dark', str(other))
    config = BenchmarkConfig(
        models=models, engines=('onnxruntime',), threads=(1,), sizes=('own', '64x32')
    )
    names = [case.model for case in list_cases(config, tmp_path)]
    assert names == [f'tiny ({folder / "bundle"})', 'tiny:dark', f'tiny ({other})']


def test_a_report_holds_tables_the_front_and_all_figures(folder: Path, result: dict) -> None:
    report = folder / 'report'
    assert {path.name for path in report.iterdir()} == {'report.json', 'report.md', 'pareto.png'}
    assert json.loads((report / 'report.json').read_text()) == result
    text = (report / 'report.md').read_text()
    for name in ('tiny onnxruntime fp32 128x64 1T', 'theirs onnxruntime fp32 64x32 1T'):
        assert text.count(f'| {name} |') == 4, 'speed, start, cost, accuracy'
    assert '![lane IoU over latency, with the Pareto front](pareto.png)' in text
    assert 'theirs is fed bgr as nchw float32, mean 0, scale 1; its file states no' in text
    picture = cv2.imread(str(report / 'pareto.png'))
    assert picture.std() > 5
    front = [case for case in result['cases'] if case['accuracy'][0]['on_front']]
    fastest = min(result['cases'], key=lambda case: case['segment_ms']['p50'])
    best = max(result['cases'], key=lambda case: case['accuracy'][0]['lane_iou'])
    assert fastest in front
    assert best['accuracy'][0]['lane_iou'] == front[-1]['accuracy'][0]['lane_iou'] or best in front


def test_tables_fit_a_narrow_terminal_and_name_all_in_a_wide_one(result: dict) -> None:
    for width, names in ((80, 1), (130, 4)):
        console = Console(width=width, record=True, file=io.StringIO())
        show(result, console)
        text = console.export_text()
        assert text.count('theirs onnxruntime fp32 128x64 1T') == names
        assert '…' not in text
        assert 'matrix products' in text


class _Recorder:
    """A process that only says when it was asked."""

    def __init__(self, name: str, asked: list[tuple[str, int]]) -> None:
        self.case = SimpleNamespace(name=name)
        self._asked = asked

    def ask(self, _: str, count: int) -> int:
        """Note the turn."""
        self._asked.append((self.case.name, count))
        return count


def test_turns_go_round_and_each_round_begins_with_another() -> None:
    asked: list[tuple[str, int]] = []
    kept: dict[str, int] = dict.fromkeys('abc', 0)

    def item(name: str) -> SimpleNamespace:
        def add(count: int) -> None:
            kept[name] += count

        return SimpleNamespace(process=_Recorder(name, asked), add=add)

    take_turns([item(name) for name in 'abc'], runs=5, turn=2, warm_up=7, quiet=True)
    assert asked[:3] == [('a', 7), ('b', 7), ('c', 7)]
    assert ''.join(name for name, _ in asked[3:]) == 'abcbcacab'
    assert [count for _, count in asked[3:]] == [2] * 6 + [1] * 3
    assert kept == dict.fromkeys('abc', 5), 'the warm-up is not counted'


def test_mistakes_are_told_in_one_line(capsys, tmp_path: Path, folder: Path) -> None:
    bundle = ['--models', folder / 'bundle', '--engines', 'onnxruntime']
    on_roads = ['--data_root', folder, '--path', 'roads']
    write_pairs(tmp_path / 'empty', 0, ('lane_marking',))
    (tmp_path / 'file').write_text('')
    (tmp_path / 'rubbish.onnx').write_text('no model')
    (tmp_path / 'alone.xml').write_text('no model')
    alone = ['--models', '[]', '--engines', 'onnxruntime', '--peer']
    quick = ['--runs', '10', '--warm_up', '1']
    peer = folder / 'other.onnx'
    for arguments, told in (
        (['--models', 'nowhere'], 'no bundle at nowhere'),
        (['--models', f'{folder / "bundle"}:fog'], "has no adapter 'fog'"),
        (['--models', '[]'], 'there is nothing to measure'),
        ([*bundle, '--precisions', 'int8'], 'has nothing for engine onnxruntime with'),
        ([*bundle, '--precisions', 'fp8'], "--precisions names 'fp8': use fp32, bf16, fp16, int8"),
        (['--engines', 'caffe'], "--engines names 'caffe': use onnxruntime"),
        ([*bundle, '--sizes', '32by64'], "--sizes has '32by64': write WIDTHxHEIGHT"),
        ([*bundle, '--sizes', '100'], "--sizes has '100': write WIDTHxHEIGHT"),
        ([*bundle, '--input.colours', 'rgb'], '--input and --lane_class are those of --peer'),
        ([*bundle, '--picture', 'large'], "--picture has 'large'"),
        ([*bundle, '--threads', '[-1]'], '--threads is [-1]'),
        ([*bundle, '--runs', '3'], '--runs is 3: use 10 or more'),
        ([*bundle, '--report', tmp_path / 'file'], '--report'),
        ([*bundle, '--data_root', tmp_path, '--path', 'empty'], 'the set is empty'),
        ([*bundle, *on_roads, '--annotated', 'kerb'], 'is to judge kerb'),
        ([*bundle, '--peer', 'nowhere.onnx'], '--peer nowhere.onnx does not exist'),
        ([*bundle, '--peer', tmp_path / 'file'], 'is neither ONNX nor OpenVINO'),
        ([*bundle, '--peer', tmp_path / 'alone.xml'], 'has no alone.bin beside it'),
        ([*bundle, '--peer', peer, '--lane-class', '-1'], '--lane_class is -1'),
        ([*bundle, '--peer', peer, '--input.scale', '0'], '--input.scale is [0.0]'),
        ([*bundle, '--peer', peer, '--input.width', '5'], 'give both, or neither'),
        ([*bundle, '--peer', peer, '--peers', json.dumps([{'file': str(peer)}])],
         "two peers are named 'other'"),
        # these are found by the processes that load them
        ([*alone, tmp_path / 'rubbish.onnx'], 'rubbish.onnx cannot be run by onnxruntime'),
        ([*alone, peer, '--lane-class=3', *quick], 'has the classes 0 to 2: name one of them'),
    ):  # fmt: skip
        assert main(['benchmark', *map(str, arguments)]) == 2, told
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith('error: ')
        assert told in error


def test_an_engine_that_is_not_installed_is_named(capsys, folder: Path) -> None:
    if importlib.util.find_spec('tensorrt'):
        pytest.skip('tensorrt is installed')
    arguments = ['--models', str(folder / 'bundle'), '--engines', 'tensorrt']
    assert main(['benchmark', *arguments]) == 2
    assert '--engines names tensorrt, which is not installed: pip' in capsys.readouterr().err


def test_a_size_that_a_bundle_refuses_is_named(capsys, tmp_path: Path) -> None:
    """Pixels in pairs, as pixel shuffling has them: an odd width cannot be."""
    info = onnx.helper.make_tensor_value_info
    constants = {'pairs': [1, 3, 16, 2, 32, 2], 'planes': [1, 3, 32, 64]}
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node('Transpose', ['frame'], ['x'], perm=[0, 3, 1, 2]),
            onnx.helper.make_node('Reshape', ['x', 'pairs'], ['y']),
            onnx.helper.make_node('Reshape', ['y', 'planes'], ['scores']),
        ],
        'pairs',
        [info('frame', onnx.TensorProto.UINT8, (1, 32, 64, 3))],
        [info('scores', onnx.TensorProto.UINT8, (1, 3, 32, 64))],
        [onnx.numpy_helper.from_array(np.array(v), name) for name, v in constants.items()],
    )
    opset = onnx.helper.make_opsetid('', 18)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=9)
    bundle = bundle_of(tmp_path / 'bundle', model.SerializeToString())
    arguments = ['--models', str(bundle.folder), '--engines', 'onnxruntime', '--sizes', '65x32']
    assert main(['benchmark', *arguments]) == 2
    error = capsys.readouterr().err
    assert '--sizes: broken cannot run at 65x32: an inner size of 32 would be 32.5: use' in error
