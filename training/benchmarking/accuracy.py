"""What the measured models see: their processes as labelers for the evaluation."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from seg_node.bundle import ModelBundle
from seg_node.frame import Frame, Mask
from seg_node.postprocess import OutputSpec
from seg_node.preprocess import Placement
from training.benchmark_config import BenchmarkConfig
from training.benchmarking.case import Case
from training.benchmarking.processes import CaseProcess
from training.data.label_table import LANE_NAMES
from training.data.pairs import PairsFolder
from training.data.sources import SetConfig
from training.evaluation.bands import Bands
from training.evaluation.figures import title_of
from training.evaluation.measure import measure_all
from training.evaluation.results import set_results
from training.evaluation.sets import open_for_all

#: What is told of each set; everything else is the business of ``evaluate``.
METRICS = ('lane_iou', 'lane_f1_3px', 'lane_precision', 'lane_recall', 'road_iou')
#: What a peer is not asked for: it labels nothing but lane markings.
_NOT_OF_PEERS = ('road_iou',)


class RemoteModel:
    """A case as the evaluation knows models; it labels once it has a process."""

    def __init__(self, case: Case) -> None:
        self.description = case.name
        self.labels: tuple[str, ...] = LANE_NAMES
        self.output = OutputSpec()
        self.process: CaseProcess | None = None
        if case.peer is None:
            manifest = ModelBundle.load(case.path).manifest
            self.labels = tuple(label.name for label in manifest.labels)
            self.output = manifest.output

    def mask(self, frame: Frame) -> Mask:
        """Return the frame's labels at the frame's size."""
        assert self.process is not None
        return Mask(self.process.ask('mask', frame.image), None)

    def scores(self, frame: Frame) -> tuple[np.ndarray, Placement]:
        """Refuse: only masks come back from a process."""
        raise NotImplementedError


def answers_of(case: Case) -> tuple[object, ...]:
    """Return what decides a case's masks: how many threads make them does not."""
    return case.path, case.engine, case.precision, case.adapter, case.size, case.peer


class AccuracySets:
    """The sets of a benchmark, found whole before anything is measured."""

    def __init__(self, config: BenchmarkConfig, cases: Sequence[Case]) -> None:
        """
        Open all sets.

        :raises SegNodeError: for a set that cannot be read, is empty, or judges what a model
            does not know.
        """
        self._bootstrap = config.bootstrap
        self._models = {answers_of(case): RemoteModel(case) for case in cases}
        self._opened = [
            (item, open_for_all(item, config.data_root, list(self._models.values())))
            for item in config.all_sets
        ]

    def pictures(self, count: int) -> list[np.ndarray]:
        """Return some pictures of the first set, spread over it; none without a set."""
        if not self._opened:
            return []
        folder = self._opened[0][1][0]
        chosen = np.linspace(0, len(folder) - 1, min(count, len(folder))).astype(int)
        return [folder.read_image(index) for index in chosen.tolist()]

    def measure(
        self, processes: Sequence[CaseProcess], quiet: bool
    ) -> dict[tuple[object, ...], list[dict[str, Any]]]:
        """
        Let each model label each set once.

        :return: for each model, as :func:`answers_of` names it, a result for each set.
        """
        asked: dict[tuple[object, ...], RemoteModel] = {}
        for process in processes:
            key = answers_of(process.case)
            if key not in asked:
                asked[key] = self._models[key]
                asked[key].process = process
        places = [list(self._models).index(key) for key in asked]
        found: dict[tuple[object, ...], list[dict[str, Any]]] = {key: [] for key in asked}
        for item, folders in self._opened:
            own = [folders[place] for place in places]
            results = self._measure_set(list(asked.values()), own, quiet)
            for process_key, result in zip(asked, results, strict=True):
                found[process_key].append(_told(item, result, process_key, processes))
        return found

    def _measure_set(
        self, models: Sequence[RemoteModel], folders: Sequence[PairsFolder], quiet: bool
    ) -> list[dict[str, Any]]:
        bands = Bands.of(folders[0])
        counts = measure_all(models, folders, bands, quiet)
        return set_results(folders, counts, bands, self._bootstrap)


def _told(
    item: SetConfig,
    result: Mapping[str, Any],
    key: tuple[object, ...],
    processes: Sequence[CaseProcess],
) -> dict[str, Any]:
    peer = any(p.case.peer for p in processes if answers_of(p.case) == key)
    names = [n for n in METRICS if n in result and not (peer and n in _NOT_OF_PEERS)]
    return {
        'set': title_of(result),
        'samples': result['samples'],
        **{name: result[name] for name in names},
        'intervals': {n: result['intervals'][n] for n in names if n in result['intervals']},
        'difference': {n: d for n, d in result.get('difference', {}).items() if n in names},
        'notes': result['notes'],
    }
