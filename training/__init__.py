"""Makes the models that seg_node runs: data, networks, training, export. Needs torch."""
