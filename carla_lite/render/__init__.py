"""Views of a town: colours, labels and depth from one rasterisation."""
