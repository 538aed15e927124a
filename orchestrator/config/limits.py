"""Limits of what a command may ask for."""

MAX_CELLS = 100_000
"""Cells of a matrix; more than this is taken for a mistake."""
