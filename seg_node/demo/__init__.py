"""``make demo``: the main job from end to end, measured while it runs."""
