"""One training of a published comparison, and all that is told about it."""

from dataclasses import dataclass, replace
import hashlib
import json
from pathlib import Path
import shutil
import sys
from typing import Any

from bench.own_process import in_own_process
from seg_node.atomic_files import write_text
from seg_node.postprocess import OutputSpec
import torch
from torch import nn
from training.config import TrainConfig
from training.data.augment import AugmentConfig
from training.data.geometry import GeometryConfig
from training.data.label_table import LANE_NAMES
from training.data.pairs import PairsFolder
from training.data.photometric import PhotometricConfig
from training.data.sampling import Draw, TrainingSamples
from training.evaluation.measure import measure
from training.learning_curve import read_history
from training.loop.schedule import total_steps
from training.losses.segmentation import segmentation_loss
from training.models.score_graph import Normalize
from training.runs import LAST, Run
from training.torch_segmenter import TorchSegmenter
from training.train import train

#: No change at all: the whole picture, put into the network's input.
_AS_IT_IS = AugmentConfig(
    GeometryConfig(flip=0, crop=0, scale=(1, 1), aspect=1, shift=(0, 0), warp=0),
    PhotometricConfig(
        paint=0, tone=0, saturation=0, hue_deg=0, grayscale=0, shadow=0, rain=0, blur=0, noise=0,
        jpeg=0,
    ),
    cut_out=0,
    borrow=0,
)  # fmt: skip
#: Figures of ``run.json`` that are kept.
_RESOURCES = (
    'wall_s', 'batch_ms_p50', 'batch_ms_p99', 'data_wait_share', 'peak_memory_mib',
    'processor_cores', 'gpu_peak_memory_mib', 'gpu_use_percent',
)  # fmt: skip


@dataclass(frozen=True)
class Training:
    """
    A run to be measured.

    :param arm: what it is called in files.
    :param out: folder of all files.
    """

    arm: str
    config: TrainConfig
    out: Path

    @property
    def named(self) -> TrainConfig:
        """Its settings; the name tells all of them that matter apart."""
        plain = self.config.as_dict()
        for key in ('name', 'runs', 'data_root', 'threads'):
            del plain[key]
        digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:8]
        return replace(
            self.config,
            name=f'{self.arm}_s{self.config.seed}_{digest}',
            runs=self.out / 'runs',
        )

    @property
    def result(self) -> Path:
        """The file of its figures."""
        return self.out / f'{self.named.name}.json'

    def figures(self) -> dict[str, Any]:
        """Return what it came to, training now what was not trained before."""
        if not self.result.is_file():
            print(f'training {self.named.name}', file=sys.stderr)
            in_own_process(measure_training, self)
        found: dict[str, Any] = json.loads(self.result.read_text())
        return found


def measure_training(training: Training) -> None:
    """Train and measure the last weights; the figures go into ``training.result``."""
    config = training.named
    shutil.rmtree(config.folder, ignore_errors=True)  # of one that was stopped: times would lie
    facts = train(config)
    run = Run.load(config.folder / LAST)
    history = read_history(config.folder)
    figures = {
        'arm': training.arm,
        'seed': config.seed,
        'steps': total_steps(
            facts['epochs_done'],
            config.samples_per_epoch,
            config.batch_size,
            config.optimizer.accumulate,
        ),
        'trainable': facts['parameters']['trainable'],
        'metrics': {name: list(values.values())[-1] for name, values in history.items()},
        'validation_loss': validation_loss(run.network, config),
        **{name: facts['resources'][name] for name in _RESOURCES},
        'history': {name: list(values.values()) for name, values in history.items()},
        'frame_lane_iou': lane_iou_by_frame(run.network, config),
    }
    write_text(training.result, json.dumps(figures, indent=2) + '\n')


def _validation(config: TrainConfig) -> list[PairsFolder]:
    return [PairsFolder.open(item, config.data_root, config.labels) for item in config.validation]


def validation_loss(network: nn.Module, config: TrainConfig) -> float:
    """Return the mean loss of whole pictures that nothing was learnt from."""
    folders = _validation(config)
    samples = TrainingSamples(folders, config.input, _AS_IT_IS)
    normalize = Normalize(config.input)
    total = count = 0.0
    for source, folder in enumerate(folders):
        for index in range(len(folder)):
            sample = samples[Draw(source, index, (0, 0, index))]
            batch = {name: tensor[None] for name, tensor in sample.items()}
            with torch.inference_mode():
                logits = network(normalize(batch['image']))
            loss = segmentation_loss(
                logits, batch['truth'], batch['annotated'], batch['covers'], config.loss
            )
            total, count = total + float(loss), count + 1
    return total / count


def lane_iou_by_frame(network: nn.Module, config: TrainConfig) -> list[float]:
    """Return the lane IoU of each validation picture by itself; none without lane markings."""
    if config.labels != LANE_NAMES:
        return []
    lane = LANE_NAMES.index('lane_marking')
    segmenter = TorchSegmenter(network, config.input, OutputSpec(), config.labels)
    return [
        float(count.iou(lane))
        for folder in _validation(config)
        for count in measure(segmenter, folder)
    ]
