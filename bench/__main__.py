"""Command line of the measurements: ``python -m bench VERB [--key value ...]``."""

import argparse
from collections.abc import Sequence
import importlib
import json
from pathlib import Path
import sys
from typing import Any

from bench import ROOT
from bench.missing import not_written, what_to_install
from bench.numbers import dds_domain
from bench.processes import fresh_cache
from seg_node.errors import SegNodeError

#: verb: its module; in the order in which `all` runs them.
MEASUREMENTS = {
    'node': 'node_latency',
    'yardstick': 'versus_yardstick',
    'hold': 'hold',
    'sweep': 'sweep',
    'memory': 'memory',
    'start': 'start',
    'engines': 'engines',
    'classic': 'classic_unet',
    'fusion': 'fusion',
    'carla_lite': 'carla_lite',
}
_OTHERS = {'report': 'report'}
_HELP = """Measures speed and memory of the node, each part in processes of its own.

Close everything else first: two cores that also do something else measure that. Results are
printed, kept as JSON, and put into docs/performance.md by `report`; `all` does everything
(about a quarter of an hour)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; 0 on success, 2 when the user has something to mend."""
    try:
        _run_all(_parser().parse_args(arguments))
    except SegNodeError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except ImportError as error:
        print(f'error: {what_to_install(error)}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130
    return 0


def _run_all(options: argparse.Namespace) -> None:
    _make_place(options)
    verbs = [*MEASUREMENTS, 'report'] if options.verb == 'all' else [options.verb]
    with fresh_cache():
        for verb in verbs:
            _run(verb, _defaults(verb, options) if options.verb == 'all' else options)


def _make_place(options: argparse.Namespace) -> None:
    """Make the folder of results before anything is measured, not minutes later."""
    options.logs = options.out / 'log'
    try:
        if options.verb != 'report':
            options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(error, options.out) from error


def _run(verb: str, options: argparse.Namespace) -> None:
    from bench.machine import busy_warning, describe_machine
    from bench.results import write_result

    module = importlib.import_module(f'bench.{(MEASUREMENTS | _OTHERS)[verb]}')
    machine = describe_machine()
    if verb in MEASUREMENTS and (warning := busy_warning(machine)):
        print(f'warning: {warning}', file=sys.stderr)
    data: dict[str, Any] = module.run(options)
    if verb in MEASUREMENTS:
        data['settings'] = _settings(options)
        content = {'verb': verb, 'machine': machine, 'data': data}
        path = write_result(options.out, verb, content)
        print(f'{verb}: written to {path}', file=sys.stderr)
    if options.json:
        print(json.dumps(data, indent=2))
    elif verb in MEASUREMENTS:
        for table in module.tables(data):
            table.show()
    else:
        print(f'{data["file"]}: {data["filled"]} filled, missing: {data["missing"] or "none"}')


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    left_out = ('verb', 'json', 'out', 'logs', 'domain_id')
    kept = {key: value for key, value in vars(options).items() if key not in left_out}
    return {
        key: value if isinstance(value, (int, float)) else _shown(value)
        for key, value in kept.items()
    }


def _shown(value: Any) -> str:
    """Return paths without the machine's folders."""
    return value.name if isinstance(value, Path) else str(value)


def _defaults(verb: str, options: argparse.Namespace) -> argparse.Namespace:
    """Return a verb's own defaults, with the settings that `all` shares."""
    own = _parser().parse_args([verb])
    for name in ('out', 'logs', 'json', 'domain_id'):
        setattr(own, name, getattr(options, name))
    return own


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument('--json', action='store_true', help='print JSON instead of tables')
    shared.add_argument(
        '--out', type=Path, default=ROOT / 'out' / 'bench', metavar='DIR', help='for the results'
    )
    shared.add_argument('--domain-id', type=dds_domain, default=66, help='of DDS, default: 66')
    parser = argparse.ArgumentParser(
        prog='python -m bench',
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest='verb', required=True, metavar='VERB')
    for verb, name in (MEASUREMENTS | _OTHERS).items():
        module = importlib.import_module(f'bench.{name}')
        about = (module.__doc__ or '').partition(': ')[2].strip()
        module.add_arguments(
            verbs.add_parser(verb, help=about, description=about, parents=[shared])
        )
    verbs.add_parser('all', help='all of these, with their defaults', parents=[shared])
    return parser


if __name__ == '__main__':
    sys.exit(main())
