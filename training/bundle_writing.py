"""What ``export`` and ``adapt`` share in making a bundle."""

from collections.abc import Iterator, Sequence
import colorsys
from contextlib import contextmanager
import fcntl
import os
from pathlib import Path
import tempfile

from safetensors.torch import save_file
from seg_node.bundle import check_replaceable, Manifest, ModelBundle
from seg_node.labels import Label, LANE_LABELS
from torch import nn
from training.errors import ConfigError, ExportError

_GOLDEN_ANGLE = 0.381966  # of a turn: hues that are far from each other, however many


def label_table(names: Sequence[str]) -> tuple[Label, ...]:
    """Return the label table of a bundle: the project's colours, made-up ones for other names."""
    known = {label.name: label.color for label in LANE_LABELS}
    return tuple(
        Label(index, name, known.get(name) or _color(index)) for index, name in enumerate(names)
    )


def _color(index: int) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(index * _GOLDEN_ANGLE % 1, 0.7, 0.9)
    return round(red * 255), round(green * 255), round(blue * 255)


def save_weights(network: nn.Module, path: Path) -> None:
    """Write the weights to fine-tune from."""
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, path)


def sources_in(bundle: ModelBundle) -> dict[str, Path]:
    """Return where the files of a bundle lie, by their path in it, as ``save_bundle`` asks."""
    return {file.path: bundle.path_of(file) for file in bundle.manifest.all_files()}


def is_same_model(old: Manifest, new: Manifest) -> bool:
    """Return whether adapters of one bundle, with their figures, hold for the other too."""

    def weights(manifest: Manifest) -> set[str]:
        return {file.sha256 for file in manifest.files if file.format == 'safetensors'}

    return (weights(old), old.input, old.output, old.labels) == (
        weights(new), new.input, new.output, new.labels
    )  # fmt: skip


@contextmanager
def only_writer(bundle: Path) -> Iterator[None]:
    """
    Keep other runs out of a bundle that this one will write anew.

    Each writes all that it has read, so the later one would put back what was there before the
    other. The lock is the folder's own and ends with the process.

    :raises ConfigError: when another run has the bundle.
    """
    if not bundle.is_dir():
        yield
        return
    descriptor = os.open(bundle, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(
                f'another run is about to write {bundle}: wait for it, or name another --output'
            ) from error
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(descriptor)


@contextmanager
def staging(output: Path) -> Iterator[Path]:
    """
    Give a folder to make files in; say in one line when there is no room for them.

    :param output: the bundle that is to be written, for the message.
    :raises ExportError: for whatever the file system refuses.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
    except OSError as error:
        raise ExportError(
            f'{output} cannot be written ({error.strerror or error}): nothing was changed there; '
            f'make room there and in {tempfile.gettempdir()}, or name another --output'
        ) from error


def check_output(output: Path) -> None:
    """
    Refuse a place that no bundle can be written to, before hours are spent on making one.

    :raises BundleError: when it holds anything that is no part of a bundle.
    :raises ExportError: for whatever the file system refuses.
    """
    with staging(output):
        folder = output.resolve()
        check_replaceable(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f'.{folder.name}-'):
            pass
