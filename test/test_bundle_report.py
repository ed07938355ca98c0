"""``python -m seg_node.bundle`` says what a bundle is and whether it is whole."""

from dataclasses import replace
import json
from pathlib import Path
import subprocess
import sys

from bundles import make_bundle
import pytest
from seg_node.bundle import Comparison, ModelBundle, save_bundle

REPOSITORY = Path(__file__).resolve().parents[1]


def run_bundle(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, '-m', 'seg_node.bundle', *map(str, arguments)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)


def test_command_line_says_what_a_bundle_is(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / 'bundle', width=96, height=48)
    (file,) = bundle.manifest.files
    measured = replace(
        file, metrics={'lane_iou': 0.875}, latency_ms={'torch': 12.5}, measured_on='a desk'
    )
    compared = Comparison('track', 'target', 20, {'lane_iou': 0.5}, {'lane_iou': 0.75})
    dark = replace(bundle.manifest.adapters['dark'], comparisons=(compared,))
    manifest = replace(
        bundle.manifest,
        files=(measured,),
        adapters={'dark': dark},
        description='Made by hand.',
        provenance={'date': '2026-01-02', 'data': [{'path': 'road', 'samples': 3}], 'none': None},
    )
    sources = {file.path: bundle.path_of(file) for file in manifest.all_files()}
    save_bundle(tmp_path / 'measured', manifest, sources)
    done = run_bundle(tmp_path / 'measured')
    assert done.returncode == 0, done.stderr
    assert done.stderr == ''
    lines = done.stdout.splitlines()
    for line in (
        'name: tiny',
        'description: Made by hand.',
        'labels: 0 background, 1 lane_marking, 2 road',
        'input: 96 x 48 pixels, letterbox, R G B scaled to 0-1',
        'output: probabilities_uint8, lane marking from probability 0.5 on',
        '  model.onnx: onnx, fp32, 0.00 MB, for onnxruntime, openvino, torch',
        '    lane_iou 0.875',
        '    latency p50: torch 12.5 ms',
        '    measured on: a desk',
        'adapter dark:',
        '  adapted to: track, 20 frames, base -> adapter',
        '    lane_iou 0.500 -> 0.750',
        '  date: 2026-01-02',
        '    1: path road, samples 3',
        'whole: yes',
    ):
        assert line in lines
    assert 'none' not in done.stdout


def test_command_line_json(tiny_bundle: ModelBundle) -> None:
    folder = tiny_bundle.folder
    done = run_bundle(folder, '--json')
    content = json.loads(done.stdout)
    assert done.returncode == 0
    assert content['whole'] is True
    assert content['folder'] == str(folder)
    assert content['digest'] == tiny_bundle.digest
    assert content['manifest'] == json.loads((folder / 'bundle.json').read_text())


def test_command_line_refuses_a_broken_bundle(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / 'bundle').folder
    (folder / 'model.onnx').write_bytes(b'')
    done = run_bundle(folder, '--json')
    assert done.returncode == 2
    assert done.stdout == ''
    assert done.stderr.startswith('error: ')
    assert done.stderr.count('\n') == 1
    assert 'has 0 bytes instead of' in done.stderr


def test_the_bundle_that_ships_is_whole() -> None:
    if not (REPOSITORY / 'models/lane_unet/bundle.json').is_file():
        pytest.skip('models/lane_unet is not in this checkout')
    done = run_bundle()
    assert done.returncode == 0, done.stderr
    assert 'whole: yes' in done.stdout.splitlines()
