"""
Quantization-aware training: the network learns to live with its rounding, taught by itself.

The teacher is the fp32 network of the bundle, the pupil a copy whose values pass through NNCF's
fake quantizers; the loss is the divergence of their softmaxes (Hinton et al. 2015), so that no
labels are needed and nothing else can be learnt than to be the teacher again.
"""

from collections.abc import Iterator, Sequence
import logging
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import openvino
from seg_node.bundle import ModelBundle
import torch
from torch import nn
from torch.nn import functional
from training.base_model import BaseModel
from training.errors import ExportError
from training.lora.files import CONFIG, load_adapter
from training.lora.inject import fold
from training.models.score_graph import Normalize, ScoreGraph
from training.quantization.calibration import Calibration
from training.quantization.openvino_ptq import import_nncf, quiet, ranges_of, save_ir
from training.quantization.variants import Subject
from training.quantize_config import QatConfig
from training.runs import BUNDLE_WEIGHTS, can_fold


def fine_tune(
    bundle: ModelBundle,
    subject: Subject,
    calibration: Calibration,
    config: QatConfig,
    target: Path,
) -> dict[str, Any]:
    """
    Write an OpenVINO IR in int8 whose weights were fine-tuned with their rounding.

    :param target: a path that ends in .xml.
    :return: what was done: steps, and the loss before and after.
    :raises ConfigError: when the bundle has no weights to train from, or NNCF is not installed.
    :raises ExportError: when NNCF or OpenVINO refuses the network.
    """
    nncf = import_nncf()
    _without_compiler()
    torch.manual_seed(config.seed)
    teacher = network_of(bundle, subject)
    spec = bundle.manifest.input
    normalize = Normalize(spec)
    frames = [normalize(torch.from_numpy(batch)) for batch in calibration.batches]
    try:
        with torch.compiler.set_stance('force_eager'):
            with quiet():
                pupil = _with_quantizers(nncf, network_of(bundle, subject), frames)
            before = _distance(teacher, pupil, frames, config.temperature)
            _train(teacher, pupil, frames, config)
            after = _distance(teacher, pupil, frames, config.temperature)
            with quiet():
                plain = nncf.strip(pupil.eval(), example_input=frames[0])
                model = openvino.convert_model(
                    ScoreGraph(plain, spec).eval(),
                    example_input=torch.from_numpy(calibration.batches[0]),
                    input=[('batch', [1, spec.height, spec.width, 3], openvino.Type.u8)],
                )
        save_ir(model, target)
    except (RuntimeError, ValueError, TypeError, nncf.errors.InternalError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ExportError(
            f'{subject.name} cannot be trained with its rounding ({reason:.200}): leave qat out '
            'of --methods'
        ) from error
    return {'steps': config.steps, 'loss_before': before, 'loss_after': after}


def _with_quantizers(
    nncf: ModuleType, network: nn.Module, frames: Sequence[torch.Tensor]
) -> nn.Module:
    pupil: nn.Module = nncf.quantize(
        network,
        nncf.Dataset(list(frames)),
        preset=nncf.QuantizationPreset.MIXED,
        target_device=nncf.TargetDevice.CPU,
        subset_size=len(frames),
        fast_bias_correction=True,
        advanced_parameters=ranges_of('minmax'),
    )
    return pupil


def _without_compiler() -> None:
    """Let NNCF round by plain torch functions: to compile its own takes minutes and a compiler."""
    from nncf.torch.quantization import extensions

    logging.getLogger('torch.utils._pytree').setLevel(logging.ERROR)  # it warns of torchao
    extensions.QuantizedFunctionsCPU._loaded_namespace = extensions.ReferenceQuantizedFunctions


def has_weights(bundle: ModelBundle, subject: Subject) -> bool:
    """Return whether a bundle holds weights of a model, not its graph alone."""
    needed = {BUNDLE_WEIGHTS} | ({f'{subject.prefix}{CONFIG}'} if subject.adapter else set())
    return needed <= {file.path for file in bundle.manifest.all_files()}


def network_of(bundle: ModelBundle, subject: Subject) -> nn.Module:
    """
    Return the fp32 network of a model, adapters folded in, in evaluation mode.

    :raises ConfigError: when the bundle has no weights to train from.
    """
    network = BaseModel.open(bundle.folder).build()
    if subject.adapter:
        load_adapter(bundle.folder / subject.prefix, network)
        network = fold(network) if can_fold(network) else network
    return network.eval()


def _train(
    teacher: nn.Module, pupil: nn.Module, frames: Sequence[torch.Tensor], config: QatConfig
) -> None:
    """Take steps; batch norms keep their statistics, for the teacher has the same."""
    optimizer = torch.optim.Adam(
        [p for p in pupil.parameters() if p.requires_grad], config.learning_rate
    )
    pupil.eval()
    batches = _batches(frames, config)
    for _ in range(config.steps):
        batch = next(batches)
        with torch.no_grad():
            wanted = teacher(batch)
        loss = _divergence(pupil(batch), wanted, config.temperature)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _batches(frames: Sequence[torch.Tensor], config: QatConfig) -> Iterator[torch.Tensor]:
    rng = np.random.default_rng(config.seed)
    while True:
        chosen = rng.integers(len(frames), size=config.batch_size)
        batch = torch.cat([frames[index] for index in chosen.tolist()])
        yield batch.flip(3) if rng.random() < 0.5 else batch


@torch.no_grad()
def _distance(
    teacher: nn.Module, pupil: nn.Module, frames: Sequence[torch.Tensor], temperature: float
) -> float:
    losses = [_divergence(pupil(f), teacher(f), temperature) for f in frames[:8]]
    return round(float(torch.stack(losses).mean()), 7)


def _divergence(logits: torch.Tensor, wanted: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return the mean KL divergence of a pixel, of logits (N, classes, H, W) each."""
    pupil = functional.log_softmax(logits / temperature, dim=1)
    teacher = functional.log_softmax(wanted / temperature, dim=1)
    each = functional.kl_div(pupil, teacher, reduction='none', log_target=True).sum(dim=1)
    return each.mean() * temperature**2
