"""Losses of segmentation: for sets that annotate only some labels, and for a teacher's advice."""
