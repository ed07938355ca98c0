"""A bundle with the int8 files that passed the gate, in place of those that it had."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from seg_node.bundle import Manifest, ModelBundle, WeightFile
from training.bundle_writing import sources_in
from training.quantization.gate import METRIC
from training.quantization.judging import Measured
from training.quantization.variants import describe, Subject

#: Key of a model's provenance.
QUANTIZATION = 'quantization'


@dataclass(frozen=True)
class Entry:
    """
    A variant that enters.

    :param measured_on: set and machine of its figures.
    :param facts: how the model was calibrated, and when.
    """

    subject: Subject
    measured: Measured
    measured_on: str
    facts: dict[str, Any]

    @property
    def engine(self) -> str:
        """The engine that it is for."""
        return self.measured.variant.engine

    def files(self) -> tuple[WeightFile, ...]:
        """Return its entries of the manifest, with its figures."""
        variant, latency = self.measured.variant, self.measured.latency
        model, *others = describe(variant.files, variant.engine, 'int8', self.subject.prefix)
        judged = next(result for result in self.measured.sets if METRIC in result)
        known = ('lane_iou', 'lane_f1_3px', 'lane_precision', 'lane_recall', 'road_iou',
                 'mean_iou', 'accuracy')  # fmt: skip
        return (
            replace(
                model,
                metrics={name: judged[name] for name in known if name in judged},
                latency_ms={variant.engine: round(latency.p50_ms, 1)},
                measured_on=self.measured_on,
            ),
            *others,
        )

    def provenance(self) -> dict[str, Any]:
        """Return how it was made and what it costs."""
        verdict = self.measured.verdict
        assert verdict is not None, 'only what was judged enters'
        return {
            'method': self.measured.variant.method,
            'lane_iou_drop': round(verdict.drop, 4),
            'speed_up': round(verdict.speed_up, 2),
            'rival': verdict.rival,
            **self.measured.variant.facts,
        }


def with_entries(
    bundle: ModelBundle, entries: Sequence[Entry]
) -> tuple[Manifest, dict[str, Path]]:
    """Return the manifest with the variants in it, and where all its files lie."""
    manifest, sources = bundle.manifest, sources_in(bundle)
    for entry in entries:
        files = {path.name: path for path in entry.measured.variant.files}
        sources |= {f'{entry.subject.prefix}{name}': path for name, path in files.items()}
        name = entry.subject.adapter
        if not name:
            manifest = _extended(manifest, entry)
        else:
            adapter = _extended(manifest.adapters[name], entry)
            manifest = replace(manifest, adapters={**manifest.adapters, name: adapter})
    return manifest, sources


def _extended(holder: Any, entry: Entry) -> Any:
    """Return a manifest or an adapter with a variant, which takes its engine's old one's place."""
    new = entry.files()
    taken = {file.path for file in new}
    kept = [file for file in without_int8(holder.files, entry.engine) if file.path not in taken]
    told = told_of(holder.provenance.get(QUANTIZATION, {}), entry.facts)
    told[entry.engine] = entry.provenance()
    return replace(
        holder,
        files=(*kept, *new),
        provenance={**holder.provenance, QUANTIZATION: told},
    )


def told_of(before: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return what is told of all variants, with new facts; those made earlier keep theirs.

    :param before: what was told, the engines' own parts in it.
    :param facts: of what is made now.
    """
    earlier = {name: before[name] for name in facts if name in before}
    if earlier == facts:
        return dict(before)
    engines = {
        name: {**earlier, **value}
        for name, value in before.items()
        if name not in facts and isinstance(value, Mapping)
    }
    return {**before, **engines, **facts}


def without_int8(files: Sequence[WeightFile], engine: str) -> list[WeightFile]:
    """Return files without an engine's int8: no weights stay without the IR that they are of."""
    kept = []
    for file in files:
        if file.precision == 'int8' and engine in file.engines:
            others = tuple(name for name in file.engines if name != engine)
            if not others:
                continue
            file = replace(file, engines=others)
        kept.append(file)
    irs = {PurePosixPath(file.path) for file in kept if file.format == 'openvino_xml'}
    return [
        file
        for file in kept
        if file.format != 'openvino_bin' or PurePosixPath(file.path).with_suffix('.xml') in irs
    ]
