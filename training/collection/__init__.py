"""Makes pairs folders: pictures and exact labels from a simulator or a recording."""
