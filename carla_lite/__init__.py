"""A small driving simulator that speaks CARLA's wire protocol; no GPU, no simulator install."""
