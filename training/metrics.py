"""Old place of ``training.evaluation.counts``."""

from training.evaluation.counts import pool, SegmentationCounts

__all__ = ['SegmentationCounts', 'pool']
