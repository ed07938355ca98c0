"""Nobody ever sees half a file, and nothing is left behind."""

import os
from pathlib import Path
import stat
import subprocess
import sys
import threading

import pytest
from seg_node.atomic_files import put_folder, replacing, write_bytes, write_text

REPOSITORY = Path(__file__).resolve().parents[1]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def umask():
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def test_content_arrives_and_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / 'a' / 'b' / 'c.txt'
    write_text(path, 'grün\n')
    assert path.read_bytes() == b'gr\xc3\xbcn\n'
    write_bytes(path, b'\0\xff')
    assert path.read_bytes() == b'\0\xff'
    assert names(path.parent) == ['c.txt']


@pytest.mark.parametrize('error', [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_the_old_content_and_nothing_else(tmp_path: Path, error) -> None:
    path = tmp_path / 'kept.json'
    path.write_text('old')
    with pytest.raises(error), replacing(path) as temporary:
        temporary.write_text('half of the n')
        raise error
    assert path.read_text() == 'old'
    assert names(tmp_path) == ['kept.json']
    with pytest.raises(error), replacing(tmp_path / 'never.json') as temporary:
        raise error
    assert names(tmp_path) == ['kept.json']


class _CtrlC:
    """Raises KeyboardInterrupt before the n-th line that is run, wherever that is."""

    def __init__(self, lines: int) -> None:
        self._left = lines

    def __call__(self, frame, event, _):
        if event == 'line':
            self._left -= 1
            if self._left < 0:
                raise KeyboardInterrupt
        return self


def test_ctrl_c_at_any_line_leaves_the_old_or_the_new_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / 'kept.json'
    found, lines, interrupted = set(), 0, True
    traced = sys.gettrace()
    while interrupted:
        path.write_text('old')
        sys.settrace(_CtrlC(lines))
        try:
            write_text(path, 'the new one')
            interrupted = False
        except KeyboardInterrupt:
            lines += 1
        finally:
            sys.settrace(traced)
        assert names(tmp_path) == ['kept.json'], lines
        found.add((interrupted, path.read_text()))
    assert found == {(True, 'old'), (True, 'the new one'), (False, 'the new one')}
    assert lines > 30


def test_a_kill_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / 'kept.json'
    path.write_text('old')
    program = (
        'import os, sys; from pathlib import Path; from seg_node.atomic_files import replacing\n'
        'with replacing(Path(sys.argv[1])) as temporary:\n'
        '    temporary.write_text("half"); os.kill(os.getpid(), 9)'
    )
    done = subprocess.run([sys.executable, '-c', program, path], cwd=REPOSITORY)
    assert done.returncode == -9
    assert path.read_text() == 'old'
    assert all(name.startswith('.') for name in names(tmp_path) if name != 'kept.json')


def test_the_old_file_stands_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / 'mask.png'
    path.write_text('old')
    with replacing(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == '.png'
        assert temporary.name.startswith('.')
        temporary.write_text('new')
        assert path.read_text() == 'old'
    assert path.read_text() == 'new'


def test_failures_of_the_last_step_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / 'folder').mkdir()
    with pytest.raises(OSError):
        write_text(tmp_path / 'folder', 'a folder stands there')
    with pytest.raises(FileNotFoundError), replacing(tmp_path / 'file') as temporary:
        temporary.unlink()
    assert names(tmp_path) == ['folder']


@pytest.mark.parametrize(('mask', 'mode'), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_are_those_of_any_new_file(tmp_path: Path, umask, mask, mode) -> None:
    umask(mask)
    write_text(tmp_path / 'file', '')
    assert stat.S_IMODE((tmp_path / 'file').stat().st_mode) == mode
    assert os.umask(mask) == mask


def test_the_umask_of_the_process_is_never_touched(tmp_path: Path, umask) -> None:
    """Reading it means to set it for a moment, for every other thread too."""
    umask(0o077)
    stop = threading.Event()

    def write_often() -> None:
        while not stop.is_set():
            write_text(tmp_path / 'often', '')

    writers = [threading.Thread(target=write_often) for _ in range(2)]
    for writer in writers:
        writer.start()
    modes = set()
    for index in range(300):
        other = tmp_path / f'other{index}'
        other.touch()
        modes.add(stat.S_IMODE(other.stat().st_mode))
    stop.set()
    for writer in writers:
        writer.join()
    assert modes == {0o600}
    assert os.umask(0o077) == 0o077


@pytest.mark.parametrize('name', ['x' * 250, 'ü' * 120 + '.json', '.hidden', 'a.tar.gz'])
def test_names(tmp_path: Path, name: str) -> None:
    write_text(tmp_path / name, 'content')
    assert (tmp_path / name).read_text() == 'content'
    assert names(tmp_path) == [name]


def test_writers_at_the_same_time_leave_one_whole_content(tmp_path: Path) -> None:
    path = tmp_path / 'file'
    contents = [f'{number}' * 50_000 for number in range(6)]
    writers = [threading.Thread(target=write_text, args=(path, text)) for text in contents]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert path.read_text() in contents
    assert names(tmp_path) == ['file']


def folder_with(path: Path, content: str) -> Path:
    path.mkdir()
    (path / 'content').write_text(content)
    return path


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    new, path = folder_with(tmp_path / 'new', 'new'), tmp_path / 'path'
    put_folder(new, path)
    assert names(tmp_path) == ['path']
    put_folder(folder_with(tmp_path / 'newer', 'newer'), path)
    assert (path / 'content').read_text() == 'newer'
    assert (tmp_path / 'newer' / 'content').read_text() == 'new'


def test_where_two_renames_are_needed(tmp_path: Path, monkeypatch) -> None:
    """As on systems that cannot exchange; the second rename fails, then works."""
    monkeypatch.setattr('seg_node.atomic_files._exchange', lambda new, path: False)
    path = folder_with(tmp_path / 'path', 'old')
    with pytest.raises(OSError):
        put_folder(tmp_path / 'missing', path)
    assert (path / 'content').read_text() == 'old'
    assert names(tmp_path) == ['path']
    put_folder(folder_with(tmp_path / 'new', 'new'), path)
    assert (path / 'content').read_text() == 'new'
    assert (tmp_path / 'new' / 'content').read_text() == 'old'
    assert names(tmp_path) == ['new', 'path']
