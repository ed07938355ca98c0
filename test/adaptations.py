"""A tiny training, its bundle, and a place that it never saw: the same roads as negatives."""

from dataclasses import replace
from functools import cached_property
from pathlib import Path
import shutil

import cv2
from rendered_roads import write_pairs
from seg_node.bundle import ModelBundle
from training.adapt import adapt
from training.adapt_config import AdaptConfig
from training.config import TrainConfig
from training.data.sources import SetConfig, SourceConfig
from training.export import export
from training.export_config import ExportConfig
from training.loop.settings import OptimizerConfig
from training.lora.config import LoraConfig
from training.train import train
from training_runs import PLAIN, tiny_config


class Adaptation:
    """Each part is made when it is first asked for; tests change copies only."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def run(self) -> TrainConfig:
        """Return the settings of the finished training."""
        config = tiny_config(self.root, epochs=8, samples_per_epoch=16, augment=PLAIN)
        train(config, quiet=True)
        write_pairs(self.root / 'negatives', 14, ('background', 'lane_marking', 'road'))
        for path in (self.root / 'negatives' / 'images').iterdir():
            cv2.imwrite(str(path), 255 - cv2.imread(str(path)))
        return config

    @cached_property
    def exported(self) -> ModelBundle:
        """Return its bundle."""
        folder = self.root / 'exported'
        settings = ExportConfig(
            run=self.run.folder, output=folder, data_root=self.root, lane_threshold=0.5
        )
        export(settings, quiet=True)
        return ModelBundle.load(folder)

    @cached_property
    def config(self) -> AdaptConfig:
        """Return how to adapt a copy of the bundle to negatives in a few seconds."""
        bundle = self.root / 'bundle'
        shutil.copytree(self.exported.folder, bundle)
        return AdaptConfig(
            bundle=bundle,
            name='negative',
            data_root=self.root,
            runs=self.root / 'runs',
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

    @cached_property
    def adapted(self) -> tuple[dict, ModelBundle]:
        """Return what adapting told, and the bundle with the adapter."""
        result = adapt(self.config, quiet=True)
        return result, ModelBundle.load(self.config.bundle)

    def fresh(self, folder: Path) -> AdaptConfig:
        """Return the same task on a bundle without adapters, of two steps."""
        bundle = folder / 'bundle'
        shutil.copytree(self.exported.folder, bundle)
        return replace(self.config, bundle=bundle, runs=folder / 'runs', steps=2)


def files_below(folder: Path) -> dict[str, bytes]:
    """Return the contents of all files by their path."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob('*') if p.is_file()}
