"""One cell of the k-shot table: adapt a network to a few frames, then measure it."""

from dataclasses import dataclass, replace
import hashlib
import json
from pathlib import Path
import shutil
import tempfile
import time
from typing import Any, Literal

from bench.adaptation_arms import Arm
from bench.adaptation_base import Base
from bench.adaptation_directions import Direction, drawn, link_frames
from safetensors.torch import save
from seg_node.atomic_files import write_text
from seg_node.frame import Frame
from seg_node.preprocess import preprocess
import torch
from torch import nn
from training.config import TrainConfig
from training.data.pairs import PairsFolder
from training.data.sources import SetConfig, SourceConfig
from training.evaluation.counts import pool
from training.evaluation.measure import measure
from training.loop.resources import peak_memory_mib
from training.loop.settings import OptimizerConfig
from training.lora.batch_norm import adapt_statistics
from training.lora.files import save_adapter
from training.lora.inject import adapters, fold
from training.models.score_graph import Normalize
from training.models.unet import UNet
from training.runs import can_fold, Run
from training.settings import plain
from training.torch_segmenter import TorchSegmenter
from training.train import train

#: Pictures that the statistics are taken of at once.
_ADABN_BATCH = 8


@dataclass(frozen=True)
class Budget:
    """
    What every trained arm is given alike.

    :param steps: of the optimizer.
    :param threads: of the trainer; 0 leaves torch's choice.
    """

    steps: int = 60
    batch_size: int = 4
    precision: Literal['32-true', 'bf16-mixed', '16-mixed'] = 'bf16-mixed'
    accelerator: Literal['auto', 'cpu', 'cuda'] = 'auto'
    threads: int = 0


@dataclass(frozen=True)
class Cell:
    """One arm, one number of frames, one seed."""

    direction: Direction
    base: Base
    arm: Arm
    shots: int
    seed: int
    budget: Budget
    data_root: Path
    out: Path

    @property
    def name(self) -> str:
        """What it is called in files."""
        if self.arm.trains == 'nothing':
            return f'{self.direction.name}_source'
        return f'{self.direction.name}_{self.arm.name}_k{self.shots}_s{self.seed}'

    @property
    def result(self) -> Path:
        """The file of its figures; another base, arm or budget has another one."""
        settings = {
            'base': self.base.sha256,
            'arm': vars(self.arm) | {'lora': vars(self.arm.lora)},
            'budget': vars(self.budget),
            'sets': [vars(item) for item in (self.direction.test, self.direction.known)],
        }
        if not self.arm.is_trained:
            del settings['budget']
        text = json.dumps(plain(settings), sort_keys=True)
        return self.out / f'{self.name}_{hashlib.sha256(text.encode()).hexdigest()[:10]}.json'

    def open(self, item: SetConfig) -> PairsFolder:
        """Return a set, in the labels of the base."""
        return PairsFolder.open(item, self.data_root, self.base.labels)


def measure_cell(cell: Cell) -> None:
    """Adapt and measure; the figures go into ``cell.result``."""
    if cell.budget.threads:
        torch.set_num_threads(cell.budget.threads)
    if cell.arm.is_trained:
        network, cost = _trained(cell)
    else:
        network, cost = _untrained(cell)
    cost['kept_bytes'] = kept_bytes(network, cell)
    if can_fold(network):
        network = fold(network)
    device = 'cuda' if torch.cuda.is_available() and cell.budget.accelerator != 'cpu' else 'cpu'
    network = network.eval().to(device)
    segmenter = TorchSegmenter(network, cell.base.input, cell.base.output, cell.base.labels)
    figures = {
        use: pool(measure(segmenter, cell.open(item)))
        for use, item in (('target', cell.direction.test), ('known', cell.direction.known))
    }
    facts = {'arm': cell.arm.name, 'shots': cell.shots, 'seed': cell.seed}
    write_text(cell.result, json.dumps(facts | figures | cost, indent=2) + '\n')


def train_config(cell: Cell, frames: SetConfig) -> TrainConfig:
    """Return the training of a cell: the same for all arms but for rate, adapter and freezing."""
    base, budget = cell.base, cell.budget
    return TrainConfig(
        name=cell.name,
        data_root=cell.data_root,
        runs=cell.out / 'runs',
        init_from=base.path,
        seed=cell.seed,
        epochs=1,
        samples_per_epoch=budget.steps * budget.batch_size,
        batch_size=budget.batch_size,
        accelerator=budget.accelerator,
        precision=budget.precision,
        threads=budget.threads,
        workers=0,
        validate_every=1,
        monitor='mean_iou',
        train=(SourceConfig(**vars(frames)),),
        # nothing is chosen by it: the last weights are taken
        validation=(replace(frames, shots=1),),
        network=base.network,
        input=base.input,
        labels=base.labels,
        loss=base.loss,
        lora=cell.arm.lora,
        freeze=cell.arm.freeze(UNet(base.network)),
        optimizer=OptimizerConfig(
            learning_rate=cell.arm.learning_rate,
            warmup_steps=max(1, budget.steps // 10),
            ema_decay=0.98,
        ),
    )


def frames_of(cell: Cell) -> SetConfig:
    """Return the frames that a cell learns from, linked into a folder of their own."""
    pool_ = cell.open(cell.direction.pool)
    folder = cell.out / 'frames' / f'{cell.direction.name}_s{cell.seed}_k{cell.shots}'
    return link_frames(pool_, drawn(len(pool_), cell.shots, cell.seed), folder)


def _trained(cell: Cell) -> tuple[nn.Module, dict[str, Any]]:
    config = train_config(cell, frames_of(cell))
    shutil.rmtree(config.folder, ignore_errors=True)  # of a cell that was stopped
    start_s = time.perf_counter()
    facts = train(config, quiet=True)
    wall_s = time.perf_counter() - start_s
    network = Run.load(config.folder, folded=False).network
    shutil.rmtree(config.folder)
    resources = facts['resources']
    return network, {
        'learning_rate': cell.arm.learning_rate,
        'trainable': facts['parameters']['trainable'],
        'step_ms': resources['batch_ms_p50'],
        'adapt_s': round(wall_s, 2),
        'peak_memory_mib': resources['peak_memory_mib'],
        'gpu_peak_memory_mib': resources['gpu_peak_memory_mib'],
    }


def _untrained(cell: Cell) -> tuple[nn.Module, dict[str, Any]]:
    """Return the base, under AdaBN with the statistics of the frames, whose masks nobody reads."""
    network = cell.base.build()
    cost = dict.fromkeys(
        ('learning_rate', 'step_ms', 'adapt_s', 'peak_memory_mib', 'gpu_peak_memory_mib')
    )
    if cell.arm.trains == 'nothing':
        return network, {'trainable': 0, **cost}
    frames = cell.open(frames_of(cell))
    normalize = Normalize(cell.base.input)
    start_s = time.perf_counter()
    pictures = torch.cat(
        [
            torch.from_numpy(preprocess(Frame(frames.read_image(i)), cell.base.input)[0])
            for i in range(len(frames))
        ]
    )
    adapt_statistics(network, map(normalize, pictures.split(_ADABN_BATCH)))
    cost['adapt_s'] = round(time.perf_counter() - start_s, 2)
    cost['peak_memory_mib'] = round(peak_memory_mib(), 1)
    return network, {'trainable': 0, **cost}


def kept_bytes(network: nn.Module, cell: Cell) -> int:
    """
    Return what has to be kept beside the base: the tensors that are new or changed, as files.

    :param network: with its adapters, if any, attached.
    """
    if adapters(network):
        with tempfile.TemporaryDirectory() as folder:
            save_adapter(Path(folder), network, cell.arm.lora, cell.base.sha256)
            return sum(path.stat().st_size for path in Path(folder).glob('*.safetensors'))
    before = cell.base.build().state_dict()
    changed = {
        name: tensor.contiguous()
        for name, tensor in network.state_dict().items()
        if not torch.equal(tensor, before[name])
    }
    return len(save(changed)) if changed else 0
