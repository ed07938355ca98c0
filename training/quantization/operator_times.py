"""Where the time of a frame goes, by kind of operator, as the engines themselves count it."""

from collections.abc import Mapping
import json
from pathlib import Path
import tempfile
from typing import Any

import numpy as np
from training.quantization.variants import Variant

_RUNS = 30
_WARM_UP = 3
#: Kinds of operators that a table names.
_SHOWN = 10


def operator_times(variant: Variant, batch: np.ndarray, threads: int) -> dict[str, float]:
    """
    Return the time of each kind of operator for one frame, in ms, the longest first.

    Of each operator the quickest of several runs counts: what else the machine does is left out.

    :param batch: uint8 (1, H, W, 3) BGR.
    :param threads: of the engine.
    """
    engine = variant.runs_on or variant.engine
    times = (_in_openvino if engine == 'openvino' else _in_onnxruntime)(variant, batch, threads)
    return dict(sorted(times.items(), key=lambda item: -item[1]))


def _in_openvino(variant: Variant, batch: np.ndarray, threads: int) -> dict[str, float]:
    import openvino
    from seg_node.engines.openvino_engine import compile_settings

    settings = compile_settings(variant.precision, threads) | {'PERF_COUNT': True}
    compiled = openvino.Core().compile_model(variant.files[0], 'CPU', settings)
    request = compiled.create_infer_request()
    runs: dict[tuple[str, str], list[float]] = {}
    for run in range(_WARM_UP + _RUNS):
        request.infer([batch])
        if run < _WARM_UP:
            continue
        for node in request.profiling_info:
            if node.status == node.Status.EXECUTED:
                key = (node.node_name, node.node_type)
                runs.setdefault(key, []).append(node.real_time.total_seconds() * 1e3)
    return _by_kind(runs)


def _in_onnxruntime(variant: Variant, batch: np.ndarray, threads: int) -> dict[str, float]:
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder, 'profile'))
        session = onnxruntime.InferenceSession(
            variant.files[0], options, providers=['CPUExecutionProvider']
        )
        name = session.get_inputs()[0].name
        for _ in range(_WARM_UP + _RUNS):
            session.run(None, {name: batch})
        events = json.loads(Path(session.end_profiling()).read_text(encoding='utf-8'))
    runs: dict[tuple[str, str], list[float]] = {}
    for event in events:
        if event.get('cat') == 'Node' and event['name'].endswith('_kernel_time'):
            key = (event['name'], event['args']['op_name'])
            runs.setdefault(key, []).append(event['dur'] / 1e3)
    return _by_kind({key: values[_WARM_UP:] for key, values in runs.items()})


def _by_kind(runs: Mapping[tuple[str, str], list[float]]) -> dict[str, float]:
    times: dict[str, float] = {}
    for (_, kind), values in runs.items():
        times[kind] = times.get(kind, 0.0) + min(values)
    return {kind: round(value, 4) for kind, value in times.items()}


def compare_times(before: Mapping[str, float], after: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return rows of operator, ms before and ms after, the longest first, the sum last."""
    kinds = sorted(set(before) | set(after), key=lambda k: -max(before.get(k, 0), after.get(k, 0)))
    rows = [
        {'operator': kind, 'before_ms': before.get(kind, 0.0), 'after_ms': after.get(kind, 0.0)}
        for kind in kinds
    ]
    shown, rest = rows[:_SHOWN], rows[_SHOWN:]
    if rest:
        shown.append({'operator': 'others', **_sum(rest)})
    return [*shown, {'operator': 'all', **_sum(rows)}]


def _sum(rows: list[dict[str, Any]]) -> dict[str, float]:
    return {key: round(sum(row[key] for row in rows), 3) for key in ('before_ms', 'after_ms')}
