"""How far a collection has come: one small file, replaced whole, that decides what counts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
import json
from pathlib import Path
from typing import Any

from seg_node.atomic_files import write_text
from seg_node.strict_json import from_json, parse_json
from training.collection.errors import CollectError

LEDGER = 'collect.json'


@dataclass(frozen=True)
class Ledger:
    """
    The state after the last commit; what lies in the folder beyond it is cut off at resume.

    :param what: the settings, as ``CollectConfig.what`` gives them.
    :param samples: lines of ``samples.jsonl`` that count.
    :param size: and their bytes.
    :param drive: number of the drive that comes next, or is under way.
    :param step: the next one of that drive.
    :param skipped: moments left out, by reason.
    :param memory: of the filters.
    :param seconds: spent so far.
    """

    what: dict[str, Any]
    samples: int = 0
    size: int = 0
    drive: int = 0
    step: int = 0
    done: bool = False
    skipped: dict[str, int] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def read(cls, folder: Path) -> 'Ledger | None':
        """
        Return the ledger of a folder, None where there is none.

        :raises CollectError: when it is damaged.
        """
        path = folder / LEDGER
        try:
            content = parse_json(path.read_text(encoding='utf-8'))
            return from_json(cls, content)
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise CollectError(
                f'{path} is damaged ({error}): its samples cannot be gone on with; name another '
                '--output and keep this folder as it is'
            ) from error

    def write(self, folder: Path) -> None:
        """Replace the ledger of a folder."""
        write_text(folder / LEDGER, json.dumps(asdict(self)) + '\n')

    def check_what(self, what: Mapping[str, Any], folder: Path) -> None:
        """
        Make sure that a collection goes on with its own settings.

        :raises CollectError: naming the first setting that differs.
        """
        for name, was, now in differences(self.what, what):
            raise CollectError(
                f'{folder} was begun with {name} {was} and now it is {now}: give the old value '
                'to go on, or name another --output'
            )


def differences(was: Any, now: Any, name: str = '') -> list[tuple[str, str, str]]:
    """List what differs between two trees of plain values: name, before, now."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        return [
            found
            for key in [*was, *(key for key in now if key not in was)]
            for found in differences(was.get(key), now.get(key), f'{name}.{key}' if name else key)
        ]
    return [] if was == now else [(name, json.dumps(was), json.dumps(now))]
