"""Soft labels from end to end: a model writes what it sees, a smaller one learns from that."""

from dataclasses import replace
import json
import shutil

import cv2
import numpy as np
import pytest
from rendered_roads import write_pairs
from seg_node.frame import Frame
from seg_node.postprocess import OutputSpec
from seg_node.preprocess import InputSpec
import torch
from training.__main__ import main
from training.data.augment import AugmentConfig
from training.data.geometry import GeometryConfig
from training.data.pairs import PairsFolder
from training.data.photometric import PhotometricConfig
from training.data.sources import SetConfig, SourceConfig
from training.errors import ConfigError, DataError
from training.evaluate import evaluate
from training.evaluate_config import EvaluateConfig
from training.evaluation.bootstrap import BootstrapConfig
from training.evaluation.models import ModelName, open_model
from training.loop.settings import DistillConfig
from training.losses.config import LossConfig
from training.runs import LAST, Run
from training.torch_segmenter import TorchSegmenter
from training.train import train
from training_runs import tiny_config

PLAIN = AugmentConfig(
    GeometryConfig(scale=(1, 1), aspect=1, shift=(0, 0), warp=0),
    PhotometricConfig(paint=0, tone=0, shadow=0, blur=0, noise=0, jpeg=0),
    cut_out=0,
    borrow=0,
)


@pytest.fixture(scope='module')
def teacher(tmp_path_factory):
    """Return the settings of a finished run, beside pictures of other sizes that nobody knows."""
    config = tiny_config(
        tmp_path_factory.mktemp('soft'),
        name='teacher',
        epochs=6,
        samples_per_epoch=24,
        augment=PLAIN,
    )
    train(config, quiet=True)
    write_pairs(config.data_root / 'new', 6, ('background', 'lane_marking', 'road'))
    for number, size in enumerate([(96, 40), (64, 32), (33, 77)]):
        for path in (config.data_root / 'new').glob(f'*/{number:04}.*'):
            plane = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            plane = cv2.resize(plane, size, interpolation=cv2.INTER_NEAREST)
            cv2.imwrite(str(path), np.zeros_like(plane) if path.parent.name == 'masks' else plane)
    return config


def answers_of(teacher, output, **changes):
    settings = {
        'model': teacher.folder, 'data_root': teacher.data_root, 'path': 'new',
        'write_soft_labels': output, 'bootstrap': BootstrapConfig(resamples=0),
    }  # fmt: skip
    return evaluate(EvaluateConfig(**{**settings, **changes}), quiet=True)


@pytest.fixture(scope='module')
def soft(teacher):
    folder = teacher.data_root / 'out' / 'soft'
    answers_of(teacher, folder)
    return folder


def test_every_picture_gets_what_the_model_says_of_it_at_its_size(teacher, soft):
    assert sorted(path.name for path in soft.iterdir()) == [
        *(f'{number:04}.png' for number in range(6)), 'teacher.json'
    ]  # fmt: skip
    assert [path.name for path in soft.parent.iterdir()] == ['soft'], 'nothing half-written'
    stated = json.loads((soft / 'teacher.json').read_text())
    assert stated == {
        'labels': ['background', 'lane_marking', 'road'],
        'teacher': 'run teacher, torch, threshold 0.5',
    }
    source = SetConfig(path='new', soft_labels=str(soft))
    folder = PairsFolder.open(source, teacher.data_root)
    with open_model(ModelName(teacher.folder), 1, 0.5) as model:
        for index in range(6):
            image, mask = folder.read(index)
            said = folder.read_soft(index, mask.shape)
            assert np.abs(said.sum(2, dtype=int) - 255).max() <= 3
            best = model.mask(Frame(image)).labels
            sure = said.max(2) > 140
            assert (said.argmax(2) == best)[sure].mean() > 0.97
    scores, placement = model.scores(Frame(folder.read_image(1)))
    assert np.array_equal(folder.read_soft(1, (32, 64)), placement.crop(scores).transpose(1, 2, 0))


def answers(config, folder):
    """Return the probabilities that the last weights of a run give every picture of a set."""
    model = TorchSegmenter(Run.load(config.folder / LAST).network, config.input, OutputSpec())
    frames = [Frame(folder.read_image(index)) for index in range(len(folder))]
    return np.stack([model.scores(frame)[0] for frame in frames]) / 255


def test_a_training_learns_what_they_say(teacher, soft):
    """The masks are empty and hardly count: what the student knows, soft labels taught it."""
    source = SourceConfig(path='new', soft_labels=str(soft))
    student = replace(
        teacher, name='student', seed=3, epochs=6, samples_per_epoch=24, train=(source,),
        augment=PLAIN, teacher=DistillConfig(temperature=1.0),
        loss=LossConfig(class_weights=(1e-6, 0, 0)),
    )  # fmt: skip
    facts = train(student, quiet=True)
    alone = replace(student, name='alone', train=(replace(source, soft_labels=''),))
    assert train(alone, quiet=True)['data'][0]['sha256'] != facts['data'][0]['sha256']
    roads = PairsFolder.open(SetConfig(path='roads'), teacher.data_root)
    taught, untaught, wanted = (answers(c, roads) for c in (student, alone, teacher))
    assert np.abs(taught - wanted).mean() < 0.7 * np.abs(untaught - wanted).mean()


def test_their_folder_may_lie_in_the_set_or_elsewhere(teacher, soft, monkeypatch):
    hashes = set()
    shutil.copytree(soft, teacher.data_root / 'new' / 'said')
    monkeypatch.chdir(soft.parent)
    for place in ('said', '../out/soft', 'soft', str(soft)):
        folder = PairsFolder.open(SetConfig(path='new', soft_labels=place), teacher.data_root)
        assert all(pair.soft.is_file() for pair in folder.pairs)
        hashes.add(folder.sha256())
    shutil.rmtree(teacher.data_root / 'new' / 'said')
    assert len(hashes) < 4
    with pytest.raises(DataError, match=r'new/nowhere is missing: .* soft_labels'):
        PairsFolder.open(SetConfig(path='new', soft_labels='nowhere'), teacher.data_root)


def test_a_part_of_a_set_needs_those_of_that_part_alone(teacher, tmp_path):
    answers_of(teacher, tmp_path / 'soft', part='train', hold_out=2)
    assert len(list((tmp_path / 'soft').glob('*.png'))) == 4
    source = SetConfig(path='new', soft_labels=str(tmp_path / 'soft'), hold_out=2)
    assert len(PairsFolder.open(replace(source, part='train'), teacher.data_root)) == 4
    with pytest.raises(DataError, match=r'0004 has no soft label \(and 1 more\)'):
        PairsFolder.open(source, teacher.data_root)


def test_they_are_replaced_as_a_whole_and_nothing_else_is(teacher, soft, tmp_path, capsys):
    answers_of(teacher, tmp_path / 'soft')
    answers_of(teacher, tmp_path / 'soft', part='held_out', hold_out=2)
    names = sorted(path.name for path in (tmp_path / 'soft').iterdir())
    assert names == ['0004.png', '0005.png', 'teacher.json']
    kept = tmp_path / 'kept'
    kept.mkdir()
    (kept / 'diary.txt').write_text('dear')
    (tmp_path / 'file').write_text('')
    for place, told in (
        (kept, 'holds no soft labels'), (tmp_path / 'file', 'holds no soft labels'),
        (tmp_path / 'file' / 'x', 'cannot be written'),
    ):  # fmt: skip
        arguments = ['--model', str(teacher.folder), '--data_root', str(teacher.data_root)]
        where = ['--path', 'new', '--write_soft_labels', str(place)]
        assert main(['evaluate', *arguments, *where]) == 2
        error = capsys.readouterr().err
        assert error.startswith('error: --write_soft_labels ')
        assert told in error
    assert [path.name for path in kept.iterdir()] == ['diary.txt']
    with pytest.raises(ConfigError, match='holds the soft labels of one set'):
        two = (SetConfig(path='new'), SetConfig(path='roads'))
        answers_of(teacher, tmp_path / 'x', path='', sets=two)


def test_planes_of_other_labels_are_refused(teacher, soft, tmp_path):
    source = SetConfig(path='new', soft_labels=str(soft), remap={'others': 0})
    with pytest.raises(DataError, match=r"soft labels of .*'road'.*this run has .*'kerb'"):
        PairsFolder.open(source, teacher.data_root, ('background', 'lane_marking', 'kerb'))
    other = tmp_path / 'soft'
    answers_of(teacher, other)
    for content in ('', '[]', '{}'):
        (other / 'teacher.json').write_text(content)
        with pytest.raises(DataError, match=r'teacher\.json is damaged'):
            PairsFolder.open(replace(source, soft_labels=str(other)), teacher.data_root)


def test_labels_without_lane_marking_are_written_as_the_network_says():
    """No threshold decides a label there, and none may spoil the probabilities."""
    torch.manual_seed(0)
    network = torch.nn.Conv2d(3, 4, 1).eval()
    labels = ('sky', 'tree', 'road', 'car')
    frame = Frame(np.random.default_rng(0).integers(0, 256, (32, 64, 3), dtype=np.uint8))
    spec = InputSpec(width=64, height=32)
    model = TorchSegmenter(network, spec, OutputSpec(), labels)
    scores, _ = model.scores(frame)
    assert np.abs(scores.sum(0, dtype=int) - 255).max() <= 2
    assert len(np.unique(scores[1])) > 2
