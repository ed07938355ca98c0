"""
Any ONNX file or OpenVINO IR in an engine, with that engine's own settings.

For what is no bundle: the models of others, and the matrix products that tell what the machine
can do. None of these is kept compiled, for none is ours to vouch for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from seg_node.engines.base import first_line
from training.benchmarking.errors import BenchmarkError

#: numpy's names for what either library calls the types of pictures.
_TYPES: dict[str, type[np.generic]] = {
    'tensor(float)': np.float32,
    'tensor(float16)': np.float16,
    'tensor(uint8)': np.uint8,
    'f32': np.float32,
    'f16': np.float16,
    'u8': np.uint8,
}


@dataclass(frozen=True)
class InputFacts:
    """What a model says of its input; None for an extent that it leaves open."""

    shape: tuple[int | None, ...]
    dtype: type[np.generic]


class RawModel(Protocol):
    """A model that takes one array and gives one."""

    version: str  # of the engine, for tables
    input: InputFacts
    stated: dict[str, str]  # what the file says of its pre-processing, as Model API names it

    def run(self, array: np.ndarray) -> np.ndarray:
        """Return the first output; valid until the next call."""


def open_raw(
    path: Path, engine: str, precision: str, threads: int, shape: Sequence[int] | None = None
) -> RawModel:
    """
    Load a model of others.

    :param path: an .onnx file or an OpenVINO .xml with its .bin beside it.
    :param precision: fp32 or bf16, what is computed in; int8 models need fp32.
    :param threads: to use.
    :param shape: of the input, instead of the model's own.
    :raises BenchmarkError: when the model cannot be loaded, naming the file and the reason.
    """
    if engine == 'onnxruntime' and path.suffix != '.onnx':
        raise BenchmarkError(f'{path} is no ONNX file, which engine onnxruntime needs')
    try:
        if engine == 'onnxruntime':
            return _OnnxRuntimeModel(path, threads, shape)
        return _OpenVinoModel(path, precision, threads, shape)
    except BenchmarkError:
        raise
    except Exception as error:  # both libraries raise classes of their own, and plain ones
        raise BenchmarkError(
            f'{path} cannot be run by {engine}'
            + (f' at input {list(shape)}' if shape else '')
            + f' ({_reason(error)}): name another file'
            + (' or size' if shape else '')
        ) from error


def _reason(error: Exception) -> str:
    """Return the line of a library's message that says most."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if len(lines) > 1 else first_line(error))[:200]


class _OnnxRuntimeModel:
    def __init__(self, path: Path, threads: int, shape: Sequence[int] | None) -> None:
        import onnxruntime
        from seg_node.engines.onnxruntime_engine import session_options

        content = path.read_bytes()
        if shape:
            from training.benchmarking.resizing import resize_onnx

            content = resize_onnx(content, shape)
        self._session = onnxruntime.InferenceSession(
            content, session_options(threads), providers=['CPUExecutionProvider']
        )
        declared = self._session.get_inputs()
        if len(declared) != 1:
            raise BenchmarkError(f'{path} takes {len(declared)} inputs: only one can be a picture')
        self._name = declared[0].name
        extents = tuple(x if isinstance(x, int) else None for x in declared[0].shape)
        self.input = InputFacts(extents, _dtype(declared[0].type, path))
        self.version = f'onnxruntime {onnxruntime.__version__}'
        custom = self._session.get_modelmeta().custom_metadata_map
        self.stated = {
            key.removeprefix('model_info').strip(): value
            for key, value in custom.items()
            if key.startswith('model_info')
        }

    def run(self, array: np.ndarray) -> np.ndarray:
        """Return the first output."""
        return self._session.run(None, {self._name: array})[0]


class _OpenVinoModel:
    def __init__(
        self, path: Path, precision: str, threads: int, shape: Sequence[int] | None
    ) -> None:
        import openvino
        from seg_node.engines.openvino_engine import compile_settings

        core = openvino.Core()
        model = core.read_model(path)
        if len(model.inputs) != 1:
            raise BenchmarkError(
                f'{path} takes {len(model.inputs)} inputs: only one can be a picture'
            )
        if shape:
            from training.benchmarking.resizing import resize_ir

            resize_ir(model, shape)
        settings = compile_settings(precision, threads)
        self._request = core.compile_model(model, 'CPU', settings).create_infer_request()
        partial = model.input().partial_shape
        extents = [x.get_length() if x.is_static else None for x in partial]
        name = model.input().element_type.get_type_name()
        self.input = InputFacts(tuple(extents), _dtype(name, path))
        self.version = f'openvino {openvino.__version__.split("-")[0]}'
        self.stated = _rt_info(model)

    def run(self, array: np.ndarray) -> np.ndarray:
        """Return the first output."""
        self._request.infer([array], share_inputs=True)
        return self._request.get_output_tensor(0).data


def _rt_info(model: Any) -> dict[str, str]:
    if not model.has_rt_info(['model_info']):
        return {}
    info = model.get_rt_info(['model_info'])
    return {str(key): str(item.astype(str)) for key, item in info.astype(dict).items()}


def _dtype(name: str, path: Path) -> type[np.generic]:
    if name not in _TYPES:
        raise BenchmarkError(f'{path} takes {name}, a picture is float or uint8: convert it')
    return _TYPES[name]
