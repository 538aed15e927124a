"""Several streams at a time."""
