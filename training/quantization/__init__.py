"""int8 variants of a bundle's models: made, measured, and judged whether they are better."""
