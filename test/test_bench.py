"""The measurements run and tell the truth about what they saw; how fast it was is not judged."""

import json
from pathlib import Path

from bench.__main__ import main, MEASUREMENTS
from bench.figures import growth_of
from bench.listener import Arrival
from bench.pictures import road_pictures
from bench.results import Table, TO_MEASURE
from bench.session import Run
from bundles import make_bundle
import numpy as np
import pytest
from seg_node.bundle import default_bundle_path, ModelBundle
from seg_node.frame import Frame
from seg_node.segmenter import Segmenter

ROOT = Path(__file__).resolve().parents[1]


def arrivals(ages_ms, rate_hz=10.0):
    """Make arrivals at a steady rate with given ages."""
    period_ns = round(1e9 / rate_hz)
    return [
        Arrival(index * period_ns, index * period_ns + round(age_ms * 1e6))
        for index, age_ms in enumerate(ages_ms)
    ]


def test_growth_is_told_from_noise():
    steady = growth_of(arrivals([20, 22] * 50))
    assert steady == {'first_tenth_ms': 21, 'last_tenth_ms': 21, 'slope_ms_per_s': 0.006}
    growing = growth_of(arrivals(np.linspace(20, 119, 100)))
    assert growing['slope_ms_per_s'] == pytest.approx(10)  # 1 ms a frame at 10 Hz
    assert growing['last_tenth_ms'] - growing['first_tenth_ms'] == pytest.approx(90)
    assert growth_of(arrivals([7]))['slope_ms_per_s'] == 0


def test_warm_up_counts_for_drops_and_not_for_percentiles():
    heard = arrivals([500] * 10 + [20] * 40, rate_hz=10)[5:]
    sent = {'frames': 50, 'rate_hz': 10.0, 'first_stamp_ns': 0}
    run = Run(sent, heard, cpu_s=0, seconds=5)
    assert run.drops == 5
    assert run.ages_ms == [20] * 40


def test_node_is_measured_over_dds(tmp_path, capsys, domain_id):
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    bundle = make_bundle(tmp_path / 'bundle').folder
    arguments = ['node', '--json', '--out', str(tmp_path / 'out'), '--domain-id', str(domain_id)]
    arguments += ['--bundle', str(bundle), '--engine', 'onnxruntime', '--width', '320']
    arguments += ['--height', '180', '--rate', '20', '--seconds', '2']

    assert main(arguments) == 0

    data = json.loads(capsys.readouterr().out)
    assert data['sent'] == 40
    assert data['masks'] == 40 - data['drops']
    assert data['counters']['processed'] >= data['masks'] > 20
    stages = {name: values['p50'] for name, values in data['stages_ms'].items()}
    assert 0 < stages['inference_ms'] < stages['age_ms']
    assert 0 < stages['transport_ms'] < stages['beyond_engine_ms'] < stages['age_ms']
    # not of the same masks: on a busy machine the two medians may pass each other by a little
    assert stages['age_ms'] < data['arrival_age_ms']['p50'] + 1.0
    assert data['rate_hz'] == pytest.approx(20, rel=0.1)
    kept = json.loads((tmp_path / 'out' / 'node.json').read_text())
    assert kept['data'] == data
    assert kept['machine']['cores'] >= 1


def test_starts_are_measured_the_first_and_the_others(tmp_path, capsys, domain_id):
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    bundle = make_bundle(tmp_path / 'tiny')
    started = main(
        ['start', '--starts', '2', '--bundle', str(bundle.folder), '--out', str(tmp_path / 'out'),
         '--domain-id', str(domain_id), '--json']
    )  # fmt: skip
    assert started == 0
    data = json.loads(capsys.readouterr().out)
    assert data['starts'] == 2
    assert 0.1 < data['first']['wall_s'] < 60
    assert 0.1 < data['again']['wall_s']['p50'] < 60
    assert data['again']['processor_s']['p99'] > 0.1


def test_yardstick_computes_what_the_node_does():
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    yardstick = pytest.importorskip('bench.yardstick_node', reason='torch is not installed')
    bundle = ModelBundle.load(default_bundle_path())
    picture = road_pictures(512, 288)[0]
    segmenter = Segmenter.load(bundle, 'onnxruntime', 'fp32')
    expected = segmenter.segment(Frame(picture), with_confidence=False).mask.labels
    segmenter.close()
    labels = yardstick.segment(yardstick.load_network(bundle), bundle.manifest.input, picture)
    assert (labels == expected).mean() > 0.98  # argmax does not know the bundle's threshold


def test_engines_are_measured_in_turns(tmp_path, capsys):
    bundle = make_bundle(tmp_path / 'bundle').folder
    arguments = ['engines', '--json', '--bundle', str(bundle), '--out', str(tmp_path / 'out')]
    assert main([*arguments, '--frames', '20', '--width', '64', '--height', '32']) == 0
    data = json.loads(capsys.readouterr().out)
    ran = next(case for case in data['benchmark']['cases'] if case['engine'] == 'onnxruntime')
    assert 0 < ran['inference_ms']['p50'] < ran['segment_ms']['p50']
    assert (tmp_path / 'out' / 'engines' / 'report.md').is_file()


def test_report_fills_what_was_measured_and_marks_the_rest(tmp_path, capsys):
    bundle = make_bundle(tmp_path / 'bundle').folder
    out = ['--out', str(tmp_path / 'out')]
    main(['engines', *out, '--bundle', str(bundle), '--frames', '10'])
    page = tmp_path / 'page.md'
    page.write_text(
        'before\n<!-- bench:engines -->\nold\n<!-- /bench -->\nbetween\n'
        '<!-- bench:memory -->\nold\n<!-- /bench -->\nafter\n'
    )
    for _ in range(2):  # the second time it replaces what the first wrote
        assert main(['report', *out, '--file', str(page)]) == 0
    text = page.read_text()
    engines, memory = text.split('between')
    assert engines.startswith('before\n<!-- bench:engines -->\n')
    assert ' onnxruntime fp32 ' in engines
    assert TO_MEASURE not in engines
    assert TO_MEASURE in memory
    assert 'old' not in text
    assert text.endswith('<!-- /bench -->\nafter\n')


@pytest.mark.parametrize(
    ('page', 'says'),
    [('no section at all', 'no section'), ('<!-- bench:speed -->\n<!-- /bench -->', 'speed')],
)
def test_report_refuses_a_page_it_cannot_fill(tmp_path, capsys, page, says):
    path = tmp_path / 'page.md'
    path.write_text(page)
    assert main(['report', '--out', str(tmp_path), '--file', str(path)]) == 2
    assert says in capsys.readouterr().err
    assert path.read_text() == page


def test_page_in_docs_has_a_place_for_every_measurement():
    text = (ROOT / 'docs' / 'performance.md').read_text()
    assert [verb for verb in MEASUREMENTS if f'<!-- bench:{verb} -->' not in text] == []


def test_table_as_markdown():
    table = Table('title', ('what', 'ms'), [['a', '1'], ['b', '2']], ['note'])
    assert table.markdown() == (
        '**title**\n\n| what | ms |\n| --- | ---: |\n| a | 1 |\n| b | 2 |\n\n- note'
    )


def test_process_that_ends_early_is_one_sentence(tmp_path, capsys, domain_id):
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    arguments = ['node', '--out', str(tmp_path), '--domain-id', str(domain_id)]
    assert main([*arguments, '--bundle', str(tmp_path / 'nothing')]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith('error: seg_node.node ended before its time')
    assert 'no bundle at' in error
