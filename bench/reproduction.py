r"""
Do two published comparisons again, with the controls they lack: ``python -m bench.reproduction``.

camvid: a poster's table of a U-Net, LoRA, and LoRA with augmentation, and beside them full
fine-tuning for as many further steps from the same checkpoint. losses: BCE, Dice and both
together on the lane markings of a CARLA town. What is trained already is kept, so that a run that
was stopped goes on. `--write` puts tables and curves into docs/reproduction.md. What follows
`--` are settings of `python -m training train`, such as the size of the published network:

  python -m bench.reproduction camvid --out out/reproduction_full -- --accelerator cuda \
      --network.widths 64,128,256,512,1024 --input.width 480 --input.height 352
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
import sys
from typing import Any

from bench import ROOT
from bench.document_marks import write_between_marks
from bench.machine import describe_machine
from bench.missing import imports_of
from bench.numbers import whole_from_one, whole_from_zero
from bench.results import Table
from seg_node.errors import SegNodeError

with imports_of(__name__):
    from bench.reproduction_report import camvid_table, draw_history, losses_table, Results
    from bench.reproduction_runs import Training
    from training.command_line import parse
    from training.config import TrainConfig
    from training.data.augment import AugmentConfig
    from training.data.photometric import PhotometricConfig
    from training.lora.config import LoraConfig
    from training.losses.config import LossKind
    from training.models.cost import count_parameters
    from training.models.unet import UNet

_REPORT = ROOT / 'docs' / 'reproduction.md'
_CONFIGS = ROOT / 'training' / 'configs'
#: All 3x3 convolutions, and nothing else.
_TARGETS = ('encoder.*', 'decoder.?.fuse.*')
#: The changes that the second LoRA model of the poster is shown; its labels know no lane paint.
_AUGMENTED = AugmentConfig(photometric=PhotometricConfig(paint=0))
_LORA_RATE = 4e-3  # a rank-4 change moves less at the rate that the whole network is trained with
_LOSSES: dict[str, tuple[str, LossKind]] = {
    'bce': ('BCE', 'bce'), 'dice': ('Dice', 'dice'), 'bce_dice': ('BCE + Dice', 'bce_dice'),
}  # fmt: skip


def _low_rank(factorization: str) -> LoraConfig:
    return LoraConfig('lora', 4, factorization=factorization, targets=_TARGETS)  # type: ignore[arg-type]


#: Of the poster: what goes on from the baseline; title and changed settings by arm.
_FURTHER: dict[str, tuple[str, dict[str, Any]]] = {
    'lora': ('LoRA (model 1)', {'lora': _low_rank('loralib')}),
    'lora_augmented': (
        'LoRA + augmentation (model 2)', {'lora': _low_rank('loralib'), 'augment': _AUGMENTED},
    ),
    'lora_peft': ("LoRA in peft's form", {'lora': _low_rank('peft')}),
    'full': ('full fine-tuning (the control)', {}),
    'full_augmented': ('full fine-tuning + augmentation', {'augment': _AUGMENTED}),
}  # fmt: skip


def measure_camvid(options: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Return the figures of baseline and all that goes on from it, by title."""
    results: dict[str, list[dict[str, Any]]] = {}
    start = _settings('reproduction_camvid.yaml', options)
    for seed in options.seeds:
        # validated once, at the end: nothing is chosen by it
        config = replace(start, seed=seed, validate_every=start.epochs)
        baseline = Training('baseline', config, options.out)
        results.setdefault('baseline', []).append(baseline.figures())
        for arm in options.arms or _FURTHER:
            title, changes = _FURTHER[arm]
            config = further(baseline, changes, options.further_epochs)
            results.setdefault(title, []).append(Training(arm, config, options.out).figures())
    return results


def further(baseline: Training, changes: Mapping[str, Any], epochs: int) -> TrainConfig:
    """Return the settings of a training that goes on from the baseline's last weights."""
    before = baseline.named
    rate = _LORA_RATE if 'lora' in changes else before.optimizer.learning_rate
    return replace(
        before,
        init_from=before.folder,
        epochs=epochs,
        validate_every=epochs,
        optimizer=replace(before.optimizer, learning_rate=rate),
        **changes,
    )


def measure_losses(options: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Return the figures of each loss, by title."""
    results: dict[str, list[dict[str, Any]]] = {}
    start = _settings('reproduction_losses.yaml', options)
    for seed in options.seeds:
        for arm in options.arms or _LOSSES:
            title, kind = _LOSSES[arm]
            config = replace(start, seed=seed, loss=replace(start.loss, kind=kind))
            results.setdefault(title, []).append(Training(arm, config, options.out).figures())
    return results


def _settings(name: str, options: argparse.Namespace) -> TrainConfig:
    arguments = [str(_CONFIGS / name), '--data_root', str(options.data_root), *options.settings]
    return parse(TrainConfig, 'train', arguments)[0]


def describe(config: TrainConfig, options: argparse.Namespace) -> list[str]:
    """Say at which scale, and on what."""
    machine, spec = describe_machine(), config.input
    parameters = count_parameters(UNet(config.network))
    return [
        f'U-Net of {parameters:,} parameters, widths {"-".join(map(str, config.network.widths))}, '
        f'{spec.width}x{spec.height}, batches of {config.batch_size}, {config.precision}',
        f'mean ± standard deviation over {len(options.seeds)} seeds'
        if len(options.seeds) > 1
        else 'one seed',
        f'{machine["processor"]}, {machine["cores"]} cores, {machine["date"][:10]}, commit '
        f'{machine["commit"]}; memory is that of the whole process, or of the GPU where one is '
        'used',
    ]


def _tell_camvid(results: Results, options: argparse.Namespace) -> None:
    notes = describe(_settings('reproduction_camvid.yaml', options), options)
    notes.append(
        'the validation loss is the cross entropy of whole pictures; the training loss of the '
        'last epoch is of pictures as the arm was shown them'
    )
    _tell(camvid_table(results, notes), 'camvid', options)


def _tell_losses(results: Results, options: argparse.Namespace) -> None:
    notes = describe(_settings('reproduction_losses.yaml', options), options)
    notes.append(
        '"from epoch to epoch": how far the validation IoU moves between two epochs, on average '
        'over the second half of the training'
    )
    folder = options.report.parent / 'images' if options.write else options.out
    name = 'reproduction_losses.png'
    curve = draw_history(results, 'lane_iou', 'validation lane IoU', folder / name)
    print(f'curves in {curve}', file=sys.stderr)
    picture = f'![Training loss and validation IoU of each loss](images/{name})'
    _tell(losses_table(results, notes), 'losses', options, picture)


def _tell(table: Table, verb: str, options: argparse.Namespace, picture: str = '') -> None:
    table.show()
    if options.write:
        text = '\n\n'.join(filter(None, (picture, table.markdown())))
        write_between_marks(options.report, f'reproduction_{verb}', text)


_VERBS: dict[str, tuple[Callable, Callable, Sequence[str]]] = {
    'camvid': (measure_camvid, _tell_camvid, tuple(_FURTHER)),
    'losses': (measure_losses, _tell_losses, tuple(_LOSSES)),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    border = arguments.index('--') if '--' in arguments else len(arguments)
    parser = _parser()
    options = parser.parse_args(arguments[:border])
    options.settings = arguments[border + 1 :]
    measured, tell, known = _VERBS[options.verb]
    if strange := set(options.arms) - set(known):
        parser.error(f'--arms: {options.verb} knows {", ".join(known)}, not {min(strange)}')
    try:
        tell(measured(options), options)
    except SegNodeError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('interrupted; the same command goes on from here', file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m bench.reproduction',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add('verb', choices=tuple(_VERBS))
    add('--arms', nargs='+', default=(), metavar='ARM',
        help=f'camvid: {", ".join(_FURTHER)}; losses: {", ".join(_LOSSES)}')  # fmt: skip
    add('--seeds', nargs='+', type=whole_from_zero, default=(1, 2, 3), metavar='S')
    add('--further_epochs', type=whole_from_one, default=10, help='of camvid, after the baseline')
    add('--data_root', type=Path, default=Path('../shared/data'), metavar='DIR',
        help='folder with camvid_road and carla_town_a')  # fmt: skip
    add('--out', type=Path, default=ROOT / 'out' / 'reproduction', metavar='DIR')
    add('--report', type=Path, default=_REPORT, metavar='MD')
    add('--write', action='store_true', help='put tables and curves into the report')
    return parser


if __name__ == '__main__':
    sys.exit(main())
