"""The published comparisons, on rendered roads and a network that takes a second."""

import json
from pathlib import Path

from bench.reproduction import _FURTHER, further, main
from bench.reproduction_report import restlessness
from bench.reproduction_runs import Training
import pytest
from rendered_roads import write_pairs
from training.command_line import parse
from training.config import TrainConfig
from training.loop.start import build_network
from training.models.cost import count_parameters
from training.models.unet import CLASSIC_UNET

CONFIGS = Path(__file__).resolve().parents[1] / 'training' / 'configs'
SMALL = (
    '--network.widths', '4,8', '--input.width', '64', '--input.height', '32', '--batch_size', '2',
    '--samples_per_epoch', '4', '--epochs', '2', '--precision', '32-true', '--threads', '1',
)  # fmt: skip


def write_data(folder: Path) -> Path:
    for name in ('camvid_road/train', 'camvid_road/val', 'carla_town_a'):
        write_pairs(folder / name, 4 if 'camvid' in name else 14)
    for part in ('train', 'val'):
        (folder / 'camvid_road' / part / 'masks').rename(folder / 'camvid_road' / part / 'labels')
    return folder


def run(folder: Path, verb: str, *more: str) -> int:
    report = folder / 'reproduction.md'
    report.write_text(f'<!-- bench:reproduction_{verb} -->\n<!-- /bench -->\n')
    own = ('--data_root', folder, '--out', folder / 'out', '--report', report, '--write')
    return main([verb, *map(str, own), '--seeds', '1', *more, '--', *SMALL])


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp('reproduction'))


def test_the_poster_s_table_with_its_control(data, capsys):
    assert run(data, 'camvid', '--arms', 'lora', 'full', '--further_epochs', '1') == 0
    text = (data / 'reproduction.md').read_text()
    for title in ('baseline', 'LoRA (model 1)', 'full fine-tuning (the control)'):
        assert f'| {title} | 0.' in text
    assert 'widths 4-8, 64x32, batches of 2, 32-true' in text
    found = [json.loads(path.read_text()) for path in (data / 'out').glob('*.json')]
    by_arm = {figures['arm']: figures for figures in found}
    assert [by_arm[arm]['steps'] for arm in ('baseline', 'lora', 'full')] == [4, 2, 2]
    assert by_arm['full']['trainable'] == by_arm['baseline']['trainable']
    assert all(0 < figures['validation_loss'] < 10 for figures in found)
    capsys.readouterr()
    assert run(data, 'camvid', '--arms', 'lora', 'full', '--further_epochs', '1') == 0
    assert 'training ' not in capsys.readouterr().err, 'trained again'


def test_losses_side_by_side(data):
    assert run(data, 'losses', '--arms', 'bce', 'bce_dice') == 2, 'the part to train on is empty'
    write_more = data / 'more'
    write_data(write_more)
    write_pairs(write_more / 'long', 114)
    (write_more / 'carla_town_a').rename(write_more / 'short')
    (write_more / 'long').rename(write_more / 'carla_town_a')
    assert run(write_more, 'losses', '--arms', 'bce', 'bce_dice') == 0
    text = (write_more / 'reproduction.md').read_text()
    assert '| BCE + Dice | 0.' in text and '(images/reproduction_losses.png)' in text
    assert (write_more / 'images' / 'reproduction_losses.png').stat().st_size > 10_000
    for path in (write_more / 'out').glob('*.json'):
        figures = json.loads(path.read_text())
        assert len(figures['frame_lane_iou']) == 100 and len(figures['history']['lane_iou']) == 2


def test_another_verb_s_arm_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(['losses', '--arms', 'lora'])
    assert 'losses knows bce, dice, bce_dice, not lora' in capsys.readouterr().err


def test_at_full_width_lora_has_the_parameters_of_the_poster(tmp_path):
    widths = ','.join(map(str, CLASSIC_UNET.widths))
    config, _ = parse(
        TrainConfig, 'train',
        [str(CONFIGS / 'reproduction_camvid.yaml'), '--network.widths', widths],
    )  # fmt: skip
    counts = {}
    for arm, (_, changes) in _FURTHER.items():
        settings = further(Training('baseline', config, tmp_path), changes, 1)
        network = build_network(settings, fresh=False)
        counts[arm] = count_parameters(network, trainable_only=True)
    assert counts['lora'] == counts['lora_augmented'] == 421_740
    assert counts['lora_peft'] == 233_324
    assert counts['full'] == counts['full_augmented'] > 31e6


def test_restlessness_is_of_the_second_half():
    assert restlessness([0, 9, 0.5, 0.6, 0.4]) == pytest.approx(0.15)
    assert restlessness([0.3]) == 0
