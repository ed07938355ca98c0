"""Measure a model: ``python -m training evaluate --path track_tape --annotated lane_marking``."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table
from seg_node.atomic_files import replacing
from seg_node.frame import Frame, Mask
from seg_node.labels import LANE_LABELS, LANE_MARKING, palette_bgr
from seg_node.overlay import draw_overlay
from training.data.pairs import PairsFolder
from training.evaluate_config import EvaluateConfig
from training.evaluation.counts import pool, SegmentationCounts
from training.evaluation.measure import measure
from training.evaluation.models import BundleSegmenter, MaskSource, names_of, open_model

__all__ = ['BundleSegmenter', 'evaluate', 'measure', 'show']


def evaluate(config: EvaluateConfig, quiet: bool = False) -> dict[str, Any]:
    """
    Measure a model on one or several pairs folders.

    :param quiet: no progress bar.
    :return: the model's description and, for each set, its metrics.
    :raises SegNodeError: for a model or data set that cannot be read.
    """
    config.check()
    folders = [PairsFolder.open(item, config.data_root) for item in config.all_sets]
    results = []
    with open_model(names_of(config)[0], config.threads, config.lane_threshold) as model:
        for position, folder in enumerate(folders):
            counts = measure(model, folder, quiet)
            results.append(
                {
                    'path': folder.source.path,
                    'part': folder.source.part,
                    'samples': len(folder),
                    **{name: round(value, 4) for name, value in pool(counts).items()},
                }
            )
            if config.overlays:
                prefix = f'{position}_{folder.source.path.replace("/", "_")}'
                _write_worst(model, folder, counts, config.overlays / prefix, config.worst)
        return {'model': model.description, 'sets': results}


def show(result: dict[str, Any], console: Console) -> None:
    """Print a result for people."""
    table = Table('', title=result['model'])
    names = list(dict.fromkeys(name for row in result['sets'] for name in row))
    for row in result['sets']:
        part = '' if row['part'] == 'all' else f' ({row["part"]})'
        table.add_column(row['path'] + part, justify='right', overflow='fold')
    for name in names[2:]:
        cells = [row.get(name, '') for row in result['sets']]
        table.add_row(name, *(f'{x:.3f}' if isinstance(x, float) else str(x) for x in cells))
    console.print(table)


def _write_worst(
    model: MaskSource,
    folder: PairsFolder,
    counts: list[SegmentationCounts],
    output: Path,
    worst: int,
) -> None:
    """Write prediction beside truth for the samples with the lowest IoU, worst first."""
    judged = LANE_MARKING if folder.annotated[LANE_MARKING] else np.argmax(folder.annotated)
    order = np.argsort([count.iou(int(judged)) for count in counts], kind='stable')[:worst]
    palette = palette_bgr(LANE_LABELS)
    for rank, index in enumerate(order.tolist()):
        image, truth = folder.read(index)
        frame = Frame(image)
        shown = [
            draw_overlay(frame, mask, palette) for mask in (model.mask(frame), Mask(truth, None))
        ]
        iou = counts[index].iou(int(judged))
        path = output / f'{rank:02}_{folder.pairs[index].name}_iou{iou:.2f}.jpg'
        with replacing(path) as temporary:
            cv2.imwrite(str(temporary), np.hstack(shown))
