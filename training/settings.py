"""Settings as plain values."""

from pathlib import Path
from typing import Any


def plain(value: Any) -> Any:
    """Turn paths into strings and tuples into lists, all the way down."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
