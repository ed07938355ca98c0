"""The k-shot measurement, on rendered roads and a network that takes a second."""

import json
from pathlib import Path

from bench.adaptation import main
from bench.adaptation_arms import ARMS
from bench.adaptation_base import Base
from bench.adaptation_cell import Budget, Cell, frames_of, train_config
from bench.adaptation_directions import directions, drawn
from bench.adaptation_report import draw_curves, lost, tables
import pytest
from rendered_roads import write_pairs
from training.data.sources import SetConfig
from training.loop.start import build_network
from training.models.cost import count_parameters
from training.models.unet import UNet
from training.train import train
from training_runs import tiny_config


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data root with a base in ``runs/tiny``, a track of 24 frames and a town of 6."""
    folder = tmp_path_factory.mktemp('adaptation')
    train(tiny_config(folder), quiet=True)
    write_pairs(folder / 'track_tape', 24)
    write_pairs(folder / 'carla_town_a', 6)
    return folder


def command(data: Path, *more: str) -> list[str]:
    base = ['--base', data / 'runs' / 'tiny', '--data_root', data, '--out', data / 'out']
    small = ['--steps', 2, '--batch_size', 2, '--precision', '32-true', '--threads', 1]
    return [*map(str, (*base, *small)), *more]


def test_table_curve_and_document_are_made_and_kept(data, capsys, tmp_path):
    report = tmp_path / 'adaptation.md'
    report.write_text(
        'before\n<!-- bench:adaptation_track -->\na stale table\n<!-- /bench -->\nafter\n'
    )
    arguments = command(
        data, '--direction', 'track', '--arms', 'adabn', 'lora_r2', '--shots', '2', '--seeds', '1',
        '2', '--report', str(report), '--write',
    )  # fmt: skip
    assert main(arguments) == 0, capsys.readouterr().err
    text = report.read_text()
    assert text.startswith('before\n') and text.endswith('<!-- /bench -->\nafter\n')
    assert 'stale' not in text and '| LoRA r2 | – | 0.' in text and '| AdaBN (no labels) |' in text
    assert (tmp_path / 'images' / 'adaptation_track.png').stat().st_size > 10_000
    found = {path: json.loads(path.read_text()) for path in (data / 'out').glob('*.json')}
    assert sorted(f['arm'] for f in found.values()) == ['adabn'] * 2 + ['lora_r2'] * 2 + ['source']
    low_rank = next(f for f in found.values() if f['arm'] == 'lora_r2')
    assert 0 <= low_rank['target']['lane_iou'] <= 1 and 'lane_f1_3px' in low_rank['known']
    assert low_rank['trainable'] > 0 and low_rank['kept_bytes'] > 4 * low_rank['trainable']
    assert low_rank['peak_memory_mib'] > 50 and low_rank['step_ms'] > 0
    times = {path: path.stat().st_mtime_ns for path in found}
    assert main(arguments) == 0
    assert {path: path.stat().st_mtime_ns for path in found} == times, 'measured again'


def test_what_cannot_be_is_one_line(data, capsys):
    track = ['--direction', 'track', '--arms', 'lora_r2', '--seeds', '1', '--shots']
    assert main([*command(data, *track, '2'), '--base', str(data / 'nothing')]) == 2
    assert capsys.readouterr().err.count('\n') == 1
    with pytest.raises(SystemExit):
        main(command(data))  # one base for both directions
    assert 'of one --direction' in capsys.readouterr().err
    assert main(command(data, *track, '5')) == 2
    assert 'only 4 frames to draw 5 from: name --shots from 1 to 4' in capsys.readouterr().err


def test_draws_of_a_seed_grow_and_stay_out_of_the_test(data):
    assert set(drawn(40, 5, 1)) < set(drawn(40, 10, 1)) != set(drawn(40, 10, 2))
    assert drawn(40, 40, 3) == list(range(40))
    cell = cell_of(data, 'lora_r4', shots=3)
    names = [pair.name for pair in cell.open(frames_of(cell)).pairs]
    assert len(names) == 3 and max(names) < '0004'
    assert cell.open(cell.direction.test).pairs[0].name == '0004'


def cell_of(data: Path, arm: str, shots: int = 1) -> Cell:
    direction = directions(data / 'rendered')['track']
    base = Base.open(data / 'runs' / 'tiny')
    return Cell(direction, base, ARMS[arm], shots, 1, Budget(2, 2), data, data / 'cells')


@pytest.mark.parametrize('arm', [name for name, arm in ARMS.items() if arm.is_trained])
def test_every_arm_trains_what_it_says(data, arm):
    cell = cell_of(data, arm)
    network = build_network(train_config(cell, SetConfig('track_tape')))
    learning = {name for name, p in network.named_parameters() if p.requires_grad}
    total = count_parameters(UNet(cell.base.network))
    if arm == 'full':
        assert count_parameters(network, trainable_only=True) == total
    elif arm == 'head':
        assert learning == {'head.weight', 'head.bias'}
    elif arm == 'bn_affine':
        assert learning and all(name.split('.')[-2] in '147' for name in learning)
    else:
        assert learning and not any('.base.' in name for name in learning)
        assert ('decoder.0.fuse.1.weight' in learning) == (arm == 'lora_r2_affine')


def test_tables_say_what_the_figures_say(tmp_path):
    def figures(target: float, known: float) -> dict:
        return {
            'target': {'lane_iou': target, 'lane_f1_3px': 0.5}, 'known': {'lane_iou': known},
            'learning_rate': 0.004, 'trainable': 1234, 'kept_bytes': 5678, 'step_ms': 10.0,
            'adapt_s': 1.5, 'peak_memory_mib': 500.0,
        }  # fmt: skip

    results = {
        ('source', 0): [figures(0.4, 0.8)],
        ('head', 1): [figures(0.5, 0.7), figures(0.6, 0.6)],
        ('full', 5): [figures(0.7, 0.9)],
    }
    reached, forgotten, costs = tables(results, 'title', ['note'])
    assert reached.columns == ['', 'k = 0', 'k = 1', 'k = 5']
    assert reached.rows[0][:3] == ['source (as it is)', '0.400 / 0.500', '–']
    assert reached.rows[1][2] == '0.550 ± 0.071 / 0.500 ± 0.000'
    assert forgotten.rows == [
        ['head only', '0.150 ± 0.071', '–'], ['full fine-tuning', '–', '-0.100'],
    ]  # fmt: skip
    assert lost(results, 'head', 1) == pytest.approx([0.1, 0.2])
    assert costs.rows[0] == ['head only', '1,234', '10', '1.5', '500', '6', '0.004']
    assert draw_curves(results, 'title', tmp_path / 'curve.png').is_file()
