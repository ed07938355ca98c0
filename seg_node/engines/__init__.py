"""Inference engines behind one protocol; each imports its library only when it is chosen."""

from seg_node.engines.base import Engine, EngineError, EngineSpec
from seg_node.engines.selection import ENGINE_NAMES, load_engine, PRECISIONS

__all__ = ['ENGINE_NAMES', 'PRECISIONS', 'Engine', 'EngineError', 'EngineSpec', 'load_engine']
