"""Pairs of pictures and masks straight from the renderer, without server and client."""
