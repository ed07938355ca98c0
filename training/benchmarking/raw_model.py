"""
Any ONNX file or OpenVINO IR in an engine, with that engine's own settings.

For what is no bundle: the models of others, and the matrix products that tell what the machine
can do. None of these is kept compiled, for none is ours to vouch for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from seg_node.engines.base import first_line
from seg_node.errors import SegNodeError
from training.benchmarking.errors import BenchmarkError, SizeError

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


#: Says which shape a model is to run at, of what it states; None takes it as it is.
Decide = Callable[[InputFacts], Sequence[int] | None]


def _as_it_is(facts: InputFacts) -> None:
    return None


def open_raw(
    path: Path, engine: str, precision: str, threads: int, decide: Decide = _as_it_is
) -> RawModel:
    """
    Load a model of others.

    :param path: an .onnx file or an OpenVINO .xml with its .bin beside it.
    :param precision: fp32 or bf16, what is computed in; int8 models need fp32.
    :param threads: to use.
    :param decide: chooses the shape of the input.
    :raises BenchmarkError: when the model cannot be loaded, naming the file and the reason.
    """
    if engine == 'onnxruntime' and path.suffix != '.onnx':
        raise BenchmarkError(f'{path} is no ONNX file, which engine onnxruntime needs')
    shape: Sequence[int] | None = None

    def chosen(facts: InputFacts) -> Sequence[int] | None:
        nonlocal shape
        shape = decide(facts)
        return shape

    try:
        if engine == 'onnxruntime':
            return _OnnxRuntimeModel(path, threads, chosen)
        return _OpenVinoModel(path, precision, threads, chosen)
    except SizeError as error:
        raise BenchmarkError(f'{path} cannot run at input {list(shape or ())}: {error}') from error
    except SegNodeError:
        raise
    except Exception as error:  # both libraries raise classes of their own, and plain ones
        at = f' at input {list(shape)}' if shape else ''
        raise BenchmarkError(
            f'{path} cannot be run by {engine}{at} ({_reason(error)}): name another '
            + ('size' if shape else 'file')
        ) from error


def _reason(error: Exception) -> str:
    """Return the line of a library's message that says most."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if len(lines) > 1 else first_line(error))[:200]


class _OnnxRuntimeModel:
    def __init__(self, path: Path, threads: int, decide: Decide) -> None:
        import onnxruntime

        self._session = _session(path, threads)
        self.input = self._facts(path)
        shape = decide(self.input)
        if shape and tuple(shape) != self.input.shape:
            from training.benchmarking.resizing import resize_onnx

            self._session = _session(resize_onnx(path.read_bytes(), shape), threads)
            self.input = self._facts(path)
        self._name = self._session.get_inputs()[0].name
        self.version = f'onnxruntime {onnxruntime.__version__}'
        custom = self._session.get_modelmeta().custom_metadata_map
        self.stated = {
            key.removeprefix('model_info').strip(): value
            for key, value in custom.items()
            if key.startswith('model_info')
        }

    def _facts(self, path: Path) -> InputFacts:
        declared = self._session.get_inputs()
        if len(declared) != 1:
            raise BenchmarkError(f'{path} takes {len(declared)} inputs: only one can be a picture')
        extents = tuple(x if isinstance(x, int) else None for x in declared[0].shape)
        return InputFacts(extents, _dtype(declared[0].type, path))

    def run(self, array: np.ndarray) -> np.ndarray:
        """Return the first output."""
        return self._session.run(None, {self._name: array})[0]


def _session(source: Path | bytes, threads: int) -> Any:
    import onnxruntime
    from seg_node.engines.onnxruntime_engine import session_options

    return onnxruntime.InferenceSession(
        source, session_options(threads), providers=['CPUExecutionProvider']
    )


class _OpenVinoModel:
    def __init__(self, path: Path, precision: str, threads: int, decide: Decide) -> None:
        import openvino
        from seg_node.engines.openvino_engine import compile_settings

        core = openvino.Core()
        model = core.read_model(path)
        if len(model.inputs) != 1:
            raise BenchmarkError(
                f'{path} takes {len(model.inputs)} inputs: only one can be a picture'
            )
        shape = decide(_ir_facts(model, path))
        if shape and tuple(shape) != _ir_facts(model, path).shape:
            from training.benchmarking.resizing import resize_ir

            resize_ir(model, shape)
        settings = compile_settings(precision, threads)
        self._request = core.compile_model(model, 'CPU', settings).create_infer_request()
        self.input = _ir_facts(model, path)
        self.version = f'openvino {openvino.__version__.split("-")[0]}'
        self.stated = _rt_info(model)

    def run(self, array: np.ndarray) -> np.ndarray:
        """Return the first output."""
        self._request.infer([array], share_inputs=True)
        return self._request.get_output_tensor(0).data


def _ir_facts(model: Any, path: Path) -> InputFacts:
    extents = [x.get_length() if x.is_static else None for x in model.input().partial_shape]
    name = model.input().element_type.get_type_name()
    return InputFacts(tuple(extents), _dtype(name, path))


def _rt_info(model: Any) -> dict[str, str]:
    if not model.has_rt_info(['model_info']):
        return {}
    info = model.get_rt_info(['model_info'])
    return {str(key): str(item.astype(str)) for key, item in info.astype(dict).items()}


def _dtype(name: str, path: Path) -> type[np.generic]:
    if name not in _TYPES:
        raise BenchmarkError(f'{path} takes {name}, a picture is float or uint8: convert it')
    return _TYPES[name]
