"""Command line of training: ``python -m training VERB [CONFIG.yaml] [--key value …]``."""

from collections.abc import Sequence
import errno
import importlib
import json
import os
import sys
from typing import Any

from seg_node.errors import SegNodeError
from training.first_process import is_first_process

#: verb: module and function, module and class of its configuration, what it does
VERBS = {
    'collect': (
        'collect',
        'collection.config.CollectConfig',
        'make a pairs folder from CARLA, carla_lite or a bag',
    ),
    'inspect': (
        'inspect_data',
        'inspect_config.InspectConfig',
        'look at the data, the samples and the cost of a training before it runs',
    ),
    'train': ('train', 'config.TrainConfig', 'train a network on pairs folders'),
    'adapt': (
        'adapt',
        'adapt_config.AdaptConfig',
        'adapt a bundle to a new town, camera or weather with a few labelled frames',
    ),
    'evaluate': (
        'evaluate',
        'evaluate_config.EvaluateConfig',
        'compare bundles, adapters and runs on pairs folders',
    ),
    'benchmark': (
        'benchmark',
        'benchmark_config.BenchmarkConfig',
        'measure what bundles and models of others cost on this machine, and what they see',
    ),
    'export': (
        'export',
        'export_config.ExportConfig',
        'make a bundle of a run, checked against torch',
    ),
    'quantize': (
        'quantize',
        'quantize_config.QuantizeConfig',
        'make int8 variants of a bundle, and keep those that are faster and as good',
    ),
}
#: What the extras of setup.py name; without these a verb cannot even read its settings.
_COLLECT = "'jsonargparse[signatures]' pyyaml rich"
_TRAINING = (
    f'torch onnx onnxscript lightning safetensors openvino matplotlib tensorboard {_COLLECT}'
)
_EXTRAS = {
    'collect': ('collect', _COLLECT),
    'quantize': ('quantization', f'nncf onnxruntime {_TRAINING}'),
}
#: Verbs whose threads sleep while they wait for each other, and do not spin: beside other work on
#: two cores spinning made a small training four times as expensive (78 s of processor time for 240
#: samples of the quickstart, 18 s without). Read by torch's OpenMP when it is first imported.
_BAD_PATH = (errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES)
_PATIENT = ('train', 'adapt')
_HELP = """usage: python -m training VERB [CONFIG.yaml] [--key value ...]

{verbs}

Keys may come from a YAML file, from the command line, or from both (the command line wins);
nested ones are joined by dots: --optimizer.learning_rate 1e-3. `VERB --help` lists them all.
Shipped configurations lie in training/configs/."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; 0 on success, 2 when the user has something to mend."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if not arguments or arguments[0] in ('-h', '--help'):
        lines = [f'  {name:<9} {text}' for name, (_, _, text) in VERBS.items()]
        print(_HELP.format(verbs='\n'.join(lines)))
        return 0 if arguments else 2
    try:
        _run(arguments[0], arguments[1:])
    except SegNodeError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno not in _BAD_PATH:
            raise
        print(f'error: {error.filename} cannot be read: {error.strerror}', file=sys.stderr)
        return 2
    except ImportError as error:
        if _is_ours(error):
            raise
        print(f'error: {_what_to_install(arguments[0], error)}', file=sys.stderr)
        return 2
    except KeyboardInterrupt as interrupt:
        print(str(interrupt) or 'interrupted', file=sys.stderr)
        return 130
    return 0


def collect_data() -> int:
    """Run ``ros2 run seg_node collect_data``, which is the verb ``collect``."""
    return main(['collect', *sys.argv[1:]])


def _is_ours(error: ImportError) -> bool:
    return (error.name or '').partition('.')[0] in ('training', 'seg_node')


def _what_to_install(verb: str, error: ImportError) -> str:
    """Say what is missing; a package of ROS brings none of what setup.py calls extras."""
    extra, packages = _EXTRAS.get(verb, ('training', _TRAINING))
    return (
        f'{verb} needs Python packages that are not there ({error}): pip install {packages} '
        f"(the extra '{extra}' of setup.py)"
    )


def _run(verb: str, arguments: Sequence[str]) -> None:
    if verb not in VERBS:
        raise SegNodeError(f"unknown verb '{verb}': use one of {', '.join(VERBS)}")
    name, config_name, _ = VERBS[verb]
    if verb in _PATIENT:
        os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
    from training.command_line import parse

    # imported by name: collect is to work where torch is not installed
    config_module, _, config_class = config_name.rpartition('.')
    config = importlib.import_module(f'training.{config_module}')
    settings, as_json = parse(getattr(config, config_class), verb, arguments)
    module = importlib.import_module(f'training.{name}')
    result: dict[str, Any] = getattr(module, name)(settings, quiet=as_json)
    if as_json:
        if is_first_process():
            print(json.dumps(result, indent=2))
        return
    from rich.console import Console

    module.show(result, Console())


if __name__ == '__main__':
    sys.exit(main())
