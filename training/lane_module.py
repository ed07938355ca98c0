"""The training of a segmentation network as Lightning sees it."""

import math
from typing import Any

import lightning
from seg_node.frame import Frame
from seg_node.postprocess import OutputSpec
import torch
from training.config import TrainConfig
from training.data.pairs import PairsFolder
from training.losses.segmentation import segmentation_loss
from training.metrics import pool, SegmentationCounts
from training.models.score_graph import Normalize
from training.models.unet import UNet
from training.torch_segmenter import TorchSegmenter


class LaneModule(lightning.LightningModule):
    """Loss, optimizer and validation of a ``UNet``; batches as ``TrainingSamples`` gives them."""

    def __init__(
        self, config: TrainConfig, total_steps: int, validation: list[PairsFolder]
    ) -> None:
        super().__init__()
        self.config = config
        self.network = UNet(config.network)
        # a third faster on CPUs, whose convolution kernels work in this order
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.normalize = Normalize(config.input)
        self._total_steps = total_steps
        self._validation = validation
        self._counts: list[SegmentationCounts] = []

    def training_step(self, batch: dict[str, torch.Tensor], _index: int) -> torch.Tensor:
        """Return the loss of one batch."""
        logits = self.network(self.normalize(batch['image']))
        loss = segmentation_loss(
            logits, batch['truth'], batch['annotated'], batch.get('covers'), self.config.loss
        )
        self.log('loss', loss, on_step=False, on_epoch=True, prog_bar=True)
        return loss

    def on_validation_epoch_start(self) -> None:
        """Begin to count."""
        self._counts = []

    def validation_step(self, batch: tuple[int, int], _index: int) -> None:
        """Segment one sample (source, index) at its own size, as the node would."""
        segmenter = TorchSegmenter(self.network, self.config.input, OutputSpec())
        folder = self._validation[batch[0]]
        image, truth = folder.read(batch[1])
        labels = segmenter.mask(Frame(image)).labels
        self._counts.append(SegmentationCounts.of(labels, truth, folder.annotated))

    def on_validation_epoch_end(self) -> None:
        """Log the pooled metrics; ``lane_iou`` chooses the best checkpoint."""
        bars = ('lane_iou', 'lane_f1_3px')
        for name, value in pool(self._counts).items():
            self.log(name, value, prog_bar=name in bars)

    def configure_optimizers(self) -> Any:
        """AdamW; no weight decay on biases and batch-norm scales, which do not overfit."""
        settings = self.config.optimizer
        kernels = [p for p in self.network.parameters() if p.ndim > 1]
        others = [p for p in self.network.parameters() if p.ndim <= 1]
        groups: list[dict[str, Any]] = [
            {'params': kernels},
            {'params': others, 'weight_decay': 0.0},
        ]
        optimizer = torch.optim.AdamW(
            groups,
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._rate)
        return {
            'optimizer': optimizer,
            'lr_scheduler': {'scheduler': schedule, 'interval': 'step'},
        }

    def _rate(self, step: int) -> float:
        warmup = self.config.optimizer.warmup_steps
        if step < warmup:
            return (step + 1) / warmup
        progress = min(1.0, (step - warmup) / max(1, self._total_steps - warmup))
        return 0.5 * (1 + math.cos(math.pi * progress))
