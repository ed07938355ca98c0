"""The training of a segmentation network as Lightning sees it."""

from typing import Any

import lightning
import numpy as np
from seg_node.frame import Frame
from seg_node.postprocess import OutputSpec
import torch
from torch import nn
from training.config import TrainConfig
from training.data.pairs import PairsFolder
from training.evaluation.counts import pool, SegmentationCounts
from training.evaluation.judge import Judge
from training.loop.distillation import Teacher, teaching_loss
from training.loop.failures import refuse_gradient, refuse_loss
from training.loop.processes import gather_batch, gather_lists, process_count, process_rank
from training.loop.schedule import rate_factor
from training.lora.conv_lora import total_balance_loss
from training.losses.segmentation import segmentation_loss
from training.models.score_graph import Normalize
from training.torch_segmenter import TorchSegmenter


class LaneModule(lightning.LightningModule):
    """Loss, optimizer and validation of a network; batches as ``TrainingSamples`` gives them."""

    def __init__(
        self,
        config: TrainConfig,
        network: nn.Module,
        total_steps: int,
        validation: list[PairsFolder],
        teacher: Teacher | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.network = network
        self.normalize = Normalize(config.input)
        self._total_steps = total_steps
        self._validation = validation
        self._teacher = teacher
        self._counts: list[SegmentationCounts] = []

    def on_fit_start(self) -> None:
        """Take the teacher along to the device."""
        if self._teacher is not None:
            self._teacher.to(self.device)

    def on_train_batch_start(self, _batch: Any, index: int) -> None:
        """Let chance (dropout, noisy gates) depend on the place in the run and on nothing else."""
        place = (self.config.seed, self.current_epoch, index, process_rank())
        seed = np.random.SeedSequence(place).generate_state(1, np.uint64)[0]
        torch.manual_seed(int(seed) >> 1)

    def training_step(self, batch: dict[str, torch.Tensor], index: int) -> torch.Tensor:
        """Return what the gradient is taken of; the loss of the whole batch is logged."""
        logits = self.network(self.normalize(batch['image']))
        of_masks = self._loss_of_masks(logits, batch)
        besides = self._losses_besides(logits, batch)
        loss = of_masks + besides if besides is not None else of_masks
        refuse_loss(self.trainer, loss, index)
        self.log('loss', loss, on_step=False, on_epoch=True, prog_bar=True, sync_dist=True)
        rate = self.trainer.optimizers[0].param_groups[0]['lr']
        self.log('learning_rate', rate, on_step=False, on_epoch=True)
        if process_count() == 1:
            return loss
        # the processes' gradients are averaged, and each has only its own share's of this term
        return loss + (process_count() - 1) * of_masks

    def _loss_of_masks(self, logits: torch.Tensor, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        if process_count() > 1:
            logits = gather_batch(logits.float())
        truth, annotated, covers = (
            gather_batch(batch[name]) for name in ('truth', 'annotated', 'covers')
        )
        return segmentation_loss(logits, truth, annotated, covers, self.config.loss)

    def _losses_besides(
        self, logits: torch.Tensor, batch: dict[str, torch.Tensor]
    ) -> torch.Tensor | None:
        """Return what is no matter of masks: a teacher's advice, the balance of experts."""
        advice = teaching_loss(logits, batch, self._teacher, self.config)
        lora = self.config.lora
        if lora.kind != 'conv_lora' or not lora.balance:
            return advice
        balance = lora.balance * total_balance_loss(self.network)
        return balance if advice is None else advice + balance

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip by the norm of all gradients together, which must be finite."""
        parameters = [p for group in optimizer.param_groups for p in group['params']]
        limit = gradient_clip_val or float('inf')
        norm = torch.nn.utils.clip_grad_norm_(parameters, limit)
        if self.config.precision != '16-mixed':  # its scaler leaves such a step out and goes on
            refuse_gradient(self.trainer, norm)

    def on_validation_epoch_start(self) -> None:
        """Begin to count."""
        self._counts = []

    def validation_step(self, batch: tuple[int, int], _index: int) -> None:
        """Segment one sample (source, index) at its own size, as the node would."""
        segmenter = TorchSegmenter(
            self.network, self.config.input, OutputSpec(), self.config.labels
        )
        folder = self._validation[batch[0]]
        image, truth = folder.read(batch[1])
        labels = segmenter.mask(Frame(image)).labels
        self._counts.append(Judge.of(folder).count(labels, truth))

    def on_validation_epoch_end(self) -> None:
        """Log the pooled metrics, one of which chooses the best checkpoint."""
        bars = (self.config.monitor, 'lane_f1_3px')
        for name, value in pool(gather_lists(self._counts)).items():
            self.log(name, value, prog_bar=name in bars, rank_zero_only=False)

    def configure_optimizers(self) -> Any:
        """AdamW; no weight decay on biases and batch-norm scales, which do not overfit."""
        settings = self.config.optimizer
        learning = [p for p in self.network.parameters() if p.requires_grad]
        groups: list[dict[str, Any]] = [
            {'params': [p for p in learning if p.ndim > 1]},
            {'params': [p for p in learning if p.ndim <= 1], 'weight_decay': 0.0},
        ]
        optimizer = torch.optim.AdamW(
            [group for group in groups if group['params']],
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._rate)
        return {
            'optimizer': optimizer,
            'lr_scheduler': {'scheduler': schedule, 'interval': 'step'},
        }

    def _rate(self, step: int) -> float:
        return rate_factor(step, self._total_steps, self.config.optimizer)
