"""Where measurements and compiled models are kept between runs."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return ``$XDG_CACHE_HOME/seg_node``, by default ``~/.cache/seg_node``; safe to delete."""
    base = os.environ.get('XDG_CACHE_HOME') or Path('~/.cache').expanduser()
    return Path(base, 'seg_node')
