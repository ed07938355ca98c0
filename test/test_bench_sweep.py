"""The rate sweep and the classic net run, and judge what they saw as they say."""

import json
import os

from bench.__main__ import main
from bench.processes import Process
from bench.sweep import climb
from bundles import make_bundle
import pytest


def tries_of(held_by_rate):
    """Return what climbing makes of answers: by rate, those of the first and the second try."""
    answers = {rate_hz: list(held) for rate_hz, held in held_by_rate.items()}
    tries = climb(
        list(answers), lambda rate_hz: {'wanted_hz': rate_hz, 'held': answers[rate_hz].pop(0)}
    )
    return [(one['wanted_hz'], one['held'], one['again']) for one in tries]


def test_a_rate_that_drops_gets_a_second_try():
    assert tries_of({30: [True], 60: [False, True], 80: [True]}) == [
        (30, True, False), (60, False, False), (60, True, True), (80, True, False),
    ]  # fmt: skip


def test_two_tries_that_drop_end_the_sweep():
    assert tries_of({30: [True], 60: [False, False], 80: [True]}) == [
        (30, True, False), (60, False, False), (60, False, True),
    ]  # fmt: skip


@pytest.mark.slow
def test_sweep_is_measured_over_dds(tmp_path, capsys, domain_id):
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    bundle = make_bundle(tmp_path / 'bundle').folder
    cores = os.sched_getaffinity(0)
    arguments = ['sweep', '--out', str(tmp_path / 'out'), '--domain-id', str(domain_id)]
    arguments += ['--bundle', str(bundle), '--engine', 'onnxruntime', '--width', '320']
    arguments += ['--height', '180', '--rates', '10', '--seconds', '2']

    assert main(arguments) == 0

    shown = ' '.join(capsys.readouterr().out.split())  # lines are broken anywhere
    assert 'Highest rate without a drop:' in shown
    assert '30 Hz without a drop on one core: 1280x720 ' in shown
    data = json.loads((tmp_path / 'out' / 'sweep.json').read_text())['data']
    assert data['settings']['rates'] == '10'
    first, one_core = data['tries'][0], data['one_core']
    assert (first['wanted_hz'], first['sent'], first['again']) == (10, 20, False)
    assert first['masks'] == 20 - first['drops']
    assert 0 < first['stages_ms']['age_ms']['p50'] < first['arrival_age_ms']['p50'] + 1.0
    assert ', 1 threads' in one_core['engine']
    assert {one['size'] for one in one_core['tries']} == {'1280x720', '320x180'}
    assert os.sched_getaffinity(0) == cores


def test_process_on_one_core_has_its_arguments_and_no_other_core(tmp_path):
    core = max(os.sched_getaffinity(0))
    program = tmp_path / 'told.py'
    program.write_text(
        'import os, sys\nassert __name__ == "__main__"\n'
        'print(sys.argv[1:], os.sched_getaffinity(0))\n'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('PYTHONPATH', str(tmp_path))
        with Process('told', ['a', '--b=c d'], 1, tmp_path / 'log', {core}) as process:
            assert process.read_line() == f"['a', '--b=c d'] {{{core}}}\n"


def test_classic_net_is_measured_beside_the_bundle(tmp_path, capsys):
    pytest.importorskip('torch', reason='torch is not installed')
    bundle = make_bundle(tmp_path / 'bundle').folder
    arguments = ['classic', '--bundle', str(bundle), '--out', str(tmp_path / 'out')]
    arguments += ['--widths', '4,8', '--width', '65', '--height', '32', '--frames', '2']

    assert main(arguments) == 0

    assert '(target' not in capsys.readouterr().out  # which is that of another net and size
    data = json.loads((tmp_path / 'out' / 'classic.json').read_text())['data']
    classic, *own = data['sides']
    assert classic['name'].startswith('classic U-Net at 66x32, torch ')
    assert (classic['frames'], classic['times_faster_p50']) == (2, 1)
    assert classic['multiply_adds'] > 66 * 32 * 3 * 4 * 9
    assert {side['frames'] for side in own} == {20}
    assert {side['multiply_adds'] for side in own} == {None}
    assert any('onnxruntime' in side['name'] for side in own)


@pytest.mark.parametrize(
    ('arguments', 'says'),
    [
        (['sweep', '--rates', '30,fast'], "--rates '30,fast' is no list of rates"),
        (['sweep', '--rates', '0,30'], 'in Hz like'),
        (['sweep', '--rates', '30,1e300'], 'in Hz like'),
        (['sweep', '--seconds', '0.9'], 'give more --seconds'),
        (['classic', '--widths', '64'], 'two levels or more'),
        (['classic', '--widths', 'wide'], 'write channels like 64,128'),
    ],
)
def test_mistakes_are_one_sentence(tmp_path, capsys, arguments, says):
    pytest.importorskip('torch', reason='torch is not installed')
    assert main([*arguments, '--out', str(tmp_path)]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith('error: ')
    assert says in error
