"""The loop of a training: what happens around each step, at each epoch's end, and on a failure."""
