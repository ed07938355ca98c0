"""CARLA's wire protocol: remote calls, streams, records; nothing about what the world does."""
