"""Sets whose files hold what no tool of ours writes: one sentence, whatever it is."""

import json
from pathlib import Path
import struct
import zlib

import pytest
from rendered_roads import write_pairs
from training.data.pairs import PairsFolder
from training.data.sources import SetConfig
from training.errors import ConfigError, DataError
from training.runs import read_facts

LABELS = ('background', 'lane_marking', 'road')
DEEP = '[' * 100_000


@pytest.fixture
def roads(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / 'roads', 3, ('lane_marking',))


def open_set(roads: Path, **settings: object) -> PairsFolder:
    source = SetConfig(path=roads.name, **settings)  # type: ignore[arg-type]
    return PairsFolder.open(source, roads.parent, LABELS)


def huge_png() -> bytes:
    """Return a PNG whose header states more pixels than OpenCV will ever read."""
    header = b'IHDR' + struct.pack('>IIBBBBB', 60_000, 60_000, 8, 0, 0, 0, 0)
    return (
        b'\x89PNG\r\n\x1a\n'
        + struct.pack('>I', 13)
        + header
        + struct.pack('>I', zlib.crc32(header))
        + bytes(100)
    )


@pytest.mark.parametrize(
    ('kind', 'told'),
    [('images', 'is not a readable picture'), ('masks', 'is not an 8-bit single-channel PNG')],
)
def test_a_picture_beyond_all_bounds(roads, kind, told) -> None:
    (roads / kind / '0001.png').write_bytes(huge_png())
    with pytest.raises(DataError, match=rf'0001\.png {told}'):
        open_set(roads).read(1)


@pytest.mark.parametrize('statement', [
    {'annotated': [['x']]},
    {'annotated': [{}]},
    {'annotated': ['lane_marking'], 'labels': {'lane_marking': float('inf')}},
])  # fmt: skip
def test_a_statement_that_makes_no_sense(roads, statement) -> None:
    text = json.dumps(statement).replace('Infinity', '1e999')
    (roads / 'dataset.json').write_text(text)
    with pytest.raises(DataError, match='roads') as caught:
        open_set(roads)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('place', [[1], {'a': 1}, 1.5])
def test_a_route_that_is_neither_name_nor_number(roads, place) -> None:
    lines = [{'name': f'{index:04}', 'route': place} for index in range(3)]
    (roads / 'samples.jsonl').write_text(''.join(json.dumps(line) + '\n' for line in lines))
    with pytest.raises(DataError, match=r'line 1 is no sample .*route and town'):
        open_set(roads, hold_out_routes=(1,), part='held_out')


def test_brackets_without_end(roads, tmp_path) -> None:
    (roads / 'samples.jsonl').write_text(DEEP + '\n')
    with pytest.raises(DataError, match='line 1 is no sample'):
        open_set(roads)
    (roads / 'samples.jsonl').unlink()
    (roads / 'dataset.json').write_text(DEEP)
    with pytest.raises(DataError, match='is not valid JSON'):
        open_set(roads)
    (tmp_path / 'run.json').write_text(DEEP)
    with pytest.raises(ConfigError, match='is damaged'):
        read_facts(tmp_path / 'run.json')
