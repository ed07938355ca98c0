"""Tell people what a bundle is, as plain text."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any

from seg_node.manifest import Comparison, Manifest, WeightFile

_LINE_LENGTH = 99


def describe_bundle(folder: Path, manifest: Manifest) -> str:
    """Return what a manifest states, a few lines for each part; parts left empty are left out."""
    return '\n'.join(_lines(folder, manifest))


def _lines(folder: Path, manifest: Manifest) -> Iterator[str]:
    yield f'name: {manifest.name}'
    if manifest.description:
        yield f'description: {manifest.description}'
    yield f'folder: {folder}'
    yield f'schema version: {manifest.schema_version}'
    labels = ', '.join(f'{label.id} {label.name}' for label in manifest.labels)
    yield f'labels: {labels}'
    spec = manifest.input
    yield f'input: {spec.width} x {spec.height} pixels, {spec.resize}, R G B scaled to 0-1'
    yield f'  mean {_show(spec.mean)}, std {_show(spec.std)}'
    output = manifest.output
    yield f'output: {output.kind}, lane marking from probability {output.lane_threshold:g} on'
    yield from _tree({'network': manifest.network}, '')
    yield 'files:'
    for file in manifest.files:
        yield from _file_lines(file, '  ')
    for name, adapter in manifest.adapters.items():
        yield f'adapter {name}:'
        for comparison in adapter.comparisons:
            yield from _comparison_lines(comparison, '  ')
        for file in adapter.files:
            yield from _file_lines(file, '  ')
        yield from _tree({'provenance': adapter.provenance}, '  ')
    yield from _tree({'provenance': manifest.provenance}, '')


def _comparison_lines(comparison: Comparison, indent: str) -> Iterator[str]:
    use = 'adapted to' if comparison.use == 'target' else 'what is kept of the base'
    yield f'{indent}{use}: {comparison.data}, {comparison.samples} frames, base -> adapter'
    changes = (
        f'{name} {before:.3f} -> {comparison.adapted[name]:.3f}'
        for name, before in comparison.base.items()
        if name in comparison.adapted
    )
    yield from wrap(
        ', '.join(changes),
        _LINE_LENGTH,
        initial_indent=indent + '  ',
        subsequent_indent=indent + '    ',
        break_long_words=False,
    )


def _file_lines(file: WeightFile, indent: str) -> Iterator[str]:
    if file.format == 'json':
        yield f'{indent}{file.path}: settings'
        return
    if file.format == 'openvino_bin':
        engines = 'weights of the .xml beside it'
    else:
        engines = f'for {", ".join(file.engines)}' if file.engines else 'to train from'
    size_mb = file.size_bytes / 1e6
    yield f'{indent}{file.path}: {file.format}, {file.precision}, {size_mb:.2f} MB, {engines}'
    if file.metrics:
        yield f'{indent}  ' + ', '.join(f'{key} {value:g}' for key, value in file.metrics.items())
    if file.latency_ms:
        latency = ', '.join(f'{key} {value:g} ms' for key, value in file.latency_ms.items())
        yield f'{indent}  latency p50: {latency}'
    if file.measured_on:
        yield f'{indent}  measured on: {file.measured_on}'


def _tree(values: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, (list, tuple)) and any(map(_is_nested, value)):
            value = dict(enumerate(value, 1))
        if not isinstance(value, Mapping):
            if _is_told(value):
                yield f'{indent}{key}: {_show(value)}'
        elif told := {name: item for name, item in value.items() if _is_told(item)}:
            if any(map(_is_nested, told.values())):
                yield f'{indent}{key}:'
                yield from _tree(told, indent + '  ')
            else:
                line = ', '.join(f'{name} {_show(item)}' for name, item in told.items())
                yield from wrap(
                    f'{key}: {line}',
                    _LINE_LENGTH,
                    initial_indent=indent,
                    subsequent_indent=indent + '  ',
                    break_long_words=False,
                )


def _is_told(value: Any) -> bool:
    return value is not None and value not in ('', [], (), {})


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, (list, tuple)) and any(map(_is_nested, value))
    )


def _show(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ' '.join(map(_show, value))
    return f'{value:g}' if isinstance(value, float) else str(value)
