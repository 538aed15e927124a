"""L4: long work: many turns, much text."""
