"""A folder to show around: figures as JSON and Markdown, charts, and the masks that differ."""

from collections.abc import Iterator, Mapping, Sequence
import json
from pathlib import Path
import shutil
from typing import Any

from seg_node.atomic_files import write_text
from training.errors import ConfigError
from training.evaluation.report import REPORT
from training.evaluation.tables import Grid
from training.quantization.figures import draw_sensitivity, draw_variants
from training.quantization.tables import grids_of, verdict_lines
from training.quantization.variants import Variant

VARIANTS = 'variants'


def slug_of(model: str) -> str:
    """Return a model's name as part of a file's name."""
    return model.replace(' ', '_')


def keep_files(folder: Path, model: str, variants: Sequence[Variant]) -> None:
    """
    Copy the files of int8 variants to where a report lies, those too that stay out of the bundle.

    :param folder: of the report.
    :raises ConfigError: when it cannot be written.
    """
    try:
        for variant in variants:
            if variant.precision != 'int8':
                continue
            place = folder / VARIANTS / slug_of(model) / variant.name.replace(' ', '_')
            place.mkdir(parents=True, exist_ok=True)
            for path in variant.files:
                shutil.copyfile(path, place / path.name)
    except OSError as error:
        raise _refusal(folder, error) from error


def write_quantize_report(folder: Path, result: Mapping[str, Any]) -> None:
    """
    Write charts, report.md and, last, report.json.

    :param folder: as ``evaluation.report.prepare`` left it.
    :raises ConfigError: when it cannot be written.
    """
    try:
        for model in result['models']:
            slug = slug_of(model['model'])
            draw_variants(model['variants'], folder / f'variants_{slug}.png')
            draw_sensitivity(model['sensitivity'], folder / f'sensitivity_{slug}.png')
        write_text(folder / 'report.md', '\n\n'.join(_paragraphs(result)) + '\n')
        write_text(folder / REPORT, json.dumps(result, indent=2) + '\n')
    except OSError as error:
        raise _refusal(folder, error) from error


def _refusal(folder: Path, error: OSError) -> ConfigError:
    return ConfigError(f'--report {folder} cannot be written ({error}): name another folder')


def _paragraphs(result: Mapping[str, Any]) -> Iterator[str]:
    gate = result['gate']
    yield '# Quantization'
    yield (
        f'The gate: lane_iou falls by no more than {gate["max_drop"]:g} below fp32 of the same '
        f'engine on every set, and the variant is more than {gate["min_speed_up"]:g} times as '
        'fast as the faster one of fp32 and bf16 of the same engine, by the median and by the '
        'best run.'
    )
    yield (
        f'{result["bundle"]} was written.'
        if result['written']
        else f'No variant passed: {result["bundle"]} was left as it is.'
    )
    for model in result['models']:
        yield from _of_model(model)


def _of_model(model: Mapping[str, Any]) -> Iterator[str]:
    slug, calibration = slug_of(model['model']), model['calibration']
    yield f'## {model["model"].capitalize()}'
    lines = [
        f'calibrated on {calibration["frames"]} frames, sha256 {calibration["sha256"][:12]}: '
        + ', '.join(f'{name} {count}' for name, count in calibration['strata'].items()),
        f'measured on {model["conditions"]}',
        *model['notes'],
        *verdict_lines(model),
    ]
    yield '\n'.join(f'- {line}' for line in lines)
    for grid in grids_of(model):
        yield grid.markdown()
    yield f'![lane_iou over latency](variants_{slug}.png)'
    for name, rows in model['operators'].items():
        yield _operators(name, rows).markdown()
    yield _sensitivity(model['sensitivity']).markdown()
    yield f'![layers by sensitivity](sensitivity_{slug}.png)'
    for drawn in model['differences']:
        yield f'{drawn["variant"]} beside fp32, where lane pixels differ most:'
        yield f'![{drawn["variant"]} beside fp32]({drawn["picture"]})'


def _operators(name: str, rows: Sequence[Mapping[str, Any]]) -> Grid:
    return Grid(
        f'{name}: time of operators, ms a frame',
        ('operator', 'fp32', 'int8'),
        tuple(
            (row['operator'], f'{row["before_ms"]:.2f}', f'{row["after_ms"]:.2f}') for row in rows
        ),
    )


def _sensitivity(layers: Sequence[Mapping[str, Any]]) -> Grid:
    return Grid(
        'one layer alone in int8, the most sensitive first',
        ('layer', 'RMS of a score', 'same lane'),
        tuple(
            (one['layer'], f'{one["score_rms"]:.3f}', f'{one["lane_agreement"]:.2%}')
            for one in layers
        ),
    )
