"""Which model the demo's node runs."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Model:
    """A bundle and one of its adapters; left out, the bundle that ships and no adapter."""

    bundle: Path | None = None
    adapter: str = ''

    @property
    def arguments(self) -> list[str]:
        """The node's arguments that say so, after ``--ros-args``."""
        said = {'bundle': self.bundle, 'adapter': self.adapter}
        return [
            word for name, value in said.items() if value for word in ('-p', f'{name}:={value}')
        ]
