"""Models of others: fed as they want, judged as ours are."""

from pathlib import Path

import numpy as np
from onnx import TensorProto
from peer_networks import HEIGHT, WIDTH, write_peer
import pytest
from seg_node.frame import Frame

pytest.importorskip('torch', reason='training needs torch')
from training.benchmark import benchmark
from training.benchmark_config import BenchmarkConfig
from training.benchmarking.errors import BenchmarkError
from training.benchmarking.peer_config import PeerConfig, PeerInput
from training.benchmarking.peers import PeerSegmenter

ENGINES = ('onnxruntime', 'openvino')
PICTURE = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def lane_of(peer: PeerConfig, engine: str = 'onnxruntime', picture: np.ndarray = PICTURE):
    """Return where a peer sees lane marking, (H, W) bool."""
    pytest.importorskip(engine)
    labels = PeerSegmenter(peer, engine, 'fp32', 1).segment(Frame(picture)).mask.labels
    assert set(np.unique(labels)) <= {0, 1}
    return labels == 1


@pytest.mark.parametrize('engine', ENGINES)
@pytest.mark.parametrize(
    'making',
    [
        {},
        {'layout': 'nhwc'},
        {'layout': 'nhwc', 'dtype': TensorProto.UINT8},
        {'label_ids': True},
        {'shape': ('N', 3, 'H', 'W')},
    ],
)
@pytest.mark.parametrize('lane_class', [0, 2])
def test_each_class_is_the_channel_that_the_picture_has_most_of(
    tmp_path: Path, engine: str, making: dict, lane_class: int
) -> None:
    size = PeerInput(width=WIDTH, height=HEIGHT) if 'shape' in making else PeerInput()
    peer = PeerConfig(write_peer(tmp_path / 'peer.onnx', **making), size, lane_class)
    assert np.array_equal(lane_of(peer, engine), PICTURE.argmax(axis=2) == lane_class)


@pytest.mark.parametrize('engine', ENGINES)
def test_colours_mean_and_scale_are_given_or_read_from_the_file(
    tmp_path: Path, engine: str
) -> None:
    mean, scale = np.array([100, 10, 60], np.float32), np.array([20, 70, 40], np.float32)
    expected = ((PICTURE[..., ::-1] - mean) / scale).argmax(axis=2) == 0
    assert not np.array_equal(expected, PICTURE[..., ::-1].argmax(axis=2) == 0)
    given = PeerInput(colours='rgb', mean=(100, 10, 60), scale=(20, 70, 40))
    plain = write_peer(tmp_path / 'plain.onnx')
    assert np.array_equal(lane_of(PeerConfig(plain, given, 0), engine), expected)
    if engine == 'onnxruntime':
        stated = {
            'model_info reverse_input_channels': 'True',
            'model_info mean_values': '100 10 60',
            'model_info scale_values': '20 70 40',
        }
        file = write_peer(tmp_path / 'stated.onnx', metadata=stated)
    else:
        openvino = pytest.importorskip('openvino')
        model = openvino.convert_model(plain)
        for name, value in (
            ('reverse_input_channels', 'YES'),
            ('mean_values', '100 10 60'),
            ('scale_values', '20 70 40'),
        ):
            model.set_rt_info(value, ['model_info', name])
        file = tmp_path / 'stated.xml'
        openvino.save_model(model, file, compress_to_fp16=False)
    assert np.array_equal(lane_of(PeerConfig(file, lane_class=0), engine), expected)


def test_small_scores_are_brought_back_to_the_frame(tmp_path: Path) -> None:
    picture = np.zeros((90, 160, 3), np.uint8)
    picture[:, 80:, 1] = 255
    peer = PeerConfig(write_peer(tmp_path / 'peer.onnx', shrink=4), lane_class=1)
    lane = lane_of(peer, picture=picture)
    assert lane.shape == (90, 160)
    assert lane[:, 90:].all()
    assert not lane[:, :70].any()


@pytest.mark.parametrize('engine', ENGINES)
def test_a_peer_runs_at_another_size(tmp_path: Path, engine: str) -> None:
    pytest.importorskip(engine)
    peer = PeerConfig(write_peer(tmp_path / 'peer.onnx'), lane_class=2)
    segmenter = PeerSegmenter(peer, engine, 'fp32', 1, (128, 96))
    assert segmenter.size == (128, 96)
    assert segmenter.shape == (1, 3, 96, 128)
    picture = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    assert np.array_equal(segmenter.segment(Frame(picture)).mask.labels, picture.argmax(2) == 2)


@pytest.mark.parametrize(
    ('making', 'changes', 'told'),
    [
        ({}, {'lane_class': 3}, 'has the classes 0 to 2: name one of them'),
        ({}, {'input': PeerInput(layout='nhwc')}, 'which is not nhwc'),
        ({'shape': (1, 3, 'H', 'W')}, {}, 'leaves its input size open: give --input.width'),
        ({'shape': (1, 5, HEIGHT, WIDTH)}, {}, 'not one picture of three colours'),
        ({'shape': (2, 3, HEIGHT, WIDTH)}, {}, 'not one picture of three colours'),
        ({'dtype': TensorProto.INT64}, {}, 'a picture is float or uint8'),
        ({'one_plane': True}, {}, 'gives one plane of fractions'),
        ({'shape': (1, 3, 3, 3)}, {}, 'may be nchw or nhwc: give --input.layout'),
    ],
)
def test_what_cannot_be_fed_is_one_sentence(
    tmp_path: Path, making: dict, changes: dict, told: str
) -> None:
    peer = PeerConfig(write_peer(tmp_path / 'peer.onnx', **making), **changes)
    with pytest.raises(BenchmarkError, match=told) as caught:
        PeerSegmenter(peer, 'onnxruntime', 'fp32', 1)
    assert '\n' not in str(caught.value)


def test_a_file_that_is_no_model_is_one_sentence(tmp_path: Path) -> None:
    for name in ('peer.onnx', 'peer.xml'):
        (tmp_path / name).write_text('no model')
    for name, engine in (
        ('peer.onnx', 'onnxruntime'), ('peer.onnx', 'openvino'), ('peer.xml', 'openvino')
    ):  # fmt: skip
        pytest.importorskip(engine)
        with pytest.raises(BenchmarkError, match='cannot be run by') as caught:
            PeerSegmenter(PeerConfig(tmp_path / name), engine, 'fp32', 1)
        assert '\n' not in str(caught.value)


def test_its_own_size_asked_for_twice_is_measured_once(tmp_path: Path) -> None:
    pytest.importorskip('onnxruntime')
    config = BenchmarkConfig(
        models=(),
        engines=('onnxruntime',),
        peer=write_peer(tmp_path / 'peer.onnx'),
        sizes=('own', f'{WIDTH}x{HEIGHT}'),
        threads=(1,),
        picture='64x48',
        runs=10,
    )
    assert len(benchmark(config, quiet=True)['cases']) == 1
