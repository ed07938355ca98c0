"""Measurements of speed and memory: ``python -m bench VERB``; no test depends on their figures."""

from pathlib import Path

#: The source checkout; measurements start processes in it.
ROOT = Path(__file__).resolve().parents[1]
