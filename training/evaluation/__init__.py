"""How good a model is: counts, metrics, their uncertainty, and what people look at."""
