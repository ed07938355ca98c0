"""``engines``: every engine and precision of a bundle, alone, in turns."""

import argparse
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from bench.figures import percentiles_of
from bench.options import add_engines_alone
from bench.pictures import road_pictures
from bench.results import percentile_cells, Table
from bench.waiting import counting
from seg_node.bundle import ModelBundle
from seg_node.engines import EngineError
from seg_node.engines.selection import Candidate, find_candidates
from seg_node.frame import Frame
from seg_node.segmenter import Segmenter, StageTimes

#: Frames of one turn, the first of which finds cold caches and is not counted.
_TURN = 11


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    add_engines_alone(parser)
    parser.add_argument('--frames', type=int, default=300, help='of each engine, default: 300')


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure."""
    bundle = ModelBundle.load(options.bundle)
    segmenters, failures = {}, {}
    for candidate in _candidates(bundle):
        try:
            segmenters[candidate.name] = Segmenter.load(
                bundle, candidate.engine, candidate.precision, threads=options.threads
            )
        except EngineError as error:
            failures[candidate.name] = str(error)
    frames = [Frame(picture) for picture in road_pictures(options.width, options.height)]
    times: dict[str, list[StageTimes]] = {name: [] for name in segmenters}
    turns = max(1, options.frames // (_TURN - 1))
    with counting('turns', turns) as watch:
        for turn in range(turns):
            for name, segmenter in segmenters.items():
                times[name] += _turn(segmenter, frames)
            watch(turn + 1)
    engines = {name: _figures(segmenters[name].description, times[name]) for name in segmenters}
    for segmenter in segmenters.values():
        segmenter.close()
    return {'engines': engines, 'failures': failures, 'bundle': bundle.manifest.name}


def _candidates(bundle: ModelBundle) -> list[Candidate]:
    """List all ways to run the bundle here, those that `auto` never takes too."""
    found = find_candidates(bundle)
    with suppress(EngineError):
        found += find_candidates(bundle, 'torch')
    return found


def _turn(segmenter: Segmenter, frames: Sequence[Frame]) -> list[StageTimes]:
    results = []
    for index in range(_TURN):
        frame = frames[index % len(frames)]
        results.append(segmenter.segment(frame, with_confidence=False).times)
    return results[1:]


def _figures(description: str, times: Sequence[StageTimes]) -> dict[str, Any]:
    totals = [item.preprocess_ms + item.inference_ms + item.postprocess_ms for item in times]
    return {
        'description': description,
        'frames': len(times),
        'inference_ms': percentiles_of([item.inference_ms for item in times]),
        'segment_ms': percentiles_of(totals),
    }


def tables(data: dict[str, Any]) -> list[Table]:
    """Tell what was measured."""
    settings = data['settings']
    rows = [
        [
            engine['description'].partition(' on ')[2],
            *percentile_cells(engine['inference_ms']),
            *percentile_cells(engine['segment_ms']),
        ]
        for engine in data['engines'].values()
    ]
    columns = ('inference, ms', 'p50', 'p95', 'p99', 'with resizing p50', 'p95', 'p99')
    notes = [f'{name}: {reason}' for name, reason in data['failures'].items()]
    notes.append('In one process, in turns, without ROS; with resizing: picture in, mask out')
    title = f'{data["bundle"]}, {settings["width"]}x{settings["height"]} pictures'
    return [Table(title, columns, rows, notes)]
