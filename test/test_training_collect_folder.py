"""What a full disk and a kill leave in a pairs folder, and what going on makes of it."""

import json
from pathlib import Path
import resource
import subprocess

import pytest

pytest.importorskip('rosbags', reason='rosbags is not installed')

from test_training_collect_bag import (
    command,
    config_for,
    content_of,
    lines_of,
    read,
    record,
    ROOT,
    scenes,
)
from training.collect import collect

FULL_DISK = """
mount -t tmpfs -o size={size}k none "$1" || exit 77
shift; folder=$1; copy=$2; shift 2
"$@"; first=$?
cp -r "$folder" "$copy"
mount -o remount,size=50m "${{folder%/*}}"
"$@" && cp -r "$folder" "$copy.later" && exit $first
"""


@pytest.mark.parametrize('size', [300, 320, 333])
def test_a_full_disk_leaves_what_counts_and_goes_on_when_there_is_space(
    tmp_path: Path, size: int
) -> None:
    bag, disk = record(tmp_path / 'bag', scenes(60)), tmp_path / 'disk'
    disk.mkdir()
    arguments = [str(disk), str(disk / 'set'), str(tmp_path / 'copy')]
    done = subprocess.run(
        ['unshare', '-rm', 'sh', '-c', FULL_DISK.format(size=size), 'sh', *arguments,
         *command(bag, disk / 'set')],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode in (1, 77) and 'Traceback' not in done.stderr:
        pytest.skip(f'no tmpfs can be mounted here: {done.stderr}')
    assert done.returncode == 2, done.stderr
    assert f'the disk of {disk / "set"} is full' in done.stderr
    assert len(done.stderr.splitlines()) == 1
    first = read(tmp_path / 'copy')
    assert 0 < len(first) < 60
    for index in range(len(first)):
        first.read(index)
    assert len(read(tmp_path / 'copy.later')) == 60
    assert lines_of(tmp_path / 'copy') == lines_of(tmp_path / 'copy.later')[: len(first)]


def test_lines_that_cannot_be_written_lose_no_sample(tmp_path: Path) -> None:
    """A limit on the size of files meets samples.jsonl alone, the only one that grows."""
    bag, limit = record(tmp_path / 'bag', scenes(60)), 28_000
    whole = collect(config_for(bag, tmp_path / 'whole', image_format='jpg'), quiet=True)
    sizes = {path.name: path.stat().st_size for path in (tmp_path / 'whole').rglob('*.*')}
    assert sizes.pop('contact_sheet.jpg') and sizes.pop('samples.jsonl') > limit
    assert max(sizes.values()) < limit / 2
    output = tmp_path / 'set'
    done = subprocess.run(
        command(bag, output), cwd=ROOT, capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    assert done.returncode == 2 and 'cannot be written' in done.stderr, done.stderr
    ledger = json.loads((output / 'collect.json').read_text())
    assert 0 < ledger['samples'] == len(lines_of(output)) == ledger['step'] < 60
    again = collect(config_for(bag, output, image_format='jpg'), quiet=True)
    assert (again['samples'], again['skipped']) == (whole['samples'], whole['skipped'])
    assert content_of(output) == content_of(tmp_path / 'whole')


def test_only_our_own_leftovers_are_removed(tmp_path: Path) -> None:
    bag, output = record(tmp_path / 'bag', scenes(6)), tmp_path / 'set'
    whole = collect(config_for(bag, output), quiet=True)
    hashes = content_of(output)
    copy = output / 'images' / '9999_99999.png'
    mine = [copy, output / 'masks' / 'notes.txt', output / 'images' / 'old' / 'a.png']
    mine[2].parent.mkdir()
    for path in mine:
        path.write_bytes(b'mine')
    again = collect(config_for(bag, output), quiet=True)
    assert (again['removed_files'], again['samples']) == (0, whole['samples'])
    assert all(path.read_bytes() == b'mine' for path in mine), 'a finished set'
    ledger = json.loads((output / 'collect.json').read_text())
    (output / 'collect.json').write_text(json.dumps({**ledger, 'done': False}))
    torn = output / '.collect-0123456789ab.json'
    torn.write_bytes(b'{')
    assert collect(config_for(bag, output), quiet=True)['removed_files'] == 1
    assert [path.exists() for path in (*mine, torn)] == [False, True, True, False]
    for path in mine[1:]:
        path.unlink()
    assert content_of(output) == hashes


def test_a_kill_before_the_first_ledger_is_no_obstacle(tmp_path: Path) -> None:
    output = tmp_path / 'set'
    output.mkdir()
    for name in ('.lock', '.collect-0123456789ab.json'):
        (output / name).write_bytes(b'')
    bag = record(tmp_path / 'bag', scenes(3))
    assert collect(config_for(bag, output), quiet=True)['samples'] == 3
    assert not (output / '.collect-0123456789ab.json').exists()
