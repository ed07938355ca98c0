"""What ``bundle.json`` may say: every field that cannot be is refused by its name."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest
from seg_node.bundle import ModelBundle
from seg_node.labels import Label
from seg_node.manifest import Adapter, Manifest, to_json, WeightFile
from seg_node.postprocess import OutputSpec
from seg_node.preprocess import InputSpec
from seg_node.strict_json import from_json, parse_json

PATHS_OUTSIDE = ['../secret', '/etc/hostname', 'a/../../secret', '..\\secret', 'C:\\x', 'a\\b']


@pytest.fixture
def content(tiny_bundle: ModelBundle) -> dict:
    """Return the parsed manifest of the tiny bundle, to be spoiled."""
    return json.loads(to_json(tiny_bundle.manifest))


def refused(content: dict) -> str:
    """Return why a manifest is refused; it must be one line."""
    with pytest.raises(ValueError) as caught:
        from_json(Manifest, content)
    assert str(caught.value).isprintable()
    return str(caught.value)


def nested(levels: int) -> dict:
    content: dict = {}
    for _ in range(levels):
        content = {'deeper': content}
    return content


LANE = [{'id': 0, 'name': 'background', 'color': [0, 0, 0]},
        {'id': 1, 'name': 'lane_marking', 'color': [1, 2, 3]}]  # fmt: skip
ROAD = {'id': 2, 'name': 'road', 'color': [1, 2, 3]}


@pytest.mark.parametrize(
    ('changes', 'named'),
    [
        ({'extra': 1}, 'extra: unknown; known are name, files'),
        ({'ex\ntra': 1}, r"['ex\ntra']: unknown"),
        ({'name': 7}, 'name: expected str, got 7'),
        ({'name': ''}, 'name: must be one line'),
        ({'name': 'two\nlines'}, 'name: must be one line'),
        ({'name': nested(300)}, 'name: expected str'),
        ({'files': {}}, 'files: expected list, got {}'),
        ({'files': [{}]}, 'files[0].path: missing'),
        ({'files': [None]}, 'files[0]: expected an object, got None'),
        ({'schema_version': 1.0}, 'schema_version: expected int'),
        ({'input': {'width': 0}}, 'input.width: must be 1 to 8192'),
        ({'input': {'height': -3}}, 'input.height: must be 1 to 8192'),
        ({'input': {'width': 10**9}}, 'input.width: must be 1 to 8192'),
        ({'input': {'width': 1.5}}, 'input.width: expected int, got 1.5'),
        ({'input': {'width': True}}, 'input.width: expected int, got True'),
        ({'input': {'mean': [0, 0]}}, 'input.mean: expected 3 values, got 2'),
        ({'input': {'std': [1, 1, 0]}}, 'input.std: must be above 0'),
        ({'input': {'std': [1, 1, '1']}}, "input.std[2]: expected float, got '1'"),
        ({'input': {'resize': 'crop'}}, "input.resize: expected one of ['letterbox', 'stretch']"),
        ({'output': {'lane_threshold': 1.01}}, 'output.lane_threshold: must be 0 to 1'),
        ({'output': {'lane_threshold': -0.1}}, 'output.lane_threshold: must be 0 to 1'),
        ({'output': {'lane_threshold': 10**400}}, 'output.lane_threshold: expected a finite'),
        ({'output': {'kind': 'logits'}}, 'output.kind: expected one of'),
        ({'labels': []}, 'labels: there are 0'),
        ({'labels': LANE[:1]}, 'lane marking is id 1'),
        ({'labels': LANE * 200}, 'labels: there are 400'),
        ({'labels': [*LANE, LANE[1]]}, 'labels[2].id: must be 2, its place'),
        ({'labels': [*LANE, ROAD | {'id': 255}]}, 'labels[2].id: must be 2'),
        ({'labels': [*LANE, ROAD | {'id': -1}]}, 'labels[2].id: must be 2'),
        ({'labels': [LANE[0], ROAD]}, 'labels[1].id: must be 1'),
        ({'labels': [*LANE, ROAD | {'name': 'lane_marking'}]}, 'labels: two of them'),
        ({'labels': [*LANE, ROAD | {'name': ''}]}, 'labels[2].name: must be one line'),
        ({'labels': [*LANE, ROAD | {'color': [0, 0, 256]}]}, 'labels[2].color: must be 0 to 255'),
        ({'labels': [*LANE, ROAD | {'color': [0, 0]}]}, 'labels[2].color: expected 3'),
        ({'adapters': {'../x': {'files': []}}}, "adapters: '../x' is no name"),
        ({'adapters': {'a/b': {'files': []}}}, "adapters: 'a/b' is no name"),
        ({'adapters': {'': {'files': []}}}, "adapters: '' is no name"),
        ({'adapters': {'..': {'files': []}}}, "adapters: '..' is no name"),
        ({'adapters': {'a\n': {'files': []}}}, r"adapters: 'a\n' is no name"),
        ({'adapters': {'rain-2': 7}}, "adapters['rain-2']: expected an object, got 7"),
        ({'network': nested(40)}, 'network.deeper: more than 32 levels'),
        ({'network': nested(400)}, 'network.deeper: more than 32 levels'),
    ],
)  # fmt: skip
def test_fields_that_cannot_be_are_named(content: dict, changes: dict, named: str) -> None:
    assert named in refused(content | changes)


@pytest.mark.parametrize(
    ('changes', 'named'),
    [
        ({'size_bytes': -1}, 'files[0].size_bytes: must not be negative'),
        ({'size_bytes': '9'}, "files[0].size_bytes: expected int, got '9'"),
        ({'sha256': 'abc'}, 'files[0].sha256: must be 64'),
        ({'sha256': 'A' * 64}, 'files[0].sha256: must be 64'),
        ({'format': 'pickle'}, 'files[0].format: expected one of'),
        ({'precision': 'fp8'}, "files[0].precision: expected one of ['fp32', 'int8']"),
        ({'metrics': {'lane_iou': 'good'}}, 'files[0].metrics.lane_iou: expected float'),
        ({'path': 'adapters/dark/model.onnx'}, 'files: adapters/dark/model.onnx is listed twice'),
        ({'path': './adapters//dark/model.onnx'}, 'is listed twice'),
    ],
)
def test_file_entries_that_cannot_be_are_named(content: dict, changes: dict, named: str) -> None:
    content['files'][0] |= changes
    assert named in refused(content)


@pytest.mark.parametrize('path', PATHS_OUTSIDE)
def test_paths_outside_the_folder(content: dict, path: str) -> None:
    content['adapters']['dark']['files'][0]['path'] = path
    message = refused(content)
    assert message.startswith('adapters.dark.files[0].path: ')
    assert 'outside' in message


@pytest.mark.parametrize('path', ['', '.', './', 'a\nb', 'a\0b'])
def test_paths_that_name_no_file(content: dict, path: str) -> None:
    content['files'][0]['path'] = path
    assert 'files[0].path: ' in refused(content)


def test_an_adapters_files_lie_under_its_name(content: dict) -> None:
    content['adapters'] = {'light': content['adapters']['dark']}
    assert "adapters['light'].files: adapters/dark/model.onnx" in refused(content)


def test_an_adapter_of_other_weights_is_refused(content: dict) -> None:
    adapter = content['adapters']['dark']
    adapter['base_sha256'] = content['files'][0]['sha256']
    assert from_json(Manifest, content).adapters['dark'].base_sha256
    adapter['base_sha256'] = '0' * 64
    assert "adapters['dark'].base_sha256: it was made for other weights" in refused(content)


def test_how_an_adapter_compares_is_checked(content: dict) -> None:
    row = {'data': 'track', 'use': 'target', 'samples': 9, 'base': {}, 'adapted': {}}
    content['adapters']['dark']['comparisons'] = [row]
    assert from_json(Manifest, content).adapters['dark'].comparisons[0].samples == 9
    row['use'] = 'both'
    assert 'adapters.dark.comparisons[0].use: expected one of' in refused(content)


WORDS = st.text('abcdefghij_-.', min_size=1, max_size=12).map(lambda text: f'x{text}')
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
UNIT = st.floats(0, 1)
TEXTS = st.text(max_size=20)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(TEXTS, PLAIN, max_size=3)
RGB = st.tuples(*[st.integers(0, 255)] * 3)


def weight_files(prefix: str) -> st.SearchStrategy[tuple[WeightFile, ...]]:
    one = st.builds(
        WeightFile,
        path=WORDS.map(lambda name: f'{prefix}{name}'),
        format=st.sampled_from(['onnx', 'openvino_bin', 'safetensors']),
        precision=st.sampled_from(['fp32', 'int8']),
        size_bytes=st.integers(0, 1 << 40),
        sha256=st.text('0123456789abcdef', min_size=64, max_size=64),
        engines=st.lists(WORDS, max_size=3).map(tuple),
        metrics=st.dictionaries(WORDS, NUMBERS, max_size=3),
        latency_ms=st.dictionaries(WORDS, NUMBERS, max_size=3),
        measured_on=TEXTS,
    )
    return st.lists(one, max_size=3, unique_by=lambda file: file.path).map(tuple)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    names = draw(st.lists(WORDS, min_size=2, max_size=9, unique=True))
    adapters = {
        name: Adapter(draw(weight_files(f'adapters/{name}/')), draw(OBJECTS))
        for name in draw(st.lists(WORDS, max_size=2, unique=True))
    }
    return Manifest(
        name=draw(WORDS),
        files=draw(weight_files('')),
        input=InputSpec(
            draw(st.integers(1, 8192)),
            draw(st.integers(1, 8192)),
            draw(st.tuples(UNIT, UNIT, UNIT)),
            draw(st.tuples(*[st.floats(1e-6, 10)] * 3)),
            draw(st.sampled_from(['letterbox', 'stretch'])),
        ),
        output=OutputSpec(lane_threshold=draw(UNIT)),
        labels=tuple(Label(i, name, draw(RGB)) for i, name in enumerate(names)),
        network=draw(OBJECTS),
        adapters=adapters,
        provenance=draw(OBJECTS),
        description=draw(TEXTS),
    )


@settings(max_examples=100, deadline=None)
@given(manifests())
def test_a_manifest_survives_json(manifest: Manifest) -> None:
    assert from_json(Manifest, parse_json(to_json(manifest))) == manifest


def test_an_openvino_ir_needs_its_weights_listed():
    xml, weights = (
        WeightFile(f'model.{suffix}', f'openvino_{suffix}', 'fp32', 1, '0' * 64, ('openvino',))
        for suffix in ('xml', 'bin')
    )
    Manifest(name='ir', files=(xml, weights))
    with pytest.raises(ValueError, match=r'model\.xml needs model\.bin listed'):
        Manifest(name='ir', files=(xml,))
