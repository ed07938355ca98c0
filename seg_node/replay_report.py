"""What a replay tells at its end."""

from dataclasses import dataclass
import time


@dataclass
class Report:
    """What was sent."""

    images: int = 0
    first_s: float = 0.0  # monotonic, of the first and the last image
    last_s: float = 0.0
    worst_late_s: float = 0.0
    unreadable: int = 0
    fault: str = ''  # the first one
    acknowledged: bool = True

    def count_image(self) -> None:
        """Count an image sent just now."""
        self.last_s = time.monotonic()
        if not self.images:
            self.first_s = self.last_s
        self.images += 1

    def count_fault(self, fault: str) -> None:
        """Count something that could not be sent."""
        self.unreadable += 1
        self.fault = self.fault or fault

    def as_text(self) -> str:
        """Return it in one to three lines."""
        span_s = self.last_s - self.first_s
        rate = f' ({(self.images - 1) / span_s:.2f} Hz)' if span_s > 0 else ''
        lines = [
            f'sent {self.images} images in {span_s:.2f} s{rate}, '
            f'at most {self.worst_late_s * 1e3:.1f} ms late'
        ]
        if not self.acknowledged:
            lines.append('not every subscriber has acknowledged the last images')
        if self.unreadable:
            lines.append(f'{self.unreadable} could not be read, the first: {self.fault}')
        return '\n'.join(lines)
