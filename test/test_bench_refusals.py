"""What the measurements refuse: numbers of no meaning, places of no writing, a missing torch."""

import os
from pathlib import Path
import subprocess
import sys

from bench import kerb_lines, record_bags
from bench.__main__ import main
from bench.numbers import dds_domain, whole_from_zero, zero_or_more
import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ('verb', 'option', 'values'),
    [
        ('node', '--rate', ('-1', '0', 'nan', 'inf', '1e300', 'fast')),
        ('node', '--seconds', ('-1', '0', 'nan')),
        ('node', '--width', ('0', '-3', '1.5')),
        ('node', '--threads', ('-1',)),
        ('node', '--domain-id', ('-1', '233')),
        ('hold', '--search-seconds', ('-1', 'inf')),
        ('yardstick', '--slow-rate', ('-1', 'nan')),
        ('yardstick', '--blocks', ('0',)),
        ('memory', '--frames', ('0',)),
        ('sweep', '--seconds', ('0', 'nan')),
        ('engines', '--frames', ('0',)),
        ('fusion', '--height', ('0',)),
        ('classic', '--frames', ('-1',)),
    ],
)
def test_a_number_of_no_meaning_is_refused(tmp_path, capsys, verb, option, values) -> None:
    for value in values:
        with pytest.raises(SystemExit) as caught:
            main([verb, option, value, '--out', str(tmp_path / 'out')])
        assert caught.value.code == 2
        words = f"error: argument {option}: '{value}' cannot be used: give a number "
        assert words in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / 'out').exists()


def test_numbers_at_the_ends_are_taken() -> None:
    assert (zero_or_more('0'), whole_from_zero('0'), dds_domain('232')) == (0.0, 0, 232)


def test_a_measurement_within_the_warm_up_is_refused(tmp_path, capsys) -> None:
    assert main(['node', '--seconds', '0.5', '--out', str(tmp_path)]) == 2
    assert (
        capsys.readouterr().err.splitlines()[-1].startswith('error: --seconds 0.5 at 30 Hz ends')
    )
    assert not (tmp_path / 'node.json').exists()


def test_a_place_of_no_writing_is_one_sentence(tmp_path, capsys) -> None:
    picture, file = np.zeros((40, 40, 3), np.uint8), tmp_path / 'file'
    file.write_text('')
    for name, pixels in (('images', picture), ('masks', picture[..., 0])):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / 'a.png'), pixels)
    for run, arguments in (
        (main, ['node', '--out', file]),
        (kerb_lines.main, [tmp_path, file]),
        (record_bags.main, ['--measure', '--out', file / 'bags']),
    ):
        assert run([str(one) for one in arguments]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f'error: {file}')
        assert 'cannot be written (' in error and error.endswith('\n') and error.count('\n') == 1


def test_a_picture_without_a_mask_has_no_kerb_lines(tmp_path, capsys) -> None:
    (tmp_path / 'images').mkdir()
    cv2.imwrite(str(tmp_path / 'images' / 'a.png'), np.zeros((40, 40, 3), np.uint8))
    assert kerb_lines.main([str(tmp_path), str(tmp_path / 'out')]) == 2
    assert 'a.png is no mask of ' in capsys.readouterr().err


@pytest.mark.parametrize(
    'command',
    [['bench', '--help'], ['bench', 'node'], ['bench.adaptation', '--help'],
     ['bench.reproduction', '--help']],
)  # fmt: skip
def test_without_torch_the_remedy_is_told(tmp_path, command) -> None:
    (tmp_path / 'torch').mkdir()
    missing = "raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')"
    (tmp_path / 'torch' / '__init__.py').write_text(missing)
    done = subprocess.run(
        [sys.executable, '-m', *command], cwd=ROOT, capture_output=True, text=True, timeout=60,
        env={**os.environ, 'PYTHONPATH': str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        "error: No module named 'torch': run make setup, which installs all of it\n"
    )
