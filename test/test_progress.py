"""The bar is for people: seen on a terminal, silent everywhere else."""

import io
import sys

import pytest
from seg_node.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_nothing_is_written_where_nobody_watches(monkeypatch):
    errors = io.StringIO()
    monkeypatch.setattr(sys, 'stderr', errors)
    with progress('segmenting', 3) as advance:
        for _ in range(3):
            advance()
    assert errors.getvalue() == ''


@pytest.mark.parametrize('total', [3, None])
def test_a_terminal_shows_what_is_done(monkeypatch, total):
    pytest.importorskip('rich', reason='rich is not installed')
    errors = Terminal()
    monkeypatch.setattr(sys, 'stderr', errors)
    monkeypatch.setenv('TERM', 'xterm')
    with progress('segmenting', total) as advance:
        for _ in range(3):
            advance()
    assert 'segmenting' in errors.getvalue()
    assert '3/3' in errors.getvalue() or total is None


def test_without_rich_there_is_no_bar(monkeypatch):
    errors = Terminal()
    monkeypatch.setattr(sys, 'stderr', errors)
    monkeypatch.setitem(sys.modules, 'rich', None)
    with progress('segmenting', 3) as advance:
        advance()
    assert errors.getvalue() == ''
