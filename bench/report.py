"""``report``: put the tables of the latest measurements into docs/performance.md."""

import argparse
import importlib
from pathlib import Path
import re
from typing import Any

from bench import ROOT
from bench.errors import BenchError
from bench.machine import busy_warning
from bench.results import read_result, TO_MEASURE
from seg_node.atomic_files import write_text

_REPORT = ROOT / 'docs' / 'performance.md'
_SECTION = re.compile(r'(<!-- bench:(\w+) -->\n).*?(<!-- /bench -->)', re.DOTALL)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument('--file', type=Path, default=_REPORT, help=f'default: {_REPORT.name}')


def run(options: argparse.Namespace) -> dict[str, Any]:
    """
    Replace what stands between ``<!-- bench:VERB -->`` and ``<!-- /bench -->``.

    :raises BenchError: when the file has no such place, or names an unknown verb.
    """
    from bench.__main__ import MEASUREMENTS

    if not options.file.is_file():
        raise BenchError(f'{options.file} does not exist: name a file with bench sections')
    text = options.file.read_text()
    verbs = [match[2] for match in _SECTION.finditer(text)]
    unknown = sorted(set(verbs) - set(MEASUREMENTS))
    if unknown or not verbs:
        found = f'sections of {", ".join(unknown)}' if unknown else 'no section'
        raise BenchError(
            f'{options.file} has {found}: it needs <!-- bench:VERB --> and <!-- /bench -->, '
            f'VERB one of {", ".join(MEASUREMENTS)}'
        )
    missing = [verb for verb in verbs if read_result(options.out, verb) is None]

    def fill(match: re.Match[str]) -> str:
        module = importlib.import_module(f'bench.{MEASUREMENTS[match[2]]}')
        return f'{match[1]}{_section(match[2], module, options.out)}\n{match[3]}'

    write_text(options.file, _SECTION.sub(fill, text))
    return {'file': str(options.file), 'filled': len(verbs) - len(missing), 'missing': missing}


def _section(verb: str, module: Any, folder: Path) -> str:
    result = read_result(folder, verb)
    if result is None:
        return f'{TO_MEASURE}: `python -m bench {verb}`, then `python -m bench report`'
    tables = [table.markdown() for table in module.tables(result['data'])]
    return '\n\n'.join([*tables, _origin(result['machine'])])


def _origin(machine: dict[str, Any]) -> str:
    libraries = ', '.join(f'{name} {version}' for name, version in machine['libraries'].items())
    lines = [
        f'<sub>{machine["date"]}, code {machine["commit"]}, {machine["processor"]}, '
        f'{machine["cores"]} cores, {machine["busy_cores_before"]:g} busy before, '
        f'Python {machine["python"]}, {libraries}, {machine["pictures"]}</sub>'
    ]
    if warning := busy_warning(machine):
        lines.insert(0, f'**{warning}**\n')
    return '\n'.join(lines)
