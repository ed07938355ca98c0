"""Data sets for training and measuring: pairs folders, how they are mixed and augmented."""
