"""What the recorder refuses, in one sentence and without a folder left behind."""

import subprocess
import sys

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')
pytest.importorskip('rosbags', reason='rosbags is not installed')

from dds import domain_environment, ROOT

pytestmark = pytest.mark.dds


@pytest.mark.parametrize(
    ('out', 'topic', 'words'),
    [
        ('bag', 'bad topic', "'bad topic' is no name of a topic (Invalid topic name: topic name"),
        ('bag', 'a//b', "'a//b' is no name of a topic ("),
        (
            '/proc/seg_node',
            'image',
            '/proc/seg_node cannot be written (No such file or directory)',
        ),
        ('file', 'image', 'file exists already, not overwriting: name another --out'),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, domain_id, out, topic, words) -> None:
    (tmp_path / 'file').write_text('')
    environment = domain_environment(domain_id)
    environment['PYTHONPATH'] = f'{ROOT}:{environment.get("PYTHONPATH", "")}'
    done = subprocess.run(
        [sys.executable, '-m', 'seg_node.topic_recorder', '--out', out, topic, '--wait', '1'],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith(f'error: {words}')
    assert done.stderr.count('\n') == 1
    assert [path.name for path in tmp_path.iterdir()] == ['file']
