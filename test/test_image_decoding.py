"""Raw and compressed pictures, against references that go through the pixels one by one."""

from array import array
import struct
import zlib

import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from seg_node.image_decoding import (
    decode_compressed,
    decode_raw,
    ENCODINGS,
    ImageError,
    MAX_SIDE,
    UnsupportedEncodingError,
)

PACKED = {
    'bgr8': 3,
    'rgb8': 3,
    'bgra8': 4,
    'rgba8': 4,
    'mono8': 1,
    '8UC1': 1,
    '8UC3': 3,
    '8UC4': 4,
}
YUV422 = ('yuv422', 'uyvy', 'yuv422_yuy2', 'yuyv')
YUV420 = ('nv12', 'nv21')
BAYER = ('bayer_rggb8', 'bayer_bggr8', 'bayer_gbrg8', 'bayer_grbg8')


def reference(encoding, height, width, step, is_bigendian, data):
    """Return rows of pixels, in the channel order that the encoding is decoded to."""
    if encoding in PACKED:
        channels = PACKED[encoding]
        return [
            [
                tuple(data[y * step + x * channels + c] for c in range(channels))
                for x in range(width)
            ]
            for y in range(height)
        ]
    if encoding == 'mono16':
        order = '>H' if is_bigendian else '<H'
        return [
            [(struct.unpack_from(order, data, y * step + 2 * x)[0] // 256,) for x in range(width)]
            for y in range(height)
        ]
    if encoding in YUV422:
        return [
            [yuv422_pixel(encoding, data, y * step, x) for x in range(width)]
            for y in range(height)
        ]
    if encoding in YUV420:
        return [
            [yuv420_pixel(encoding, data, height, step, y, x) for x in range(width)]
            for y in range(height)
        ]
    return demosaic(encoding, height, width, step, data)


def yuv422_pixel(encoding, data, row, x):
    luma_first = encoding in ('yuv422_yuy2', 'yuyv')
    pair = row + 4 * (x // 2)
    luma = data[pair + 2 * (x % 2) + (0 if luma_first else 1)]
    u, v = (data[pair + 1], data[pair + 3]) if luma_first else (data[pair], data[pair + 2])
    return bt601_to_bgr(luma, u, v)


def yuv420_pixel(encoding, data, height, step, y, x):
    pair = height * step + (y // 2) * step + 2 * (x // 2)
    u, v = data[pair], data[pair + 1]
    if encoding == 'nv21':
        u, v = v, u
    return bt601_to_bgr(data[y * step + x], u, v)


def bt601_to_bgr(luma, u, v):
    scaled = 1.164 * max(0, luma - 16)
    blue = scaled + 2.018 * (u - 128)
    green = scaled - 0.391 * (u - 128) - 0.813 * (v - 128)
    red = scaled + 1.596 * (v - 128)
    return tuple(min(255, max(0, round(value))) for value in (blue, green, red))


def demosaic(encoding, height, width, step, data):
    """Average each missing colour over the 3x3 around; the border repeats its neighbours."""
    pattern = encoding.removeprefix('bayer_')

    def color_at(y, x):
        return pattern[2 * (y % 2) + x % 2]

    def value(y, x, color):
        if color_at(y, x) == color:
            return data[y * step + x]
        around = [
            data[(y + dy) * step + x + dx]
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
            if color_at(y + dy, x + dx) == color
        ]
        return (sum(around) + len(around) // 2) // len(around)

    return [
        [
            tuple(
                value(min(max(y, 1), height - 2), min(max(x, 1), width - 2), color)
                for color in 'bgr'
            )
            for x in range(width)
        ]
        for y in range(height)
    ]


@st.composite
def raw_images(draw, encodings=ENCODINGS):
    encoding = draw(st.sampled_from(encodings))
    smallest = 3 if encoding in BAYER else 1
    height = draw(st.integers(smallest, 9))
    width = draw(st.integers(smallest, 9))
    if encoding in YUV422 + YUV420:
        width += width % 2
    if encoding in YUV420:
        height += height % 2
    pixel_bytes = PACKED.get(encoding, 2 if encoding in (*YUV422, 'mono16') else 1)
    step = width * pixel_bytes + draw(st.sampled_from([0, 0, 1, 3, 16]))
    rows = height * 3 // 2 if encoding in YUV420 else height
    data = draw(st.binary(min_size=rows * step, max_size=rows * step))
    return encoding, height, width, step, draw(st.booleans()), data


@settings(max_examples=400, deadline=None)
@given(raw_images())
def test_every_encoding_decodes_as_the_slow_reference(raw):
    check_against_reference(*raw)


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_pictures_wide_enough_for_vector_instructions_decode_too(encoding):
    height, width = 18, 150
    step = width * PACKED.get(encoding, 2 if encoding in (*YUV422, 'mono16') else 1) + 7
    rows = height * 3 // 2 if encoding in YUV420 else height
    data = np.random.default_rng(3).integers(0, 256, rows * step, np.uint8).tobytes()
    check_against_reference(encoding, height, width, step, True, data)


def check_against_reference(*raw):
    encoding, height, width, _step, _big, _data = raw
    image, pixel_format = decode_raw(*raw)
    expected = np.array(reference(*raw), np.int16)
    assert image.dtype == np.uint8
    assert image.shape[:2] == (height, width)
    difference = np.abs(expected - image.reshape(expected.shape))
    tolerance = 1 if encoding in YUV422 + YUV420 else 0  # fixed point against real numbers
    assert difference.max() <= tolerance
    expected_format = {'rgb8': 'rgb', 'rgba8': 'rgba', 'bgra8': 'bgra', '8UC4': 'bgra'}
    gray = encoding in ('mono8', 'mono16', '8UC1')
    assert pixel_format == ('gray' if gray else expected_format.get(encoding, 'bgr'))


@pytest.mark.parametrize('encoding', BAYER)
def test_bayer_names_mean_the_first_two_rows(encoding):
    colors = {'b': (200, 0, 0), 'g': (0, 150, 0), 'r': (0, 0, 100)}
    for color, expected in colors.items():
        pattern = encoding.removeprefix('bayer_')[:4]
        cell = np.array([max(colors[name]) if name == color else 0 for name in pattern], np.uint8)
        mosaic = np.tile(cell.reshape(2, 2), (4, 4))
        image, _ = decode_raw(encoding, 8, 8, 8, False, mosaic.tobytes())
        assert (image == expected).all(), f'{color} of {encoding}'


@pytest.mark.parametrize('encoding', PACKED)
@pytest.mark.parametrize('padding', [0, 5])
@pytest.mark.parametrize('container', [bytes, bytearray, lambda data: array('B', data), None])
def test_packed_pictures_are_views_of_the_buffer(encoding, padding, container):
    step = 6 * PACKED[encoding] + padding
    data = np.arange(4 * step, dtype=np.uint8)
    buffer = container(data.tobytes()) if container else data
    image, _ = decode_raw(encoding, 4, 6, step, False, buffer)
    assert np.shares_memory(image, np.frombuffer(buffer, np.uint8))
    assert image.strides[0] == step


@pytest.mark.parametrize(
    ('fields', 'reason'),
    [
        (('bgr8', 0, 4, 12, False, b''), 'zero size'),
        (('bgr8', 4, 0, 0, False, b''), 'zero size'),
        (('bgr8', -4, 4, 12, False, b''), 'zero size'),
        (('mono8', 1, MAX_SIDE + 1, MAX_SIDE + 1, False, bytes(MAX_SIDE + 1)), 'absurd size'),
        (('mono8', 2**32 - 1, 2**32 - 1, 2**32 - 1, False, b'x'), 'absurd size'),
        (('bgr8', 2, 4, 12, False, bytes(23)), 'truncated'),
        (('bgr8', 2, 4, 12, False, b''), 'truncated'),
        (('bgr8', 2, 4, 12, False, bytes(25)), 'over-long'),
        (('bgr8', 2, 4, 11, False, bytes(22)), 'step too small'),
        (('bgr8', 2, 4, 0, False, bytes(24)), 'step too small'),
        (('mono16', 2, 4, 4, False, bytes(8)), 'step too small'),
        (('uyvy', 2, 3, 6, False, bytes(12)), 'odd width'),
        (('nv12', 2, 3, 3, False, bytes(9)), 'odd width'),
        (('nv12', 3, 2, 2, False, bytes(8)), 'odd height'),
        (('nv12', 2, 2, 2, False, bytes(4)), 'truncated'),
        (('bayer_rggb8', 2, 8, 8, False, bytes(16)), 'too small for a bayer pattern'),
        (('xyz', 2, 2, 2, False, bytes(4)), 'unsupported encoding xyz'),
        (('', 2, 2, 2, False, bytes(4)), 'unsupported encoding '),
        (('a\n\x00b' + 100 * 'c', 2, 2, 2, False, b''), 'unsupported encoding ab' + 28 * 'c'),
        (('bgr8', 1, 1, 3, False, 'abc'), 'no byte buffer'),
        (('bgr8', 1, 1, 3, False, None), 'no byte buffer'),
    ],
)
def test_what_cannot_be_a_picture_is_refused_with_its_reason(fields, reason):
    with pytest.raises(ImageError) as caught:
        decode_raw(*fields)
    assert caught.value.reason == reason
    assert str(caught.value).startswith(reason)
    assert isinstance(caught.value, UnsupportedEncodingError) == reason.startswith('unsupported')


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from((*ENCODINGS, 'other')),
    *[st.integers(-2, 2**32) | st.integers(0, 20)] * 3,
    st.booleans(),
    st.binary(max_size=200),
)
def test_no_header_however_wrong_raises_anything_else(encoding, height, width, step, big, data):
    try:
        image, _ = decode_raw(encoding, height, width, step, big, data)
    except ImageError:
        return
    assert image.shape[:2] == (height, width)


def sample_picture(shape, dtype=np.uint8):
    rng = np.random.default_rng(7)
    return rng.integers(0, np.iinfo(dtype).max + 1, shape, dtype)


@pytest.mark.parametrize(
    ('shape', 'expected_format'), [((5, 7), 'gray'), ((5, 7, 3), 'bgr'), ((5, 7, 4), 'bgra')]
)
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('container', [bytes, lambda data: array('B', data)])
def test_png_gives_back_the_top_bytes_of_what_went_in(shape, expected_format, dtype, container):
    picture = sample_picture(shape, dtype)
    content = cv2.imencode('.png', picture)[1].tobytes()
    image, pixel_format = decode_compressed(container(content), 'png')
    np.testing.assert_array_equal(image, picture if dtype == np.uint8 else picture // 256)
    assert image.dtype == np.uint8
    assert pixel_format == expected_format


def test_png_of_grey_with_alpha_decodes():
    rows = b'\x00' + bytes([10, 255, 200, 0])

    def chunk(kind, body):
        return (
            struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body))
        )

    header = struct.pack('>IIBBBBB', 2, 1, 8, 4, 0, 0, 0)
    content = b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header)
    content += chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b'')
    image, pixel_format = decode_compressed(content)
    assert pixel_format == 'bgra'
    assert image[0, 0].tolist() == [10, 10, 10, 255]


@pytest.mark.parametrize('shape', [(48, 64), (48, 64, 3)])
def test_jpeg_decodes_in_its_own_colours(shape):
    picture = np.full(shape, 90, np.uint8)
    picture[:, :32] = 200 if len(shape) == 2 else (250, 120, 10)
    content = cv2.imencode('.jpg', picture, (cv2.IMWRITE_JPEG_QUALITY, 95))[1]
    image, pixel_format = decode_compressed(content, 'bgr8; jpeg compressed bgr8')
    assert pixel_format == ('gray' if len(shape) == 2 else 'bgr')
    assert np.abs(image.astype(int) - picture)[:, np.r_[:28, 36:64]].max() <= 3


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_a_file_cut_short_anywhere_is_refused(suffix):
    content = cv2.imencode(suffix, sample_picture((24, 32, 3)))[1].tobytes()
    decode_compressed(content)
    for length in range(len(content) - (4 if suffix == '.png' else 0)):  # the last CRC is spare
        with pytest.raises(ImageError) as caught:
            decode_compressed(content[:length])
        assert caught.value.reason in ('truncated', 'not a jpeg or png')


def test_a_jpeg_with_padding_after_its_end_is_fine():
    content = cv2.imencode('.jpg', sample_picture((24, 32, 3)))[1].tobytes()
    image, _ = decode_compressed(content + bytes(100))
    assert image.shape == (24, 32, 3)


@pytest.mark.parametrize('size', [(0, 5), (5, 0), (1, MAX_SIDE + 1), (2**31, 2**31)])
@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_a_header_with_an_impossible_size_is_refused_before_decoding(suffix, size):
    content = bytearray(cv2.imencode(suffix, sample_picture((24, 32)))[1].tobytes())
    if suffix == '.png':
        struct.pack_into('>II', content, 16, *size)
    else:
        size = tuple(min(side, 65535) for side in size)
        struct.pack_into('>HH', content, content.index(b'\xff\xc0') + 5, *size)
    with pytest.raises(ImageError) as caught:
        decode_compressed(bytes(content))
    assert caught.value.reason == ('zero size' if 0 in size else 'absurd size')


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=64), st.sampled_from([b'', b'\xff\xd8\xff', b'\x89PNG\r\n\x1a\n']))
def test_rubbish_is_refused_and_named(rubbish, start):
    with pytest.raises(ImageError) as caught:
        decode_compressed(start + rubbish, '16UC1; compressedDepth')
    assert 'compressedDepth' in str(caught.value) or 'size' in caught.value.reason
