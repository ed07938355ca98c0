"""A bundle at another input size: the same weights, so that only the size differs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from seg_node.bundle import describe_file, ModelBundle, save_bundle, WeightFile
from training.benchmarking.case import Size
from training.benchmarking.errors import BenchmarkError, SizeError
from training.benchmarking.resizing import resize_ir, resize_onnx


def resized(bundle: ModelBundle, size: Size, scratch: Path) -> ModelBundle:
    """
    Return a bundle whose networks take another size.

    :param size: width and height.
    :param scratch: folder to write it to; one made there before is taken again.
    :raises BenchmarkError: when a network does not work at that size.
    """
    folder = scratch / f'{bundle.digest[:16]}_{size[0]}x{size[1]}'
    if folder.is_dir():
        return ModelBundle.load(folder)
    work = _Resizing(bundle, size, folder.with_name(f'{folder.name}_files'))
    manifest = bundle.manifest
    manifest = replace(
        manifest,
        files=work.convert(manifest.files),
        adapters={
            name: replace(adapter, files=work.convert(adapter.files), base_sha256='')
            for name, adapter in manifest.adapters.items()
        },
        input=replace(manifest.input, width=size[0], height=size[1]),
    )
    return save_bundle(folder, manifest, work.sources)


@dataclass
class _Resizing:
    """Converts files one by one, and remembers where the new ones are."""

    bundle: ModelBundle
    size: Size
    staged: Path
    sources: dict[str, Path] = field(default_factory=dict)

    def convert(self, files: Sequence[WeightFile]) -> tuple[WeightFile, ...]:
        """Return those that can be run, at the new size; weights to train from stay behind."""
        return tuple(new for file in files for new in self._convert(file))

    def _convert(self, file: WeightFile) -> Iterator[WeightFile]:
        path, width, height = self.staged / file.path, *self.size
        shape = (1, height, width, 3)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            if file.format == 'onnx':
                path.write_bytes(resize_onnx(self.bundle.path_of(file).read_bytes(), shape))
                yield self._describe(file, file.path)
            elif file.format == 'openvino_xml':
                _resize_ir_file(self.bundle.path_of(file), path, shape)
                yield self._describe(file, file.path)
                weights = path.with_suffix('.bin').relative_to(self.staged).as_posix()
                yield replace(self._describe(file, weights), format='openvino_bin', engines=())
        except (SizeError, RuntimeError) as error:
            reason = str(error) if isinstance(error, SizeError) else 'OpenVINO refuses it'
            raise BenchmarkError(
                f'--sizes: {self.bundle.manifest.name} cannot run at {width}x{height}: {reason}'
            ) from error

    def _describe(self, file: WeightFile, path: str) -> WeightFile:
        self.sources[path] = self.staged / path
        return describe_file(
            self.staged, path, format=file.format, precision=file.precision, engines=file.engines
        )


def _resize_ir_file(source: Path, path: Path, shape: tuple[int, ...]) -> None:
    try:
        import openvino
    except ImportError as error:
        raise BenchmarkError(f'it needs OpenVINO ({error}): pip install openvino') from error
    model = openvino.Core().read_model(source)
    resize_ir(model, shape)
    openvino.save_model(model, path, compress_to_fp16=False)
