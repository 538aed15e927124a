"""Scores of a run, each a pure function of what was said and of the world's state."""
