"""One thing to measure, as it is sent to the process that does it."""

from dataclasses import dataclass
from pathlib import Path

from training.benchmarking.peer_config import PeerConfig

Size = tuple[int, int]  # width, height


@dataclass(frozen=True)
class Case:
    """A model in an engine and precision, with a number of threads."""

    model: str  # for tables; empty for matrix products
    engine: str
    precision: str
    threads: int  # resolved: never 0
    path: Path  # a bundle's folder, or a peer's file
    file: Path  # whose operations are counted and whose bytes are told
    adapter: str = ''
    peer: PeerConfig | None = None
    size: Size | None = None  # of the network's input; a peer's own, where it is None

    @property
    def is_product(self) -> bool:
        """Whether it is no model but the matrix products that show what the machine can do."""
        return not self.model

    @property
    def name(self) -> str:
        """All that tells it from the others."""
        size = f'{self.size[0]}x{self.size[1]}' if self.size else ''
        model = self.model or 'matrix products'
        parts = (model, self.engine, self.precision, size, f'{self.threads}T')
        return ' '.join(filter(None, parts))
