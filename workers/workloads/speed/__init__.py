"""Prompt and generation speed at an empty cache."""
