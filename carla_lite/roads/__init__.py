"""Road networks: OpenDRIVE, the meshes of their surfaces, and the towns made of them."""
