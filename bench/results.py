"""What the verbs hand on: tables for people, JSON files from which the report is made."""

from collections.abc import Sequence
from dataclasses import dataclass
import json
from pathlib import Path
import sys
from typing import Any

from bench.errors import BenchError
from seg_node.atomic_files import write_text

#: What stands in the report where a figure was not measured yet.
TO_MEASURE = 'TO MEASURE'


@dataclass(frozen=True)
class Table:
    """Rows of text under column names."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()  # sentences below it

    def markdown(self) -> str:
        """Return it as GitHub Markdown, the first column left, the others right."""
        head = [list(self.columns), ['---', *['---:'] * (len(self.columns) - 1)]]
        lines = ['| ' + ' | '.join(row) + ' |' for row in (*head, *self.rows)]
        notes = [f'- {note}' for note in self.notes]
        return '\n'.join([f'**{self.title}**', '', *lines, '', *notes]).rstrip()

    def show(self) -> None:
        """Print it on the terminal."""
        from rich.console import Console
        from rich.table import Table as RichTable

        table = RichTable(title=self.title, title_justify='left')
        for index, name in enumerate(self.columns):
            table.add_column(name, justify='right' if index else 'left')
        for row in self.rows:
            table.add_row(*row)
        # Cut to 80 columns, as rich does where nobody watches, a table loses its figures.
        console = Console() if sys.stdout.isatty() else Console(width=120)
        console.print(table)
        for note in self.notes:
            console.print(f'  {note}', highlight=False)


def write_result(folder: Path, verb: str, content: dict[str, Any]) -> Path:
    """Keep what a verb measured; returns the file."""
    path = folder / f'{verb}.json'
    write_text(path, json.dumps(content, indent=2) + '\n')
    return path


def read_result(folder: Path, verb: str) -> dict[str, Any] | None:
    """
    Return what a verb measured last; None when it was never run.

    :raises BenchError: when the file is damaged.
    """
    path = folder / f'{verb}.json'
    if not path.exists():
        return None
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except ValueError as error:
        raise BenchError(f'{path} is damaged ({error}): run python -m bench {verb}') from error
    return content


def ms(value: float) -> str:
    """Return milliseconds as the tables show them."""
    return (
        f'{value:.2f}'
        if abs(value) < 10
        else f'{value:.1f}'
        if abs(value) < 100
        else f'{value:.0f}'
    )


def percentile_cells(percentiles: dict[str, float]) -> list[str]:
    """Return p50, p95 and p99 as cells."""
    return [ms(percentiles[name]) for name in ('p50', 'p95', 'p99')]


def verdict(met: bool) -> str:
    """Return what stands beside a target."""
    return 'met' if met else 'missed'
